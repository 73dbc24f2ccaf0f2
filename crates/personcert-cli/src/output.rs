//! What a person sees, and what a program reads.

use std::io::Write;

use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use personcert::host::Dialect;
use personcert::{Attempt, Error, PROPERTIES, Prompt};
use serde_json::{Value, json};

/// Prints the result of a command. A reader that has seen enough and left is no error.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A value as JSON on lines of its own.
pub(crate) fn json(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// A certification, a line for each member that has a value.
pub(crate) fn card(certification: &Value) -> String {
    let known = PROPERTIES.iter().filter_map(|property| {
        let value = certification.get(property.name).filter(|value| !value.is_null())?;
        Some(format!("{:<22}{}\n", property.name, plain(value)))
    });
    known.collect()
}

/// Certifications, one a row.
pub(crate) fn table(certifications: &[Value]) -> String {
    let columns = ["id", "displayName", "certificationId", "issuingAuthority", "issuedDate", "endDate"];
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(columns);
    for certification in certifications {
        table.add_row(columns.map(|name| plain(&certification[name])));
    }
    format!("{table}\n{} certifications\n", certifications.len())
}

/// What an update changed; its warnings go to the person.
pub(crate) fn updated(updated: &Value) -> String {
    for warning in updated["warnings"].as_array().into_iter().flatten() {
        eprintln!("warning: {}", plain(warning));
    }
    if updated["status"].is_null() {
        return "nothing differs; nothing was sent\n".to_owned();
    }
    let (status, id) = (&updated["status"], plain(&updated["clientRequestId"]));
    let head = format!("sent: PATCH, client-request-id {id}, answer {status}\n");
    let line = |change: &Value| {
        let recalculated = if change["sent"] == false { "  (recalculated)" } else { "" };
        let before = change.get("before").map(|before| format!("{} → ", shown(before))).unwrap_or_default();
        format!("  {}: {before}{}{recalculated}\n", plain(&change["name"]), shown(&change["after"]))
    };
    head + &updated["changed"].as_array().into_iter().flatten().map(line).collect::<String>()
}

/// An error for a person, and with `--json` for a program too.
pub(crate) fn error(error: &Error, as_json: bool) {
    eprintln!("error: {}", plain(&json!(error.to_string())));
    if as_json {
        let mut attributes = error.attributes(Dialect::GRAPH);
        attributes.insert("message".into(), json!(error.to_string()));
        eprintln!("{}", json!({"error": attributes}));
    }
}

/// Findings, one a line; what is bad is marked.
pub(crate) fn findings(findings: &Value) -> String {
    let line = |finding: &Value| {
        let mark = if finding["ok"] == true { "ok" } else { "BAD" };
        format!("{mark:<4}{:<13}{}\n", plain(&finding["name"]), plain(&finding["message"]))
    };
    findings.as_array().into_iter().flatten().map(line).collect()
}

/// What a person has to do to sign in.
pub(crate) fn prompt(prompt: &Prompt) {
    eprintln!("{}", plain(&json!(prompt.message)));
}

/// Who is signed in, a line for each member.
pub(crate) fn account(account: &Value) -> String {
    let line = |(name, value): (&String, &Value)| format!("{name:<12}{}\n", plain(value));
    account.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()).map(line).collect()
}

/// An attempt for a person who watches.
pub(crate) fn attempt(attempt: &Attempt) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let ended = attempt.status.map_or_else(|| text(&attempt.kind), |status| status.to_string());
    let wait = attempt.wait_ms.map(|wait| format!(", again in {wait:.0} ms")).unwrap_or_default();
    let Attempt { method, target, duration_ms: took, attempt: number, .. } = attempt;
    let id = text(&attempt.client_request_id);
    eprintln!("{method} {target}: {ended} in {took:.0} ms, attempt {number}{wait} [{id}]");
    if let Some(notice) = &attempt.notice {
        eprintln!("warning: {}", plain(&json!(notice)));
    }
}

fn shown(value: &Value) -> String {
    if value.is_null() { "(empty)".to_owned() } else { plain(value) }
}

/// A value as text that can't steer the terminal.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(identity) if identity.contains_key("user") => plain(&identity["user"]),
        Value::Object(user) if user.contains_key("displayName") => plain(&user["displayName"]),
        other => other.to_string(),
    };
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}
