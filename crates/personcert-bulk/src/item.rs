//! One change: the rows about one certification, merged, and what is to be sent for them.

use personcert::{CertificationPatch, Error, PersonCertification, Target};

use crate::outcome::{RowError, RowOutcome, RowStatus};

/// What is sent for an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// The certification is created with all values of the rows.
    Create(CertificationPatch),
    /// The certification is updated with the values that differ.
    Update(Target, CertificationPatch),
    /// The certification is deleted.
    Delete(Target),
}

/// The name of an operation, as files hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Create.
    Create,
    /// Update.
    Update,
    /// Delete.
    Delete,
}

impl Operation {
    /// The name of the operation.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Create(_) => Verb::Create,
            Self::Update(..) => Verb::Update,
            Self::Delete(_) => Verb::Delete,
        }
    }
}

impl Verb {
    /// The state of rows whose operation was applied.
    pub const fn status(self) -> RowStatus {
        match self {
            Self::Create => RowStatus::Created,
            Self::Update => RowStatus::Updated,
            Self::Delete => RowStatus::Deleted,
        }
    }
}

/// The rows about one certification, and the change that they ask for.
#[derive(Debug)]
pub struct Item {
    /// The rows, in order. None for a deletion by `prune`.
    pub rows: Vec<u64>,
    /// What is sent.
    pub operation: Operation,
    /// The certification before the change.
    pub before: Option<Box<PersonCertification>>,
    /// How many times the change was sent.
    pub attempts: u32,
    /// The error of the last attempt, which may have been applied.
    pub doubt: Option<Error>,
    /// How many batches with the change were lost.
    pub losses: u32,
}

impl Item {
    /// A change that was not sent yet.
    pub const fn new(rows: Vec<u64>, operation: Operation, before: Option<Box<PersonCertification>>) -> Self {
        Self { rows, operation, before, attempts: 0, doubt: None, losses: 0 }
    }

    /// The id of the certification; none before it is created.
    pub fn id(&self) -> Option<&str> {
        match &self.operation {
            Operation::Create(_) => None,
            Operation::Update(target, _) | Operation::Delete(target) => Some(target.id()),
        }
    }

    /// The final state of the item.
    pub fn end(self, status: RowStatus, id: Option<String>, error: Option<RowError>) -> ItemOutcome {
        let id = id.or_else(|| self.id().map(str::to_owned));
        ItemOutcome { rows: self.rows, status, id, attempts: self.attempts, error: error.map(Box::new) }
    }
}

/// The final state of the rows about one certification.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemOutcome {
    /// The rows. None for a deletion by `prune`.
    pub rows: Vec<u64>,
    /// Their state.
    pub status: RowStatus,
    /// Graph's id of the certification, where it is known.
    pub id: Option<String>,
    /// How many times the change was sent.
    pub attempts: u32,
    /// Why it failed, or why the outcome is unknown.
    pub error: Option<Box<RowError>>,
}

impl ItemOutcome {
    /// The state of rows that nothing was sent for.
    pub fn unsent(rows: Vec<u64>, status: RowStatus, id: Option<String>, error: Option<RowError>) -> Self {
        Self { rows, status, id, attempts: 0, error: error.map(Box::new) }
    }

    /// The outcome of each row. A deletion by `prune` has the row number 0.
    pub fn row_outcomes(&self) -> impl Iterator<Item = RowOutcome> {
        let rows = if self.rows.is_empty() { &[0][..] } else { &self.rows };
        rows.iter().map(|row| RowOutcome {
            row: *row,
            status: self.status,
            id: self.id.clone(),
            attempts: self.attempts,
            error: self.error.clone(),
        })
    }
}
