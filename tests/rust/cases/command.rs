//! The `personcert` command as a front end: one process per case.

use std::io::Write;
use std::process::{Command, Output};

use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use crate::case::{self, CallResult, Case};

/// Makes the case's call with the command that cargo built for this test; fails when a secret is printed.
pub fn call(case: &Case, settings: &Value) -> Result<CallResult, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_personcert"));
    command.env_clear().arg("--json");
    let _current = add_call(&mut command, &case.call.operation, &case.call.arguments)?;
    add_settings(&mut command, settings)?;
    let output = command.arg("--verbose").output().map_err(|error| error.to_string())?;
    let leaked = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        case::secrets(settings).any(|secret| text.contains(secret))
    };
    if leaked(&output.stdout) || leaked(&output.stderr) {
        return Err("a secret was printed".into());
    }
    let mut result = read_output(&output, &case.call.operation)?;
    if let (CallResult::Error(error), Some(expected)) = (&mut result, &case.error) {
        rename_parameter(error, expected);
    }
    Ok(result)
}

/// Cases name a parameter as Graph does. Where the command names the same one in its own way, `error` gets that name.
fn rename_parameter(error: &mut Value, expected: &Map<String, Value>) {
    let Some(name) = expected.get("parameter").and_then(Value::as_str) else { return };
    let property = name.strip_prefix("changes.").or_else(|| name.strip_prefix("values."));
    let spelled = match (name, property) {
        (_, Some(property)) => property.to_owned(),
        ("id", _) => "ID".to_owned(),
        ("changes" | "values", _) => "--set".to_owned(),
        _ => option(name),
    };
    error["parameter"] = if error["parameter"] == spelled { name.into() } else { error["parameter"].take() };
}

fn add_settings(command: &mut Command, settings: &Value) -> Result<(), String> {
    for (name, value) in settings.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("token", token) => drop(command.env("PERSONCERT_TOKEN", text(token))),
            ("clientSecret", secret) => drop(command.env("AZURE_CLIENT_SECRET", text(secret))),
            ("certificatePassword", password) => {
                command.env("AZURE_CLIENT_CERTIFICATE_PASSWORD", text(password));
            }
            (name, Value::Bool(false)) => return Err(format!("the command cannot express {name}: false")),
            (name, Value::Bool(true)) => drop(command.arg(option(name))),
            (name, value) => drop(command.arg(format!("{}={}", option(name), text(value)))),
        }
    }
    Ok(())
}

/// Adds the call's words. The file for `--current` lives as long as the returned handle.
fn add_call(
    command: &mut Command,
    operation: &str,
    arguments: &Map<String, Value>,
) -> Result<Option<NamedTempFile>, String> {
    command.arg(operation);
    let mut current = None;
    for (name, value) in arguments {
        match (name.as_str(), value) {
            ("changes" | "values", Value::Object(changes)) => {
                for (name, value) in changes {
                    match value {
                        Value::Null => command.arg(format!("--clear={name}")),
                        value => command.arg(format!("--set={name}={}", text(value))),
                    };
                }
            }
            (_, Value::Null | Value::Bool(false)) => {}
            (name, Value::Bool(true)) => drop(command.arg(option(name))),
            ("id", id) => drop(command.arg(text(id))),
            ("select", Value::Array(names)) => {
                let names: Vec<_> = names.iter().map(text).collect();
                command.arg(format!("--select={}", names.join(",")));
            }
            ("current", value) => {
                let mut file = NamedTempFile::new().map_err(|error| error.to_string())?;
                write!(file, "{value}").map_err(|error| error.to_string())?;
                command.arg("--current").arg(file.path());
                current = Some(file);
            }
            (name, value) => drop(command.arg(format!("{}={}", option(name), text(value)))),
        }
    }
    Ok(current)
}

fn option(name: &str) -> String {
    let dashed = |c: char| if c.is_uppercase() { format!("-{}", c.to_lowercase()) } else { c.to_string() };
    format!("--{}", name.chars().map(dashed).collect::<String>())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Reads the printed result or error, and checks that the exit code matches it.
fn read_output(output: &Output, operation: &str) -> Result<CallResult, String> {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let code = output.status.code().ok_or("a signal ended the command")?;
    // `doctor` prints its findings and exits with 4 or 8 when a check failed.
    if code == 0 || (matches!(code, 4 | 8) && !stdout.is_empty()) {
        let value = serde_json::from_str(&stdout);
        return value.map(CallResult::Value).map_err(|error| format!("printed {stdout:?}: {error}"));
    }
    let error = stderr.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
    let error = error.ok_or_else(|| format!("exit code {code}, printed {stderr:?}"))?["error"].take();
    let is_write = matches!(operation, "update" | "create" | "delete");
    let expected = match error["kind"].as_str() {
        _ if is_write && error["outcome"] == "unknown" => 9,
        Some("not_found" | "conflict") => 1,
        Some("auth" | "permission") => 4,
        Some("cancelled") => 5,
        Some("invalid_input") => 6,
        _ => 8,
    };
    if code != expected {
        return Err(format!("exit code {code}, expected {expected} for {error}"));
    }
    if !stdout.is_empty() {
        return Err(format!("failed, but printed {stdout:?}"));
    }
    let applied = if code == 9 { " may have been " } else { "Nothing was changed." };
    if is_write && !stderr.lines().rev().nth(1).is_some_and(|line| line.contains(applied)) {
        return Err(format!("the outcome is missing in {stderr:?}"));
    }
    Ok(CallResult::Error(error))
}
