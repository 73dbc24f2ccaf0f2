//! Items of a plan against the current values: as planned, already as wanted, or moved since. Pure.

use personcert::schema::Verb as SchemaVerb;
use personcert::{ErrorKind, PersonCertification, Target, User};
use serde_json::{Map, Value};

use crate::decide::{Decisions, Doubts, Rules, row_error};
use crate::item::{Item, ItemOutcome, Operation};
use crate::options::DriftPolicy;
use crate::outcome::{RowError, RowStatus};
use crate::snapshot::{Match, Snapshot};

/// A change of a plan, with what it was planned for.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedItem {
    /// The rows. None for a deletion by `prune`.
    pub rows: Vec<u64>,
    /// What is to be sent.
    pub operation: Operation,
    /// The values that the change touches, as they were.
    pub before: Map<String, Value>,
}

/// Which changes of a plan are still to be made.
pub fn decide_planned(
    user: &User,
    items: Vec<PlannedItem>,
    snapshot: &mut Snapshot,
    (rules, on_drift): (&Rules, DriftPolicy),
    doubts: &Doubts,
) -> Decisions {
    let mut decisions = Decisions::default();
    for item in items {
        let sent = item.rows.iter().find_map(|row| doubts.get(row)).copied();
        match compare(&item, user, snapshot, (rules, on_drift)) {
            Comparison::AsWanted(id) => {
                let status = sent.map_or(RowStatus::Unchanged, crate::item::Verb::status);
                decisions.ended.push(ItemOutcome::unsent(item.rows, status, id, None));
            }
            Comparison::Skipped(id) => {
                decisions.ended.push(ItemOutcome::unsent(item.rows, RowStatus::Unchanged, id, None));
            }
            Comparison::Failed(id, error) => {
                let status = if sent.is_some() { RowStatus::Unknown } else { RowStatus::Failed };
                decisions.ended.push(ItemOutcome::unsent(item.rows, status, id, Some(error)));
            }
            Comparison::ToDo(operation, position) => {
                let before = position.map(|position| Box::new(snapshot.take(position)));
                decisions.items.push(Item::new(item.rows, operation, before));
            }
        }
    }
    decisions
}

#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
enum Comparison {
    AsWanted(Option<String>),
    Skipped(Option<String>),
    Failed(Option<String>, RowError),
    ToDo(Operation, Option<usize>),
}

fn compare(item: &PlannedItem, user: &User, snapshot: &Snapshot, rules: (&Rules, DriftPolicy)) -> Comparison {
    match &item.operation {
        Operation::Create(patch) => {
            let found = rules.0.key.of_patch(patch).map_or(Match::Missing, |key| snapshot.locate_key(&key));
            match found {
                Match::Missing => Comparison::ToDo(item.operation.clone(), None),
                Match::One(position) if patch.is_applied_in(snapshot.get(position)) => {
                    Comparison::AsWanted(Some(snapshot.id(position)))
                }
                Match::One(position) => drifted(item, user, position, snapshot, rules.1),
                Match::Several(ids) => {
                    let why = format!("{} certifications have this key now: {}", ids.len(), ids.join(", "));
                    Comparison::Failed(None, row_error(ErrorKind::Conflict, why))
                }
                Match::Foreign(id, source) => {
                    let why = format!("the certification {id} comes from the source {source}; change it there");
                    Comparison::Failed(Some(id), row_error(ErrorKind::Conflict, why))
                }
            }
        }
        Operation::Update(target, patch) => {
            let id = Some(target.id().to_owned());
            let Some(position) = snapshot.find(target.id()) else {
                let why = "the certification does not exist any more; plan again";
                return Comparison::Failed(id, row_error(ErrorKind::NotFound, why.to_owned()));
            };
            let current = snapshot.get(position);
            if patch.is_applied_in(current) {
                Comparison::AsWanted(id)
            } else if item.is_as_before(current) {
                Comparison::ToDo(Operation::Update(target.clone(), patch.difference(current)), Some(position))
            } else {
                drifted(item, user, position, snapshot, rules.1)
            }
        }
        Operation::Delete(target) => match snapshot.find(target.id()) {
            None => Comparison::AsWanted(Some(target.id().to_owned())),
            Some(position) if item.is_as_before(snapshot.get(position)) => {
                Comparison::ToDo(item.operation.clone(), Some(position))
            }
            Some(position) => drifted(item, user, position, snapshot, rules.1),
        },
    }
}

impl PlannedItem {
    /// Whether the values that the change touches are as they were.
    fn is_as_before(&self, current: &PersonCertification) -> bool {
        self.before.iter().all(|(name, before)| current.get(name).unwrap_or_default() == *before)
    }
}

/// The certification is neither as it was nor as it should be.
fn drifted(item: &PlannedItem, user: &User, position: usize, snapshot: &Snapshot, on_drift: DriftPolicy) -> Comparison {
    let (id, current) = (snapshot.id(position), snapshot.get(position));
    match on_drift {
        DriftPolicy::Skip => Comparison::Skipped(Some(id)),
        DriftPolicy::Fail => {
            let why = "the certification changed after the plan was made; plan again";
            Comparison::Failed(Some(id), row_error(ErrorKind::Conflict, why.to_owned()))
        }
        DriftPolicy::Rebase => {
            let patch = match &item.operation {
                Operation::Delete(_) => return Comparison::ToDo(item.operation.clone(), Some(position)),
                Operation::Create(patch) | Operation::Update(_, patch) => patch.difference(current),
            };
            let target = Target::new(user.clone(), id.clone());
            match patch.check(SchemaVerb::Update, true).and(target) {
                Ok(target) => Comparison::ToDo(Operation::Update(target, patch), Some(position)),
                Err(error) => Comparison::Failed(Some(id), RowError::new(&error, false)),
            }
        }
    }
}
