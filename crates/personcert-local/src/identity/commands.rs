//! The commands of the identity side.

use personcert::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::applications::{Application, PUBLIC_APP};
use super::assertion::EXCHANGE_AUDIENCE;
use super::device_sign_in::DeviceDecision;
use super::state::TokenParameters;
use crate::commands::{find_user, named_user, read_arguments};
use crate::graph::Graph;

/// The longest lifetime of access tokens, in seconds.
const MAX_LIFETIME: i64 = 86_400;

/// The arguments of `token`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TokenArguments {
    user: Option<String>,
    scopes: Option<Vec<String>>,
    kind: AccountKind,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AccountKind {
    #[default]
    Work,
    Personal,
    App,
}

/// The arguments of `approve`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct ApproveArguments {
    user_code: Option<String>,
    user: Option<String>,
    decline: bool,
}

/// The arguments of `challenge`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChallengeArguments {
    #[serde(default)]
    user: Option<String>,
    claims: Value,
}

impl Graph {
    /// Executes a command of the identity side; none when the command is unknown.
    pub fn identity_command(&self, name: &str, arguments: &Value) -> Option<Result<Value>> {
        Some(match name {
            "token" => read_arguments(name, arguments).and_then(|arguments| self.new_token(&arguments)),
            "app" => read_arguments(name, arguments).and_then(|application| self.register(application)),
            "approve" => read_arguments(name, arguments).and_then(|arguments| self.approve(arguments)),
            "lifetime" => self.set_lifetime(arguments),
            "revoke" => self.revoke(arguments),
            "challenge" => read_arguments(name, arguments).and_then(|arguments| self.challenge(arguments)),
            "federated" => Ok(json!(self.federated(EXCHANGE_AUDIENCE))),
            "signIns" => Ok(self.state().identity.sign_ins()),
            _ => return None,
        })
    }

    fn register(&self, application: Application) -> Result<Value> {
        if application.certificate.is_some() && application.certificate().is_none() {
            return Err(Error::input("certificate", "not a certificate in PEM"));
        }
        self.state().identity.applications.register(application);
        Ok(Value::Null)
    }

    fn set_lifetime(&self, arguments: &Value) -> Result<Value> {
        let seconds = arguments["seconds"].as_i64().filter(|seconds| (1..=MAX_LIFETIME).contains(seconds));
        let seconds = seconds.ok_or_else(|| Error::input("seconds", format!("must be from 1 to {MAX_LIFETIME}")))?;
        self.state().identity.lifetime = seconds;
        Ok(Value::Null)
    }

    fn revoke(&self, arguments: &Value) -> Result<Value> {
        let mut state = self.state();
        let user = named_user(&state, arguments)?;
        state.identity.revoke(&user.id);
        Ok(Value::Null)
    }

    fn challenge(&self, arguments: ChallengeArguments) -> Result<Value> {
        let sections = arguments.claims.as_object().filter(|claims| claims.values().all(Value::is_object));
        let claims = sections.cloned();
        let claims =
            claims.ok_or_else(|| Error::input("claims", r#"expected an object such as {"access_token": {…}}"#))?;
        let mut state = self.state();
        let user = arguments.user.map(|user| find_user(&state, Some(&user)).map(|user| user.id)).transpose()?;
        state.identity.require_claims(user, claims);
        Ok(Value::Null)
    }

    /// An access token without a sign-in.
    fn new_token(&self, arguments: &TokenArguments) -> Result<Value> {
        let state = self.state();
        let user = match arguments.kind {
            AccountKind::App => None,
            AccountKind::Work | AccountKind::Personal => Some(find_user(&state, arguments.user.as_deref())?),
        };
        let scopes = arguments.scopes.clone().unwrap_or_else(|| vec!["User.ReadWrite.All".to_owned()]);
        let parameters = TokenParameters {
            user: user.as_ref(),
            app: PUBLIC_APP,
            scopes: &scopes,
            personal: arguments.kind == AccountKind::Personal,
            now: state.clock.now().as_second(),
            ..TokenParameters::default()
        };
        Ok(json!(state.identity.issue(&self.keys, &parameters)))
    }

    fn approve(&self, arguments: ApproveArguments) -> Result<Value> {
        let mut state = self.state();
        let decision = if arguments.decline {
            DeviceDecision::Declined
        } else {
            DeviceDecision::Approved(find_user(&state, arguments.user.as_deref())?.id)
        };
        let Some(code) = arguments.user_code else {
            state.identity.device_decision = decision;
            return Ok(Value::Null);
        };
        if state.identity.decide(&code, decision) {
            return Ok(Value::Null);
        }
        Err(Error::input("userCode", "no device sign-in has this code"))
    }
}
