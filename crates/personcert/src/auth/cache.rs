//! One token for all calls of a client: fetched once for all that wait, refreshed before it expires, and replaced when the
//! service rejects it.
//!
//! - *Single flight*: the first call that finds no usable token fetches one, all others wait for it.
//! - *Refresh ahead*: shortly before the expiry a task fetches the next token, while calls go on with the old one. A refresh
//!   that fails is tried again later; calls notice only when the old token has expired.
//! - *Rejection*: tokens are numbered. A call whose token was rejected gets a newer one if there is one, and otherwise fetches
//!   it. The claims of challenges are collected, so that the next token satisfies all of them.
//!
//! Every wait is bounded, because the task that fetches may run on a stalled runtime.

mod bearer;
mod rejections;
mod state;
mod turn;

use std::sync::{Arc, Mutex as SyncMutex};
use std::time::{Duration, SystemTime};

use reqwest::header::HeaderValue;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use tokio::time::Instant;

use self::bearer::header;
pub(crate) use self::bearer::{Bearer, Rejection};
use self::state::{Clock, Failure, REFRESH_WAIT, Refresh, State};
pub(crate) use self::state::{ProviderFactory, TokenCache};
use self::turn::Turn;
use super::{CredentialBinding, TokenRequest};
use crate::Result;

/// How long to wait after a failed refresh while the token still works.
const REFRESH_RETRY: Duration = Duration::from_secs(30);
/// How long a refresh in progress may take before another one may start.
const REFRESH_TIMEOUT: Duration = Duration::from_mins(2);

impl TokenCache {
    /// An empty cache for tokens of `scope`, whose provider `new_provider` makes.
    pub(crate) fn new(new_provider: ProviderFactory, scope: String, clock: Clock) -> Arc<Self> {
        Self::bound(new_provider, CredentialBinding::default(), scope, clock)
    }

    /// A cache that keeps to a sign-in method and an account.
    fn bound(new_provider: ProviderFactory, binding: CredentialBinding, scope: String, clock: Clock) -> Arc<Self> {
        let provider = new_provider(&binding);
        let state = State { provider, token: None, refresh_failed: None, failure: None, turn: None, turns: 0 };
        let (turn_ended, rejections, refresh) = (Notify::new(), SyncMutex::default(), SyncMutex::default());
        Arc::new(Self { new_provider, binding, scope, clock, state: state.into(), turn_ended, rejections, refresh })
    }

    /// The same cache, empty and unlocked, for a process that was forked. It keeps to the sign-in method and the account of this one.
    pub(crate) fn for_new_process(&self) -> Arc<Self> {
        let binding = self.binding.for_new_process();
        Self::bound(Arc::clone(&self.new_provider), binding, self.scope.clone(), Arc::clone(&self.clock))
    }

    /// The token, fetched when there is none. All calls that wait get the token that the first one fetches. A token that
    /// expires soon is refreshed in the background, while calls go on with it.
    pub(crate) async fn bearer(self: &Arc<Self>) -> Result<Bearer> {
        let started = Instant::now();
        let mut turn = self.turn().await;
        if let Some(bearer) = self.usable() {
            if !self.may_replace(&bearer) {
                self.refresh_ahead(&bearer);
                return Ok(bearer);
            }
            // Without a replacement the rejected token is tried once more: the service's refusal is the better error.
            return Ok(self.fetch(&turn, started, Some(bearer.number)).await.unwrap_or(bearer));
        }
        if let Some(running) = self.awaited_refresh() {
            drop(turn);
            self.wait_for_refresh(&running).await;
            turn = self.turn().await;
            if let Some(bearer) = self.usable() {
                return Ok(bearer);
            }
        }
        self.fetch(&turn, started, None).await
    }

    /// Records that the service rejected a token, with the claims of its challenge. None where the provider has no other
    /// token.
    pub(crate) fn reject(&self, bearer: &Bearer, challenge: Option<&str>) -> Option<Rejection> {
        if !self.provider().is_refreshable() {
            return None;
        }
        let challenges = self.rejections().record(bearer.number, challenge);
        Some(Rejection { token: bearer.number, challenges })
    }

    /// Another token for a call whose token was rejected: a newer one, or one that this call fetches. None while a
    /// replacement that was rejected as well is remembered.
    pub(crate) async fn replace(&self, rejection: Rejection) -> Result<Option<Bearer>> {
        let started = Instant::now();
        let turn = self.turn().await;
        let token = self.state().token.clone();
        match token {
            Some(bearer) if self.may_replace(&bearer) => {
                self.fetch(&turn, started, Some(bearer.number)).await.map(Some)
            }
            Some(bearer) if bearer.number > rejection.token => Ok(Some(bearer)),
            _ => self.state().failure_for(started, Some(rejection.token)).map_or(Ok(None), Err),
        }
    }

