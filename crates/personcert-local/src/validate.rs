//! What a request body may hold, checked as the service does it and independently of the client.

use personcert::schema::Kind;
use personcert::schema::PROPERTIES;
use serde_json::{Map, Value};

use crate::property::date;
use crate::response::ErrorResponse;

const AUDIENCES: [&str; 8] = [
    "me",
    "family",
    "contacts",
    "groupMembers",
    "organization",
    "federatedOrganizations",
    "everyone",
    "unknownFutureValue",
];
/// What a double may be besides a number.
const SPECIAL_NUMBERS: [&str; 3] = ["INF", "-INF", "NaN"];

/// What a body is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new item, whose `source` may be set.
    Create,
    /// A change of an item.
    Update,
}

/// The values in a body, without annotations and without the members that the service sets itself.
pub fn values(body: &[u8], purpose: Purpose) -> Result<Map<String, Value>, ErrorResponse> {
    if body.is_empty() {
        return Err(ErrorResponse::bad_request("Empty Payload. JSON content expected."));
    }
    let unreadable = "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.";
    let read: Option<Value> = serde_json::from_slice(body).ok();
    let Some(Value::Object(members)) = read else { return Err(ErrorResponse::bad_request(unreadable)) };
    let mut values = Map::new();
    for (name, value) in members {
        let annotated = name.split_once('@').map(|(annotated, _)| annotated);
        let property = PROPERTIES.iter().find(|property| property.name == annotated.unwrap_or(&name));
        let Some(property) = property else {
            if annotated == Some("") {
                continue;
            }
            let message =
                format!("The property '{name}' does not exist on type 'microsoft.graph.personCertification'.");
            return Err(ErrorResponse::invalid_body(message));
        };
        let is_source = property.name == "source" && purpose == Purpose::Create;
        if annotated.is_some() || !property.updatable && !is_source {
            continue;
        }
        let read = if is_source { source(&value) } else { typed(property.kind, value.clone()) };
        let Some(read) = read else {
            let message = format!("Cannot convert the literal '{value}' to the expected type of '{name}'.");
            return Err(ErrorResponse::invalid_body(message));
        };
        values.insert(name, read);
    }
    Ok(values)
}

/// A value of this kind as it is stored; nothing when it has another type.
fn typed(kind: Kind, value: Value) -> Option<Value> {
    if value.is_null() {
        return Some(value);
    }
    let fits = match kind {
        Kind::Text | Kind::Url | Kind::DateTime | Kind::Name | Kind::Path | Kind::Choice(_) => value.is_string(),
        Kind::Date => value.as_str().is_some_and(|text| date(text).is_some()),
        Kind::Audiences => value.as_str().is_some_and(is_audiences),
        Kind::Boolean => value.is_boolean(),
        Kind::Number => value.is_number() || value.as_str().is_some_and(|text| SPECIAL_NUMBERS.contains(&text)),
        Kind::Integer | Kind::Duration => value.is_number(),
        // Only options are of these kinds.
        Kind::Any | Kind::TextMap | Kind::Object | Kind::Headers | Kind::OneOf(_) => true,
        Kind::Record(record) => {
            let Value::Object(members) = value else { return None };
            return object(members, |name, value| {
                let member = record.properties.iter().find(|property| property.name == name)?;
                typed(member.kind, value)
            });
        }
        Kind::List(item) => {
            let Value::Array(items) = value else { return None };
            return items.into_iter().map(|value| typed(*item, value)).collect::<Option<_>>().map(Value::Array);
        }
    };
    fits.then_some(value)
}

/// `source`, whose only member is a collection of texts in the service's schema.
fn source(value: &Value) -> Option<Value> {
    let members = match value {
        Value::Null => return Some(Value::Null),
        Value::Object(members) => members.clone(),
        _ => return None,
    };
    object(members, |name, value| {
        let is_texts = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
        (name == "type" && (value.is_null() || is_texts)).then_some(value)
    })
}

/// An object whose members `read` accepts, without its annotations.
fn object(members: Map<String, Value>, read: impl Fn(&str, Value) -> Option<Value>) -> Option<Value> {
    let members = members.into_iter().filter(|(name, _)| !name.contains('@'));
    let read = members.map(|(name, value)| read(&name, value).map(|value| (name, value)));
    read.collect::<Option<_>>().map(Value::Object)
}

/// Flags by name or number, separated by commas.
fn is_audiences(text: &str) -> bool {
    text.split(',').all(|name| AUDIENCES.contains(&name.trim()) || name.trim().parse::<u8>().is_ok())
}
