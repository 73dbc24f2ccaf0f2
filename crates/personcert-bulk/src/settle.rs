//! What a read shows of a change that may have been applied. Pure.

use personcert::schema::Verb as SchemaVerb;
use personcert::{CertificationPatch, ErrorKind, Outcome, Target, User};

use crate::decide::{Rules, row_error};
use crate::item::{Item, ItemOutcome, Operation};
use crate::outcome::{RowError, RowStatus};
use crate::snapshot::{Match, Snapshot};

/// What becomes of a change that was in doubt.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub enum Settled {
    /// It was not applied: it is sent again.
    Again(Item),
    /// Its state is final.
    Ended(ItemOutcome),
}

/// Decides by what is stored now. After `attempts` attempts a change that does not show stays unknown, because the service
/// may still apply it.
pub fn settle_item(mut item: Item, user: &User, snapshot: &Snapshot, rules: &Rules, attempts: u32) -> Settled {
    let found = match &item.operation {
        Operation::Update(target, _) | Operation::Delete(target) => {
            snapshot.find(target.id()).map_or(Match::Missing, Match::One)
        }
        Operation::Create(patch) => rules.key.of_patch(patch).map_or(Match::Missing, |key| snapshot.locate_key(&key)),
    };
    let was_refused = item.doubt.as_ref().is_some_and(|error| error.outcome != Outcome::Unknown);
    let applied = item.operation.verb().status();
    let ended = |item: Item, status, id, error| Settled::Ended(item.end(status, id, error));
    match (&item.operation, found) {
        (Operation::Delete(_), Match::Missing) => return ended(item, applied, None, None),
        (Operation::Delete(_), _) if was_refused => {
            let error = item.doubt.take().map(|error| RowError::new(&error, false));
            return ended(item, RowStatus::Failed, None, error);
        }
        (Operation::Update(..), Match::Missing) => {
            let error = row_error(ErrorKind::NotFound, "the certification does not exist any more".to_owned());
            return ended(item, RowStatus::Failed, None, Some(error));
        }
        (Operation::Create(_), Match::Several(ids)) => {
            let why = format!("several certifications have the key of the created one: {}", ids.join(", "));
            return ended(item, RowStatus::Unknown, None, Some(row_error(ErrorKind::Conflict, why)));
        }
        (Operation::Create(_), Match::Foreign(id, source)) => {
            let why = format!("the certification {id} comes from the source {source}; change it there");
            return ended(item, RowStatus::Unknown, None, Some(row_error(ErrorKind::Conflict, why)));
        }
        (Operation::Create(patch) | Operation::Update(_, patch), Match::One(position)) => {
            let current = snapshot.get(position);
            if patch.is_applied_in(current) {
                return ended(item, applied, Some(snapshot.id(position)), None);
            }
            if let Operation::Create(patch) = &item.operation {
                // Created by ours or by another program, and then changed: only one may exist.
                match update(user, snapshot.id(position), &patch.difference(current)) {
                    Ok(operation) => {
                        (item.operation, item.before) = (operation, Some(Box::new(current.clone())));
                    }
                    Err(error) => return ended(item, RowStatus::Unknown, None, Some(*error)),
                }
            }
        }
        (Operation::Create(_), Match::Missing) | (Operation::Delete(_) | Operation::Update(..), _) => {}
    }
    if item.attempts >= attempts {
        let error = item.doubt.take().map(|error| RowError::new(&error, true));
        return ended(item, RowStatus::Unknown, None, error);
    }
    item.doubt = None;
    Settled::Again(item)
}

fn update(user: &User, id: String, patch: &CertificationPatch) -> Result<Operation, Box<RowError>> {
    let target = Target::new(user.clone(), id);
    let checked = patch.check(SchemaVerb::Update, true).and(target);
    checked
        .map(|target| Operation::Update(target, patch.clone()))
        .map_err(|error| Box::new(RowError::new(&error, false)))
}
