//! What an update did.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::value::{Kind, PropertyValue, record};
use crate::{CertificationPatch, PersonCertification};

/// The name of a property, as Graph writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Name(pub String);

impl PropertyValue for Name {
    const KIND: Kind = Kind::Name;

    fn read(value: Value) -> Result<Self, Value> {
        String::read(value).map(Self)
    }
}

/// Any JSON value.
impl PropertyValue for Value {
    const KIND: Kind = Kind::Any;

    fn read(value: Value) -> Result<Self, Value> {
        Ok(value)
    }
}

/// A whole number.
impl PropertyValue for u32 {
    const KIND: Kind = Kind::Integer;

    fn read(value: Value) -> Result<Self, Value> {
        value.as_u64().and_then(|number| number.try_into().ok()).ok_or(value)
    }
}

record! {
    /// One member of a certification that an update changed.
    pub struct Changed {
        name = "name": Name, "The member.";
        before = "before": Value, "Its value before; absent when the certification was not given as `current`.";
        after = "after": Value, "Its value after.";
        sent = "sent": bool, "Whether the update asked for it; false when the service recalculated it.";
    }
}

record! {
    /// What an update did.
    pub struct Updated {
        certification = "certification": PersonCertification, "The certification as it is now; absent when the service answered without it (204).";
        changed = "changed": Vec<Changed>, "The members that changed. With `current`: all that differ from it, those the service recalculated included. Without: those that were sent.";
        warnings = "warnings": Vec<String>, "What is odd but allowed, such as an end before the start.";
        status = "status": u32, "The HTTP status, 200 or 204; absent when nothing differed and nothing was sent.";
        request_id = "requestId": String, "The service's id for the request.";
        client_request_id = "clientRequestId": String, "Our id for the request.";
        attempts = "attempts": u32, "How many times the request was sent.";
    }
}

/// The members that differ between two states; where a state isn't known, those of the patch.
pub(crate) fn changes(
    patch: &CertificationPatch,
    before: Option<&PersonCertification>,
    after: Option<&PersonCertification>,
) -> Vec<Changed> {
    let sent = members(patch);
    let before = before.map(members);
    let after = after.map(members);
    let mut names: Vec<&str> = sent.keys().map(String::as_str).collect();
    if let (Some(before), Some(after)) = (&before, &after) {
        let differs = |name: &&str| {
            before.get(*name).filter(|value| !value.is_null()) != after.get(*name).filter(|value| !value.is_null())
        };
        names.retain(differs);
        let recalculated =
            after.keys().map(String::as_str).filter(|name| !sent.contains_key(*name) && !name.starts_with('@'));
        names.extend(recalculated.filter(differs));
    }
    let change = |name: &str| Changed {
        name: Some(Name(name.to_owned())),
        before: before.as_ref().map(|before| before.get(name).cloned().unwrap_or_default()),
        after: after.as_ref().and_then(|after| after.get(name)).or_else(|| sent.get(name)).cloned(),
        sent: Some(sent.contains_key(name)),
        ..Changed::default()
    };
    names.into_iter().map(change).collect()
}

fn members(of: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(of) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}
