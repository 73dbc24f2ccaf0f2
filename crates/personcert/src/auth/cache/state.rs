//! The state of a token cache: the token, the last failure, the turn and the refresh in progress.
//!
//! Every lock here is held for a few instructions and never across a wait, so that a stalled runtime holds none.

use std::sync::{Arc, Mutex as SyncMutex, MutexGuard as SyncMutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::HeaderValue;
use tokio::sync::{Mutex, Notify};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::bearer::{Bearer, user_of};
use super::rejections::{REJECTED_TOKEN_TTL, Rejections};
use crate::Error;
use crate::auth::{CredentialBinding, TokenProvider};

/// How long before its expiry a token is refreshed; half of its life when that is shorter.
const REFRESH_AHEAD: Duration = Duration::from_mins(5);
/// How long a call waits for a refresh in progress, from its start: the refresh may run on a runtime that is idle, or on
/// an event loop that was stopped. And how long it waits for the fetch of another call whose runtime has stopped.
pub(super) const REFRESH_WAIT: Duration = Duration::from_secs(5);

/// Tells the time.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Makes the provider of a cache, with what it is bound to. One made by the settings has locks, which a forked process must not
/// share and a stopped runtime may hold.
pub(crate) type ProviderFactory = Arc<dyn Fn(&CredentialBinding) -> Arc<dyn TokenProvider> + Send + Sync>;

/// The token of a client, with the provider that gets it. Clones of a client share it.
pub(crate) struct TokenCache {
    pub(super) new_provider: ProviderFactory,
    pub(super) binding: CredentialBinding,
    pub(super) scope: String,
    pub(super) clock: Clock,
    pub(super) state: SyncMutex<State>,
    /// Notified when a turn ends.
    pub(super) turn_ended: Notify,
    pub(super) rejections: SyncMutex<Rejections>,
    pub(super) refresh: SyncMutex<Option<Refresh>>,
}

/// What the calls share, behind one short lock.
pub(super) struct State {
    pub(super) provider: Arc<dyn TokenProvider>,
    pub(super) token: Option<Bearer>,
    pub(super) refresh_failed: Option<Instant>,
    pub(super) failure: Option<Failure>,
    /// The call that may fetch a token.
    pub(super) turn: Option<TurnState>,
    /// How many turns there were.
    pub(super) turns: u64,
}

/// The last fetch, when it failed: calls that waited for it end with its error instead of fetching again.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) ended: Instant,
    /// The rejected token that was to be replaced.
    pub(super) rejected: Option<u64>,
}

/// A refresh in progress beside the calls.
pub(super) struct Refresh {
    pub(super) started: Instant,
    /// Locked until the refresh ends.
    pub(super) running: Arc<Mutex<()>>,
    pub(super) task: AbortHandle,
}

/// The turn in progress.
pub(super) struct TurnState {
    pub(super) number: u64,
    /// When its runtime was last known to run.
    pub(super) seen: Instant,
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCache").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl TokenCache {
    /// The provider in use.
    pub(super) fn provider(&self) -> Arc<dyn TokenProvider> {
        Arc::clone(&self.state().provider)
    }

    /// Replaces a provider whose locks may be held by a stopped runtime.
    pub(super) fn replace_provider(&self, state: &mut State) {
        state.provider = (self.new_provider)(&self.binding);
        tracing::debug!("a token fetch was abandoned: its runtime is stopped");
    }

    pub(super) fn state(&self) -> SyncMutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rejections(&self) -> SyncMutexGuard<'_, Rejections> {
        self.rejections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn refresh(&self) -> SyncMutexGuard<'_, Option<Refresh>> {
        self.refresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refresh {
    /// Whether it is in progress, and not for longer than `limit`.
    pub(super) fn is_running(&self, limit: Duration) -> bool {
        self.running.try_lock().is_err() && self.started.elapsed() < limit
    }
}

impl State {
    /// The error of a fetch that was for this call too: it ended after the call began to wait, or it failed to replace the
    /// same rejected token a moment ago.
    pub(super) fn failure_for(&self, started: Instant, rejected: Option<u64>) -> Option<Error> {
        let failure = self.failure.as_ref()?;
        let is_same = rejected.is_some() && rejected == failure.rejected;
        let is_recent = failure.ended.elapsed() < REJECTED_TOKEN_TTL;
        (started <= failure.ended || (is_same && is_recent)).then(|| failure.error.duplicate())
    }

    /// Keeps a fetched token, which ends the memory of failures, and numbers it. It is due for a refresh
    /// [`REFRESH_AHEAD`] of its expiry.
    pub(super) fn store(
        &mut self,
        header: HeaderValue,
        expires: Option<SystemTime>,
        challenges: u64,
        now: SystemTime,
    ) -> Bearer {
        let number = self.token.as_ref().map_or(0, |old| old.number + 1);
        self.refresh_failed = None;
        self.failure = None;
        let ahead = |end: SystemTime| REFRESH_AHEAD.min(end.duration_since(now).unwrap_or_default() / 2);
        let refresh_at = expires.and_then(|end| end.checked_sub(ahead(end)));
        let user = user_of(&header);
        self.token.insert(Bearer { header, expires, refresh_at, number, challenges, user }).clone()
    }
}
