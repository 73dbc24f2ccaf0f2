//! One token for all calls of a client: fetched once, however many wait for it, and renewed before it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use reqwest::header::HeaderValue;
use tokio::sync::Mutex;

use super::{AccessToken, TokenProvider, TokenRequest};
use crate::{Error, ErrorKind, Outcome, Result};

/// A token is renewed so long before its end, or in the middle of its life when that is short.
const EARLY: Duration = Duration::from_mins(5);
/// After a renewal that failed while the token still serves, the next one waits so long.
const PAUSE: Duration = Duration::from_secs(30);

/// Tells the time.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The token of a client.
pub(crate) struct TokenCache {
    provider: Arc<dyn TokenProvider>,
    scope: String,
    clock: Clock,
    held: Mutex<Held>,
    renewing: AtomicBool,
}

#[derive(Default)]
struct Held {
    token: Option<Bearer>,
    /// Claims that the service demanded; every later token must have them.
    claims: Option<String>,
    failed: Option<SystemTime>,
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
        Arc::new(Self { provider, scope, clock, held: Mutex::default(), renewing: AtomicBool::new(false) })
    }

    /// The same without the token, getting them from `provider`.
    pub(crate) fn with_provider(&self, provider: Arc<dyn TokenProvider>) -> Arc<Self> {
        Self::new(provider, self.scope.clone(), Arc::clone(&self.clock))
    }

    /// The same without the token, going by another clock.
    pub(crate) fn with_clock(&self, clock: Clock) -> Arc<Self> {
        Self::new(Arc::clone(&self.provider), self.scope.clone(), clock)
    }

    /// The token, fetched when there is none. Everybody who waits gets the one that the first of them fetches. One that
    /// will end soon is renewed beside the calls, which go on with the old one.
    pub(crate) async fn bearer(self: &Arc<Self>) -> Result<Bearer> {
        let mut held = self.held.lock().await;
        let now = self.now();
        let passed = |moment: Option<SystemTime>| moment.is_some_and(|moment| moment <= now);
        if let Some(bearer) = held.token.clone().filter(|bearer| !passed(bearer.expires)) {
            let calm = held.failed.is_none_or(|failed| failed + PAUSE <= now);
            if passed(bearer.renew) && calm && !self.renewing.swap(true, Ordering::AcqRel) {
                tokio::spawn(Arc::clone(self).renew());
            }
            return Ok(bearer);
        }
        self.fetch(&mut held).await
    }

    async fn renew(self: Arc<Self>) {
        let request = self.request(self.held.lock().await.claims.clone());
        // Without the lock: the calls go on with the token there is.
        let fetched = Arc::clone(&self.provider).token(request).await.and_then(header);
        let mut held = self.held.lock().await;
        match fetched {
            Ok((header, expires)) => drop(held.take_in(header, expires, self.now())),
            Err(error) => {
                tracing::warn!(kind = %error.kind, "the token could not be renewed; the old one still serves");
                held.failed = Some(self.now());
            }
        }
        self.renewing.store(false, Ordering::Release);
    }

    /// The service did not accept a token: gives another one, with the claims that the service demands. Of many calls
    /// that were refused with the same token the first one fetches.
    pub(crate) async fn replace(&self, refused: u64, claims: Option<String>) -> Result<Bearer> {
        let mut held = self.held.lock().await;
        let demands_more = claims.is_some() && claims != held.claims;
        if let Some(bearer) = held.token.clone().filter(|bearer| bearer.number != refused && !demands_more) {
            return Ok(bearer);
        }
        held.claims = claims.or_else(|| held.claims.take());
        self.fetch(&mut held).await
    }

    /// The time.
    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Whether there can be another token.
    pub(crate) fn renews(&self) -> bool {
        self.provider.renews()
    }

    /// Whether a token may have to wait for a person.
    pub(crate) fn asks_a_person(&self) -> bool {
        self.provider.asks_a_person()
    }

    fn request(&self, claims: Option<String>) -> TokenRequest {
        TokenRequest { scope: self.scope.clone(), claims, now: self.now() }
    }

    async fn fetch(&self, held: &mut Held) -> Result<Bearer> {
        let request = self.request(held.claims.clone());
        let (header, expires) = header(Arc::clone(&self.provider).token(request).await?)?;
        Ok(held.take_in(header, expires, self.now()))
    }
}

impl Held {
    fn take_in(&mut self, header: HeaderValue, expires: Option<SystemTime>, now: SystemTime) -> Bearer {
        let number = self.token.as_ref().map_or(0, |old| old.number + 1);
        self.failed = None;
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

    fn renews(&self) -> bool {
        false
    }
}
