//! What became of a row.

use personcert::{Error, ErrorKind, string_enum};

string_enum! {
    /// The final state of a row. Each row has exactly one.
    RowStatus {
        Created = "created", "The certification was created.";
        Updated = "updated", "The certification was updated.";
        Deleted = "deleted", "The certification was deleted (revert).";
        Unchanged = "unchanged", "The certification already had the values; nothing was sent.";
        Failed = "failed", "The change was surely not applied: the row is invalid, or the service refused it.";
        Unknown = "unknown", "The change may have been applied: no clear response came, and reading it back was not possible.";
        NotAttempted = "not_attempted", "Nothing was sent for the row before the run ended.";
    }
}

/// Why a row failed, or why its outcome is unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct RowError {
    /// The kind of the error.
    pub kind: ErrorKind,
    /// The problem and its remedy, in one sentence.
    pub message: String,
    /// The column at fault, as the input spells it.
    pub column: Option<String>,
    /// The service's error code.
    pub code: Option<String>,
    /// The HTTP status of the step.
    pub status: Option<u16>,
    /// Whether the same row may succeed later.
    pub retryable: bool,
    /// The service's id for the request.
    pub request_id: Option<String>,
    /// The client's id for the request.
    pub client_request_id: Option<String>,
}

/// What became of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct RowOutcome {
    /// The row's number in the input; 0 for a deletion by `prune`, which no row asked for.
    pub row: u64,
    /// The final state.
    pub status: RowStatus,
    /// Graph's id of the certification, where it is known.
    pub id: Option<String>,
    /// How many times a change was sent for the row.
    pub attempts: u32,
    /// Why the row failed, or why its outcome is unknown.
    pub error: Option<Box<RowError>>,
}

impl RowError {
    /// The part of a call's error that a report shows.
    pub fn new(error: &Error, retryable: bool) -> Self {
        let details = &error.details;
        Self {
            kind: error.kind,
            message: error.message.clone(),
            column: details.parameter.clone(),
            code: details.code.clone(),
            status: details.status,
            retryable,
            request_id: details.request_id.clone(),
            client_request_id: details.client_request_id.clone(),
        }
    }
}

/// How many rows have each final state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All rows of the input, and the deletions by `prune`.
    pub rows: u64,
    /// Created.
    pub created: u64,
    /// Updated.
    pub updated: u64,
    /// Deleted.
    pub deleted: u64,
    /// Already as wanted.
    pub unchanged: u64,
    /// Surely not applied.
    pub failed: u64,
    /// Perhaps applied.
    pub unknown: u64,
}

impl Counts {
    /// Counts one more final state.
    pub const fn add(&mut self, status: RowStatus) {
        match status {
            RowStatus::Created => self.created += 1,
            RowStatus::Updated => self.updated += 1,
            RowStatus::Deleted => self.deleted += 1,
            RowStatus::Unchanged => self.unchanged += 1,
            RowStatus::Failed => self.failed += 1,
            RowStatus::Unknown => self.unknown += 1,
            RowStatus::NotAttempted => {}
        }
    }

    /// Counts one more final state of a deletion, which is no row of the input.
    pub const fn add_deletion(&mut self, status: RowStatus) {
        self.rows += 1;
        self.add(status);
    }

    /// The rows that nothing was sent for yet.
    pub const fn not_attempted(&self) -> u64 {
        let Self { rows, created, updated, deleted, unchanged, failed, unknown } = *self;
        rows - created - updated - deleted - unchanged - failed - unknown
    }
}
