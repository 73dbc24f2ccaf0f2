//! Authorization codes.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::digest::{SHA256, digest};

use super::form::Form;
use super::token_error::TokenError;

/// How long a code is valid, in seconds.
const LIFETIME: i64 = 600;

/// A code that the browser carries back to the application.
#[derive(Debug)]
pub struct AuthorizationCode {
    /// The application that requested it.
    pub app: String,
    /// The user who was picked.
    pub user: String,
    /// The requested scope.
    pub scope: String,
    /// The redirect address.
    pub redirect: String,
    /// The PKCE challenge.
    pub challenge: String,
    /// The nonce for the id token.
    pub nonce: Option<String>,
    /// When it was issued, in seconds since 1970.
    pub issued: i64,
}

impl AuthorizationCode {
    /// Checks that an application's request may redeem the code.
    pub fn check(&self, app: &str, form: &Form, now: i64) -> Result<(), TokenError> {
        let invalid = |number, text: &str| Err(TokenError::new("invalid_grant", number, text));
        if self.app != app {
            return invalid(70_000, "The code was issued to another application.");
        }
        if now > self.issued + LIFETIME {
            return invalid(70_008, "The provided authorization code has expired.");
        }
        if form.get("redirect_uri") != Some(&self.redirect) {
            return invalid(500_112, "The reply address does not match that of the authorization request.");
        }
        let verifier = form.get("code_verifier");
        let challenge = verifier.map(|verifier| BASE64.encode(digest(&SHA256, verifier.as_bytes())));
        if challenge.as_ref() != Some(&self.challenge) {
            return invalid(501_481, "The Code_Verifier does not match the code_challenge.");
        }
        Ok(())
    }
}
