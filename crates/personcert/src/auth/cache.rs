//! One token for all calls of a client: fetched once, however many wait for it, and renewed before it ends.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::HeaderValue;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{AccessToken, TokenProvider, TokenRequest};
use crate::{Error, ErrorKind, Outcome, Result};

/// A token is renewed so long before its end, or in the middle of its life when that is short.
const EARLY: Duration = Duration::from_mins(5);
/// After a renewal that failed while the token still serves, the next one waits so long.
const PAUSE: Duration = Duration::from_secs(30);

/// A call without a token waits so long for a renewal that is under way. It may be one that nobody drives any more: where
/// each thread has a runtime of its own, that stands still between its calls.
const LATE: Duration = Duration::from_secs(5);
/// For so long a token that could not be replaced is not tried to be replaced again: many calls may hold it.
const AGAIN: Duration = Duration::from_secs(5);

/// Tells the time.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The token of a client.
pub(crate) struct TokenCache {
    provider: Arc<dyn TokenProvider>,
    scope: String,
    clock: Clock,
    held: Mutex<Held>,
    /// Is locked while a renewal is under way beside the calls.
    renewal: Arc<Mutex<()>>,
}

#[derive(Default)]
struct Held {
    token: Option<Bearer>,
    /// Claims that the service demanded; every later token must have them.
    claims: Option<String>,
    failed: Option<SystemTime>,
    /// The last fetch that failed.
    failure: Option<Failure>,
}

/// A fetch that failed.
struct Failure {
    error: Error,
    ended: Instant,
    /// The token that was to be replaced, and when that failed.
    refused: Option<(u64, SystemTime)>,
}

/// A token as a header, with its end and its number.
#[derive(Clone)]
pub(crate) struct Bearer {
    pub(crate) header: HeaderValue,
    expires: Option<SystemTime>,
    renew: Option<SystemTime>,
    pub(crate) number: u64,
}

impl Bearer {
    /// The token itself.
    pub(crate) fn token(&self) -> &str {
        self.header.to_str().ok().and_then(|header| header.strip_prefix("Bearer ")).unwrap_or_default()
    }
}

