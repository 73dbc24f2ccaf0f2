//! Repeatable runs: seeds and snapshots.

#![allow(missing_docs, dead_code)]

mod support;

use personcert::host::Dialect;
use personcert_local::{LocalGraph, Options};
use serde_json::json;
use support::{EXAMPLE, change, changed, command, send_as, start, token};

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let graph = start();
    let run = || {
        command(&graph, "reset", json!({}));
        command(&graph, "clock", json!({"freeze": true, "now": "2030-01-01T00:00:00Z"}));
        command(&graph, "seed", json!({"seed": 42}));
        let noisy = json!({"faults": [{"probability": 0.5, "act": "garbage"}]});
        let token = token(&graph);
        let list = "/beta/me/profile/certifications";
        let created = send_as(&graph, &token, "POST", list, r#"{"displayName":"new"}"#).bytes;
        command(&graph, "faults", noisy);
        let mut all = vec![created];
        all.extend((0..10).map(|_| send_as(&graph, &token, "PATCH", EXAMPLE, r#"{"displayName":"x"}"#).bytes));
        all.push(send_as(&graph, &token, "GET", "/beta/me/nothing", "").bytes);
        all
    };
    let first = run();
    assert_eq!(first, run());
    assert!(String::from_utf8_lossy(&first[0]).starts_with("HTTP/1.1 201"));
}

#[test]
fn the_options_accept_a_seed_in_both_spellings() {
    let id = || {
        let graph = LocalGraph::start(Options { random_seed: Some(3), ..Options::default() }).unwrap();
        change(&graph).header("request-id").unwrap()
    };
    assert_eq!(id(), id());
    let options: Options = Options::read(json!({"randomSeed": 3}).as_object().unwrap(), Dialect::GRAPH).unwrap();
    assert_eq!(options.random_seed, Some(3), "the spelling of Node and of the seed command");
    assert!(start().command("seed", &json!({"seed": "x"})).is_err());
}

#[test]
fn a_snapshot_of_10000_users_is_restored() {
    let options = Options { users: 10_000, certifications: 1, ..Options::default() };
    let graph = LocalGraph::start(options).unwrap();
    let snapshot = json!({"snapshot": command(&graph, "snapshot", json!({}))});
    change(&graph);
    assert!(changed(&graph));
    command(&graph, "restore", snapshot.clone());
    assert!(!changed(&graph));
    assert_eq!(command(&graph, "users", json!({})).as_array().unwrap().len(), 10_003);
    assert_eq!(change(&graph).status(), 200);
    command(&graph, "reset", json!({}));
    command(&graph, "restore", snapshot);
    assert!(graph.command("restore", &json!({"snapshot": 9})).is_err());
}
