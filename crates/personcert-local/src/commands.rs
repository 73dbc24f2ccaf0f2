//! The commands of the local Graph.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{Method, Response};
use personcert::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::graph::{Graph, State, database_error};
use crate::random::Random;
use crate::response::{ErrorResponse, RequestIds, json_response};
use crate::scripted_response::ScriptedResponse;
use crate::seed;
use crate::store::User;
use crate::throttle::Throttle;

/// How many snapshots are kept.
const MAX_SNAPSHOTS: usize = 16;

impl Graph {
    /// Executes a command.
    pub fn command(self: &Arc<Self>, name: &str, arguments: &Value) -> Result<Value> {
        match name {
            "add" => self.add(arguments),
            "certifications" => {
                let state = self.state();
                let user = named_user(&state, arguments)?;
                Ok(json!(state.store.certifications(&user.id).map_err(database_error)?))
            }
            "users" => self.users(),
            "script" => self.script(arguments),
            "requests" => Ok(self.state().log.select(&read_arguments(name, arguments)?)),
            "faults" => {
                let added = self.state().faults.add(arguments.get("faults").unwrap_or(&Value::Null));
                added.map(|()| Value::Null).map_err(|(place, problem)| Error::input(place, problem))
            }
            "throttle" => {
                let throttle = Throttle::new(read_arguments(name, arguments)?);
                self.state().throttle = throttle.map_err(|problem| Error::input(name, problem))?;
                Ok(Value::Null)
            }
            "clock" => {
                let mut state = self.state();
                let changed = state.clock.change(&read_arguments(name, arguments)?);
                changed.map_err(|problem| Error::input(name, problem))?;
                Ok(json!(state.clock.text()))
            }
            "seed" => {
                let seed = arguments.get("seed").and_then(Value::as_u64);
                let seed = seed.ok_or_else(|| Error::input("seed", "expected an integer of at least 0"))?;
                self.state().random = Random::new(Some(seed));
                Ok(Value::Null)
            }
            "snapshot" => self.snapshot(),
            "restore" => self.restore(arguments),
            "addresses" => self.addresses(),
            "ca" => Ok(json!(self.tls()?.authority())),
            "reset" => self.reset().map(|()| Value::Null),
            other => self
                .identity_command(other, arguments)
                .unwrap_or_else(|| Err(Error::input("command", format!("unknown command {other:?}")))),
        }
    }

    fn add(&self, arguments: &Value) -> Result<Value> {
        let values: Option<&Map<_, _>> = arguments.get("certification").and_then(Value::as_object);
        let values = values.ok_or_else(|| Error::input("certification", "expected an object"))?.clone();
        let user = arguments.get("user").and_then(Value::as_str);
        let user = user.ok_or_else(|| Error::input("user", "required; give an id or a user principal name"))?;
        let mut state = self.state();
        let State { store, clock, random, .. } = &mut *state;
        seed::one(store, user, values, &clock.text(), random).map(Value::Object).map_err(database_error)
    }

    fn users(&self) -> Result<Value> {
        let users = self.state().store.users().map_err(database_error)?;
        let shown = |user: &User| json!({"id": user.id, "userPrincipalName": user.upn, "displayName": user.name});
        Ok(users.iter().map(shown).collect())
    }

    fn script(&self, arguments: &Value) -> Result<Value> {
        let answers = arguments.get("answers").cloned().unwrap_or_default();
        let responses: Vec<ScriptedResponse> =
            serde_json::from_value(answers).map_err(|error| Error::input("answers", error.to_string()))?;
        for response in &responses {
            response.check().map_err(|problem| Error::input("answers", problem))?;
        }
        self.state().script.extend(responses);
        Ok(Value::Null)
    }

    fn snapshot(&self) -> Result<Value> {
        let mut state = self.state();
        if state.snapshots.len() >= MAX_SNAPSHOTS {
            return Err(Error::input("snapshot", format!("at most {MAX_SNAPSHOTS} snapshots are kept")));
        }
        let copy = state.store.copy().map_err(database_error)?;
        state.snapshots.push(copy);
        Ok(json!({"snapshot": state.snapshots.len()}))
    }

    fn restore(&self, arguments: &Value) -> Result<Value> {
        let mut state = self.state();
        let State { store, snapshots, .. } = &mut *state;
        let number = arguments.get("snapshot").and_then(Value::as_u64).unwrap_or_default();
        let number = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let copy = number.and_then(|number| snapshots.get(number));
        let copy =
            copy.ok_or_else(|| Error::input("snapshot", "unknown snapshot; use a number that `snapshot` returned"))?;
        store.restore(copy).map(|()| Value::Null).map_err(database_error)
    }

    /// Executes a command that came over HTTP.
    pub fn command_over_http(
        self: &Arc<Self>,
        name: &str,
        method: &Method,
        body: &Bytes,
        ids: &RequestIds,
    ) -> Response<Body> {
        if method != Method::POST {
            return ErrorResponse::new(405, "Request_BadRequest", "Commands must be sent with POST.").response(ids);
        }
        let arguments = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(body) };
        let Ok(arguments) = arguments else {
            return ErrorResponse::bad_request("The body is not JSON.").response(ids);
        };
        match self.command(name, &arguments) {
            Ok(value) => json_response(200, Some(&value), ids),
            Err(error) => ErrorResponse::bad_request(error.to_string()).response(ids),
        }
    }
}

/// The user that the arguments name, or the default user.
pub fn named_user(state: &State, arguments: &Value) -> Result<User> {
    find_user(state, arguments.get("user").and_then(Value::as_str))
}

/// The user with this id or user principal name, or the default user.
pub fn find_user(state: &State, name: Option<&str>) -> Result<User> {
    let name = name.unwrap_or(seed::FIRST_USER);
    let found = state.store.user(name).map_err(database_error)?;
    found.ok_or_else(|| Error::input("user", format!("unknown user {name:?}")))
}

/// Reads the arguments of a command that takes an object of known members.
pub fn read_arguments<T: DeserializeOwned>(name: &str, arguments: &Value) -> Result<T> {
    let arguments = if arguments.is_null() { json!({}) } else { arguments.clone() };
    serde_json::from_value(arguments).map_err(|error| Error::input(name, error.to_string()))
}
