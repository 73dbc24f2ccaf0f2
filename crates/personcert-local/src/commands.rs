//! The commands of the local Graph.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{Method, Response};
use personcert::host::Dialect;
use personcert::schema::Input;
use personcert::{Error, Result};
use serde_json::{Map, Value, json};

use crate::clock::ClockChange;
use crate::command_table;
use crate::graph::{Graph, State, database_error, find_user};
use crate::random::Random;
use crate::response::{ErrorResponse, RequestIds, json_response};
use crate::scripted_response::ScriptedResponse;
use crate::seed;
use crate::store::User;
use crate::throttle::{Limits, Throttle};

/// How many snapshots are kept.
const MAX_SNAPSHOTS: usize = 16;

impl Graph {
    /// Executes a command; null stands for no arguments.
    pub fn command(self: &Arc<Self>, name: &str, arguments: &Value, dialect: Dialect) -> Result<Value> {
        let none = json!({});
        let arguments = if arguments.is_null() { &none } else { arguments };
        command_table::run(self, name, Input::from(arguments), dialect)
    }

    /// Stores a certification.
    pub fn add(&self, user: &str, values: Map<String, Value>) -> Result<Value> {
        let mut state = self.state();
        let State { store, clock, random, .. } = &mut *state;
        seed::one(store, user, values, &clock.text(), random).map(Value::Object).map_err(database_error)
    }

    /// The stored certifications of a user.
    pub fn certifications(&self, user: Option<&str>) -> Result<Value> {
        let state = self.state();
        let user = find_user(&state, user)?;
        Ok(json!(state.store.certifications(&user.id).map_err(database_error)?))
    }

    /// The users.
    pub fn users(&self) -> Result<Value> {
        let users = self.state().store.users().map_err(database_error)?;
        let shown = |user: &User| json!({"id": user.id, "userPrincipalName": user.upn, "displayName": user.name});
        Ok(users.iter().map(shown).collect())
    }

    /// Scripts the responses to the next requests.
    pub fn script(&self, responses: Vec<ScriptedResponse>) -> Result<Value> {
        for (at, response) in responses.iter().enumerate() {
            response.check().map_err(|error| error.at(&format!("answers[{at}]")))?;
        }
        self.state().script.extend(responses);
        Ok(Value::Null)
    }

    /// Sets the limits.
    pub fn limit(&self, limits: Limits) {
        self.state().throttle = Throttle::new(limits);
    }

    /// Changes the clock and returns its time.
    pub fn change_clock(&self, change: &ClockChange) -> Result<Value> {
        let mut state = self.state();
        state.clock.change(change)?;
        Ok(json!(state.clock.text()))
    }

    /// Restarts the random generator.
    pub fn seed(&self, seed: u64) {
        self.state().random = Random::new(Some(seed));
    }

    /// Keeps a copy of the store and returns its number.
    pub fn snapshot(&self) -> Result<Value> {
        let mut state = self.state();
        if state.snapshots.len() >= MAX_SNAPSHOTS {
            return Err(Error::input("snapshot", format!("at most {MAX_SNAPSHOTS} snapshots are kept")));
        }
        let copy = state.store.copy().map_err(database_error)?;
        state.snapshots.push(copy);
        Ok(json!(state.snapshots.len()))
    }

    /// Restores a copy of the store.
    pub fn restore(&self, snapshot: usize) -> Result<Value> {
        let mut state = self.state();
        let State { store, snapshots, .. } = &mut *state;
        let copy = snapshot.checked_sub(1).and_then(|at| snapshots.get(at));
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
        match self.command(name, &arguments, Dialect::GRAPH) {
            Ok(value) => json_response(200, Some(&value), ids),
            Err(error) => ErrorResponse::bad_request(error.to_string()).response(ids),
        }
    }
}
