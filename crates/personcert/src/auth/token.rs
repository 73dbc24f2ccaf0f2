//! A token, and whoever can get one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::{Result, Secret};

/// Gets access tokens: a credential of the program around, a command, a sign-in.
///
/// ```
/// use std::sync::Arc;
///
/// use personcert::{AccessToken, Client, Config, Hooks, TokenProvider, TokenRequest};
///
/// struct Vault;
///
/// impl TokenProvider for Vault {
///     fn token(self: Arc<Self>, _: TokenRequest) -> personcert::TokenFuture {
///         Box::pin(async { Ok(AccessToken::new("the token from the vault", None)) })
///     }
/// }
///
/// let hooks = Hooks { credential: Some(Arc::new(Vault)), ..Hooks::default() };
/// let client = Client::with(&Config::default(), hooks).unwrap();
/// ```
pub trait TokenProvider: Send + Sync {
    /// A token that is not one of before: it is asked only when there is none that still serves.
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture;

    /// Whether another call would give another token; false for one that was given once and for all.
    fn is_refreshable(&self) -> bool {
        true
    }

    /// Whether a token may have to wait for a person who signs in: that time doesn't count as the call's.
    fn is_interactive(&self) -> bool {
        false
    }
}

/// What [`TokenProvider::token`] gives.
pub type TokenFuture = Pin<Box<dyn Future<Output = Result<AccessToken>> + Send>>;

/// What a token is wanted for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRequest {
    /// The scope, such as `https://graph.microsoft.com/.default`: of the cloud that is configured.
    pub scope: String,
    /// The claims that the service demands, as JSON; set after a claims challenge.
    /// Source: "Claims challenges, claims requests and client capabilities".
    pub claims: Option<String>,
    /// The time by the client's clock.
    pub now: SystemTime,
}

/// An access token and its end.
#[derive(Clone)]
pub struct AccessToken {
    pub(crate) secret: Secret,
    pub(crate) expires: Option<SystemTime>,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl AccessToken {
    /// A token, without the word Bearer. Where its end isn't given it is read from the token itself, when that is a JWT.
    pub fn new(token: impl Into<Secret>, expires: Option<SystemTime>) -> Self {
        let secret = token.into();
        let expires = expires.or_else(|| {
            let end = claims(secret.expose())?.get("exp")?.as_u64()?;
            UNIX_EPOCH.checked_add(Duration::from_secs(end))
        });
        Self { secret, expires }
    }
}

/// The claims of a token that is a JWT, without trusting them: they only inform.
pub(crate) fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else { return None };
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&claims).ok()
}
