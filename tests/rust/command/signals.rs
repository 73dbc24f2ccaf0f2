//! Ctrl-C and SIGTERM end the command with the true outcome.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};

use crate::raw_server::{RawServer, response};
use crate::{client, last_error, personcert};

const UPDATE: [&str; 8] = ["update", "x", "--set", "description=x", "--json", "--verify", "--max-attempts", "1"];

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts")
}

/// Sends the signal, waits for the end, and returns the outcome that the command reports.
fn stop(child: Child, name: &str, expected: i32) -> String {
    signal(&child, name);
    let output = child.wait_with_output().expect("it ends");
    let error = last_error(&output);
    assert_eq!((&error["kind"], output.status.code()), (&json!("cancelled"), Some(expected)), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    error["outcome"].as_str().expect("an outcome").to_owned()
}

#[test]
fn ctrl_c_between_attempts_reports_that_the_service_refused() {
    let graph = LocalGraph::start(Options::default()).expect("a local Graph");
    let faults = json!({"faults": [{"act": {"answer": {"status": 429, "headers": {"retry-after": "100"}}}}]});
    graph.command("faults", &faults).expect("faults");
    let mut child =
        start(client(&graph, &["update", "x", "--set", "description=x", "--json", "-v", "--timeout", "1000"]));
    let mut lines = BufReader::new(child.stderr.take().expect("its errors")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert!(first.contains("429") && first.contains("again in"), "{first}");
    signal(&child, "-INT");
    let lines: Vec<_> = lines.map(|line| line.expect("text")).collect();
    let [.., outcome, last] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(outcome, "Nothing was changed.");
    let error: Value = serde_json::from_str(last).expect("JSON");
    assert_eq!((&error["error"]["kind"], &error["error"]["outcome"]), (&json!("cancelled"), &json!("refused")));
    assert_eq!(child.wait().expect("it ends").code(), Some(5));
    assert_eq!(graph.command("requests", &Value::Null).expect("requests").as_array().map(Vec::len), Some(1));
}

#[test]
fn ctrl_c_during_the_verifying_read_leaves_the_outcome_unknown() {
    let server = RawServer::start(|line| line.starts_with("PATCH").then(|| response(502, "", &json!({}))));
    let child = start(server.client(&UPDATE));
    assert_eq!([server.next_method(), server.next_method()], ["PATCH", "GET"]);
    assert_eq!(stop(child, "-INT", 9), "unknown");
}

#[test]
fn sigterm_during_an_update_leaves_the_outcome_unknown() {
    let server = RawServer::start(|_| None);
    let child = start(server.client(&UPDATE));
    assert_eq!(server.next_method(), "PATCH");
    assert_eq!(stop(child, "-TERM", 9), "unknown");
}

#[test]
fn ctrl_c_before_the_call_reports_that_nothing_was_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let mut command = personcert(&["get", "x", "--json", "--verbose", "--token-file"]);
    let child = start(std::mem::replace(command.arg(&pipe), Command::new("true")));
    // The pipe opens for writing once the command reads it, which happens after the signal handlers exist.
    let writer = std::fs::File::options().write(true).open(&pipe).expect("the pipe opens");
    assert_eq!(stop(child, "-INT", 5), "not_sent");
    drop(writer);
}

#[test]
fn sigterm_stops_a_local_graph_and_removes_its_certificate_authority() {
    let mut child = start(personcert(&["serve", "--tls", "--json"]));
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let ready: Value = serde_json::from_str(&line).expect("JSON");
    let authority = std::path::Path::new(ready["caFile"].as_str().expect("a file"));
    assert!(authority.exists());
    signal(&child, "-TERM");
    assert!(child.wait().expect("it ends").success());
    assert!(!authority.exists(), "{line}");
}
