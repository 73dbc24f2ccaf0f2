//! The one strict reader of a caller's values, with one set of messages.
//!
//! Settings, call options, properties of a patch and options of the local Graph all end here, so that the same mistake gets
//! the same message in every front end: what was expected, what was given, and for unknown names the nearest known one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Number, Value};

use super::record::Kind;
use crate::host::{Dialect, advice};
use crate::value::date::Date;
use crate::{Error, Result, Secret};

/// The longest time that a caller may give.
const MAX_DURATION: Duration = Duration::from_hours(24);

/// A value as a caller gave it: a cell of a table, a member of a JSON object, an argument.
///
/// ```
/// use personcert::Date;
/// use personcert::host::Dialect;
/// use personcert::schema::{FromInput, Input};
///
/// assert!(Date::from_input(Input::Text("2031-07-06"), Dialect::GRAPH).is_ok());
/// let error = Date::from_input(Input::Int(2031), Dialect::GRAPH).unwrap_err();
/// assert_eq!(error.message, "expected a date as YYYY-MM-DD, got the number 2031");
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Nothing was given.
    Absent,
    /// Null was given: the property is to be cleared.
    Clear,
    /// Text.
    Text(&'a str),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A calendar date.
    Date(Date),
    /// A list, an object, or a number that fits none of the above.
    Json(&'a Value),
}

impl<'a> From<&'a Value> for Input<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Clear,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::String(text) => Self::Text(text),
            Value::Number(number) if number.is_f64() => number.as_f64().map_or(Self::Json(value), Self::Float),
            Value::Number(number) => number.as_i64().map_or(Self::Json(value), Self::Int),
            Value::Array(_) | Value::Object(_) => Self::Json(value),
        }
    }
}

/// A type that is read from what a caller gave, strictly: a value of another type is an error.
pub trait FromInput: Sized {
    /// Reads the value; `dialect` says how the caller spells names and measures time.
    ///
    /// # Errors
    /// `invalid_input` without a parameter, which the caller adds with [`Error::at`].
    fn from_input(input: Input<'_>, dialect: Dialect) -> Result<Self>;
}

impl FromInput for String {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        text(input, Kind::Text).map(str::to_owned)
    }
}

impl FromInput for Secret {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        // The value stays out of the message: it may be a token in the wrong wrapping.
        text(input, Kind::Text).map(Self::from).map_err(|_| Error::value("expected text"))
    }
}

impl FromInput for bool {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        match input {
            Input::Bool(flag) => Ok(flag),
            other => Err(wrong_type(other, Kind::Boolean)),
        }
    }
}

impl FromInput for f64 {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        number(input, Kind::Number)
    }
}

impl FromInput for u64 {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        /// Above this, a float stands for several whole numbers.
        const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
        let whole = match input {
            Input::Int(number) => number.try_into().ok(),
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is whole and within 53 bits"
            )]
            Input::Float(number) if number.fract() == 0.0 && (0.0..MAX_EXACT).contains(&number) => Some(number as Self),
            Input::Json(value) => value.as_u64(),
            _ => None,
        };
        whole.ok_or_else(|| wrong_type(input, Kind::Integer))
    }
}

impl FromInput for u32 {
    fn from_input(input: Input<'_>, dialect: Dialect) -> Result<Self> {
        u64::from_input(input, dialect)?
            .try_into()
            .map_err(|_| Error::value(format!("must be at most {}, got {}", Self::MAX, describe(input))))
    }
}

impl FromInput for u16 {
    fn from_input(input: Input<'_>, dialect: Dialect) -> Result<Self> {
        u64::from_input(input, dialect)?
            .try_into()
            .map_err(|_| Error::value(format!("must be at most {}, got {}", Self::MAX, describe(input))))
    }
}

impl FromInput for usize {
    fn from_input(input: Input<'_>, dialect: Dialect) -> Result<Self> {
        u64::from_input(input, dialect)?
            .try_into()
            .map_err(|_| Error::value(format!("must be at most {}, got {}", Self::MAX, describe(input))))
    }
}

impl FromInput for Map<String, Value> {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        match input {
            Input::Json(Value::Object(members)) => Ok(members.clone()),
            other => Err(wrong_type(other, Kind::Object)),
        }
    }
}

impl FromInput for PathBuf {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        text(input, Kind::Path).map(Self::from)
    }
}

impl FromInput for IpAddr {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        text(input, Kind::Text)?.parse().map_err(|_| Error::value("not an IP address; give one such as 127.0.0.1"))
    }
}

