//! The result of an update, and the difference between two states of a certification.
//!
//! The differences are computed from typed values, and only for members that at least one side is known to hold: a member
//! that was not read, for example because of `$select`, is not reported as changed.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::schema::PROPERTIES;
use crate::schema::{AsView, Kind, SchemaType, View, output};
use crate::{CertificationPatch, PersonCertification};

/// The name of a property, as Graph writes it. Language bindings write it in the spelling of their language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PropertyName(pub Cow<'static, str>);

impl SchemaType for PropertyName {
    const KIND: Kind = Kind::Name;
}

impl AsView for PropertyName {
    fn as_view(&self) -> Option<View<'_>> {
        Some(View::Name(&self.0))
    }
}

output! {
    /// One changed member of a certification.
    pub struct PropertyChange {
        name = "name": PropertyName, "The member.";
        sent = "sent": bool, "Whether the update sent it; false if the service recalculated it.";
        before = "before": Option<Value>, "Its value before; absent if `current` was not given or lacks the member.";
        after = "after": Option<Value>, "Its value after.";
    }
}

output! {
    /// The result of an update.
    pub struct UpdateResult {
        certification = "certification": Option<Box<PersonCertification>>, "The certification after the update; absent when the service answered without it (204).";
        changed = "changed": Vec<PropertyChange>, "The members that changed. With `current`: the members it holds that differ now, those the service recalculated included, and those that were sent and that it does not hold. Without: those that were sent.";
        warnings = "warnings": Vec<String>, "Warnings about values that are allowed but odd, such as an end before the start.";
        status = "status": Option<u32>, "The HTTP status, 200 or 204; absent when nothing differed and nothing was sent.";
        request_id = "requestId": Option<String>, "The service's id for the request.";
        client_request_id = "clientRequestId": Option<String>, "The client's id for the request.";
        attempts = "attempts": u32, "The number of times that the request was sent.";
        verified = "verified": bool, "Whether the outcome was unknown and a read afterwards showed that the change was applied.";
    }
}

/// The members that an update changed, in the order of the property table, then those that this version doesn't know.
///
/// `before` is the state that the caller gave as current, `after` the state that the service returned. A member whose value
/// before isn't known is listed only if `patch` sent it; without `after`, the value that was sent stands in for it.
pub(crate) fn changes(
    patch: &CertificationPatch,
    before: Option<&PersonCertification>,
    after: Option<&PersonCertification>,
) -> Vec<PropertyChange> {
    let sent = patch.sent();
    let known = before.map(PersonCertification::known).unwrap_or_default();
    let value = |certification: &PersonCertification, name: &str| certification.get(name).unwrap_or_default();
    let change = |index: usize| {
        let name = PROPERTIES[index].name;
        PropertyChange {
            name: PropertyName(name.into()),
            sent: sent.contains(index),
            before: before.filter(|_| known.contains(index)).map(|before| value(before, name)),
            after: Some(after.map_or_else(|| patch.get(name), |after| value(after, name))),
        }
    };
    let (Some(before), Some(after)) = (before, after) else { return sent.iter().map(change).collect() };
    let differing = before.differing(after);
    let changed = |index: &usize| !known.contains(*index) || differing.contains(*index);
    let recalculated = known.iter().filter(|index| !sent.contains(*index));
    let unknown = before.extra.iter().filter(|(name, value)| is_unknown(name) && after.extra.get(*name) != Some(value));
    let unknown = unknown.map(|(name, value)| PropertyChange {
        name: PropertyName(name.clone().into()),
        sent: false,
        before: Some(value.clone()),
        after: Some(after.extra.get(name).cloned().unwrap_or_default()),
    });
    sent.iter().chain(recalculated).filter(changed).map(change).chain(unknown).collect()
}

/// Whether this version doesn't know the member. Annotations are not members.
fn is_unknown(name: &str) -> bool {
    !name.contains('@') && PROPERTIES.iter().all(|known| known.name != name)
}
