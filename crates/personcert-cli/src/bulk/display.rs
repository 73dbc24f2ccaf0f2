//! What the commands for many certifications print.

use std::fmt::Write as _;

use personcert_bulk::spool::RowStore as _;
use personcert_bulk::{Counts, JobEnd, JobInput, Plan, PlanCounts, Report};
use serde_json::json;

use super::progress::duration;
use crate::output;

/// Steps a second by which the time of a plan is estimated: what a job starts with.
const ESTIMATED_RATE: f64 = 10.0;

/// What the input holds.
pub(crate) fn input(input: &JobInput) -> String {
    format!("{}, {} invalid\n", rows(input.spool.len()), input.spool.rejected())
}

/// What a plan changes.
pub(crate) fn plan(plan: &Plan, is_json: bool) -> String {
    let counts = plan.counts();
    if is_json {
        let mut value = members(counts);
        value["plan"] = json!(plan.header().plan);
        value["sha256"] = json!(plan.sha256());
        return output::json(&value);
    }
    let mut text = summary(counts);
    if let Some(time) = counts.estimate(ESTIMATED_RATE).filter(|_| counts.changes() > 0) {
        let _ = writeln!(text, "takes about {} at {ESTIMATED_RATE} steps a second", duration(time));
    }
    let _ = writeln!(text, "plan {}", plan.header().plan);
    text
}

/// The result of a verification.
pub(crate) fn verification(counts: PlanCounts, is_json: bool) -> String {
    if is_json {
        return output::json(&members(counts));
    }
    let verdict = if counts.is_empty() { "every row is as wanted\n" } else { "" };
    summary(counts) + verdict
}

fn summary(counts: PlanCounts) -> String {
    let PlanCounts { create, update, delete, unchanged, failed, .. } = counts;
    let deleted = if delete > 0 { format!("{delete} to delete, ") } else { String::new() };
    format!("{create} to create, {update} to change, {deleted}{failed} invalid or failed, {unchanged} unchanged\n")
}

fn members(counts: PlanCounts) -> serde_json::Value {
    let PlanCounts { rows, create, update, delete, unchanged, failed, users } = counts;
    json!({"rows": rows, "create": create, "update": update, "delete": delete, "unchanged": unchanged,
        "failed": failed, "users": users})
}

/// The result of a run.
pub(crate) fn report(report: &Report, resume: Option<&str>, is_json: bool) -> String {
    let Counts { created, updated, deleted, unchanged, failed, unknown, .. } = report.counts;
    let left = report.counts.not_attempted();
    let dir = report.dir.as_ref().map(|dir| dir.display().to_string());
    if is_json {
        return output::json(&json!({
            "end": report.end.as_str(), "reason": report.message, "rows": report.counts.rows, "created": created,
            "updated": updated, "deleted": deleted, "unchanged": unchanged, "failed": failed, "unknown": unknown,
            "notAttempted": left, "job": dir, "resume": resume,
        }));
    }
    let mut text = String::new();
    let parts = [
        (created, "created"),
        (updated, "updated"),
        (deleted, "deleted"),
        (unchanged, "unchanged"),
        (failed, "failed"),
        (unknown, "unknown"),
        (left, "not attempted"),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let _ = writeln!(text, "{}: {}", rows(report.counts.rows), parts.join(", "));
    if report.cut_bytes > 0 {
        let _ = writeln!(text, "the earlier run ended within a record; {} bytes were cut", report.cut_bytes);
    }
    if report.end != JobEnd::Complete {
        let why = report.message.as_deref().unwrap_or("stopped");
        let _ = writeln!(text, "{}: {}", report.end, personcert::display::escape(why));
    }
    if let Some(dir) = dir {
        let _ = writeln!(text, "results: {dir}");
    }
    if let Some(resume) = resume {
        let _ = writeln!(text, "continue with: {resume}");
    }
    text
}

/// A number of rows, in words.
fn rows(count: u64) -> String {
    format!("{count} row{}", if count == 1 { "" } else { "s" })
}
