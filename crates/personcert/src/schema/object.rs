//! The members of a caller's object: options by their names, and the members of a record.
//!
//! Unknown names are errors everywhere, because a misspelt option that is ignored changes what a call does. Each error names
//! the nearest known name in the caller's spelling.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::input::{FromInput, Input, describe, wrong_type};
use super::record::{Kind, Property, Record};
use crate::host::{Dialect, Naming, advice};
use crate::{Error, Result};

/// Reads the option `name`; an error names it.
#[doc(hidden)]
pub fn read_option<T: FromInput>(name: &str, value: &Value, property: &Property, dialect: Dialect) -> Result<T> {
    let read = T::from_input(value.into(), dialect).and_then(|read| property.check_range(value).map(|()| read));
    read.map_err(|error| error.at(name))
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

impl Property {
    /// Refuses a number outside the range.
    fn check_range(&self, value: &Value) -> Result<()> {
        match (&self.range, value.as_f64()) {
            (Some(range), Some(number)) if !range.contains(&number) => {
                let allowed = describe_range(range);
                Err(Error::value(format!("must be {allowed}, got {}", describe(value.into()))))
            }
            _ => Ok(()),
        }
    }

    /// The documentation of the member with the range of its values.
    pub fn meaning(&self) -> String {
        let doc = self.doc.split_whitespace().collect::<Vec<_>>().join(" ");
        self.range.as_ref().map_or(doc.clone(), |range| format!("{doc} Must be {}.", describe_range(range)))
    }
}

/// A range as messages and documents write it.
fn describe_range(range: &RangeInclusive<f64>) -> String {
    let (least, most) = (range.start(), range.end());
    if most.is_finite() { format!("from {least} to {most}") } else { format!("at least {least}") }
}

impl Record {
    /// The option that a caller calls `name`, in the spelling of `dialect` or in `other`.
    #[doc(hidden)]
    pub fn option(&self, name: &str, noun: &str, dialect: Dialect, other: Naming) -> Result<&'static Property> {
        self.find(name, dialect.naming).or_else(|| self.find(name, other)).ok_or_else(|| {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_outside_the_range_of_its_option_is_refused() {
        let share = Property::member("share", "share", Kind::Number, false, "A share.").within(0.0..=1.0);
        let rate = Property::member("rate", "rate", Kind::Number, false, "A rate.").within(0.0..=f64::INFINITY);
        let read = |value: Value, property| read_option::<f64>("x", &value, property, Dialect::GRAPH);
        assert_eq!(read(json!(1), &share).unwrap().to_bits(), 1.0_f64.to_bits());
        assert_eq!(read(json!(1e300), &rate).unwrap().to_bits(), 1e300_f64.to_bits());
        assert_eq!(read(json!(1.5), &share).unwrap_err().to_string(), "x: must be from 0 to 1, got the number 1.5");
        assert_eq!(read(json!(-1), &rate).unwrap_err().to_string(), "x: must be at least 0, got the number -1");
        assert_eq!(read(json!("1"), &rate).unwrap_err().to_string(), "x: expected a number, got the text \"1\"");
        assert_eq!(share.meaning(), "A share. Must be from 0 to 1.");
        assert_eq!(rate.meaning(), "A rate. Must be at least 0.");
    }
}
