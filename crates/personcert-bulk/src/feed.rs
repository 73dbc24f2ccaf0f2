//! Where a run takes its work from: the rows of the input, or the items of a plan.

use personcert::host::Dialect;
use personcert::schema::Verb as SchemaVerb;
use personcert::{CertificationPatch, ErrorKind, Result, Target, User};

use crate::decide::row_error;
use crate::drift::PlannedItem;
use crate::item::{ItemOutcome, Operation, Verb};
use crate::journal::{Change, Rows};
use crate::outcome::RowStatus;
use crate::plan::{Plan, PlanItem, PlanItems};
use crate::scheduler::UserWork;
use crate::spool::RowStore;

/// The most rows without a change that are handed over at once.
const MAX_ENDED: usize = 512;

/// Work for the scheduler.
pub enum Work {
    /// What is to be done for one user.
    User(User, UserWork),
    /// Rows that need nothing.
    Ended(Vec<ItemOutcome>),
}

/// A source of work. Everything of a user comes together.
pub trait Feed: Send {
    /// The next work; none after the last.
    fn next(&mut self) -> Result<Option<Work>>;
}

/// The rows of an input that are not done yet.
pub struct RowFeed<'a> {
    store: &'a mut dyn RowStore,
    done: Rows,
    has_rejects: bool,
}

impl<'a> RowFeed<'a> {
    /// The rows of `store` without those in `done`.
    pub fn new(store: &'a mut dyn RowStore, done: Rows) -> Self {
        Self { store, done, has_rejects: true }
    }

    /// The rows that failed a check.
    fn rejects(&mut self) -> Result<Vec<ItemOutcome>> {
        let mut outcomes = Vec::new();
        while outcomes.len() < MAX_ENDED {
            let Some(reject) = self.store.next_reject()? else {
                self.has_rejects = false;
                break;
            };
            if !self.done.contains(reject.number) {
                let mut error = row_error(ErrorKind::InvalidInput, reject.message);
                error.column = reject.column;
                outcomes.push(ItemOutcome::unsent(vec![reject.number], RowStatus::Failed, None, Some(error)));
            }
        }
        Ok(outcomes)
    }
}

impl Feed for RowFeed<'_> {
    fn next(&mut self) -> Result<Option<Work>> {
        if self.has_rejects {
            return self.rejects().map(|outcomes| Some(Work::Ended(outcomes)));
        }
        while let Some(mut user) = self.store.next_user()? {
            user.rows.retain(|row| !self.done.contains(row.number));
            if let Some(first) = user.rows.first() {
                return Ok(Some(Work::User(first.user.clone(), UserWork::Rows(user.rows))));
            }
        }
        Ok(None)
    }
}

/// The items of a plan that are not done yet.
pub struct PlanFeed {
    items: PlanItems,
    done: Rows,
    /// An item that was read and not handed over.
    ahead: Option<PlanItem<'static>>,
}

impl PlanFeed {
    /// The items of `plan` without those whose rows are in `done`.
    pub fn new(plan: &Plan, done: Rows) -> Result<Self> {
        Ok(Self { items: plan.items()?, done, ahead: None })
    }

    fn take(&mut self) -> Result<Option<PlanItem<'static>>> {
        if self.ahead.is_some() {
            return Ok(self.ahead.take());
        }
        loop {
            let item = self.items.next_item()?;
            let rows = match &item {
                Some(PlanItem::Change(change)) => &change.rows[..],
                Some(PlanItem::Ended(outcome)) => &outcome.rows,
                None => return Ok(None),
            };
            if rows.first().is_none_or(|row| !self.done.contains(*row)) {
                return Ok(item);
            }
        }
    }
}

impl Feed for PlanFeed {
    fn next(&mut self) -> Result<Option<Work>> {
        let (mut changes, mut ended, mut user) = (Vec::new(), Vec::new(), None);
        while let Some(item) = self.take()? {
            match item {
                PlanItem::Change(change)
                    if ended.is_empty() && user.as_ref().is_none_or(|user| *user == change.user) =>
                {
                    changes.push(planned(&change)?);
                    user = Some(change.user);
                }
                PlanItem::Ended(outcome) if user.is_none() && ended.len() < MAX_ENDED => {
                    ended.extend(outcome.into_item_outcome());
                }
                other => {
                    self.ahead = Some(other);
                    break;
                }
            }
        }
        Ok(match user {
            Some(user) => Some(Work::User(named(user), UserWork::Planned(changes))),
            None if ended.is_empty() => None,
            None => Some(Work::Ended(ended)),
        })
    }
}

/// The user that files name.
pub fn named(user: String) -> User {
    if user == "me" { User::Me } else { User::Named(user) }
}

/// The change that a file holds.
fn planned(change: &Change) -> Result<PlannedItem> {
    let target = || Target::new(named(change.user.clone()), change.id.clone().unwrap_or_default());
    let patch = |verb| CertificationPatch::read(&change.patch, verb, Dialect::GRAPH);
    let operation = match change.op {
        Verb::Create => Operation::Create(patch(SchemaVerb::Create)?),
        Verb::Update => Operation::Update(target()?, patch(SchemaVerb::Update)?),
        Verb::Delete => Operation::Delete(target()?),
    };
    Ok(PlannedItem { rows: change.rows.clone(), operation, before: change.before.clone() })
}
