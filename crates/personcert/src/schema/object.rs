//! The members of a caller's object: options by their names, and the members of a record.
//!
//! Unknown names are errors everywhere, because a misspelt option that is ignored changes what a call does. Each error names
//! the nearest known name in the caller's spelling.

use serde_json::{Map, Value};

use super::input::{FromInput, Input, wrong_type};
use super::record::{Kind, Record};
use crate::host::{Dialect, Naming, advice};
use crate::{Error, Result};

/// Reads the option `name`; an error names it.
#[doc(hidden)]
pub fn read_option<T: FromInput>(name: &str, value: &Value, dialect: Dialect) -> Result<T> {
    T::from_input(value.into(), dialect).map_err(|error| error.at(name))
}

/// The error for an option that must be given.
#[doc(hidden)]
pub fn missing_option(name: &str) -> Error {
    Error::input(name, "must be given")
}

/// The members of a caller's object.
#[doc(hidden)]
pub fn object<'a>(input: Input<'a>, record: &'static Record) -> Result<&'a Map<String, Value>> {
    match input {
        Input::Json(Value::Object(object)) => Ok(object),
        other => Err(wrong_type(other, Kind::Record(record))),
    }
}

impl Record {
    /// Graph's name of the option that a caller calls `name`.
    #[doc(hidden)]
    pub fn option(&self, name: &str, noun: &str, dialect: Dialect) -> Result<&'static str> {
        self.find(name, dialect.naming).map(|property| property.name).ok_or_else(|| {
            let allowed: Vec<_> = self.properties.iter().map(|property| property.named(dialect)).collect();
            Error::input(name, format!("unknown {noun}; {}", advice(name, &allowed)))
        })
    }
}

/// The members of a caller's object, each with its index in the table. A member may also carry Graph's own name, and
/// annotations (`@odata.type`) are skipped, so that an object that was read can be sent back.
pub(crate) fn read_object<'a>(
    record: &'static Record,
    input: Input<'a>,
    dialect: Dialect,
) -> Result<impl Iterator<Item = Result<(usize, &'a str, Input<'a>)>>> {
    let Input::Json(Value::Object(object)) = input else { return Err(wrong_type(input, Kind::Record(record))) };
    let members = object.iter().filter(|(name, _)| !name.contains('@'));
    Ok(members.map(move |(name, value)| {
        let index = record.position(name, dialect.naming).or_else(|| record.position(name, Naming::Camel));
        let unknown = || {
            let allowed: Vec<_> = record.properties.iter().map(|property| property.named(dialect)).collect();
            Error::value(format!("unknown member; {}", advice(name, &allowed))).at(name)
        };
        Ok((index.ok_or_else(unknown)?, name.as_str(), Input::from(value)))
    }))
}
