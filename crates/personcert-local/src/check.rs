//! What a body may hold, checked as the service does and not as the client does.

use personcert::PROPERTIES;
use personcert::schema::Kind;
use serde_json::{Map, Value};

use crate::reply::Refusal;

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

/// The changes in a body, without the members that the service sets itself.
pub fn changes(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.is_empty() {
        return Err(Refusal::new(400, "BadRequest", "Empty Payload. JSON content expected."));
    }
    let unreadable = "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.";
    let read: Option<Value> = serde_json::from_slice(body).ok();
    let Some(Value::Object(mut members)) = read else { return Err(Refusal::new(400, "BadRequest", unreadable)) };
    for (name, value) in &members {
        let known = PROPERTIES.iter().find(|property| property.name == name);
        let Some(property) = known else {
            if name.starts_with('@') {
                continue;
            }
            let message =
                format!("The property '{name}' does not exist on type 'microsoft.graph.personCertification'.");
            return Err(Refusal::body(message));
        };
        if property.updatable && !value.is_null() && !fits(property.kind, value) {
            let message = format!("Cannot convert the literal '{value}' to the expected type of '{name}'.");
            return Err(Refusal::body(message));
        }
    }
    members.retain(|name, _| PROPERTIES.iter().any(|property| property.updatable && property.name == name));
    Ok(members)
}

fn fits(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::Text | Kind::Url | Kind::DateTime | Kind::Name | Kind::Choice(_) => value.is_string(),
        Kind::Date => {
            value.as_str().is_some_and(|text| text.len() == 10 && jiff::civil::Date::strptime("%Y-%m-%d", text).is_ok())
        }
        Kind::Audiences => value.as_str().is_some_and(|text| {
            text.split(',').all(|name| AUDIENCES.contains(&name.trim()) || name.trim().parse::<u8>().is_ok())
        }),
        Kind::Boolean => value.is_boolean(),
        Kind::Number | Kind::Integer | Kind::Duration => value.is_number(),
        Kind::Any => true,
        Kind::Record(record) => value.as_object().is_some_and(|object| {
            object.iter().all(|(name, value)| {
                let member = record.properties.iter().find(|property| property.name == name);
                member.is_some_and(|member| value.is_null() || fits(member.kind, value))
            })
        }),
        Kind::List(item) => value.as_array().is_some_and(|items| items.iter().all(|value| fits(*item, value))),
    }
}
