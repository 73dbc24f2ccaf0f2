//! Tasks that wait for the limiter's decision.
//!
//! The state stands behind one short lock. A task that has to wait sleeps until the time it was given, until its turn is
//! called, or for a quarter of a second, whichever comes first, and then asks again. No task ever depends on another one
//! being polled.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::key::UserId;
use super::options::LimiterOptions;
use super::state::{Decision, Grant, LimiterState, Share, Waiter};

/// How long a task waits at most before it asks again. A turn that was given to a task on a stalled runtime is
/// found by others then.
const MAX_SLEEP: Duration = Duration::from_millis(250);

/// The request can't be sent before its deadline. Nothing was reserved and nothing was sent.
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

/// The state that the handles and permits of a limiter share.
#[derive(Debug)]
pub struct SharedState(Mutex<Inner>);

/// The state, and how to wake the tasks that wait for their turn.
#[derive(Debug)]
struct Inner {
    state: LimiterState,
    sleepers: HashMap<u64, Arc<Notify>>,
    next_id: u64,
}

impl Inner {
    /// Wakes the tasks whose turn has come.
    fn wake(&mut self) {
        for id in self.state.take_turns() {
            if let Some(sleeper) = self.sleepers.get(&id) {
                sleeper.notify_one();
            }
        }
    }
}

/// A task in line. Dropped, it leaves the line.
struct Place<'a> {
    limiter: &'a SharedState,
    waiter: Waiter,
    /// Present once the task has waited.
    turn: Option<(u64, Arc<Notify>)>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some((id, _)) = self.turn.take() else { return };
        let mut inner = self.limiter.lock();
        inner.sleepers.remove(&id);
        inner.state.leave(Instant::now(), &mut self.waiter);
        inner.wake();
    }
}

impl SharedState {
    pub(super) fn new(state: LimiterState) -> Self {
        Self(Mutex::new(Inner { state, sleepers: HashMap::new(), next_id: 0 }))
    }

    /// Waits until the limiter grants the request of these shares. Dropped, it leaves the line.
    pub(super) async fn wait(&self, shares: &mut [Share], deadline: Instant) -> Result<Grant, AcquireError> {
        let mut place = Place { limiter: self, waiter: Waiter::new(0), turn: None };
        loop {
            let now = Instant::now();
            let wake_at = match self.ask(now, shares, &mut place) {
                Decision::Granted(grant) => return Ok(grant),
                Decision::WaitUntil(retry_at) if retry_at >= deadline => return Err(AcquireError { retry_at }),
                // Half of a long wait, because the rate may have grown by then.
                Decision::WaitUntil(at) => at.min(now + MAX_SLEEP.max((at - now) / 2)),
                Decision::WaitForRelease if now >= deadline => return Err(AcquireError { retry_at: now }),
                Decision::WaitForRelease => deadline.min(now + MAX_SLEEP),
            };
            if let Some((_, turn)) = &place.turn {
                // Called or not, the task asks again.
                let _ = timeout_at(wake_at, turn.notified()).await;
            }
        }
    }

    /// Asks for a decision once, and registers a task that has to wait.
    fn ask(&self, now: Instant, shares: &mut [Share], place: &mut Place<'_>) -> Decision {
        let mut guard = self.lock();
        let inner = &mut *guard;
        if place.turn.is_none() {
            inner.next_id += 1;
            place.waiter = Waiter::new(inner.next_id);
        }
        let decision = inner.state.try_acquire(now, shares, &mut place.waiter);
        if place.turn.is_none() && !matches!(decision, Decision::Granted(_)) {
            let turn = Arc::new(Notify::new());
            inner.sleepers.insert(inner.next_id, Arc::clone(&turn));
            place.turn = Some((inner.next_id, turn));
        }
        inner.wake();
        decision
    }

    /// Ends a request, and wakes the tasks whose turn it made.
    pub(super) fn settle(&self, grant: Grant, shares: &[Share], overloaded: bool) {
        let mut inner = self.lock();
        inner.state.settle(Instant::now(), grant, shares, overloaded);
        inner.wake();
    }

    pub(super) fn batch_size(&self, max: u32) -> u32 {
        self.lock().state.batch_size(Instant::now(), max)
    }

    pub(super) fn rate(&self) -> Option<f64> {
        self.lock().state.rate(Instant::now())
    }

    pub(super) fn user_ready_at(&self, user: UserId) -> Option<Instant> {
        let now = Instant::now();
        Some(self.lock().state.user_ready_at(now, user)).filter(|ready| *ready > now)
    }

    pub(super) fn options(&self) -> LimiterOptions {
        self.lock().state.options
    }

    pub(super) fn set_max_rate(&self, max_rate: Option<f64>) {
        let mut inner = self.lock();
        inner.state.set_max_rate(Instant::now(), max_rate);
        // The waiting tasks ask again by the new rate.
        for sleeper in inner.sleepers.values() {
            sleeper.notify_one();
        }
    }

    /// The requests in flight and the callers that wait.
    pub(super) fn load(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.state.in_flight(), inner.state.waiting())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
