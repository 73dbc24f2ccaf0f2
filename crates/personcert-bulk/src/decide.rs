//! Which change each certification of a user needs, from the user's rows and current certifications. Pure.

use std::collections::{BTreeMap, HashMap};

use personcert::schema::Verb as SchemaVerb;
use personcert::{CertificationPatch, Error, ErrorKind, Outcome, PersonCertification, Result, Target, User};

use crate::item::{Item, ItemOutcome, Operation, Verb};
use crate::options::{BulkOptions, MissingPolicy};
use crate::outcome::{RowError, RowStatus};
use crate::row::{Locator, Row};
use crate::snapshot::{Match, MatchKey, Snapshot};

/// How rows become changes.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The match key.
    pub key: MatchKey,
    /// What happens to a row whose certification does not exist.
    pub missing: MissingPolicy,
    /// Whether rows are sent without a read.
    pub assume_changed: bool,
}

impl Rules {
    /// The rules that the options set.
    pub fn new(options: &BulkOptions) -> Result<Self> {
        Ok(Self { key: MatchKey::new(&options.key)?, missing: options.missing, assume_changed: options.assume_changed })
    }
}

/// What a user's rows ask for.
#[derive(Debug, Default)]
pub struct Decisions {
    /// The changes, in the order of their first rows.
    pub items: Vec<Item>,
    /// The rows that need no change, or can't be changed.
    pub ended: Vec<ItemOutcome>,
}

/// The rows that an earlier run may have sent, with what it sent for them.
pub type Doubts = BTreeMap<u64, Verb>;

/// What identifies the certification of several rows.
#[derive(PartialEq, Eq, Hash)]
enum GroupKey {
    Existing(usize),
    Missing(Box<[String]>),
}

/// The rows about one certification.
struct Group {
    rows: Vec<u64>,
    position: Option<usize>,
    patch: CertificationPatch,
}

/// Merges the rows of each certification in order and compares them with the current values.
pub fn decide(user: &User, rows: Vec<Row>, mut snapshot: Snapshot, rules: &Rules, doubts: &Doubts) -> Decisions {
    let mut decisions = Decisions::default();
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<GroupKey, usize> = HashMap::new();
    for row in rows {
        let (key, position) = match snapshot.locate(&row.locator) {
            Match::One(position) => (GroupKey::Existing(position), Some(position)),
            Match::Missing => match missing(row.locator, rules) {
                Ok(key) => (GroupKey::Missing(key), None),
                Err(ended) => {
                    decisions.end(row.number, ended.map(|error| *error), doubts);
                    continue;
                }
            },
            Match::Several(ids) => {
                let why = format!(
                    "{} certifications have this key: {}; name the right one by its id",
                    ids.len(),
                    ids.join(", ")
                );
                decisions.end(row.number, Some(row_error(ErrorKind::Conflict, why)), doubts);
                continue;
            }
            Match::Foreign(id, source) => {
                let why = format!("the certification {id} comes from the source {source}; change it there");
                decisions.end(row.number, Some(row_error(ErrorKind::Conflict, why)), doubts);
                continue;
            }
        };
        let at = *known.entry(key).or_insert_with(|| {
            groups.push(Group { rows: Vec::new(), position, patch: CertificationPatch::default() });
            groups.len() - 1
        });
        groups[at].rows.push(row.number);
        groups[at].patch.merge(row.patch);
    }
    for group in groups {
        decide_group(&mut decisions, user, group, &mut snapshot, doubts);
    }
    decisions
}

