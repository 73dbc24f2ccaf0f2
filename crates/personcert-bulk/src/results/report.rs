//! What the two reports are made of.

use serde::Serialize;

use super::failures::Cause;
use super::summary::{ReportCounts, RunSummary};
use crate::columns::RowLabel;
use crate::outcome::RowStatus;

/// The version of the form of `report.json`.
pub(super) const REPORT_FORMAT: u32 = 1;
/// The names of the result files.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultFiles {
    /// Rows that were applied.
    pub done: &'static str,
    /// Rows that failed, and rows whose outcome is unknown.
    pub failed: &'static str,
    /// Rows for which nothing was sent.
    pub not_attempted: &'static str,
    /// The report for programs.
    pub report_json: &'static str,
    /// The report for readers.
    pub report_html: &'static str,
}

/// The names of the result files.
pub const RESULT_FILES: ResultFiles = ResultFiles {
    done: "done.csv",
    failed: "failed.csv",
    not_attempted: "not-attempted.csv",
    report_json: "report.json",
    report_html: "report.html",
};

/// The report.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report<'a> {
    pub(super) format: u32,
    pub(super) version: &'static str,
    #[serde(flatten)]
    pub(super) summary: &'a RunSummary,
    pub(super) counts: ReportCounts,
    pub(super) files: ResultFiles,
    pub(super) failures: Vec<Cause>,
}

/// A row that changed something.
pub(super) struct Change {
    pub(super) row: u64,
    pub(super) status: RowStatus,
    pub(super) label: RowLabel,
}
