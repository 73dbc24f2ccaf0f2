//! The commands of the identity side.

use personcert::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::apps::{App, PUBLIC};
use super::device::Decided;
use super::{Issue, assertion};
use crate::commands::read;
use crate::graph::{Graph, State, internal};
use crate::seed;

/// What the command `token` takes.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Wanted {
    user: Option<String>,
    scopes: Option<Vec<String>>,
    kind: Option<String>,
}

/// What the command `approve` takes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Approve {
    #[serde(default)]
    user_code: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    decline: bool,
}

/// What the command `challenge` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Challenge {
    #[serde(default)]
    user: Option<String>,
    claims: Value,
}

impl Graph {
    /// Carries out a command of the identity side; nothing when it is none of them.
    pub fn identity_command(&self, name: &str, arguments: &Value) -> Option<Result<Value>> {
        Some(match name {
            "token" => read(name, arguments).and_then(|wanted| self.token_for(&wanted)),
            "app" => read::<App>(name, arguments).and_then(|app| {
                if app.certificate.is_some() && app.certificate().is_none() {
                    return Err(Error::input("certificate", "this is no certificate in PEM"));
                }
                self.state().identity.apps.register(app);
                Ok(Value::Null)
            }),
            "approve" => read(name, arguments).and_then(|approve| self.approve(approve)),
            "lifetime" => match arguments["seconds"].as_i64().filter(|seconds| (1..=86_400).contains(seconds)) {
                Some(seconds) => {
                    self.state().identity.lifetime = seconds;
                    Ok(Value::Null)
                }
                None => Err(Error::input("seconds", "expected a number from 1 to 86400")),
            },
            "revoke" => self.user_id(arguments["user"].as_str().unwrap_or(seed::FIRST_USER)).map(|user| {
                self.state().identity.revoke(&user);
                Value::Null
            }),
            "challenge" => read(name, arguments).and_then(|challenge: Challenge| {
                let sections = challenge.claims.as_object().filter(|claims| claims.values().all(Value::is_object));
                let claims = sections
                    .cloned()
                    .ok_or_else(|| Error::input("claims", r#"expected an object such as {"access_token": {…}}"#))?;
                let user = challenge.user.map(|user| self.user_id(&user)).transpose()?;
                self.state().identity.demand(user, claims);
                Ok(Value::Null)
            }),
            "federated" => Ok(json!(self.federated(assertion::EXCHANGE))),
            "signIns" => Ok(self.state().identity.sign_ins()),
            _ => return None,
        })
    }

    /// A token, without anybody signing in.
    fn token_for(&self, wanted: &Wanted) -> Result<Value> {
        let kind = wanted.kind.as_deref().unwrap_or("work");
        if !["work", "personal", "app"].contains(&kind) {
            return Err(Error::input("kind", "a token is for `work`, `personal` or `app`"));
        }
        let scopes = wanted.scopes.clone().unwrap_or_else(|| vec!["User.ReadWrite.All".to_owned()]);
        let state = self.state();
        let name = wanted.user.as_deref().unwrap_or(seed::FIRST_USER);
        let user = if kind == "app" { None } else { state.store.user(name).map_err(internal)? };
        if kind != "app" && user.is_none() {
            return Err(Error::input("user", format!("the local Graph has no user {name:?}")));
        }
        let issue = Issue {
            user: user.as_ref(),
            app: PUBLIC,
            scopes: &scopes,
            personal: kind == "personal",
            now: state.clock.now().as_second(),
            ..Issue::default()
        };
        Ok(json!(state.identity.issue(&self.keys, &issue)))
    }

    fn approve(&self, approve: Approve) -> Result<Value> {
        let user = if approve.decline {
            Decided::Declined
        } else {
            Decided::Picked(self.user_id(approve.user.as_deref().unwrap_or(seed::FIRST_USER))?)
        };
        let mut state = self.state();
        let Some(code) = approve.user_code else {
            state.identity.decide_all(user);
            return Ok(Value::Null);
        };
        if state.identity.decide(&code, user) {
            Ok(Value::Null)
        } else {
            Err(Error::input("userCode", "nobody waits with this code"))
        }
    }

    fn user_id(&self, name: &str) -> Result<String> {
        let State { store, .. } = &*self.state();
        let found = store.user(name).map_err(internal)?;
        found.map(|user| user.id).ok_or_else(|| Error::input("user", format!("the local Graph has no user {name:?}")))
    }
}
