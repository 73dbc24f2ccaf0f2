//! The `personcert` command as a front end: a process for each case.

use std::io::Write;
use std::process::{self, Output};

use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use crate::case::{self, Case, Ended};

/// Runs the command that cargo built for this test.
pub fn carry_out(case: &Case, settings: &Value) -> Result<Ended, String> {
    let mut command = process::Command::new(env!("CARGO_BIN_EXE_personcert"));
    command.env_clear().arg("--json");
    let _current = arguments(&mut command, &case.call.operation, &case.call.arguments)?;
    for (name, value) in settings.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("token", token) => drop(command.env("PERSONCERT_TOKEN", text(token))),
            ("clientSecret", secret) => drop(command.env("AZURE_CLIENT_SECRET", text(secret))),
            ("certificatePassword", password) => {
                command.env("AZURE_CLIENT_CERTIFICATE_PASSWORD", text(password));
            }
            (name, Value::Bool(false)) => return Err(format!("the command can't say {name}: false")),
            (name, Value::Bool(true)) => drop(command.arg(option(name))),
            (name, value) => drop(command.arg(format!("{}={}", option(name), text(value)))),
        }
    }
    let output = command.arg("--verbose").output().map_err(|error| error.to_string())?;
    let said = |bytes: &[u8]| {
        case::secrets(settings).chain(["eyJ"]).any(|secret| String::from_utf8_lossy(bytes).contains(secret))
    };
    if said(&output.stdout) || said(&output.stderr) {
        return Err("a secret was printed".into());
    }
    ended(output)
}
/// Says a call in the command's words. The file for `--current` lives as long as what is given back.
fn arguments(
    command: &mut process::Command,
    operation: &str,
    arguments: &Map<String, Value>,
) -> Result<Option<NamedTempFile>, String> {
    // The command has a name of its own for it.
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

/// What the process printed, and whether its exit code says the same.
fn ended(output: Output) -> Result<Ended, String> {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let code = output.status.code().ok_or("the command was killed")?;
    // A doctor who finds something bad says so by exit code 4.
    if code == 0 || (code == 4 && !stdout.is_empty()) {
        return serde_json::from_str(&stdout).map(Ended::Value).map_err(|error| format!("printed {stdout:?}: {error}"));
    }
    let error = stderr.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
    let error = error.ok_or_else(|| format!("exit code {code}, printed {stderr:?}"))?["error"].take();
    let meant = match error["kind"].as_str() {
        Some("invalid_input") => 2,
        Some("auth") => 3,
        Some("permission") => 4,
        Some("not_found") => 5,
        Some("conflict") => 6,
        Some("throttled") => 7,
        Some("service" | "network" | "timeout" | "protocol") => 8,
        _ => 130,
    };
    if code != meant {
        return Err(format!("exit code {code} for {error}"));
    }
    if !stdout.is_empty() {
        return Err(format!("an error, and yet it printed {stdout:?}"));
    }
    Ok(Ended::Error(error))
}