impl std::fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCache").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl TokenCache {
    pub(crate) fn new(provider: Arc<dyn TokenProvider>, scope: String, clock: Clock) -> Arc<Self> {
        Arc::new(Self { provider, scope, clock, held: Mutex::default(), renewal: Arc::default() })
    }

    /// The same cache, empty and unlocked, for a process that was forked.
    pub(crate) fn for_new_process(&self) -> Arc<Self> {
        Self::new(Arc::clone(&self.provider), self.scope.clone(), Arc::clone(&self.clock))
    }

    /// The token, fetched when there is none. Everybody who waits gets the one that the first of them fetches. One that
    /// will end soon is renewed beside the calls, which go on with the old one.
    pub(crate) async fn bearer(self: &Arc<Self>) -> Result<Bearer> {
        let began = Instant::now();
        let mut held = self.held.lock().await;
        if let Some(bearer) = held.serving(self.now()) {
            let due = bearer.renew.is_some_and(|renew| renew <= self.now());
            let calm = held.failed.is_none_or(|failed| failed + PAUSE <= self.now());
            if due
                && calm
                && let Ok(renewal) = Arc::clone(&self.renewal).try_lock_owned()
            {
                tokio::spawn(Arc::clone(self).renew(bearer.number, renewal));
            }
            return Ok(bearer);
        }
        if self.renewal.try_lock().is_err() {
            drop(held);
            let _ = tokio::time::timeout(LATE, self.renewal.lock()).await;
            held = self.held.lock().await;
            if let Some(bearer) = held.serving(self.now()) {
                return Ok(bearer);
            }
        }
        self.fetch(&mut held, began, None).await
    }

    async fn renew(self: Arc<Self>, number: u64, _renewal: OwnedMutexGuard<()>) {
        let request = self.request(self.held.lock().await.claims.clone());
        // Without the lock: the calls go on with the token there is.
        let fetched = Arc::clone(&self.provider).token(request).await.and_then(header);
        let mut held = self.held.lock().await;
        match fetched {
            // Meanwhile it may have been replaced.
            _ if held.token.as_ref().is_none_or(|token| token.number != number) => {}
            Ok((header, expires)) => drop(held.take_in(header, expires, self.now())),
            Err(error) => {
                tracing::warn!(kind = %error.kind, "the token could not be renewed; the old one still serves");
                held.failed = Some(self.now());
            }
        }
    }

    /// The service did not accept a token: gives another one, with the claims that the service demands. Of many calls
    /// that were refused with the same token the first one fetches.
    pub(crate) async fn replace(&self, refused: u64, claims: Option<String>) -> Result<Bearer> {
        let began = Instant::now();
        let mut held = self.held.lock().await;
        let demands_more = claims.is_some() && claims != held.claims;
        if let Some(bearer) = held.token.clone().filter(|bearer| bearer.number != refused && !demands_more) {
            return Ok(bearer);
        }
        held.claims = claims.or_else(|| held.claims.take());
        self.fetch(&mut held, began, Some(refused)).await
    }

    /// The time.
    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Whether there can be another token.
    pub(crate) fn is_refreshable(&self) -> bool {
        self.provider.is_refreshable()
    }

    /// Whether a token may have to wait for a person.
    pub(crate) fn is_interactive(&self) -> bool {
        self.provider.is_interactive()
    }

    fn request(&self, claims: Option<String>) -> TokenRequest {
        TokenRequest { scope: self.scope.clone(), claims, now: self.now() }
    }

    /// Fetches a token for a call that has waited since `began`. A fetch that failed meanwhile was made for it too.
    async fn fetch(&self, held: &mut Held, began: Instant, refused: Option<u64>) -> Result<Bearer> {
        if let Some(failure) = &held.failure {
            let same = |(number, at): (u64, SystemTime)| Some(number) == refused && self.now() < at + AGAIN;
            if began <= failure.ended || failure.refused.is_some_and(same) {
                return Err(failure.error.duplicate());
            }
        }
        let request = self.request(held.claims.clone());
        let fetched = Arc::clone(&self.provider).token(request).await.and_then(header);
        let (header, expires) = match fetched {
            Ok(fetched) => fetched,
            Err(error) => {
                let refused = refused.map(|number| (number, self.now()));
                held.failure = Some(Failure { error: error.duplicate(), ended: Instant::now(), refused });
                return Err(error);
            }
        };
        Ok(held.take_in(header, expires, self.now()))
    }
}

impl Held {
    /// The token, when it is not over.
    fn serving(&self, now: SystemTime) -> Option<Bearer> {
        self.token.clone().filter(|bearer| bearer.expires.is_none_or(|end| end > now))
    }

    fn take_in(&mut self, header: HeaderValue, expires: Option<SystemTime>, now: SystemTime) -> Bearer {
        let number = self.token.as_ref().map_or(0, |old| old.number + 1);
        self.failed = None;
        self.failure = None;
        let renew = expires.map(|end| end - EARLY.min(end.duration_since(now).unwrap_or_default() / 2));
        self.token.insert(Bearer { header, expires, renew, number }).clone()
    }
}

/// The header of a token.
fn header(token: AccessToken) -> Result<(HeaderValue, Option<SystemTime>)> {
    let refuse = |why: &str| Error::new(ErrorKind::Auth, Outcome::NotSent, why);
    let text = token.secret.expose().trim();
    if text.is_empty() {
        return Err(refuse("there is no token; give an access token for Graph"));
    }
    if text.len() > 64 << 10 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refuse("the token has characters that no token has, such as a space or a line break"));
    }
    let value = HeaderValue::try_from(format!("Bearer {text}"));
    let mut value = value.map_err(|_| refuse("the token is not a header value"))?;
    value.set_sensitive(true);
    Ok((value, token.expires))
}

/// A token that the caller gave: there is no other.
impl TokenProvider for Option<crate::Secret> {
    fn token(self: Arc<Self>, _: TokenRequest) -> super::token::TokenFuture {
        let given = Self::clone(&self).unwrap_or_else(|| "".into());
        // Its end is the service's to say: a clock that is wrong here must not stop a token that is good.
        Box::pin(async move { Ok(AccessToken { secret: given, expires: None }) })
    }

    fn is_refreshable(&self) -> bool {
        false
    }
}
