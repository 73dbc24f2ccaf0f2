//! The kinds of value a property can hold, and how each is read.

use serde::Serialize;
use serde_json::Value;

use super::Record;
use crate::host::Dialect;
use crate::{Error, Result};

/// What a property holds, in terms that every language maps to types of its own.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Text.
    Text,
    /// Text that is an absolute http or https address.
    Url,
    /// A calendar date, `YYYY-MM-DD` (`Edm.Date`).
    Date,
    /// A point in time as text, up to seven fractional digits of a second (`Edm.DateTimeOffset`).
    DateTime,
    /// One or more of Graph's `allowedAudiences`, comma separated.
    Audiences,
    /// True or false.
    Boolean,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// A length of time in the caller's unit.
    Duration,
    /// The name of a property, in the caller's spelling.
    Name,
    /// Any JSON value.
    Any,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// An object with named members.
    Record(&'static Record),
    /// A list of values.
    List(&'static Kind),
}

/// A type that other languages know by its kind.
pub trait SchemaType {
    /// What the type is to other languages.
    const KIND: Kind;
    /// Whether a member of this type is always present.
    const REQUIRED: bool = true;

    /// Whether this value is an absent member.
    fn is_absent(&self) -> bool {
        false
    }
}

impl<T: SchemaType> SchemaType for Option<T> {
    const KIND: Kind = T::KIND;
    const REQUIRED: bool = false;

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: SchemaType> SchemaType for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND);
}

impl SchemaType for u32 {
    const KIND: Kind = Kind::Integer;
}

impl SchemaType for Value {
    const KIND: Kind = Kind::Any;
}

/// A type that a property of the service can have.
pub trait PropertyValue: SchemaType + Sized + Serialize {
    /// Reads what the service wrote, leniently. What isn't understood comes back unchanged.
    ///
    /// # Errors
    /// The value itself, when it isn't one of this type.
    fn read(value: Value) -> std::result::Result<Self, Value>;

    /// Whether [`read`](Self::read) would succeed.
    fn fits(value: &Value) -> bool {
        Self::read(value.clone()).is_ok()
    }

    /// Takes what a caller gave, strictly.
    fn accept(value: &Value, dialect: Dialect) -> Result<Self> {
        let _ = dialect;
        Self::read(value.clone()).map_err(|value| wrong_type(&value, Self::KIND))
    }

    /// Refuses a value that must not be sent, saying why.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// Text.
impl SchemaType for String {
    const KIND: Kind = Kind::Text;
}

impl PropertyValue for String {
    fn read(value: Value) -> std::result::Result<Self, Value> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        }
    }

    fn fits(value: &Value) -> bool {
        value.is_string()
    }
}

/// True or false.
impl SchemaType for bool {
    const KIND: Kind = Kind::Boolean;
}

impl PropertyValue for bool {
    fn read(value: Value) -> std::result::Result<Self, Value> {
        value.as_bool().ok_or(value)
    }
}

/// A finite number.
impl SchemaType for f64 {
    const KIND: Kind = Kind::Number;
}

impl PropertyValue for f64 {
    fn read(value: Value) -> std::result::Result<Self, Value> {
        value.as_f64().ok_or(value)
    }
}

/// A list.
impl<T: PropertyValue> PropertyValue for Vec<T> {
    fn read(value: Value) -> std::result::Result<Self, Value> {
        let Value::Array(items) = value else { return Err(value) };
        if !items.iter().all(T::fits) {
            return Err(Value::Array(items));
        }
        Ok(items.into_iter().filter_map(|item| T::read(item).ok()).collect())
    }

    fn fits(value: &Value) -> bool {
        value.as_array().is_some_and(|items| items.iter().all(T::fits))
    }

    fn accept(value: &Value, dialect: Dialect) -> Result<Self> {
        let Value::Array(items) = value else { return Err(wrong_type(value, Self::KIND)) };
        let accept = |(at, item)| T::accept(item, dialect).map_err(|error| error.at(&format!("[{at}]")));
        items.iter().enumerate().map(accept).collect()
    }
}

/// The error for a value of another type than `wanted`.
pub(crate) fn wrong_type(value: &Value, wanted: Kind) -> Error {
    Error::value(format!("expected {}, got {}", expected(wanted), describe(value)))
}

fn expected(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".into(),
        Kind::Url => "an absolute http(s) address".into(),
        Kind::Date => "a date as YYYY-MM-DD".into(),
        Kind::DateTime => "a point in time as text".into(),
        Kind::Audiences => "the name of an audience, or a list of names".into(),
        Kind::Boolean => "true or false".into(),
        Kind::Integer => "a whole number".into(),
        Kind::Number | Kind::Duration => "a number".into(),
        Kind::Name => "the name of a property".into(),
        Kind::Any => "a value".into(),
        Kind::Choice(choices) => format!("one of {}", choices.join(", ")),
        Kind::Record(record) => format!("an object ({})", record.name),
        Kind::List(_) => "a list".into(),
    }
}

/// A value as a message shows it: its type, and the value itself where it is short.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() <= 40 => format!("the text {text:?}"),
        Value::String(_) => "a longer text".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}
