//! What a run leaves behind, however it ends: three files that hold each input row once, and two reports.
//!
//! - `done.csv`: rows that were created, updated, deleted or unchanged, with Graph's id;
//! - `failed.csv`: rows that failed, and rows whose outcome is unknown; `personcert.status` tells them apart. The file is
//!   itself an input: the columns that start with `personcert.` are ignored when it is read;
//! - `not-attempted.csv`: rows for which nothing was sent;
//! - `report.json`, described by `docs/report.schema.json`, and `report.html`.

mod chart;
mod csv;
mod failures;
mod html;
mod report;
mod summary;
mod table;

use std::path::Path;

use personcert::{ErrorKind, Result};

use crate::files::{NewFile, file_error};
use crate::outcome::{Counts, RowError, RowOutcome, RowStatus};
use crate::row::Reject;
use crate::source::Record;
use crate::spool::Spool;

use failures::Failures;
use report::{Change, REPORT_FORMAT, Report};
use table::{DONE_COLUMNS, FAILED_COLUMNS, NOT_ATTEMPTED_COLUMNS, ResultTable};

pub use csv::CsvWriter;
pub use report::{RESULT_FILES, ResultFiles};
pub use summary::{RunEnd, RunSummary, TimelinePoint};

/// The most changes that the page lists; `done.csv` has all.
const MAX_LISTED_CHANGES: usize = 500;

/// The files that are being written, and what they hold.
struct Results {
    done: ResultTable,
    failed: ResultTable,
    not_attempted: ResultTable,
    counts: Counts,
    failures: Failures,
    changes: Vec<Change>,
}

/// Writes the result files into `folder`. `outcomes` come in the order of their rows; a row without one was not attempted,
/// or failed its check.
pub fn write_results(
    folder: &Path,
    spool: &Spool,
    outcomes: impl IntoIterator<Item = Result<RowOutcome>>,
    summary: &RunSummary,
) -> Result<Counts> {
    let mut results = Results::create(folder, spool)?;
    let mut outcomes = outcomes.into_iter().peekable();
    let mut records = spool.records()?;
    while let Some((record, reject)) = records.next_record()? {
        let number = record.number;
        // An outcome of no row of the input: a certification that was deleted because the input doesn't name it.
        while let Some(outcome) = next_outcome(&mut outcomes, |row| row < number)? {
            results.add_deleted(&outcome)?;
        }
        let outcome = next_outcome(&mut outcomes, |row| row == number)?;
        let outcome = outcome.unwrap_or_else(|| without_outcome(number, reject));
        results.add(spool, &record, &outcome)?;
    }
    while let Some(outcome) = next_outcome(&mut outcomes, |_| true)? {
        results.add_deleted(&outcome)?;
    }
    results.finish(folder, summary)
}

/// The next outcome if its row is wanted; an error is always taken.
fn next_outcome<I: Iterator<Item = Result<RowOutcome>>>(
    outcomes: &mut std::iter::Peekable<I>,
    is_wanted: impl Fn(u64) -> bool,
) -> Result<Option<RowOutcome>> {
    outcomes.next_if(|outcome| outcome.as_ref().map_or(true, |outcome| is_wanted(outcome.row))).transpose()
}

/// The outcome of a row that the run did not reach.
fn without_outcome(row: u64, reject: Option<Reject>) -> RowOutcome {
    let error = reject.map(|reject| {
        Box::new(RowError {
            kind: ErrorKind::InvalidInput,
            message: reject.message,
            column: reject.column,
            code: None,
            status: None,
            retryable: false,
            request_id: None,
            client_request_id: None,
        })
    });
    let status = if error.is_some() { RowStatus::Failed } else { RowStatus::NotAttempted };
    RowOutcome { row, status, id: None, attempts: 0, error }
}

impl Results {
    fn create(folder: &Path, spool: &Spool) -> Result<Self> {
        let table = |name: &str, added| ResultTable::create(&folder.join(name), spool.columns(), added);
        Ok(Self {
            done: table(RESULT_FILES.done, DONE_COLUMNS)?,
            failed: table(RESULT_FILES.failed, FAILED_COLUMNS)?,
            not_attempted: table(RESULT_FILES.not_attempted, NOT_ATTEMPTED_COLUMNS)?,
            counts: Counts::default(),
            failures: Failures::default(),
            changes: Vec::new(),
        })
    }

    fn add(&mut self, spool: &Spool, record: &Record<'_>, outcome: &RowOutcome) -> Result<()> {
        self.counts.rows += 1;
        self.counts.add(outcome.status);
        match outcome.status {
            RowStatus::NotAttempted => self.not_attempted.write(record, outcome),
            RowStatus::Failed | RowStatus::Unknown => {
                if let Some(error) = &outcome.error {
                    self.failures.add(record.number, error);
                }
                self.failed.write(record, outcome)
            }
            status => {
                if status != RowStatus::Unchanged && self.changes.len() < MAX_LISTED_CHANGES {
                    self.changes.push(Change { row: record.number, status, label: spool.columns().label(record) });
                }
                self.done.write(record, outcome)
            }
        }
    }

    /// Adds a deletion that belongs to no row; it is a row of the report.
    fn add_deleted(&mut self, outcome: &RowOutcome) -> Result<()> {
        self.counts.rows += 1;
        self.counts.add(outcome.status);
        let record = Record { number: outcome.row, cells: Vec::new(), problem: None };
        match outcome.status {
            RowStatus::Failed | RowStatus::Unknown => self.failed.write(&record, outcome),
            _ => self.done.write(&record, outcome),
        }
    }

    fn finish(self, folder: &Path, summary: &RunSummary) -> Result<Counts> {
        self.done.commit()?;
        self.failed.commit()?;
        self.not_attempted.commit()?;
        let report = Report {
            format: REPORT_FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            summary,
            counts: self.counts.into(),
            files: RESULT_FILES,
            failures: self.failures.into_causes(),
        };
        let json = serde_json::to_string_pretty(&report).map_err(|error| file_error(folder, error))?;
        write_file(&folder.join(RESULT_FILES.report_json), &(json + "\n"))?;
        write_file(&folder.join(RESULT_FILES.report_html), &html::page(&report, &self.changes))?;
        Ok(self.counts)
    }
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    let new = NewFile::create(path)?;
    new.file()?.write_all(text.as_bytes()).map_err(|error| file_error(path, error))?;
    new.commit().map(drop)
}
