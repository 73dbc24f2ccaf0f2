//! A token as calls use it.

use std::sync::Arc;
use std::time::SystemTime;

use reqwest::header::HeaderValue;

use crate::auth::AccessToken;
use crate::auth::provider::claims;
use crate::{Error, ErrorKind, Outcome, Result};

/// Size limit of a token.
const MAX_TOKEN_BYTES: usize = 64 << 10;
/// The claims that name the user of a token, the id in the directory first.
const NAME_CLAIMS: [&str; 4] = ["oid", "upn", "preferred_username", "unique_name"];

/// A token as a header.
#[derive(Clone)]
pub(crate) struct Bearer {
    pub(crate) header: HeaderValue,
    pub(super) expires: Option<SystemTime>,
    pub(super) refresh_at: Option<SystemTime>,
    /// Its number in the order of fetching.
    pub(super) number: u64,
    /// How many of the service's challenges its claims answer.
    pub(super) challenges: u64,
    /// The id and the names of its user, as far as it tells them.
    pub(super) user: Arc<[String]>,
}

impl Bearer {
    /// The token itself.
    pub(crate) fn token(&self) -> &str {
        token_of(&self.header)
    }

    /// Whether it was fetched for this rejection, or later.
    pub(crate) fn answers(&self, rejection: Rejection) -> bool {
        self.number > rejection.token && self.challenges >= rejection.challenges
    }

    /// The id of the token's user, if it tells.
    pub(crate) fn user_id(&self) -> Option<&str> {
        self.user.first().map(String::as_str)
    }

    /// Whether `name` is an id or a name of the token's user.
    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.user.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// A rejection of a token that was recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rejection {
    pub(super) token: u64,
    pub(super) challenges: u64,
}

fn token_of(header: &HeaderValue) -> &str {
    header.to_str().ok().and_then(|header| header.strip_prefix("Bearer ")).unwrap_or_default()
}

/// The id and the names of a token's user.
pub(super) fn user_of(header: &HeaderValue) -> Arc<[String]> {
    let claims = claims(token_of(header)).unwrap_or_default();
    NAME_CLAIMS.iter().filter_map(|name| claims.get(*name)?.as_str().map(str::to_owned)).collect()
}

/// The header of a token.
pub(super) fn header(token: &AccessToken) -> Result<HeaderValue> {
    let invalid = |why: &str| Error::new(ErrorKind::Auth, Outcome::NotSent, why);
    let text = token.secret.expose().trim();
    if text.is_empty() {
        return Err(invalid("the access token is empty; give a token for Graph"));
    }
    if text.len() > MAX_TOKEN_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid(
            "the access token is malformed; it must not contain spaces, line breaks or non-ASCII text",
        ));
    }
    let value = HeaderValue::try_from(format!("Bearer {text}"));
    let mut value = value.map_err(|_| invalid("the access token is malformed"))?;
    value.set_sensitive(true);
    Ok(value)
}
