//! Tokens for a signed-in user.

use serde_json::{Map, Value, json};

use super::keys::Keys;
use super::refresh_token::RefreshToken;
use super::state::{Identity, TENANT, TokenParameters, evict_one};
use super::token_error::TokenError;
use crate::store::User;

/// How long an unused refresh token is valid, in seconds.
const REFRESH_TOKEN_LIFETIME: i64 = 90 * 24 * 3600;
/// How often a refresh token may be used: the response to its first use may have been lost.
const MAX_USES: u32 = 2;
/// Scopes that are not permissions of Graph.
const OPENID_SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];
/// The permissions that `.default` stands for.
const DEFAULT_PERMISSIONS: [&str; 3] = ["User.ReadWrite.All", "User.ReadWrite", "User.Read"];

/// A user's sign-in that the token endpoint grants.
#[derive(Debug)]
pub struct UserGrant<'a> {
    /// The user.
    pub user: &'a User,
    /// The application.
    pub app: &'a str,
    /// The scope.
    pub scope: &'a str,
    /// The nonce for the id token.
    pub nonce: Option<&'a str>,
    /// The family of the refresh token that is renewed.
    pub family: Option<String>,
    /// The claims that the request asked for.
    pub claims: Map<String, Value>,
    /// The issuer of the id token.
    pub issuer: String,
    /// The current time, in seconds since 1970.
    pub now: i64,
}

impl Identity {
    /// The token endpoint's response to a user's sign-in.
    pub fn grant_user(&mut self, keys: &Keys, grant: UserGrant<'_>) -> Value {
        let UserGrant { user, app, scope, now, .. } = grant;
        let scopes = permissions(scope);
        let parameters =
            TokenParameters { user: Some(user), app, scopes: &scopes, personal: false, claims: grant.claims, now };
        let mut response = json!({
            "token_type": "Bearer", "scope": scope, "expires_in": self.lifetime, "ext_expires_in": self.lifetime,
            "access_token": self.issue(keys, &parameters),
        });
        let requests = |wanted: &str| scope.split(' ').any(|scope| scope == wanted);
        if requests("offline_access") {
            let token = uuid::Uuid::new_v4().to_string();
            let refresh_token = RefreshToken {
                app: app.to_owned(),
                user: user.id.clone(),
                scope: scope.to_owned(),
                session: self.session(&user.id),
                family: grant.family.unwrap_or_else(|| token.clone()),
                uses: 0,
                issued: now,
            };
            evict_one(&mut self.refresh_tokens);
            self.refresh_tokens.insert(token.clone(), refresh_token);
            response["refresh_token"] = json!(token);
        }
        if requests("openid") {
            response["id_token"] = json!(keys.sign(&json!({
                "ver": "2.0", "iss": grant.issuer, "aud": app, "sub": user.id, "oid": user.id, "tid": TENANT,
                "preferred_username": user.upn, "name": user.name, "nonce": grant.nonce,
                "iat": now, "nbf": now, "exp": now + self.lifetime,
            })));
        }
        response
    }

    /// Uses a refresh token. Using it more often than [`MAX_USES`] revokes the whole sign-in, because it may be stolen.
    pub fn use_refresh_token(&mut self, token: &str, app: &str, now: i64) -> Result<RefreshToken, TokenError> {
        let invalid = |number, text: &str| TokenError::new("invalid_grant", number, text);
        let known = self.refresh_tokens.get_mut(token).filter(|known| known.app == app);
        let known = known.ok_or_else(|| invalid(9_002_313, "The refresh token is malformed or not valid."))?;
        known.uses += 1;
        let used = known.clone();
        if used.uses > MAX_USES {
            self.refresh_tokens.retain(|_, other| other.family != used.family);
            return Err(invalid(70_000, "The refresh token was used before; the sign-in has been revoked."));
        }
        if used.session < self.session(&used.user) {
            let text = "The provided grant has expired due to it being revoked, a fresh auth token is needed.";
            return Err(invalid(50_173, text));
        }
        if now > used.issued + REFRESH_TOKEN_LIFETIME {
            return Err(invalid(700_082, "The refresh token has expired due to inactivity."));
        }
        Ok(used)
    }
}

/// The permissions that a scope names, without their resource.
fn permissions(scope: &str) -> Vec<String> {
    let mut permissions = Vec::new();
    for scope in scope.split_whitespace().filter(|scope| !OPENID_SCOPES.contains(scope)) {
        match scope.rsplit('/').next().unwrap_or(scope) {
            ".default" => permissions.extend(DEFAULT_PERMISSIONS.map(str::to_owned)),
            name => permissions.push(name.to_owned()),
        }
    }
    permissions
}