impl FromInput for Value {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        Ok(match input {
            Input::Absent | Input::Clear => Self::Null,
            Input::Text(text) => text.into(),
            Input::Bool(flag) => flag.into(),
            Input::Int(number) => number.into(),
            Input::Float(number) => Number::from_f64(number).map_or(Self::Null, Self::Number),
            Input::Date(date) => date.to_string().into(),
            Input::Json(value) => value.clone(),
        })
    }
}

impl FromInput for Duration {
    fn from_input(input: Input<'_>, dialect: Dialect) -> Result<Self> {
        let seconds = number(input, Kind::Duration)? * dialect.time_unit.as_secs_f64();
        match Self::try_from_secs_f64(seconds) {
            Ok(length) if !length.is_zero() && length <= MAX_DURATION => Ok(length),
            _ => Err(Error::value(format!("must be greater than 0 and at most 24 hours, got {}", describe(input)))),
        }
    }
}

impl<T: FromInput> FromInput for Option<T> {
    fn from_input(input: Input<'_>, dialect: Dialect) -> Result<Self> {
        match input {
            Input::Absent | Input::Clear => Ok(None),
            given => T::from_input(given, dialect).map(Some),
        }
    }
}

impl<T: FromInput> FromInput for Vec<T> {
    fn from_input(input: Input<'_>, dialect: Dialect) -> Result<Self> {
        let Input::Json(Value::Array(items)) = input else { return Err(wrong_type(input, Kind::List(&Kind::Any))) };
        let item = |(index, item): (usize, &Value)| {
            T::from_input(item.into(), dialect).map_err(|error| error.at(&format!("[{index}]")))
        };
        items.iter().enumerate().map(item).collect()
    }
}

impl FromInput for BTreeMap<String, String> {
    fn from_input(input: Input<'_>, dialect: Dialect) -> Result<Self> {
        let Input::Json(Value::Object(members)) = input else { return Err(wrong_type(input, Kind::TextMap)) };
        let member = |(name, value): (&String, &Value)| {
            let text = String::from_input(value.into(), dialect).map_err(|error| error.at(name))?;
            Ok((name.clone(), text))
        };
        members.iter().map(member).collect()
    }
}

/// Text, for a type that is written as text.
pub(crate) fn text(input: Input<'_>, wanted: Kind) -> Result<&str> {
    match input {
        Input::Text(text) => Ok(text),
        other => Err(wrong_type(other, wanted)),
    }
}

fn number(input: Input<'_>, wanted: Kind) -> Result<f64> {
    let number = match input {
        Input::Int(number) => Number::from(number).as_f64(),
        Input::Float(number) if number.is_finite() => Some(number),
        Input::Float(_) => return Err(Error::value("NaN and infinities can't be sent")),
        Input::Json(value) => value.as_f64(),
        _ => None,
    };
    number.ok_or_else(|| wrong_type(input, wanted))
}

/// One of a closed set of names; `what` says of what, for the error.
#[doc(hidden)]
pub fn choice<T>(input: Input<'_>, what: &str, all: impl Iterator<Item = (&'static str, T)> + Clone) -> Result<T> {
    let name = text(input, Kind::Text)?;
    let found = all.clone().find(|(known, _)| *known == name).map(|(_, value)| value);
    found.ok_or_else(|| {
        let names: Vec<_> = all.map(|(known, _)| known).collect();
        Error::value(format!("unknown {what}; {}", advice(name, &names)))
    })
}

/// The error for a value of another type than `wanted`.
pub(crate) fn wrong_type<'a>(input: impl Into<Input<'a>>, wanted: Kind) -> Error {
    Error::value(format!("expected {}, got {}", expected(wanted), describe(input.into())))
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
        Kind::Path => "the path of a file".into(),
        Kind::TextMap => "an object of texts".into(),
        Kind::Object => "an object".into(),
        Kind::Headers => "an object of texts, or a list of [name, value]".into(),
        Kind::OneOf(kinds) => kinds.iter().map(|kind| expected(*kind)).collect::<Vec<_>>().join(", or "),
    }
}

