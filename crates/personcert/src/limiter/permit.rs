//! The right to send one request, given back when the permit is dropped.
//!
//! A permit is consumed by a verdict: how the service answered. Without one, because the connection broke or the task was
//! cancelled, the slot is freed and the limiter learns nothing.

use std::sync::Arc;
use std::time::Duration;

use super::UserKey;
use super::state::{Grant, Share};
use super::wait::SharedState;

/// The right to send one request of one user. Dropped without a verdict it is returned and teaches the limiter nothing.
/// [`Limiter::acquire`](super::Limiter::acquire) returns it.
#[derive(Debug)]
pub struct Permit {
    limiter: Arc<SharedState>,
    grant: Grant,
    share: Share,
    overloaded: bool,
}

impl Permit {
    pub(super) const fn new(limiter: Arc<SharedState>, grant: Grant, share: Share) -> Self {
        Self { limiter, grant, share, overloaded: false }
    }

    /// The service accepted `accepted_steps`, whatever it answered to them: a 404 shows too that it took the request.
    pub fn succeeded(mut self, accepted_steps: u32) {
        self.share.record(accepted_steps, 0, None);
    }

    /// The service refused `refused_steps` with 429 and accepted the others. `retry_after` is the wait it asks for, if any.
    pub fn throttled(mut self, refused_steps: u32, retry_after: Option<Duration>) {
        self.share.record(self.share.steps.saturating_sub(refused_steps), refused_steps, retry_after);
    }

    /// The service answered 503 or 504.
    pub fn overloaded(mut self) {
        self.overloaded = true;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limiter.settle(self.grant, &[self.share], self.overloaded);
    }
}

/// The right to send one request with steps of several users. Steps without a verdict teach the limiter nothing.
/// [`Limiter::acquire_batch`](super::Limiter::acquire_batch) returns it.
#[derive(Debug)]
pub struct BatchPermit {
    limiter: Arc<SharedState>,
    grant: Grant,
    shares: Vec<Share>,
    overloaded: bool,
}

impl BatchPermit {
    pub(super) const fn new(limiter: Arc<SharedState>, grant: Grant, shares: Vec<Share>) -> Self {
        Self { limiter, grant, shares, overloaded: false }
    }

    /// The service accepted a step of this user, whatever it answered to it.
    pub fn step_succeeded(&mut self, user: UserKey<'_>) {
        self.record(user, 1, 0, None);
    }

    /// The service refused a step of this user with 429. Of several waits of one user the longest counts.
    pub fn step_throttled(&mut self, user: UserKey<'_>, retry_after: Option<Duration>) {
        self.record(user, 0, 1, retry_after);
    }

    /// The service refused the whole batch with 429.
    pub fn throttled(mut self, retry_after: Option<Duration>) {
        for share in &mut self.shares {
            share.record(0, share.steps, retry_after);
        }
    }

    /// The service answered 503 or 504 to the whole batch.
    pub fn overloaded(mut self) {
        self.overloaded = true;
    }

    fn record(&mut self, user: UserKey<'_>, accepted: u32, refused: u32, retry_after: Option<Duration>) {
        let user = user.id();
        if let Some(share) = self.shares.iter_mut().find(|share| share.user == user) {
            let retry_after = share.retry_after.max(retry_after);
            share.record(share.accepted + accepted, share.refused + refused, retry_after);
        }
    }
}

impl Drop for BatchPermit {
    fn drop(&mut self) {
        self.limiter.settle(self.grant, &self.shares, self.overloaded);
    }
}
