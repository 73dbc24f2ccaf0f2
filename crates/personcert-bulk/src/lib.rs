//! Changes to many certifications, from a table of rows: validate, plan, apply, verify, retry, revert.
//!
//! The way of a row:
//!
//! 1. a [source](crate::source::Source) yields records of cells; the columns are bound once;
//! 2. every record is copied into the job's [`spool`](crate::spool) and checked as a [`Row`]: the total is exact before
//!    the first write, and the job no longer depends on the input;
//! 3. the scheduler groups the rows of each user, reads the user's certifications once, computes the smallest patch of
//!    each, and packs the steps of many users into batches;
//! 4. the journal holds each intent before it is sent and each [`RowOutcome`] after it;
//! 5. the report puts each row into exactly one result file.
//!
//! The scheduler does no input and output: events and times go in, actions come out. The engine around it is thin.

mod cell_value;
mod columns;
mod control;
mod decide;
pub mod disk;
mod drift;
mod engine;
pub mod export;
mod feed;
mod files;
mod input;
mod item;
mod job;
mod job_dir;
pub mod journal;
mod meter;
mod options;
mod outcome;
mod plan;
mod property_names;
mod report;
pub mod results;
mod revert;
mod row;
mod rules;
mod scheduler;
mod settle;
mod snapshot;
pub mod source;
pub mod spool;

pub use columns::{Columns, RESULT_PREFIX, RowLabel};
pub use control::{Control, Progress};
pub use input::JobInput;
pub use item::ItemOutcome;
pub use job::Job;
pub use job_dir::{JobDir, Storage};
pub use options::{BulkOptions, DriftPolicy, MissingPolicy};
pub use outcome::{Counts, RowError, RowOutcome, RowStatus};
pub use plan::{Plan, PlanCounts, PlanHeader, PlanItem, PlanItems};
pub use report::{JobEnd, Outcomes, Report};
pub use row::{Cell, Locator, Reject, Row};
pub use rules::InputRules;
