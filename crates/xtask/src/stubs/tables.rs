//! The tables that the generated parts come from.

use personcert::auth::Prompt;
use personcert::doctor::Finding;
use personcert::hooks::Attempt;
use personcert::schema::{Kind, Property, Record, Verb};
use personcert::value::{Identity, IdentitySet, InferenceData, PersonDataSources, ProfileSourceAnnotation};
use personcert::{Config, PersonCertification, PropertyChange, UpdateResult};
use personcert_local::{COMMANDS, CommandSpec, Options};

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

/// The options of a local Graph.
pub(super) const LOCAL_GRAPH: &Record = &Options::RECORD;

/// The types of what the commands of a local Graph take, each after its parts.
pub(super) fn command_inputs() -> Vec<&'static Record> {
    let mut found = Vec::new();
    let arguments = COMMANDS.iter().flat_map(|command| command.arguments.properties);
    arguments.for_each(|property| collect(property.kind, &mut found));
    found
}

/// The types of what the commands of a local Graph return.
pub(super) fn command_results() -> Vec<&'static Record> {
    let mut found = Vec::new();
    COMMANDS.iter().filter_map(|command| command.result).for_each(|kind| collect(kind, &mut found));
    found
}

/// Adds the types of a value, without those of the service.
fn collect(kind: Kind, found: &mut Vec<&'static Record>) {
    match kind {
        Kind::Record(record) if !record.open && !found.iter().any(|known| known.name == record.name) => {
            record.properties.iter().for_each(|property| collect(property.kind, found));
            found.push(record);
        }
        Kind::List(item) => collect(*item, found),
        Kind::OneOf(kinds) => kinds.iter().for_each(|kind| collect(*kind, found)),
        _ => {}
    }
}

/// The arguments of a command that languages take by position, and those that they take by name.
pub(super) fn arguments(command: &CommandSpec) -> (&'static [Property], &'static [Property]) {
    command.arguments.properties.split_at(command.positional)
}

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
