//! What the command prints: text for people, JSON for programs. External text is displayed by [`personcert::display`].

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

use clap::error::{ContextKind, ContextValue};
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use personcert::Error;
use personcert::auth::Prompt;
use personcert::display::{escape, escape_json};
use personcert::hooks::Attempt;
use personcert::schema::PROPERTIES;
use serde_json::{Value, json};

use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// The columns of a table of certifications.
const COLUMNS: [&str; 6] = ["id", "displayName", "certificationId", "issuingAuthority", "issuedDate", "endDate"];

/// Opens the null device for each standard stream that the caller closed. Otherwise a connection or a database could
/// get its number, and receive what is printed.
pub(crate) fn reserve_standard_streams() {
    #[cfg(unix)]
    while let Ok(null) = std::fs::File::options().read(true).write(true).open("/dev/null") {
        if std::os::fd::AsRawFd::as_raw_fd(&null) > 2 {
            break;
        }
        std::mem::forget(null);
    }
}

/// Prints the result of a command. A reader that closes the pipe early, such as `head`, is no error.
pub(crate) fn print(text: &str) -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(ExitCode::Done),
    }
}

/// Prints a line on standard error. Where that can't be written, the exit code remains.
pub(crate) fn note(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Asks on standard error; whether the answer is yes.
pub(crate) fn ask(question: &str) -> bool {
    let mut err = std::io::stderr();
    let _ = err.write_all(question.as_bytes()).and_then(|()| err.flush());
    let mut answer = String::new();
    // Longer answers are no.
    let read = std::io::BufRead::read_line(
        &mut std::io::BufReader::new(std::io::Read::take(std::io::stdin(), 16)),
        &mut answer,
    );
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// A value as JSON on lines of its own.
pub(crate) fn json(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    escape_json(&text).into_owned() + "\n"
}

/// Prints a failure: a line for people, what became of the change, and with `--json` a last line for programs.
pub(crate) fn failure(failure: &Failure, operation: &str, as_json: bool) {
    note(format_args!("error: {}", escape(&failure.to_string())));
    if let Some(outcome) = failure.outcome(operation) {
        note(outcome);
    }
    if as_json {
        note(escape_json(&json!({"error": failure.attributes()}).to_string()));
    }
}

/// Prints what the argument parser says: help and version on standard output, errors on standard error. Returns the exit
/// code.
pub(crate) fn usage(error: &clap::Error, as_json: bool) -> ExitCode {
    if !error.use_stderr() {
        return match error.print() {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                let lost = Failure::Output(error);
                failure(&lost, "", as_json);
                lost.exit_code("")
            }
            _ => ExitCode::Done,
        };
    }
    let text = error.to_string();
    for line in text.lines() {
        note(escape(line));
    }
    let (problem, _) = text.split_once("\n\n").unwrap_or((&text, ""));
    let problem: Vec<_> = problem.trim_start_matches("error: ").split_whitespace().collect();
    let parameter = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(name)) => name.clone(),
        Some(ContextValue::Strings(names)) => names.join(" "),
        _ => String::new(),
    };
    let invalid = Failure::Call(Error::input(parameter, problem.join(" ")));
    if as_json {
        note(escape_json(&json!({"error": invalid.attributes()}).to_string()));
    }
    invalid.exit_code("")
}

/// A certification, a line for each property with a value.
pub(crate) fn card(certification: &Value) -> String {
    let known = PROPERTIES.iter().filter_map(|property| {
        let value = certification.get(property.name).filter(|value| !value.is_null())?;
        Some(format!("{:<22}{}\n", property.name, plain(value)))
    });
    known.collect()
}

/// Certifications, one a row.
pub(crate) fn table(certifications: &[Value]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(COLUMNS);
    for certification in certifications {
        table.add_row(COLUMNS.map(|name| plain(&certification[name])));
    }
    let count = certifications.len();
    format!("{table}\n{count} certification{}\n", if count == 1 { "" } else { "s" })
}

/// What an update changed; its warnings go to standard error.
pub(crate) fn update(update: &Value, warnings: &Warnings) -> String {
    for warning in update["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        warnings.print(warning);
    }
    if update["attempts"] == 0 {
        return "nothing differs; nothing was sent\n".to_owned();
    }
    let how = match &update["status"] {
        Value::Null => "confirmed by a read".to_owned(),
        status => format!("answer {status}"),
    };
    let head = format!("sent: PATCH, client-request-id {}, {how}\n", plain(&update["clientRequestId"]));
    let line = |change: &Value| {
        let recalculated = if change["sent"] == false { "  (recalculated)" } else { "" };
        let before = change.get("before").map(|before| format!("{} → ", shown(before))).unwrap_or_default();
        format!("  {}: {before}{}{recalculated}\n", plain(&change["name"]), shown(&change["after"]))
    };
    head + &update["changed"].as_array().into_iter().flatten().map(line).collect::<String>()
}

/// Findings, one a line; failed checks are marked.
pub(crate) fn findings(findings: &Value) -> String {
    let line = |finding: &Value| {
        let mark = if finding["ok"] == true { "ok" } else { "BAD" };
        format!("{mark:<4}{:<13}{}\n", plain(&finding["name"]), plain(&finding["message"]))
    };
    findings.as_array().into_iter().flatten().map(line).collect()
}

/// Prints what the user must do to sign in.
pub(crate) fn prompt(prompt: &Prompt) {
    note(escape(&prompt.message));
}

/// The signed-in account, a line for each member.
pub(crate) fn account(account: &Value) -> String {
    let line = |(name, value): (&String, &Value)| format!("{name:<12}{}\n", plain(value));
    account.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()).map(line).collect()
}

/// Prints an attempt, for `--verbose`.
pub(crate) fn attempt(attempt: &Attempt, warnings: &Warnings) {
    let kind = attempt.kind.as_deref().unwrap_or_default();
    let ended = attempt.status.map_or_else(|| kind.to_owned(), |status| status.to_string());
    let wait = attempt.wait_ms.map(|wait| format!(", again in {wait:.0} ms")).unwrap_or_default();
    let Attempt { method, target, duration_ms, attempt: number, .. } = attempt;
    let id = attempt.client_request_id.as_deref().unwrap_or_default();
    let line = format!("{method} {target}: {ended} in {duration_ms:.0} ms, attempt {number}{wait} [{id}]");
    note(escape(&line));
    if let Some(notice) = &attempt.notice {
        warnings.print(notice);
    }
}

/// The warnings printed so far. An attempt and the result of its call may carry the same one.
#[derive(Default)]
pub(crate) struct Warnings(Mutex<BTreeSet<String>>);

impl Warnings {
    fn print(&self, warning: &str) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(warning.to_owned()) {
            note(format_args!("warning: {}", escape(warning)));
        }
    }
}

fn shown(value: &Value) -> String {
    if value.is_null() { "(empty)".to_owned() } else { plain(value) }
}

/// A value as one line of text: of a user or an identity its name.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => escape(text).into_owned(),
        Value::Object(identity) if identity.contains_key("user") => plain(&identity["user"]),
        Value::Object(user) if user.contains_key("displayName") => plain(&user["displayName"]),
        other => escape_json(&other.to_string()).into_owned(),
    }
}
