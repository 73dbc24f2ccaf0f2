//! What a run was: its part of the report.

use personcert::string_enum;
use serde::{Serialize, Serializer};

use crate::outcome::Counts;

string_enum! {
    /// How a run ended.
    RunEnd {
        Finished = "finished", "Every row was attempted.";
        Stopped = "stopped", "The run stopped itself: too many failures, a rejected sign-in, a full disk. `reason` says why.";
        Cancelled = "cancelled", "The caller stopped the run.";
    }
}

impl Serialize for RunEnd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What a run was and how it went, apart from its rows.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// The job's id.
    pub job: String,
    /// The command: `plan`, `apply`, `verify`, `retry` or `revert`.
    pub command: String,
    /// Who was signed in, where it is known.
    pub account: Option<String>,
    /// The service that was changed.
    pub service: String,
    /// The name of the input.
    pub input: String,
    /// The SHA-256 of the rows, in hexadecimal digits.
    pub input_hash: String,
    /// When the run started, as RFC 3339 in UTC.
    pub started: String,
    /// How long the run took, in seconds.
    pub seconds: f64,
    /// How the run ended.
    pub end: RunEnd,
    /// Why the run stopped before its end.
    pub reason: Option<String>,
    /// The command that continues the job, if rows are left.
    pub resume: Option<String>,
    /// The requests that were sent.
    pub requests: u64,
    /// The batch steps that the service refused with 429 or 503.
    pub throttled: u64,
    /// The rate over time.
    pub timeline: Vec<TimelinePoint>,
}

/// The rate at one point of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelinePoint {
    /// The seconds since the run started.
    pub seconds: f64,
    /// The rows that ended in a second.
    pub rows_per_second: f64,
    /// The batch steps that the service refused in a second.
    pub throttled_per_second: f64,
}

/// The counts of a report, `notAttempted` included.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReportCounts {
    pub rows: u64,
    pub created: u64,
    pub updated: u64,
    pub deleted: u64,
    pub unchanged: u64,
    pub failed: u64,
    pub unknown: u64,
    pub not_attempted: u64,
}

impl From<Counts> for ReportCounts {
    fn from(counts: Counts) -> Self {
        let not_attempted = counts.not_attempted();
        let Counts { rows, created, updated, deleted, unchanged, failed, unknown } = counts;
        Self { rows, created, updated, deleted, unchanged, failed, unknown, not_attempted }
    }
}
