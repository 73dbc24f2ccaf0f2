//! The command as a process among others: signals, servers that end with their input.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};

#[test]
fn ctrl_c_ends_a_call_and_says_what_became_of_it() {
    let graph = LocalGraph::start(Options::default()).expect("a local Graph");
    graph.command("faults", &json!({"faults": [{"act": {"answer": {"status": 503}}}]})).expect("faults");
    let mut child = Command::new(env!("CARGO_BIN_EXE_personcert"))
        .args(["update", "x", "--set", "description=x", "--json", "--verbose"])
        .args(["--retry-delay", "100", "--timeout", "1000"])
        .env_clear()
        .env("PERSONCERT_BASE_URL", graph.url())
        .env("PERSONCERT_TOKEN", graph.command("token", &Value::Null).expect("a token").as_str().expect("text"))
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut told = BufReader::new(child.stderr.take().expect("its errors")).lines();
    // The first attempt has failed and the second is waited for.
    let first = told.next().expect("a line").expect("text");
    assert!(first.contains("503") && first.contains("again in"), "{first}");
    let signal = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(signal.success());
    let error: Value = serde_json::from_str(&told.last().expect("a line").expect("text")).expect("JSON");
    assert_eq!((&error["error"]["kind"], &error["error"]["outcome"]), (&json!("cancelled"), &json!("refused")));
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(graph.command("requests", &Value::Null).expect("requests").as_array().map(Vec::len), Some(1));
}

#[test]
fn a_server_ends_with_its_input_and_does_what_it_is_told_over_http() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_personcert"))
        .args(["serve", "--until-eof", "--json", "--users", "2", "--certifications", "3", "--random-seed", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let ready: Value = serde_json::from_str(&line).expect("JSON");
    assert!(ready["url"].as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:")), "{line}");
    assert!(ready["token"].as_str().is_some_and(|token| token.matches('.').count() == 2), "{line}");
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
}
