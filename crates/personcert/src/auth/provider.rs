//! Access tokens and the trait of everything that gets them.
//!
//! Providers don't cache: the client asks only when it needs a new token, whatever number of calls wait for it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::{Result, Secret};

/// Gets access tokens: a credential of the surrounding program, a command, a sign-in.
///
/// ```
/// use std::sync::Arc;
///
/// use personcert::auth::{AccessToken, TokenProvider, TokenRequest};
/// use personcert::{Client, Config, Hooks};
///
/// struct Vault;
///
/// impl TokenProvider for Vault {
///     fn token(self: Arc<Self>, _: TokenRequest) -> personcert::auth::TokenFuture {
///         Box::pin(async { Ok(AccessToken::new("the token from the vault", None)) })
///     }
/// }
///
/// let hooks = Hooks { credential: Some(Arc::new(Vault)), ..Hooks::default() };
/// let client = Client::with(&Config::default(), hooks).unwrap();
/// ```
pub trait TokenProvider: Send + Sync {
    /// Gets a new token. The client asks only when its last token expires or was rejected, and never twice at a time.
    ///
    /// # Errors
    /// An error of kind [`Auth`](crate::ErrorKind::Auth) ends the calls that wait; they were not sent.
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture;

    /// Whether asking again may give another token. False for a fixed token.
    fn is_refreshable(&self) -> bool {
        true
    }

    /// Whether getting a token may involve a user who signs in. That time does not count as the call's.
    fn is_interactive(&self) -> bool {
        false
    }

    /// Whether the last token may still be used. False once the session behind it was signed out: the client then drops
    /// the token and asks for another one. Called before every request, so it must be fast.
    fn is_current(&self) -> bool {
        true
    }
}

/// What [`TokenProvider::token`] returns.
pub type TokenFuture = Pin<Box<dyn Future<Output = Result<AccessToken>> + Send>>;

/// What a token has to be for: what a [`TokenProvider`] is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRequest {
    /// The scope of the configured cloud, such as `https://graph.microsoft.com/.default`.
    pub scope: String,
    /// The claims that the service requires, as JSON. Set after a claims challenge.
    /// Source: "Claims challenges, claims requests and client capabilities".
    pub claims: Option<String>,
    /// The time by the client's clock.
    pub now: SystemTime,
}

/// An access token and when it expires. `Debug` shows the expiry alone.
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
    /// A token, without the word Bearer. Without `expires` the expiry is read from the token itself if that is a JWT; a token
    /// whose expiry stays unknown is used until the service rejects it.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// use personcert::auth::AccessToken;
    ///
    /// let token = AccessToken::new("eyJ0eXAi", Some(SystemTime::now() + Duration::from_secs(3600)));
    /// assert!(!format!("{token:?}").contains("eyJ0eXAi"));
    /// ```
    pub fn new(token: impl Into<Secret>, expires: Option<SystemTime>) -> Self {
        let secret = token.into();
        let expires = expires.or_else(|| from_unix(claims(secret.expose())?.get("exp")?.as_u64()?));
        Self { secret, expires }
    }
}

/// The token from the settings. It can't be replaced.
pub(crate) struct StaticToken(pub(crate) Secret);

impl TokenProvider for StaticToken {
    fn token(self: Arc<Self>, _: TokenRequest) -> TokenFuture {
        // Without an expiry: the service decides, so a wrong local clock does not block a valid token.
        let token = AccessToken { secret: self.0.clone(), expires: None };
        Box::pin(async move { Ok(token) })
    }

    fn is_refreshable(&self) -> bool {
        false
    }
}

/// The claims of a token that is a JWT. The signature is not checked: they only inform.
pub(crate) fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else { return None };
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&claims).ok()
}

/// A moment given in seconds since 1970, where the system can represent it.
pub(super) fn from_unix(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
