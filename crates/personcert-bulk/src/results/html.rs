//! The report as one page that needs nothing else: no script, no file, no address.

use std::fmt::Write;

use personcert::display;

use super::chart;
use super::report::{Change, Report};

/// The page's look; it follows the reader's light or dark setting.
const STYLE: &str = include_str!("report.css");

/// The page.
pub(super) fn page(report: &Report<'_>, changes: &[Change]) -> String {
    let summary = report.summary;
    let title = format!("personcert {}: {}", summary.command, summary.input);
    let mut page = String::with_capacity(64 << 10);
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title><style>{STYLE}</style></head>\
         <body><h1>{0}</h1>",
        escape(&title)
    );
    push_summary(&mut page, report);
    push_counts(&mut page, report);
    let chart = chart::svg(&summary.timeline);
    if !chart.is_empty() {
        let _ = write!(
            page,
            "<h2>Rate</h2><p><span class=\"key rows\"></span> rows per second \
             <span class=\"key refused\"></span> steps refused per second</p>{chart}"
        );
    }
    push_failures(&mut page, report);
    push_changes(&mut page, report, changes);
    page.push_str("</body></html>\n");
    page
}

fn push_summary(page: &mut String, report: &Report<'_>) {
    let summary = report.summary;
    let end = match &summary.reason {
        Some(reason) => format!("{}: {reason}", summary.end),
        None => summary.end.to_string(),
    };
    let duration = format!("{:.1} s", summary.seconds);
    let requests = format!("{}, {} steps throttled", summary.requests, summary.throttled);
    let lines = [
        ("Job", Some(summary.job.as_str())),
        ("Signed in as", summary.account.as_deref()),
        ("Service", Some(&summary.service)),
        ("Input", Some(&summary.input)),
        ("SHA-256 of the rows", Some(&summary.input_hash)),
        ("Started", Some(&summary.started)),
        ("Duration", Some(&duration)),
        ("Requests", Some(&requests)),
        ("End", Some(&end)),
        ("Continue with", summary.resume.as_deref()),
        ("Version", Some(report.version)),
    ];
    page.push_str("<table class=\"summary\">");
    for (name, text) in lines.iter().filter_map(|(name, text)| Some((name, (*text)?))) {
        let _ = write!(page, "<tr><th>{name}</th><td>{}</td></tr>", escape(text));
    }
    page.push_str("</table>");
}

fn push_counts(page: &mut String, report: &Report<'_>) {
    let counts = &report.counts;
    let parts = [
        ("created", counts.created, report.files.done),
        ("updated", counts.updated, report.files.done),
        ("deleted", counts.deleted, report.files.done),
        ("unchanged", counts.unchanged, report.files.done),
        ("failed", counts.failed, report.files.failed),
        ("unknown", counts.unknown, report.files.failed),
        ("not attempted", counts.not_attempted, report.files.not_attempted),
    ];
    let _ = write!(page, "<h2>{} rows</h2><table><tr><th>Outcome</th><th>Rows</th><th>File</th></tr>", counts.rows);
    for (name, rows, file) in parts.iter().filter(|(_, rows, _)| *rows > 0) {
        let _ = write!(page, "<tr><td>{name}</td><td class=\"number\">{rows}</td><td>{file}</td></tr>");
    }
    page.push_str("</table>");
}

fn push_failures(page: &mut String, report: &Report<'_>) {
    if report.failures.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Failures by cause</h2><table><tr><th>Rows</th><th>Cause</th><th>Column</th><th>Code</th>\
         <th>May succeed later</th><th>First rows</th></tr>",
    );
    for cause in &report.failures {
        let examples: Vec<_> = cause.examples.iter().map(u64::to_string).collect();
        let code = [cause.status.map(|status| status.to_string()), cause.code.clone()];
        let code: Vec<_> = code.into_iter().flatten().collect();
        let _ = write!(
            page,
            "<tr><td class=\"number\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            cause.rows,
            escape(&cause.reason),
            escape(cause.column.as_deref().unwrap_or_default()),
            escape(&code.join(" ")),
            if cause.retryable { "yes" } else { "no" },
            examples.join(", ")
        );
    }
    page.push_str("</table>");
}

fn push_changes(page: &mut String, report: &Report<'_>, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    let counts = &report.counts;
    let all = counts.created + counts.updated + counts.deleted;
    let _ = write!(page, "<h2>Changes</h2>");
    if all > changes.len() as u64 {
        let _ = write!(page, "<p>The first {} of {all}; {} lists all.</p>", changes.len(), report.files.done);
    }
    page.push_str("<table><tr><th>Row</th><th>Outcome</th><th>User</th><th>Certification</th></tr>");
    for change in changes {
        let _ = write!(
            page,
            "<tr><td class=\"number\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            change.row,
            change.status,
            escape(&change.label.user),
            escape(&change.label.certification)
        );
    }
    page.push_str("</table>");
}

/// Text for a page: nothing in it is markup, and nothing hides or reorders what stands beside it.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in display::escape(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
