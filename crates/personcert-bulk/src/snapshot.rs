//! The certifications that a user has now, and which of them a row is about.

use std::collections::HashMap;

use personcert::host::Naming;
use personcert::schema::PropertyId;
use personcert::{CertificationPatch, Error, PersonCertification, Result};
use serde_json::Value;

use crate::row::Locator;

/// The source of what users enter themselves, through Graph or on their profile. Source: Graph's
/// `profileSourceAnnotation` resource.
const USER_EDITS: &str = "46a57efc-33f8-4eec-a512-b90039ad6187";

/// The properties that identify a certification of a user.
#[derive(Clone, Debug)]
pub struct MatchKey(Vec<PropertyId>);

impl MatchKey {
    /// The properties with these names, in either spelling.
    pub fn new(names: &[String]) -> Result<Self> {
        let find = |name: &String| {
            let id = PropertyId::find(name, Naming::Camel).or_else(|| PropertyId::find(name, Naming::Snake));
            id.ok_or_else(|| Error::input("key", format!("{name:?} is not a property of a certification")))
        };
        names.iter().map(find).collect::<Result<_>>().map(Self)
    }

    /// Graph's names of the properties.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|id| id.property().name)
    }

    fn of(&self, value: impl Fn(&str) -> Option<Value>) -> Option<Vec<String>> {
        let text = |name| match value(name)? {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Value::Null => None,
            other => Some(other.to_string()),
        };
        self.names().map(text).collect()
    }

    /// The key that a patch gives a certification; none where it lacks a property of the key.
    pub fn of_patch(&self, patch: &CertificationPatch) -> Option<Vec<String>> {
        let values = serde_json::to_value(patch).ok()?;
        self.of(|name| values.get(name).cloned())
    }
}

/// The certifications of one user, as a complete list returned them.
#[derive(Debug, Default)]
pub struct Snapshot {
    certifications: Vec<PersonCertification>,
    by_id: HashMap<String, usize>,
    by_key: HashMap<Vec<String>, Vec<usize>>,
}

/// The certification that a row is about.
#[derive(Debug, PartialEq)]
pub enum Match {
    /// No certification.
    Missing,
    /// The one at this position.
    One(usize),
    /// Several have the key; their ids.
    Several(Vec<String>),
    /// Only one from another source has it; its id and the source.
    Foreign(String, String),
}

impl Snapshot {
    /// Indexes a user's certifications.
    pub fn new(certifications: Vec<PersonCertification>, key: &MatchKey) -> Self {
        let (mut by_id, mut by_key) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        for (position, certification) in certifications.iter().enumerate() {
            if let Some(id) = &certification.id {
                by_id.insert(id.to_ascii_lowercase(), position);
            }
            if let Some(key) = key.of(|name| certification.get(name)) {
                by_key.entry(key).or_default().push(position);
            }
        }
        Self { certifications, by_id, by_key }
    }

    /// The certification at a position.
    pub fn get(&self, position: usize) -> &PersonCertification {
        &self.certifications[position]
    }

    /// The certification with this id.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(&id.to_ascii_lowercase()).copied()
    }

    /// The certification that `locator` names. Certifications from other sources are found by their id, and by their key
    /// only when the user has no other with that key.
    pub fn locate(&self, locator: &Locator) -> Match {
        match locator {
            Locator::Id(id) => self.find(id).map_or(Match::Missing, |position| self.own_or_foreign(position)),
            Locator::Key(key) => self.locate_key(&key.iter().map(|part| part.trim().to_owned()).collect::<Vec<_>>()),
        }
    }

    /// The certification with this key.
    pub fn locate_key(&self, key: &[String]) -> Match {
        let all = self.by_key.get(key).map(Vec::as_slice).unwrap_or_default();
        let own: Vec<_> =
            all.iter().copied().filter(|at| foreign_source(&self.certifications[*at]).is_none()).collect();
        match (own.as_slice(), all) {
            ([], []) => Match::Missing,
            ([], [foreign, ..]) => self.own_or_foreign(*foreign),
            ([one], _) => Match::One(*one),
            (several, _) => Match::Several(several.iter().map(|at| self.id(*at)).collect()),
        }
    }

    /// The id of the certification at a position.
    pub fn id(&self, position: usize) -> String {
        self.certifications[position].id.clone().unwrap_or_default()
    }

    /// Takes a certification out, for a change that remembers it.
    pub fn take(&mut self, position: usize) -> PersonCertification {
        std::mem::take(&mut self.certifications[position])
    }

    fn own_or_foreign(&self, position: usize) -> Match {
        match foreign_source(&self.certifications[position]) {
            Some(source) => Match::Foreign(self.id(position), source),
            None => Match::One(position),
        }
    }
}

/// The source that a certification comes from, if none of its values were entered through Graph or on the profile. Such
/// values are changed at their source.
pub fn foreign_source(certification: &PersonCertification) -> Option<String> {
    let sources = certification.sources.as_deref()?;
    let id = |source: &personcert::value::ProfileSourceAnnotation| {
        source.source_id.clone().or_else(|| source.id.clone()).unwrap_or_default()
    };
    let is_foreign = !sources.iter().any(|source| id(source).eq_ignore_ascii_case(USER_EDITS));
    is_foreign.then(|| sources.first().map(id))?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshot(certifications: &Value) -> Snapshot {
        let certifications = serde_json::from_value(certifications.clone()).expect("certifications");
        Snapshot::new(certifications, &MatchKey::new(&["certificationId".into()]).expect("a key"))
    }

    fn key(text: &str) -> Locator {
        Locator::Key([text.to_owned()].into())
    }

    #[test]
    fn a_key_matches_none_one_or_names_both() {
        let snapshot = snapshot(&json!([
            {"id": "a", "certificationId": "AZ-900"},
            {"id": "b", "certificationId": " AZ-104 "},
            {"id": "c", "certificationId": "AZ-104"},
            {"id": "d", "certificationId": null},
        ]));
        assert_eq!(snapshot.locate(&key("AZ-900 ")), Match::One(0));
        assert_eq!(snapshot.locate(&key("AZ-104")), Match::Several(vec!["b".into(), "c".into()]));
        assert_eq!(snapshot.locate(&key("AZ-305")), Match::Missing);
        assert_eq!(snapshot.locate(&Locator::Id("A".into())), Match::One(0));
        assert_eq!(snapshot.locate(&Locator::Id("x".into())), Match::Missing);
    }

    #[test]
    fn a_certification_from_another_source_is_reported_and_never_preferred() {
        let snapshot = snapshot(&json!([
            {"id": "a", "certificationId": "AZ-900", "sources": [{"sourceId": "hr"}]},
            {"id": "b", "certificationId": "AZ-900", "sources": [{"sourceId": "46A57EFC-33f8-4eec-a512-b90039ad6187"}]},
            {"id": "c", "certificationId": "AZ-104", "sources": [{"id": "hr"}]},
            {"id": "d", "certificationId": "AZ-305", "sources": []},
        ]));
        assert_eq!(snapshot.locate(&key("AZ-900")), Match::One(1));
        assert_eq!(snapshot.locate(&key("AZ-104")), Match::Foreign("c".into(), "hr".into()));
        assert_eq!(snapshot.locate(&Locator::Id("a".into())), Match::Foreign("a".into(), "hr".into()));
        assert_eq!(snapshot.locate(&key("AZ-305")), Match::One(3));
    }
}
