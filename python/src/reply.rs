//! What a call ended with, made ready away from Python and turned into Python objects with the interpreter held.

use personcert::value::{Kind, PropertyValue};
use personcert::{Answer, Call, Client, Error, ErrorKind, Outcome, Pages, PersonCertification};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;

use crate::bridge;

/// The end of a call or of one page.
pub enum Reply {
    /// A value in Graph's names, and what it is.
    Value(Value, Kind),
    /// A list, still to be fetched.
    Pages(Pages),
}

/// Reads a call's arguments.
pub fn read_call(operation: &str, arguments: &Bound<'_, PyDict>) -> PyResult<Call> {
    let map = bridge::read_dict(arguments, bridge::CALL)?;
    Call::read(operation, &map, bridge::DIALECT).map_err(|error| bridge::raise(arguments.py(), &error))
}

/// Carries a call out.
pub async fn answer(client: Client, call: Call) -> Result<Reply, Error> {
    Ok(match client.call(call).await? {
        Answer::Pages(pages) => Reply::Pages(pages),
        answer => {
            let (value, kind) = answer.into_value();
            Reply::Value(value, kind)
        }
    })
}

/// Fetches the next page: a list of certifications, or null after the last.
pub async fn page(pages: &mut Pages) -> Result<Reply, Error> {
    let value = match pages.next().await? {
        Some(page) => serde_json::to_value(page).unwrap_or_default(),
        None => Value::Null,
    };
    Ok(Reply::Value(value, Kind::List(&PersonCertification::KIND)))
}

/// The error of a client that was closed, or of one that could not start.
pub fn unusable(why: impl Into<String>) -> Error {
    Error::input("client", why)
}

/// The error of a list that is continued in another process than it was begun in.
pub fn forked() -> Error {
    Error::new(ErrorKind::InvalidInput, Outcome::NotSent, "this list was begun before a fork; begin it anew here")
}