/// The changes of rows that name their certifications by id, without a read.
pub fn decide_unread(user: &User, rows: Vec<Row>) -> Decisions {
    let mut decisions = Decisions::default();
    let mut groups: Vec<(String, Vec<u64>, CertificationPatch)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for row in rows {
        let Locator::Id(id) = row.locator else {
            let why = "the row names no id; with `assumeChanged` nothing is read, so rows need ids";
            decisions.end(row.number, Some(row_error(ErrorKind::InvalidInput, why.to_owned())), &Doubts::new());
            continue;
        };
        let at = *known.entry(id.to_ascii_lowercase()).or_insert_with(|| {
            groups.push((id, Vec::new(), CertificationPatch::default()));
            groups.len() - 1
        });
        groups[at].1.push(row.number);
        groups[at].2.merge(row.patch);
    }
    for (id, rows, patch) in groups {
        decisions.update(user, &id, rows, (patch, None));
    }
    decisions
}

/// The key that a missing certification is created with, or how its row ends.
fn missing(locator: Locator, rules: &Rules) -> Result<Box<[String]>, Option<Box<RowError>>> {
    match (rules.missing, locator) {
        (MissingPolicy::Create, Locator::Key(key)) => Ok(key.iter().map(|part| part.trim().to_owned()).collect()),
        (MissingPolicy::Skip, _) => Err(None),
        (_, Locator::Id(id)) => {
            let why = format!("the user has no certification with the id {id}; remove the id to create one");
            Err(Some(Box::new(row_error(ErrorKind::NotFound, why))))
        }
        (MissingPolicy::Fail, Locator::Key(key)) => {
            let names = rules.key.names().collect::<Vec<_>>().join(", ");
            let why = format!("the user has no certification with {names} {:?}", key.join(", "));
            Err(Some(Box::new(row_error(ErrorKind::NotFound, why))))
        }
    }
}

fn decide_group(decisions: &mut Decisions, user: &User, group: Group, snapshot: &mut Snapshot, doubts: &Doubts) {
    let Group { rows, position, patch } = group;
    let Some(position) = position else {
        match patch.check(SchemaVerb::Create, true) {
            Ok(()) => decisions.items.push(Item::new(rows, Operation::Create(patch), None)),
            Err(error) => decisions.fail(rows, None, RowError::new(&error, false)),
        }
        return;
    };
    let current = snapshot.get(position);
    let id = snapshot.id(position);
    if patch.is_applied_in(current) {
        // What an earlier run sent is there.
        let sent = rows.iter().find_map(|row| doubts.get(row));
        let status = sent.map_or(RowStatus::Unchanged, |verb| verb.status());
        decisions.ended.push(ItemOutcome::unsent(rows, status, Some(id), None));
        return;
    }
    let patch = patch.difference(current);
    let before = snapshot.take(position);
    decisions.update(user, &id, rows, (patch, Some(Box::new(before))));
}

impl Decisions {
    fn update(
        &mut self,
        user: &User,
        id: &str,
        rows: Vec<u64>,
        (patch, before): (CertificationPatch, Option<Box<PersonCertification>>),
    ) {
        let target = Target::new(user.clone(), id);
        let checked = patch.check(SchemaVerb::Update, true).and(target);
        match checked {
            Ok(target) => self.items.push(Item::new(rows, Operation::Update(target, patch), before)),
            Err(error) => self.fail(rows, Some(id.to_owned()), RowError::new(&error, false)),
        }
    }

    fn fail(&mut self, rows: Vec<u64>, id: Option<String>, error: RowError) {
        self.ended.push(ItemOutcome::unsent(rows, RowStatus::Failed, id, Some(error)));
    }

    /// Ends a row without a change: unchanged, or with an error. What an earlier run may have sent stays unknown then.
    fn end(&mut self, row: u64, error: Option<RowError>, doubts: &Doubts) {
        let status = match &error {
            None => RowStatus::Unchanged,
            Some(_) if doubts.contains_key(&row) => RowStatus::Unknown,
            Some(_) => RowStatus::Failed,
        };
        self.ended.push(ItemOutcome::unsent(vec![row], status, None, error));
    }
}

/// An error of ours about a row that nothing was sent for.
pub fn row_error(kind: ErrorKind, message: String) -> RowError {
    RowError::new(&Error::new(kind, Outcome::NotSent, message), false)
}
