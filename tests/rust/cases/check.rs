//! Prepares the local Graph for a case, makes the call, and compares what happened with what the case expects.

use personcert_local::LocalGraph;
use serde_json::{Map, Value, json};

use crate::case::{CallResult, Case, Placeholders, Problems};

/// Runs one case; `call` makes its call with the given settings.
pub fn run(
    case: &Case,
    graph: &LocalGraph,
    call: impl FnOnce(&Value) -> Result<CallResult, String>,
) -> Result<Problems, String> {
    let command = |name: &str, arguments: Value| graph.command(name, &arguments).map_err(|error| error.to_string());
    command("reset", Value::Null)?;
    for added in &case.given.certifications {
        command("add", added.clone())?;
    }
    command("script", json!({"answers": case.server}))?;
    command("faults", json!({"faults": case.given.faults}))?;
    let placeholders = Placeholders::new()?;
    for (name, arguments) in &case.given.commands {
        let mut arguments = arguments.clone();
        placeholders.fill(&mut arguments, graph.url(), &command)?;
        command(name, arguments)?;
    }
    let result = call(&case.settings(graph.url(), &placeholders, &command)?)?;
    let mut problems = Vec::new();
    check_result(case, &result, &mut problems);
    let requests = command("requests", Value::Null)?;
    if requests.as_array().into_iter().flatten().any(|one| one["elsewhere"] == true && one["authorization"] == true) {
        problems.push("another server received the token".into());
    }
    if let Some(expected) = &case.requests {
        differences(expected, &requests, "requests", &mut problems);
    }
    if let Some(expected) = &case.sign_ins {
        differences(expected, &command("signIns", Value::Null)?, "signIns", &mut problems);
    }
    if let Some(stored) = &case.stored {
        let all = command("certifications", json!({"user": stored["user"]}))?;
        let found = all.as_array().into_iter().flatten().find(|found| found["id"] == stored["id"]);
        differences(&stored["certification"], found.unwrap_or(&Value::Null), "stored", &mut problems);
    }
    Ok(problems)
}

fn check_result(case: &Case, result: &CallResult, problems: &mut Problems) {
    match (result, &case.error) {
        (CallResult::Error(error), Some(expected)) => check_error(expected, error, problems),
        (CallResult::Error(error), None) => problems.push(format!("failed with {error}")),
        (CallResult::Value(_), Some(_)) => problems.push("succeeded, but the case expects an error".into()),
        (CallResult::Value(value), None) => differences(&case.result, value, "result", problems),
    }
}

/// Compares an error's attributes; of its message a part is enough.
fn check_error(expected: &Map<String, Value>, found: &Value, problems: &mut Problems) {
    for (name, value) in expected {
        let (found, text) = (&found[name], found["message"].as_str().unwrap_or_default());
        if name != "message" {
            differences(value, found, &format!("error ({text}).{name}"), problems);
        } else if !value.as_str().is_some_and(|part| text.contains(part)) {
            problems.push(format!("the error's message is {text:?}, which does not contain {value}"));
        }
    }
}

/// Reports where `found` differs: objects are compared as subsets, arrays item by item; `1` and `1.0` are the same number.
fn differences(expected: &Value, found: &Value, path: &str, problems: &mut Problems) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, value) in expected {
                let path = format!("{path}.{name}");
                match found.get(name) {
                    Some(found) => differences(value, found, &path, problems),
                    None => problems.push(format!("{path} is missing")),
                }
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            if expected.len() != found.len() {
                problems.push(format!("{path} has {} items, expected {}", found.len(), expected.len()));
            }
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                differences(expected, found, &format!("{path}[{index}]"), problems);
            }
        }
        (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => {}
        (expected, found) if expected == found => {}
        (expected, found) => problems.push(format!("{path} is {found}, expected {expected}")),
    }
}
