//! What a person's sign-in gives: codes, tokens to renew it, and who it was.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::denial::Denial;
use super::keys::Keys;
use super::{Identity, Issue, MOST, TENANT};
use crate::store::User;

/// How long a code that a browser brings back serves, in seconds.
const CODE: i64 = 600;
/// How long a refresh token serves that nobody uses, in seconds.
const REFRESH: i64 = 90 * 24 * 3600;

/// A code that a browser brings back.
#[derive(Debug)]
pub struct Code {
    /// The application that asked.
    pub app: String,
    /// The user who was picked.
    pub user: String,
    /// What was asked for.
    pub scope: String,
    /// Where the browser went back to.
    pub redirect: String,
    /// The challenge of PKCE.
    pub challenge: String,
    /// What the id token has to repeat.
    pub nonce: Option<String>,
    /// When it was made.
    pub at: i64,
}

impl Code {
    /// Whether this is what the one who redeems it must know.
    pub fn fits(
        &self,
        app: &str,
        redirect: Option<&String>,
        verifier: Option<&String>,
        now: i64,
    ) -> Result<(), Denial> {
        let wrong = |number, text: &str| Denial::new("invalid_grant", number, text);
        if self.app != app {
            return Err(wrong(70_000, "The code was issued to another application."));
        }
        if now > self.at + CODE {
            return Err(wrong(70_008, "The provided authorization code has expired."));
        }
        if redirect != Some(&self.redirect) {
            return Err(wrong(500_112, "The reply address does not match that of the authorization request."));
        }
        let made = verifier.map(|verifier| BASE64.encode(digest(&SHA256, verifier.as_bytes())));
        if made.as_ref() == Some(&self.challenge) {
            Ok(())
        } else {
            Err(wrong(501_481, "The Code_Verifier does not match the code_challenge."))
        }
    }
}

/// What is_refreshable a sign-in.
#[derive(Clone, Debug)]
pub struct Refresh {
    app: String,
    user: String,
    scope: String,
    session: u64,
    /// All that came from one sign-in.
    family: String,
    uses: u32,
    at: i64,
}

/// Who signed in with what, for what.
#[derive(Debug)]
pub struct Person<'a> {
    /// The user.
    pub user: &'a User,
    /// The application.
    pub app: &'a str,
    /// What is asked for.
    pub scope: &'a str,
    /// What the id token has to repeat.
    pub nonce: Option<&'a str>,
    /// The sign-in that this is_refreshable.
    pub family: Option<String>,
    /// The claims that the request asked for.
    pub claims: Map<String, Value>,
    /// The address of the tenant.
    pub issuer: String,
    /// Now, in seconds since 1970.
    pub now: i64,
}

impl Identity {
    /// What the token endpoint answers to a person's sign-in.
    pub fn grant_person(&mut self, keys: &Keys, person: Person<'_>) -> Value {
        let scopes = permissions(person.scope);
        let issue = Issue {
            user: Some(person.user),
            app: person.app,
            scopes: &scopes,
            personal: false,
            claims: person.claims,
            now: person.now,
        };
        let mut answer = json!({
            "token_type": "Bearer", "scope": person.scope, "expires_in": self.lifetime, "ext_expires_in": self.lifetime,
            "access_token": self.issue(keys, &issue),
        });
        let wants = |wanted: &str| person.scope.split(' ').any(|scope| scope == wanted);
        if wants("offline_access") {
            let token = uuid::Uuid::new_v4().to_string();
            let refresh = Refresh {
                app: person.app.to_owned(),
                user: person.user.id.clone(),
                scope: person.scope.to_owned(),
                session: self.session(&person.user.id),
                family: person.family.unwrap_or_else(|| token.clone()),
                uses: 0,
                at: person.now,
            };
            make_room(&mut self.refresh);
            self.refresh.insert(token.clone(), refresh);
            answer["refresh_token"] = json!(token);
        }
        if wants("openid") {
            let user = person.user;
            answer["id_token"] = json!(keys.sign(&json!({
                "ver": "2.0", "iss": person.issuer, "aud": person.app, "sub": user.id, "oid": user.id, "tid": TENANT,
                "preferred_username": user.upn, "name": user.name, "nonce": person.nonce,
                "iat": person.now, "nbf": person.now, "exp": person.now + self.lifetime,
            })));
        }
        answer
    }

    /// Takes a refresh token: who it was and what for, and of which sign-in. It serves twice, since the answer to its
    /// first use may be lost; who comes a third time has stolen it, or was stolen from, and the sign-in ends.
    pub fn take_refresh(&mut self, token: &str, app: &str, now: i64) -> Result<(String, String, String), Denial> {
        let wrong = |number, text: &str| Denial::new("invalid_grant", number, text);
        let known = self.refresh.get_mut(token).filter(|refresh| refresh.app == app);
        let refresh = known.ok_or_else(|| wrong(9_002_313, "The refresh token is malformed or not valid."))?;
        refresh.uses += 1;
        let Refresh { user, scope, session, family, uses, at, .. } = refresh.clone();
        if uses > 2 {
            self.refresh.retain(|_, other| other.family != family);
            return Err(wrong(70_000, "The refresh token was used before; the sign-in has been revoked."));
        }
        if session < self.session(&user) {
            return Err(wrong(
                50_173,
                "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
            ));
        }
        if now > at + REFRESH {
            return Err(wrong(700_082, "The refresh token has expired due to inactivity."));
        }
        Ok((user, scope, family))
    }
}

/// The permissions that a scope names: without the resource, and all of the registered ones for `.default`.
pub fn permissions(scope: &str) -> Vec<String> {
    let about_the_person = ["openid", "profile", "email", "offline_access"];
    let mut all: Vec<String> = Vec::new();
    for scope in scope.split_whitespace().filter(|scope| !about_the_person.contains(scope)) {
        match scope.rsplit('/').next().unwrap_or(scope) {
            ".default" => all.extend(["User.ReadWrite.All", "User.ReadWrite", "User.Read"].map(str::to_owned)),
            name => all.push(name.to_owned()),
        }
    }
    all
}

/// A map that is full forgets something.
pub fn make_room<T>(map: &mut BTreeMap<String, T>) {
    if map.len() >= MOST {
        map.pop_first();
    }
}
