//! The tables that the generated parts come from.

use personcert::auth::Prompt;
use personcert::doctor::Finding;
use personcert::hooks::Attempt;
use personcert::schema::{Kind, Property, Record, Verb};
use personcert::value::{Identity, IdentitySet, InferenceData, PersonDataSources, ProfileSourceAnnotation};
use personcert::{Config, PersonCertification, PropertyChange, UpdateResult};
use personcert_local::Options;

/// The types of results, each after its parts.
pub(super) const RESULTS: &[Record] = &[
    Identity::RECORD,
    IdentitySet::RECORD,
    InferenceData::RECORD,
    PersonDataSources::RECORD,
    ProfileSourceAnnotation::RECORD,
    PersonCertification::RECORD,
    PropertyChange::RECORD,
    UpdateResult::RECORD,
    Attempt::RECORD,
    Finding::RECORD,
    Prompt::RECORD,
];

/// The types of what a local Graph is given.
pub(super) const LOCAL_GRAPH: &[Record] = &[Options::RECORD];

pub(super) fn settings() -> &'static [Property] {
    Config::RECORD.properties
}

/// The properties that an update can change.
pub(super) fn changes() -> impl Iterator<Item = &'static Property> {
    personcert::schema::PROPERTIES.iter().filter(|property| property.is_writable(Verb::Update))
}

/// The properties that only a create can set.
pub(super) fn values() -> impl Iterator<Item = &'static Property> {
    let only_create = |property: &&Property| property.is_writable(Verb::Create) && !property.is_writable(Verb::Update);
    personcert::schema::PROPERTIES.iter().filter(only_create)
}

/// The objects among the properties that a caller can set, with the property's name.
pub(super) fn written() -> impl Iterator<Item = (&'static str, &'static Record)> {
    changes().chain(values()).filter_map(|property| match property.kind {
        Kind::Record(record) => Some((property.snake, record)),
        _ => None,
    })
}

/// A doc text on one line.
pub(super) fn plain(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}
