//! The rows of a job on disk: what the input held, in the job's own form.
//!
//! The input is copied once, while it is validated. Afterwards the job depends on this copy alone: a pipe can be resumed, a
//! file that changes meanwhile changes nothing, and result files can show every original column. Memory holds a few bytes
//! a row: the place of each record, and the order in which the rows of a user belong together.

use crate::row::{Reject, Row};

/// All rows of one user, in the order of the input.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRows {
    /// The rows. They name the same user.
    pub rows: Vec<Row>,
}

/// The rows of a job as the scheduler reads them.
pub trait RowStore: Send {
    /// How many rows the input has, bad ones included.
    fn len(&self) -> u64;

    /// Whether the input has no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of the next user; none after the last user. Users come in the order of their first row.
    fn next_user(&mut self) -> personcert::Result<Option<UserRows>>;

    /// How many rows failed a check.
    fn rejected(&self) -> u64;

    /// The next row that failed a check, in the order of the input; none after the last. They are read from disk, because
    /// every row of an input may be bad.
    fn next_reject(&mut self) -> personcert::Result<Option<Reject>>;
}
