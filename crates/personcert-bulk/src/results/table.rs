//! One result file: the input's columns, then those that say what became of the row.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use personcert::{Date, Result};

use super::csv::CsvWriter;
use crate::columns::{Columns, RESULT_PREFIX, UNREADABLE_COLUMN};
use crate::files::{NewFile, file_error};
use crate::outcome::RowOutcome;
use crate::row::Cell;
use crate::rules::InputRules;
use crate::source::Record;

/// A column that a result file adds: its name, and its text for a row.
pub(super) type AddedColumn = (&'static str, fn(&Record<'_>, &RowOutcome) -> String);

const ROW: AddedColumn = ("personcert.row", |record, _| record.number.to_string());
const STATUS: AddedColumn = ("personcert.status", |_, outcome| outcome.status.to_string());
const ID: AddedColumn = ("personcert.id", |_, outcome| outcome.id.clone().unwrap_or_default());

/// The columns added to `done.csv`.
pub(super) const DONE_COLUMNS: &[AddedColumn] = &[ROW, STATUS, ID];
/// The columns added to `not-attempted.csv`.
pub(super) const NOT_ATTEMPTED_COLUMNS: &[AddedColumn] = &[ROW];
/// The columns added to `failed.csv`.
pub(super) const FAILED_COLUMNS: &[AddedColumn] = &[
    ROW,
    STATUS,
    ("personcert.reason", |_, outcome| outcome.error.as_ref().map(|error| error.message.clone()).unwrap_or_default()),
    ("personcert.column", |_, outcome| {
        outcome.error.as_ref().and_then(|error| error.column.clone()).unwrap_or_default()
    }),
    ("personcert.retryable", |_, outcome| outcome.error.as_ref().is_some_and(|error| error.retryable).to_string()),
    ("personcert.httpStatus", |_, outcome| {
        outcome.error.as_ref().and_then(|error| error.status).map(|status| status.to_string()).unwrap_or_default()
    }),
    ("personcert.code", |_, outcome| outcome.error.as_ref().and_then(|error| error.code.clone()).unwrap_or_default()),
    ("personcert.requestId", |_, outcome| {
        outcome.error.as_ref().and_then(|error| error.request_id.clone()).unwrap_or_default()
    }),
    ("personcert.clientRequestId", |_, outcome| {
        outcome.error.as_ref().and_then(|error| error.client_request_id.clone()).unwrap_or_default()
    }),
    ("personcert.attempts", |_, outcome| outcome.attempts.to_string()),
    ID,
    (UNREADABLE_COLUMN, |record, _| record.problem.as_ref().map(|problem| problem.message.clone()).unwrap_or_default()),
];

/// A result file that is being written.
pub(super) struct ResultTable {
    path: PathBuf,
    new: NewFile,
    csv: CsvWriter<BufWriter<File>>,
    /// The position of each column of the input; none for a column of an earlier result file.
    positions: Vec<Option<usize>>,
    count: usize,
    added: &'static [AddedColumn],
    rules: InputRules,
}

impl ResultTable {
    /// Creates the file and writes its header.
    pub(super) fn create(path: &Path, columns: &Columns, added: &'static [AddedColumn]) -> Result<Self> {
        let new = NewFile::create(path)?;
        let file = new.file()?.try_clone().map_err(|error| file_error(path, error))?;
        let mut count = 0;
        let positions = columns.names().iter().map(|name| {
            (!name.starts_with(RESULT_PREFIX)).then(|| {
                count += 1;
                count - 1
            })
        });
        let positions = positions.collect();
        let csv = CsvWriter::new(BufWriter::new(file));
        let rules = columns.rules().clone();
        let mut table = Self { path: path.to_owned(), new, csv, positions, count, added, rules };
        table.write_header(columns.names()).map_err(|error| file_error(path, error))?;
        Ok(table)
    }

    fn write_header(&mut self, names: &[String]) -> io::Result<()> {
        for name in names.iter().filter(|name| !name.starts_with(RESULT_PREFIX)) {
            self.csv.cell(name)?;
        }
        self.added.iter().try_for_each(|(name, _)| self.csv.cell(name))?;
        self.csv.end_row()
    }

    /// Writes a row.
    pub(super) fn write(&mut self, record: &Record<'_>, outcome: &RowOutcome) -> Result<()> {
        self.write_row(record, outcome).map_err(|error| file_error(&self.path, error))
    }

    fn write_row(&mut self, record: &Record<'_>, outcome: &RowOutcome) -> io::Result<()> {
        let mut cells = vec![Cow::Borrowed(""); self.count];
        for (column, cell) in &record.cells {
            if let Some(position) = self.positions.get(*column).copied().flatten() {
                cells[position] = text(cell, &self.rules);
            }
        }
        cells.iter().try_for_each(|cell| self.csv.cell(cell))?;
        self.added.iter().try_for_each(|(_, text)| self.csv.cell(&text(record, outcome)))?;
        self.csv.end_row()
    }

    /// Puts the file in its place.
    pub(super) fn commit(mut self) -> Result<()> {
        self.csv.flush().map_err(|error| file_error(&self.path, error))?;
        self.new.commit().map(drop)
    }
}

/// A cell as text that reads back as the same cell.
fn text<'a>(cell: &'a Cell<'_>, rules: &'a InputRules) -> Cow<'a, str> {
    match cell {
        Cell::Missing => "".into(),
        Cell::Clear => rules.clear_marker.as_str().into(),
        Cell::Text(text) => text.as_ref().into(),
        Cell::Bool(flag) => flag.to_string().into(),
        Cell::Int(number) => number.to_string().into(),
        Cell::Float(number) => number.to_string().into(),
        Cell::Date(date) => date_text(*date, rules.date_format.as_deref()).into(),
        Cell::Json(value) => value.to_string().into(),
    }
}

fn date_text(date: Date, format: Option<&str>) -> String {
    let (year, month, day) = date.parts();
    let civil = jiff::civil::Date::new(year, month, day).ok();
    format.and_then(|format| jiff::fmt::strtime::format(format, civil?).ok()).unwrap_or_else(|| date.to_string())
}
