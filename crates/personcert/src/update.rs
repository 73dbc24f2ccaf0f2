//! What an update did.

use serde::Serialize;
use serde_json::Value;

use crate::schema::{Kind, SchemaType, output};
use crate::{CertificationPatch, PROPERTIES, PersonCertification};

/// The name of a property, as Graph writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PropertyName(pub String);

impl SchemaType for PropertyName {
    const KIND: Kind = Kind::Name;
}

output! {
    /// One member of a certification that an update changed.
    pub struct PropertyChange {
        name = "name": PropertyName, "The member.";
        sent = "sent": bool, "Whether the update asked for it; false when the service recalculated it.";
        before = "before": Option<Value>, "Its value before; absent when the certification was not given as `current`.";
        after = "after": Option<Value>, "Its value after.";
    }
}

output! {
    /// What an update did.
    pub struct UpdateResult {
        certification = "certification": Option<PersonCertification>, "The certification as it is now; absent when the service answered without it (204).";
        changed = "changed": Vec<PropertyChange>, "The members that changed. With `current`: all that differ from it, those the service recalculated included. Without: those that were sent.";
        warnings = "warnings": Vec<String>, "What is odd but allowed, such as an end before the start.";
        status = "status": Option<u32>, "The HTTP status, 200 or 204; absent when nothing differed and nothing was sent.";
        request_id = "requestId": Option<String>, "The service's id for the request.";
        client_request_id = "clientRequestId": Option<String>, "Our id for the request.";
        attempts = "attempts": u32, "How many times the request was sent.";
        verified = "verified": bool, "True when no clear answer came and a read afterwards showed that the change was applied.";
    }
}

/// The members that differ between two states; where a state isn't known, those of the patch.
pub(crate) fn changes(
    patch: &CertificationPatch,
    before: Option<&PersonCertification>,
    after: Option<&PersonCertification>,
) -> Vec<PropertyChange> {
    let sent = patch.names();
    let change = |name: &str, before: Option<Value>, after: Option<Value>| PropertyChange {
        sent: sent.contains(&name),
        name: PropertyName(name.to_owned()),
        before,
        after,
    };
    let (Some(before), Some(after)) = (before, after) else {
        let one = |&name: &&str| {
            let before = before.map(|before| before.get(name).unwrap_or_default());
            let after = after.map_or_else(|| patch.get(name), |after| after.get(name).unwrap_or_default());
            change(name, before, Some(after))
        };
        return sent.iter().map(one).collect();
    };
    let unknown = before.extra.keys().chain(after.extra.keys()).map(String::as_str);
    let unknown = unknown.filter(|name| !name.starts_with('@') && PROPERTIES.iter().all(|known| known.name != *name));
    let mut names: Vec<&str> = sent.iter().copied().chain(PROPERTIES.iter().map(|known| known.name)).collect();
    names.extend(unknown);
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    let differing = names.into_iter().filter_map(|name| {
        let (before, after) = (before.get(name), after.get(name));
        let differs = before != after;
        differs.then(|| change(name, Some(before.unwrap_or_default()), Some(after.unwrap_or_default())))
    });
    differing.collect()
}
