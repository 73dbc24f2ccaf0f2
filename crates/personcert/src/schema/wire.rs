//! How the properties of the service's objects are read: leniently, straight from the deserializer.
//!
//! A response must never be lost because one member has a form that Graph doesn't document. Each member is read as its type
//! where that is possible, and otherwise kept as JSON beside the typed members. No intermediate `Value` is built for members
//! that can be read.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::Serialize;
use serde_json::{Map, Number, Value};

use super::input::FromInput;
use super::record::{PropertySet, SchemaType, to_json};
use crate::Result;

/// A type that a property of the service can have. The service's value is tried by its JSON type; what none of the
/// `from_…` functions accepts is kept as it was:
///
/// ```
/// use personcert::PersonCertification;
///
/// let read: PersonCertification =
///     serde_json::from_str(r#"{"endDate": "Date", "startDate": null, "issuedDate": "2020-07-06"}"#).unwrap();
/// assert!(read.issued_date.is_some());
/// assert!(read.is_null("startDate"));
/// assert_eq!(read.extra["endDate"], "Date");
/// ```
pub trait PropertyValue: SchemaType + FromInput + Serialize + PartialEq {
    /// Reads text.
    fn from_text(text: &str) -> Option<Self> {
        let _ = text;
        None
    }

    /// Reads true or false.
    fn from_bool(flag: bool) -> Option<Self> {
        let _ = flag;
        None
    }

    /// Reads a number.
    fn from_number(number: &Number) -> Option<Self> {
        let _ = number;
        None
    }

    /// Reads a list.
    fn from_list<'de, A: SeqAccess<'de>>(items: A) -> std::result::Result<Wire<Self>, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(items)).map(Wire::Other)
    }

    /// Reads an object.
    fn from_object<'de, A: MapAccess<'de>>(members: A) -> std::result::Result<Wire<Self>, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(members)).map(Wire::Other)
    }

    /// Whether a value of the service can be read as this type.
    fn matches(value: &Value) -> bool {
        matches!(Wire::<Self>::deserialize(value), Ok(Wire::Known(_)))
    }

    /// Checks that the value may be sent.
    ///
    /// # Errors
    /// `invalid_input` without a parameter.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Whether the service's value means the same, so that sending this one would change nothing.
    fn is_same(&self, stored: &Self) -> bool {
        self == stored
    }

    /// Whether the service's value is what it makes of this one: it may normalise what it was sent and add to it.
    fn is_stored_as(&self, stored: &Self) -> bool {
        self.is_same(stored)
    }

    /// Whether the service may return the value for a cleared property.
    fn is_blank(&self) -> bool {
        false
    }
}

/// What the service wrote for a property.
#[derive(Clone, Debug, PartialEq)]
pub enum Wire<T> {
    /// Null.
    Null,
    /// A value of the documented type.
    Known(T),
    /// Another value, unchanged.
    Other(Value),
}

impl<T> Wire<T> {
    fn known_or(read: Option<T>, other: impl Into<Value>) -> Self {
        read.map_or_else(|| Self::Other(other.into()), Self::Known)
    }

    /// Stores what was read in one of its three places: the field, the set of nulls, the members that could not be read.
    /// Where an object names a member twice, the last one counts.
    pub(crate) fn store(
        self,
        field: &mut Option<T>,
        nulls: &mut PropertySet,
        extra: &mut Map<String, Value>,
        (index, name, is_repeated): (usize, &str, bool),
    ) {
        if is_repeated {
            nulls.remove(index);
            extra.shift_remove(name);
            *field = None;
        }
        match self {
            Self::Known(value) => *field = Some(value),
            Self::Null => nulls.insert(index),
            Self::Other(value) => {
                extra.insert(name.to_owned(), value);
            }
        }
    }
}

impl<'de, T: PropertyValue> Deserialize<'de> for Wire<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(WireVisitor(PhantomData))
    }
}

struct WireVisitor<T>(PhantomData<T>);

