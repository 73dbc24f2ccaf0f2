//! The commands of the local Graph itself.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{Method, Response};
use personcert::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::graph::{Graph, State, internal};
use crate::random::Random;
use crate::reply::{Ids, Refusal, json_answer};
use crate::script::Answer;
use crate::seed;
use crate::store::User;
use crate::throttle::Throttle;

/// How many snapshots are kept.
const SNAPSHOTS: usize = 16;

impl Graph {
    /// Carries out a command of the local Graph itself.
    pub fn command(self: &Arc<Self>, name: &str, arguments: &Value) -> Result<Value> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        let user = |state: &State| -> Result<User> {
            let name = text("user").unwrap_or(seed::FIRST_USER);
            let found = state.store.user(name).map_err(internal)?;
            found.ok_or_else(|| Error::input("user", format!("the local Graph has no user {name:?}")))
        };
        match name {
            "add" => {
                let values = arguments.get("certification").and_then(Value::as_object);
                let values = values.ok_or_else(|| Error::input("certification", "expected an object"))?.clone();
                let name = text("user").ok_or_else(|| Error::input("user", "there is no user"))?;
                let mut state = self.state();
                let State { store, clock, random, .. } = &mut *state;
                let added = seed::one(store, name, values, &clock.text(), random).map_err(internal)?;
                Ok(Value::Object(added))
            }
            "certifications" => {
                let state = self.state();
                let user = user(&state)?;
                Ok(json!(state.store.certifications(&user.id).map_err(internal)?))
            }
            "users" => {
                let users = self.state().store.users().map_err(internal)?;
                let shown =
                    |user: &User| json!({"id": user.id, "userPrincipalName": user.upn, "displayName": user.name});
                Ok(users.iter().map(shown).collect())
            }
            "script" => {
                let answers = arguments.get("answers").cloned().unwrap_or_default();
                let answers: Vec<Answer> =
                    serde_json::from_value(answers).map_err(|error| Error::input("answers", error.to_string()))?;
                for answer in &answers {
                    answer.check().map_err(|why| Error::input("answers", why))?;
                }
                self.state().script.extend(answers);
                Ok(Value::Null)
            }
            "requests" => Ok(self.state().log.select(&read(name, arguments)?)),
            "faults" => {
                let faults = arguments.get("faults").unwrap_or(&Value::Null);
                let added = self.state().faults.add(faults);
                added.map(|()| Value::Null).map_err(|(place, why)| Error::input(place, why))
            }
            "throttle" => {
                let throttle = Throttle::new(read(name, arguments)?).map_err(|why| Error::input(name, why))?;
                self.state().throttle = throttle;
                Ok(Value::Null)
            }
            "clock" => {
                let mut state = self.state();
                state.clock.change(&read(name, arguments)?).map_err(|why| Error::input(name, why))?;
                Ok(json!(state.clock.text()))
            }
            "seed" => {
                let seed = arguments.get("seed").and_then(Value::as_u64);
                let seed = seed.ok_or_else(|| Error::input("seed", "expected a number from 0"))?;
                self.state().random = Random::new(Some(seed));
                Ok(Value::Null)
            }
            "snapshot" => {
                let mut state = self.state();
                if state.snapshots.len() >= SNAPSHOTS {
                    return Err(Error::input("snapshot", format!("there are {SNAPSHOTS} already")));
                }
                let copy = state.store.copy().map_err(internal)?;
                state.snapshots.push(copy);
                Ok(json!({"snapshot": state.snapshots.len()}))
            }
            "restore" => {
                let mut state = self.state();
                let State { store, snapshots, .. } = &mut *state;
                let number = arguments.get("snapshot").and_then(Value::as_u64).unwrap_or_default();
                let number = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
                let copy = number.and_then(|number| snapshots.get(number));
                let copy = copy.ok_or_else(|| Error::input("snapshot", "there is no such snapshot"))?;
                store.restore(copy).map(|()| Value::Null).map_err(internal)
            }
            "addresses" => self.addresses(),
            "ca" => Ok(json!(self.tls()?.authority())),
            "reset" => self.reset().map(|()| Value::Null),
            other => self
                .identity_command(other, arguments)
                .unwrap_or_else(|| Err(Error::input("command", format!("the local Graph has no command {other:?}")))),
        }
    }

    /// The commands over HTTP.
    pub fn own(self: &Arc<Self>, name: &str, method: &Method, body: &Bytes, ids: &Ids) -> Response<Body> {
        if method != Method::POST {
            return Refusal::new(405, "Request_BadRequest", "Commands are sent with POST.").answer(ids);
        }
        let arguments = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(body) };
        let Ok(arguments) = arguments else {
            return Refusal::new(400, "BadRequest", "The body is not JSON.").answer(ids);
        };
        match self.command(name, &arguments) {
            Ok(value) => json_answer(200, Some(&value), ids),
            Err(error) => Refusal::new(400, "BadRequest", error.to_string()).answer(ids),
        }
    }
}

/// The arguments of a command that takes an object of known members.
pub fn read<T: DeserializeOwned>(name: &str, arguments: &Value) -> Result<T> {
    let arguments = if arguments.is_null() { json!({}) } else { arguments.clone() };
    serde_json::from_value(arguments).map_err(|error| Error::input(name, error.to_string()))
}
