//! The command as a process: what it prints, its exit codes, signals, hostile files, closed streams and other processes.

mod bulk;
mod files;
mod output;
mod raw_server;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod streams;
mod together;
mod usage;

use std::process::{Command, Output};

use personcert_local::LocalGraph;
use serde_json::{Value, json};

/// The id of the certification that every local Graph begins with.
const ID: &str = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";

/// The command with an empty environment, so that the settings of this machine stay out.
fn personcert(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_personcert"));
    command.env_clear().args(arguments);
    command
}

/// The command as a client of `graph`.
fn client(graph: &LocalGraph, arguments: &[&str]) -> Command {
    let token = graph.command("token", &json!({})).expect("a token");
    let mut command = personcert(arguments);
    command.env("PERSONCERT_BASE_URL", graph.url()).env("PERSONCERT_TOKEN", token.as_str().expect("text"));
    command
}

/// The last line of standard error, which `--json` makes an error for programs.
fn last_error(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().last().unwrap_or_else(|| panic!("no error; {output:?}"));
    serde_json::from_str::<Value>(last).unwrap_or_else(|error| panic!("{error}: {text}"))["error"].take()
}
