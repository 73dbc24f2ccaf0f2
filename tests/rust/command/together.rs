//! Several processes at once.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};

use crate::{ID, client, last_error, personcert};

/// Starts `serve` and returns it with the line that it printed.
fn serve(arguments: &[&str]) -> (Child, Value) {
    let mut command = personcert(&["serve", "--until-eof", "--json"]);
    let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    (child, serde_json::from_str(&line).expect("JSON"))
}

#[test]
fn a_local_graph_ends_with_its_standard_input() {
    let (mut child, ready) = serve(&["--users", "2", "--certifications", "3", "--random-seed", "1"]);
    assert!(ready["url"].as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:")), "{ready}");
    assert!(ready["token"].as_str().is_some_and(|token| token.matches('.').count() == 2), "{ready}");
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn a_second_server_on_the_same_port_is_an_error() {
    let (mut first, ready) = serve(&[]);
    let port = ready["url"].as_str().and_then(|url| url.rsplit(':').next()).expect("a port");
    let output = personcert(&["serve", "--json", "--port", port]).output().expect("it runs");
    let error = last_error(&output);
    assert_eq!((&error["kind"], output.status.code()), (&json!("network"), Some(8)), "{output:?}");
    drop(first.stdin.take());
    assert!(first.wait().expect("it ends").success());
}

#[test]
fn updates_of_one_certification_by_many_processes_all_arrive() {
    let graph = LocalGraph::start(Options::default()).expect("a local Graph");
    let start = |n: usize| {
        let mut command = client(&graph, &["--json", "update", ID, "--set", &format!("description=number {n}")]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let children: Vec<_> = (0..8).map(start).collect();
    for (n, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().expect("it ends");
        let result: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error} {output:?}"));
        assert_eq!(result["certification"]["description"], format!("number {n}"));
    }
    let sent = graph.command("requests", &json!({"method": "PATCH"})).expect("requests");
    assert_eq!(sent.as_array().map(Vec::len), Some(8));
}
