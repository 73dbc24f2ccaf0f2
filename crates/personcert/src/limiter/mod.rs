//! How fast requests are sent, learned from the service's answers and never from a published limit.
//!
//! Nothing is held back before the service refuses something, except by the limits of [`LimiterOptions`]. A 429 holds its
//! user until the service's `Retry-After`, for every caller, and measures the user's limit. When several users are refused
//! within a short time the client as a whole gets a rate and a limit on its concurrency. 503 and 504 halve the concurrency.
//!
//! [`LimiterState`] decides and knows neither clock nor runtime; [`Limiter`] lets tasks wait for its decisions. A waiting
//! task owns nothing: it asks again when its time has come, so neither a cancelled task nor a stalled runtime delays
//! other tasks.
//!
//! # Units
//!
//! A *step* is one operation: a request of its own, or an entry of a batch. Rates count steps a second, because Graph counts
//! the entries of a batch one by one. Concurrency counts requests, whatever number of steps they carry.
//!
//! # How the parts work together
//!
//! | part | responsibility |
//! |---|---|
//! | `Pacer` | the rate of one user, or of the client, and the pauses that the service asks for |
//! | `Curve` | the rate between two refusals, around an estimate of the service's limit |
//! | `Evidence` | what the responses since the last refusal prove about that limit |
//! | `Guard` | how many requests may be in flight |
//! | `Suspects` | whether a refusal shows the limit of one user or a limit that all users share |
//! | `Users`, `Queue` | what is known of each user, and the callers that wait |
//!
//! # Invariants
//!
//! - A permit that is dropped gives its slot back, whatever happened to the task that held it.
//! - Refusing a caller reserves nothing: a call whose deadline is too early costs the others nothing.
//! - Each refusal counts once. Requests that were sent before the limiter slowed down teach it nothing new.
//! - What was learned is forgotten a minute after it last held something back.
//!
//! Source: Graph's "Microsoft Graph throttling guidance". It publishes no limit for the profile workload.

mod curve;
mod evidence;
mod guard;
mod key;
mod options;
mod pacer;
mod permit;
mod queue;
mod search;
mod settle;
mod state;
mod suspects;
mod units;
mod users;
mod wait;

use std::sync::Arc;

use tokio::time::Instant;

pub use key::{UserId, UserKey};
pub use options::LimiterOptions;
pub use permit::{BatchPermit, Permit};
pub use state::{Decision, Grant, LimiterState, Share, Waiter};
pub use wait::AcquireError;

use wait::SharedState;

/// The limiter of a client. All tasks, threads and runtimes that use the client share it. Clones share their state.
///
/// ```
/// use std::time::Duration;
///
/// use personcert::limiter::{Limiter, UserKey};
/// use tokio::time::Instant;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let limiter = Limiter::default();
/// let (ada, deadline) = (UserKey("ada@contoso.com"), Instant::now() + Duration::from_secs(2));
///
/// let permit = limiter.acquire(ada, 1, deadline).await.expect("nothing is held back yet");
/// // The service answers 429 with `Retry-After: 30`.
/// permit.throttled(1, Some(Duration::from_secs(30)));
///
/// // The user is held back for everyone; a caller that can't wait that long fails at once.
/// assert!(limiter.acquire(ada, 1, deadline).await.is_err());
/// limiter.acquire(UserKey("bob@contoso.com"), 1, deadline).await.expect("another user").succeeded(1);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Limiter(Arc<SharedState>);

impl Limiter {
    /// A limiter that has learned nothing yet.
    pub fn new(options: LimiterOptions) -> Self {
        Self(Arc::new(SharedState::new(LimiterState::new(options, Instant::now()))))
    }

    /// Waits until one request with `steps` steps of `user` may be sent. Dropping the future leaves the line.
    ///
    /// # Errors
    /// [`AcquireError`] when the request can't be sent before `deadline`: at once where the wait is known, and at the
    /// deadline where it depends on other requests. Nothing is reserved then.
    pub async fn acquire(&self, user: UserKey<'_>, steps: u32, deadline: Instant) -> Result<Permit, AcquireError> {
        let mut share = [Share::new(user.id(), steps)];
        let grant = self.0.wait(&mut share, deadline).await?;
        let [share] = share;
        Ok(Permit::new(Arc::clone(&self.0), grant, share))
    }

    /// Waits until one request with a step for each of these users may be sent; a user may occur several times.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub async fn acquire_batch(&self, users: &[UserKey<'_>], deadline: Instant) -> Result<BatchPermit, AcquireError> {
        let mut shares: Vec<Share> = Vec::with_capacity(users.len());
        for id in users.iter().map(|user| user.id()) {
            match shares.iter_mut().find(|share| share.user == id) {
                Some(share) => share.steps += 1,
                None => shares.push(Share::new(id, 1)),
            }
        }
        let grant = self.0.wait(&mut shares, deadline).await?;
        Ok(BatchPermit::new(Arc::clone(&self.0), grant, shares))
    }

    /// The number of steps that the next batch should have, from 1 to `max`: few at a low rate, so that no long pause has to
    /// follow a batch.
    pub fn batch_size(&self, max: u32) -> u32 {
        self.0.batch_size(max)
    }

    /// The rate in steps a second, if one is set or learned.
    pub fn rate(&self) -> Option<f64> {
        self.0.rate()
    }

    /// When this user's own limit lets the next step through; none when it does so now. The limits of the client come on top.
    pub fn user_ready_at(&self, user: UserKey<'_>) -> Option<Instant> {
        self.0.user_ready_at(user.id())
    }

    /// How the limiter is set up.
    pub fn options(&self) -> LimiterOptions {
        self.0.options()
    }

    /// Sets or lifts the most steps a second of the whole client, from now on.
    pub fn set_max_rate(&self, max_rate: Option<f64>) {
        self.0.set_max_rate(max_rate);
    }

    /// The number of requests in flight and of callers that wait, for tests and displays.
    pub fn load(&self) -> (usize, usize) {
        self.0.load()
    }
}

impl Default for Limiter {
    fn default() -> Self {
        Self::new(LimiterOptions::default())
    }
}