impl<'de, T: PropertyValue> Visitor<'de> for WireVisitor<T> {
    type Value = Wire<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Wire<T>, E> {
        Ok(Wire::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> std::result::Result<Wire<T>, E> {
        Ok(Wire::known_or(T::from_bool(flag), flag))
    }

    fn visit_u64<E>(self, number: u64) -> std::result::Result<Wire<T>, E> {
        Ok(Wire::known_or(T::from_number(&number.into()), number))
    }

    fn visit_i64<E>(self, number: i64) -> std::result::Result<Wire<T>, E> {
        Ok(Wire::known_or(T::from_number(&number.into()), number))
    }

    fn visit_f64<E>(self, number: f64) -> std::result::Result<Wire<T>, E> {
        let read = Number::from_f64(number).and_then(|number| T::from_number(&number));
        Ok(Wire::known_or(read, number))
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Wire<T>, E> {
        Ok(Wire::known_or(T::from_text(text), text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> std::result::Result<Wire<T>, A::Error> {
        T::from_list(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> std::result::Result<Wire<T>, A::Error> {
        T::from_object(members)
    }
}

/// Whether a member's value and the service's mean the same.
pub(crate) fn is_same_member<T: PropertyValue>(sent: Option<&T>, stored: Option<&T>) -> bool {
    match (sent, stored) {
        (Some(sent), Some(stored)) => sent.is_same(stored),
        (sent, stored) => sent.is_none() && stored.is_none(),
    }
}

/// Whether two objects have the same unknown members. Annotations describe a response, and null counts as absent.
pub(crate) fn is_same_extra(sent: &Map<String, Value>, stored: &Map<String, Value>) -> bool {
    let count = |members: &Map<String, Value>| members.iter().filter(is_value).count();
    let is_stored = |(name, value): (&String, &Value)| stored.get(name) == Some(value);
    count(sent) == count(stored) && sent.iter().filter(is_value).all(is_stored)
}

fn is_value((name, value): &(&String, &Value)) -> bool {
    !name.contains('@') && !value.is_null()
}

/// Whether the service has the value that was sent, perhaps normalised; `other` is what it has and can't be read.
pub(crate) fn is_set<T: PropertyValue>(sent: &T, stored: Option<&T>, other: Option<&Value>) -> bool {
    stored.map_or_else(|| sent.is_blank() && is_cleared::<T>(None, other), |stored| sent.is_stored_as(stored))
}

/// Whether the service has no value for a property, or an empty one.
pub(crate) fn is_cleared<T: PropertyValue>(stored: Option<&T>, other: Option<&Value>) -> bool {
    stored.is_none_or(T::is_blank) && other.is_none_or(|other| other.is_null() || other == "")
}

/// Text.
impl PropertyValue for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn is_stored_as(&self, stored: &Self) -> bool {
        self.trim() == stored.trim()
    }

    fn is_blank(&self) -> bool {
        self.trim().is_empty()
    }
}

/// True or false.
impl PropertyValue for bool {
    fn from_bool(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

/// A finite number.
impl PropertyValue for f64 {
    fn from_number(number: &Number) -> Option<Self> {
        number.as_f64()
    }
}

/// A list. One value in place of a list is read as a list of one.
impl<T: PropertyValue> PropertyValue for Vec<T> {
    fn from_text(text: &str) -> Option<Self> {
        T::from_text(text).map(|item| vec![item])
    }

    fn from_list<'de, A: SeqAccess<'de>>(mut items: A) -> std::result::Result<Wire<Self>, A::Error> {
        let mut known = Self::new();
        while let Some(item) = items.next_element()? {
            let other = match item {
                Wire::Known(item) => {
                    known.push(item);
                    continue;
                }
                Wire::Null => Value::Null,
                Wire::Other(value) => value,
            };
            // One item that can't be read makes the whole list something else.
            let mut values: Vec<_> = known.iter().map(to_json).chain([other]).collect();
            while let Some(value) = items.next_element()? {
                values.push(value);
            }
            return Ok(Wire::Other(Value::Array(values)));
        }
        Ok(Wire::Known(known))
    }

    fn is_same(&self, stored: &Self) -> bool {
        self.len() == stored.len() && self.iter().zip(stored).all(|(sent, stored)| sent.is_same(stored))
    }

    fn is_stored_as(&self, stored: &Self) -> bool {
        self.len() == stored.len() && self.iter().zip(stored).all(|(sent, stored)| sent.is_stored_as(stored))
    }

    fn is_blank(&self) -> bool {
        self.is_empty()
    }
}
