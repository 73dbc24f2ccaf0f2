//! The caps of a limiter. They hold from the start, whatever the service accepts.

/// How a limiter is set up. The default holds nothing back before the service does, but for four requests in flight per
/// user: profiles live in mailboxes, and Graph documents four concurrent requests for a mailbox.
///
/// ```
/// use personcert::limiter::{Limiter, LimiterOptions};
///
/// let limiter = Limiter::new(LimiterOptions { max_rate: Some(20.0), ..LimiterOptions::default() });
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimiterOptions {
    /// The most steps a second of the whole client.
    pub max_rate: Option<f64>,
    /// The most requests in flight of the whole client.
    pub max_concurrency: Option<usize>,
    /// The most requests in flight of one user.
    pub max_per_user: usize,
    /// The steps a second to start with, for a caller with more work than any limit allows. Without it nothing is held
    /// back until the service refuses something.
    pub initial_rate: Option<f64>,
}

impl Default for LimiterOptions {
    fn default() -> Self {
        Self { max_rate: None, max_concurrency: None, max_per_user: 4, initial_rate: None }
    }
}
