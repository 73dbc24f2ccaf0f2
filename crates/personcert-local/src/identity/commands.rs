//! The commands of the identity side.

use personcert::{Error, Result};
use serde_json::{Value, json};

use super::applications::{Application, PUBLIC_APP};
use super::device_sign_in::DeviceDecision;
use super::state::TokenParameters;
use crate::arguments::{ApproveArguments, ChallengeArguments, TokenArguments, TokenKind};
use crate::graph::{Graph, find_user};

impl Graph {
    /// Registers an application.
    pub fn register(&self, application: Application) -> Result<Value> {
        if application.certificate.is_some() && application.certificate().is_none() {
            return Err(Error::input("certificate", "not a certificate in PEM"));
        }
        self.state().identity.applications.register(application);
        Ok(Value::Null)
    }

    /// Sets the lifetime of new access tokens.
    pub fn set_lifetime(&self, seconds: u32) {
        self.state().identity.lifetime = i64::from(seconds);
    }

    /// Revokes the sessions of a user.
    pub fn revoke(&self, user: Option<&str>) -> Result<Value> {
        let mut state = self.state();
        let user = find_user(&state, user)?;
        state.identity.revoke(&user.id);
        Ok(Value::Null)
    }

    /// Refuses tokens that were not requested with these claims.
    pub fn challenge(&self, arguments: ChallengeArguments) -> Result<Value> {
        if !arguments.claims.values().all(Value::is_object) {
            return Err(Error::input("claims", r#"expected an object such as {"access_token": {…}}"#));
        }
        let mut state = self.state();
        let user = arguments.user.map(|user| find_user(&state, Some(&user)).map(|user| user.id)).transpose()?;
        state.identity.require_claims(user, arguments.claims);
        Ok(Value::Null)
    }

    /// An access token without a sign-in.
    pub fn new_token(&self, arguments: &TokenArguments) -> Result<Value> {
        let state = self.state();
        let user = match arguments.kind {
            TokenKind::App => None,
            TokenKind::Work | TokenKind::Personal => Some(find_user(&state, arguments.user.as_deref())?),
        };
        let parameters = TokenParameters {
            user: user.as_ref(),
            app: PUBLIC_APP,
            scopes: &arguments.scopes,
            personal: arguments.kind == TokenKind::Personal,
            now: state.clock.now().as_second(),
            ..TokenParameters::default()
        };
        Ok(json!(state.identity.issue(&self.keys, &parameters)))
    }

    /// Decides a device sign-in, or every one from now on.
    pub fn approve(&self, arguments: ApproveArguments) -> Result<Value> {
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
