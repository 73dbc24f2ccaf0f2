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
mod pacer;
mod permit;
mod queue;
mod settle;
mod state;
mod suspects;
mod units;
mod users;
mod wait;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

pub use permit::{BatchPermit, Permit};
pub use state::{Decision, Grant, LimiterState, Share, Waiter};

/// How a limiter is set up.
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

/// A user by id or name, in any case.
#[derive(Clone, Copy, Debug)]
pub struct UserKey<'a>(pub &'a str);

impl UserKey<'_> {
    /// The key as the limiter keeps it: a hash, so that no name stays in memory.
    pub fn id(self) -> UserId {
        // FNV-1a. Two users of one hash would share their pace, nothing else.
        let hash = self.0.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
        });
        UserId(hash ^ (hash >> 32))
    }
}

/// A user, as a hash of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserId(u64);

/// The request can't be sent before its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquireError {
    /// When it could be sent, as far as that is known.
    pub retry_at: Instant,
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("throttled beyond the deadline; try again later")
    }
}

impl std::error::Error for AcquireError {}

/// The limiter of a client. All tasks, threads and runtimes that use the client share it.
#[derive(Debug)]
pub struct Limiter(Mutex<wait::Inner>);

impl Limiter {
    /// A limiter that has learned nothing yet.
    pub fn new(options: LimiterOptions) -> Self {
        Self(Mutex::new(wait::Inner::new(LimiterState::new(options, Instant::now()))))
    }

    /// Waits until `steps` steps of `user` may be sent. Fails at once, reserving nothing, when that is not before
    /// `deadline`.
    pub async fn acquire(
        self: &Arc<Self>,
        user: UserKey<'_>,
        steps: u32,
        deadline: Instant,
    ) -> Result<Permit, AcquireError> {
        let mut share = [Share::new(user.id(), steps)];
        let grant = self.wait(&mut share, deadline).await?;
        let [share] = share;
        Ok(Permit::new(Arc::clone(self), grant, share))
    }

    /// Waits until one request with a step for each of these users may be sent; a user may occur several times. Fails at
    /// once, reserving nothing, when that is not before `deadline`.
    pub async fn acquire_batch(
        self: &Arc<Self>,
        users: &[UserKey<'_>],
        deadline: Instant,
    ) -> Result<BatchPermit, AcquireError> {
        let mut shares: Vec<Share> = Vec::with_capacity(users.len());
        for id in users.iter().map(|user| user.id()) {
            match shares.iter_mut().find(|share| share.user == id) {
                Some(share) => share.steps += 1,
                None => shares.push(Share::new(id, 1)),
            }
        }
        let grant = self.wait(&mut shares, deadline).await?;
        Ok(BatchPermit::new(Arc::clone(self), grant, shares))
    }

    /// The number of steps that the next batch should have, at most `max`.
    pub fn batch_size(&self, max: u32) -> u32 {
        self.lock().state.batch_size(Instant::now(), max)
    }

    /// The requests in flight and the callers that wait.
    pub fn load(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.state.in_flight(), inner.state.waiting())
    }

    fn lock(&self) -> MutexGuard<'_, wait::Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Limiter {
    fn default() -> Self {
        Self::new(LimiterOptions::default())
    }
}
