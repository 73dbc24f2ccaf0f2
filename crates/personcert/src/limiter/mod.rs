//! How fast requests are sent, learned from the service's answers and never from a published limit.
//!
//! Nothing is held back before the service refuses something, except by the limits of [`LimiterOptions`]. A 429 holds its
//! user until the service's `Retry-After`, for every caller, and measures the user's limit. When several users are refused
//! within a short time the client as a whole gets a rate and a limit on its concurrency. 503 and 504 halve the concurrency.
//!
//! [`LimiterState`] decides and knows neither clock nor runtime; [`Limiter`] lets tasks wait for its decisions. A waiting
//! task owns nothing: it asks again when its time has come, so neither a cancelled task nor a runtime that stands still
//! delays other tasks.

mod curve;
mod evidence;
mod guard;
mod key;
mod options;
mod pacer;
mod permit;
mod queue;
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
#[derive(Clone, Debug)]
pub struct Limiter(Arc<SharedState>);

impl Limiter {
    /// A limiter that has learned nothing yet.
    pub fn new(options: LimiterOptions) -> Self {
        Self(Arc::new(SharedState::new(LimiterState::new(options, Instant::now()))))
    }

    /// Waits until `steps` steps of `user` may be sent. Fails at once, reserving nothing, when that is not before
    /// `deadline`.
    pub async fn acquire(&self, user: UserKey<'_>, steps: u32, deadline: Instant) -> Result<Permit, AcquireError> {
        let mut share = [Share::new(user.id(), steps)];
        let grant = self.0.wait(&mut share, deadline).await?;
        let [share] = share;
        Ok(Permit::new(Arc::clone(&self.0), grant, share))
    }

    /// Waits until one request with a step for each of these users may be sent; a user may occur several times. Fails at
    /// once, reserving nothing, when that is not before `deadline`.
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

    /// The number of steps that the next batch should have, at most `max`.
    pub fn batch_size(&self, max: u32) -> u32 {
        self.0.batch_size(max)
    }

    /// The requests in flight and the callers that wait.
    pub fn load(&self) -> (usize, usize) {
        self.0.load()
    }
}

impl Default for Limiter {
    fn default() -> Self {
        Self::new(LimiterOptions::default())
    }
}
