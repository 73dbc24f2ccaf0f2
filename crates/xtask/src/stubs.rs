//! The Python and TypeScript types, written from the core's tables.

mod python;
mod typescript;

use std::fs;

use personcert::schema::{Property, Record};
use personcert::value::{Identity, IdentitySet, InferenceData, PersonDataSources, ProfileSourceAnnotation};
use personcert::{Attempt, Config, Finding, PersonCertification, Prompt, PropertyChange, UpdateResult};

use crate::run::{Result, root};

/// What the service or an update gives back, each after what it consists of.
const RESULTS: &[Record] = &[
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

fn generated() -> Vec<(&'static str, String)> {
    vec![("python/personcert/_models.py", python::models()), ("node/types.d.ts", typescript::types())]
}

/// Writes the generated files.
pub fn write() -> Result {
    for (path, text) in generated() {
        fs::write(root().join(path), text).map_err(|error| format!("{path} can't be written: {error}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

/// Fails when a generated file isn't what the tables say.
pub fn check() -> Result {
    for (path, text) in generated() {
        let found = fs::read_to_string(root().join(path)).unwrap_or_default();
        if found != text {
            return Err(format!("{path} is not what the core's tables say; run `cargo xtask stubs`"));
        }
        println!("  {path} is fresh");
    }
    Ok(())
}

fn settings() -> &'static [Property] {
    Config::RECORD.properties
}

fn changes() -> impl Iterator<Item = &'static Property> {
    personcert::PROPERTIES.iter().filter(|property| property.updatable)
}

/// A doc text on one line.
fn plain(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}