/// A value as a message shows it: its type, and the value itself where it is short.
pub(super) fn describe(input: Input<'_>) -> String {
    match input {
        Input::Absent => "nothing".into(),
        Input::Clear => "null".into(),
        Input::Bool(flag) => format!("the boolean {flag}"),
        Input::Int(number) => format!("the number {number}"),
        Input::Float(number) => format!("the number {number:?}"),
        Input::Date(date) => format!("the date {date}"),
        Input::Text(text) if text.chars().count() <= 40 => format!("the text {text:?}"),
        Input::Text(_) => "a longer text".into(),
        Input::Json(Value::Array(_)) => "a list".into(),
        Input::Json(Value::Object(_)) => "an object".into(),
        Input::Json(value) => format!("the number {value}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read<T: FromInput>(value: &Value) -> Result<T> {
        T::from_input(value.into(), Dialect { time_unit: Duration::from_millis(1), ..Dialect::GRAPH })
    }

    fn message<T: FromInput + std::fmt::Debug>(value: &Value) -> String {
        read::<T>(value).unwrap_err().message
    }

    #[test]
    fn a_whole_number_may_come_as_a_float_below_2_to_the_53() {
        for (value, number) in [
            (json!(0), 0),
            (json!(5.0), 5),
            (json!(u64::MAX), u64::MAX),
            (json!(9_007_199_254_740_991.0), (1 << 53) - 1),
        ] {
            assert_eq!(read::<u64>(&value).unwrap(), number);
        }
        for value in [json!(-1), json!(0.5), json!(9_007_199_254_740_992.0), json!("5"), json!(true), json!([5])] {
            assert!(message::<u64>(&value).starts_with("expected a whole number, got "), "{value}");
        }
        assert_eq!(read::<u32>(&json!(4_294_967_295_u32)).unwrap(), u32::MAX);
        assert_eq!(message::<u32>(&json!(4_294_967_296_u64)), "must be at most 4294967295, got the number 4294967296");
    }

    #[test]
    fn a_duration_is_in_the_callers_unit_and_within_a_day() {
        assert_eq!(read::<Duration>(&json!(1500)).unwrap(), Duration::from_millis(1500));
        assert_eq!(read::<Duration>(&json!(86_400_000)).unwrap(), MAX_DURATION);
        for value in [json!(0), json!(-1), json!(86_400_001), json!(1e300)] {
            assert!(message::<Duration>(&value).starts_with("must be greater than 0 and at most 24 hours, got "));
        }
        assert_eq!(message::<Duration>(&json!("1")), "expected a number, got the text \"1\"");
    }

    #[test]
    fn a_secret_never_stands_in_a_message() {
        assert_eq!(message::<Secret>(&json!(["canary"])), "expected text");
        assert_eq!(message::<Secret>(&json!(1_234_567)), "expected text");
        assert_eq!(read::<Secret>(&json!("canary")).unwrap().expose(), "canary");
    }

    #[test]
    fn null_is_none_for_an_option_and_an_error_otherwise() {
        assert_eq!(read::<Option<String>>(&json!(null)).unwrap(), None);
        assert_eq!(read::<Option<String>>(&json!("a")).unwrap().as_deref(), Some("a"));
        assert_eq!(message::<String>(&json!(null)), "expected text, got null");
        assert_eq!(message::<bool>(&json!(0)), "expected true or false, got the number 0");
    }

    #[test]
    fn an_item_of_a_list_is_named_by_its_index() {
        assert_eq!(read::<Vec<String>>(&json!(["a", "b"])).unwrap(), ["a", "b"]);
        let error = read::<Vec<String>>(&json!(["a", 1.5])).unwrap_err();
        assert_eq!(error.details.parameter.as_deref(), Some("[1]"));
        assert_eq!(error.message, "expected text, got the number 1.5");
        assert_eq!(message::<Vec<String>>(&json!("a")), "expected a list, got the text \"a\"");
    }

    #[test]
    fn numbers_json_cannot_hold_are_rejected() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = f64::from_input(Input::Float(number), Dialect::GRAPH).unwrap_err();
            assert_eq!(error.message, "NaN and infinities can't be sent");
        }
        assert_eq!(read::<f64>(&json!(3)).unwrap().to_bits(), 3.0_f64.to_bits());
    }

    #[test]
    fn a_choice_names_the_nearest() {
        let all = [("global", 1), ("us-gov", 2)].into_iter();
        assert_eq!(choice(Input::Text("us-gov"), "cloud", all.clone()).unwrap(), 2);
        let error = choice(Input::Text("usgov"), "cloud", all).unwrap_err();
        assert_eq!(error.message, "unknown cloud; did you mean `us-gov`? Allowed: global, us-gov");
    }
}