    /// The time by the client's clock.
    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Whether getting a token may involve a user.
    pub(crate) fn is_interactive(&self) -> bool {
        self.provider().is_interactive()
    }

    /// The token, unless it expired or its session was signed out.
    fn usable(&self) -> Option<Bearer> {
        let now = self.now();
        let token = self.state().token.clone();
        let bearer = token.filter(|bearer| bearer.expires.is_none_or(|end| end > now));
        bearer.filter(|_| self.provider().is_current())
    }

    /// Whether the token was rejected and may be replaced now.
    fn may_replace(&self, bearer: &Bearer) -> bool {
        self.rejections().may_replace(bearer.number, bearer.challenges)
    }

    /// Fetches a token for a call that has waited since `started`, perhaps to replace a rejected one. A fetch that failed
    /// in the meantime was for this call too.
    async fn fetch(&self, turn: &Turn<'_>, started: Instant, rejected: Option<u64>) -> Result<Bearer> {
        if let Some(error) = self.state().failure_for(started, rejected) {
            return Err(error);
        }
        let (claims, challenges) = self.rejections().claims();
        let fetched = turn.watch(self.request(claims)).await;
        if rejected.is_some() {
            // Not before the fetch: a call that is cancelled leaves the replacement to the next one.
            self.rejections().count_replacement();
        }
        let mut state = self.state();
        match fetched {
            Ok((header, expires)) => Ok(state.store(header, expires, challenges, self.now())),
            Err(error) => {
                if turn.is_current(state.turn.as_ref()) {
                    state.failure = Some(Failure { error: error.duplicate(), ended: Instant::now(), rejected });
                }
                Err(error)
            }
        }
    }

    /// Asks the provider for a token with these claims, and makes the header of it.
    async fn request(&self, claims: Option<String>) -> Result<(HeaderValue, Option<SystemTime>)> {
        let request = TokenRequest { scope: self.scope.clone(), claims, now: self.now() };
        let token = self.provider().token(request).await?;
        Ok((header(&token)?, token.expires))
    }

    /// Starts to refresh a token that expires soon, unless a refresh is in progress or failed just now.
    fn refresh_ahead(self: &Arc<Self>, bearer: &Bearer) {
        let is_due = bearer.refresh_at.is_some_and(|at| at <= self.now());
        let has_failed = self.state().refresh_failed.is_some_and(|failed| failed.elapsed() < REFRESH_RETRY);
        let mut refresh = self.refresh();
        if !is_due || has_failed || refresh.as_ref().is_some_and(|refresh| refresh.is_running(REFRESH_TIMEOUT)) {
            return;
        }
        let running = Arc::new(Mutex::default());
        let Ok(guard) = Arc::clone(&running).try_lock_owned() else { return };
        let task = tokio::spawn(Arc::clone(self).run_refresh(bearer.number, guard)).abort_handle();
        if let Some(abandoned) = refresh.replace(Refresh { started: Instant::now(), running, task }) {
            abandoned.task.abort();
        }
    }

    /// Refreshes the token with this number, unless it was replaced meanwhile. The guard ends the wait of
    /// [`wait_for_refresh`](Self::wait_for_refresh).
    async fn run_refresh(self: Arc<Self>, number: u64, _running: OwnedMutexGuard<()>) {
        let (claims, challenges) = self.rejections().claims();
        // Outside the turn: calls go on with the old token.
        let fetched = self.request(claims).await;
        let mut state = self.state();
        match fetched {
            // The token was replaced in the meantime.
            _ if state.token.as_ref().is_none_or(|token| token.number != number) => {}
            Ok((header, expires)) => drop(state.store(header, expires, challenges, self.now())),
            Err(error) => {
                tracing::warn!(kind = %error.kind, "refreshing the token failed; the old one still works");
                state.refresh_failed = Some(Instant::now());
            }
        }
    }

    /// The refresh in progress, if it is worth waiting for.
    fn awaited_refresh(&self) -> Option<(Arc<Mutex<()>>, Duration)> {
        let refresh = self.refresh();
        let refresh = refresh.as_ref().filter(|refresh| refresh.is_running(REFRESH_WAIT))?;
        Some((Arc::clone(&refresh.running), REFRESH_WAIT.saturating_sub(refresh.started.elapsed())))
    }

    /// Waits for a refresh, and abandons it when it takes too long, so that no later call waits for it.
    async fn wait_for_refresh(&self, (running, left): &(Arc<Mutex<()>>, Duration)) {
        if tokio::time::timeout(*left, running.lock()).await.is_err() {
            let mut refresh = self.refresh();
            if let Some(abandoned) = refresh.take_if(|refresh| Arc::ptr_eq(&refresh.running, running)) {
                abandoned.task.abort();
                self.replace_provider(&mut self.state());
            }
        }
    }
}
