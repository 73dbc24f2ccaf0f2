//! Reported outcomes, compared with what the local Graph stores.

use std::collections::HashMap;
use std::time::Duration;

use personcert::{CertificationPatch, Change, Client, Config, Error, ErrorKind, Outcome, Target, UpdateOptions, User};
use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// A local Graph whose users have one certification each, and a client with short retry delays.
fn start(users: u32) -> (LocalGraph, Client) {
    let graph = LocalGraph::start(Options { users, certifications: 1, ..Options::default() }).expect("a local Graph");
    command(&graph, "seed", &json!({"seed": 1}));
    let token = command(&graph, "token", &Value::Null);
    let config = Config {
        base_url: Some(graph.url().to_owned()),
        token: token.as_str().map(Into::into),
        retry_delay: Duration::from_millis(1),
        ..Config::default()
    };
    let client = Client::new(&config).expect("a client");
    (graph, client)
}

fn command(graph: &LocalGraph, name: &str, arguments: &Value) -> Value {
    graph.command(name, arguments).expect(name)
}

fn user(n: u32) -> User {
    User::Named(format!("user{n}@contoso.com"))
}

fn wanted(n: u32) -> CertificationPatch {
    CertificationPatch { description: Change::Set(format!("wanted {n}")), ..CertificationPatch::default() }
}

/// Updates the certification of each user once, 32 at a time, and returns each result.
async fn update_all(client: &Client, users: u32) -> HashMap<u32, Result<(), Error>> {
    let (mut running, mut results) = (JoinSet::new(), HashMap::new());
    for n in 0..users {
        if running.len() == 32 {
            results.extend(running.join_next().await.expect("a running call").ok());
        }
        let client = client.clone();
        running.spawn(async move {
            let target = Target::new(user(n), format!("00000000-0000-4000-8000-{n:012x}")).expect("a target");
            (n, client.update(&target, &wanted(n), &UpdateOptions::default()).await.map(|_| ()))
        });
    }
    results.extend(running.join_all().await);
    results
}

fn stored(graph: &LocalGraph, n: u32) -> Vec<Value> {
    let all = command(graph, "certifications", &json!({"user": format!("user{n}@contoso.com")}));
    all.as_array().cloned().unwrap_or_default()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn updates_whose_responses_are_lost_are_retried_until_they_are_confirmed() {
    let (graph, client) = start(500);
    command(
        &graph,
        "faults",
        &json!({"faults": [{"method": "PATCH", "probability": 0.2, "act": "resetAfterApplying"}]}),
    );
    let results = runtime().block_on(update_all(&client, 500));
    assert_eq!(results.len(), 500);
    for (n, result) in &results {
        let is_applied = stored(&graph, *n)[0]["description"] == format!("wanted {n}");
        assert!(is_applied, "user {n}");
        match result {
            Ok(()) => {}
            Err(error) => assert_eq!(error.outcome, Outcome::Unknown, "{error}"),
        }
    }
    let failed = results.values().filter(|result| result.is_err()).count();
    assert!(failed <= 5, "{failed} of 500 have an unknown outcome");
}

#[test]
fn reported_outcomes_match_the_stored_state_when_connections_break_before_and_after_a_write() {
    let (graph, client) = start(300);
    let faults = json!({"faults": [
        {"method": "PATCH", "probability": 0.5, "act": "resetAfterReading"},
        {"method": "PATCH", "probability": 0.5, "act": "resetAfterApplying"},
        {"method": "PATCH", "probability": 0.5, "act": {"answer": {"status": 503}}},
    ]});
    command(&graph, "faults", &faults);
    let results = runtime().block_on(update_all(&client, 300));
    let mut seen = HashMap::new();
    for (n, result) in &results {
        let is_applied = stored(&graph, *n)[0]["description"] == format!("wanted {n}");
        let outcome = result.as_ref().err().map(|error| error.outcome);
        *seen.entry(outcome).or_insert(0) += 1;
        match outcome {
            None => assert!(is_applied, "user {n}: reported as applied"),
            Some(Outcome::Unknown) => {}
            Some(Outcome::Refused | Outcome::NotSent) => assert!(!is_applied, "user {n}: reported as not applied"),
        }
    }
    assert!(seen.len() > 1, "the faults had no effect: {seen:?}");
}

#[test]
fn a_create_is_applied_at_most_once() {
    let (graph, client) = start(200);
    let faults = json!({"faults": [
        {"method": "POST", "probability": 0.2, "act": "resetAfterApplying"},
        {"method": "POST", "probability": 0.2, "act": {"answer": {"status": 503}}},
    ]});
    command(&graph, "faults", &faults);
    runtime().block_on(async {
        for n in 0..200 {
            let results = client.create(&user(n), &wanted(n)).await;
            let created = stored(&graph, n).iter().filter(|item| item["description"] == format!("wanted {n}")).count();
            match results {
                Ok(_) => assert_eq!(created, 1, "user {n}"),
                Err(error) if error.outcome == Outcome::Unknown => assert!(created <= 1, "user {n}"),
                Err(error) => assert_eq!((created, error.kind), (0, ErrorKind::Service), "user {n}"),
            }
        }
    });
}

#[test]
fn a_complete_outage_costs_at_most_the_retry_budget_beyond_the_first_attempts() {
    let (graph, client) = start(600);
    command(&graph, "faults", &json!({"faults": [{"act": {"answer": {"status": 503}}}]}));
    let results = runtime().block_on(update_all(&client, 600));
    assert!(results.values().all(Result::is_err));
    let sent = command(&graph, "requests", &json!({"method": "PATCH"})).as_array().map_or(0, Vec::len);
    assert!((600..=660).contains(&sent), "{sent} requests for 600 calls");
}

#[test]
fn all_calls_succeed_under_a_rate_limit_and_few_requests_are_refused() {
    let (graph, client) = start(700);
    command(&graph, "throttle", &json!({"app": {"rate": 50, "burst": 50}}));
    let client = client.with_timeout(Duration::from_mins(2));
    let requests = || command(&graph, "requests", &json!({"method": "PATCH"})).as_array().cloned().unwrap_or_default();
    let results = runtime().block_on(update_all(&client, 700));
    for (n, result) in &results {
        assert!(result.is_ok(), "user {n}: {}", result.as_ref().expect_err("an error"));
    }
    // The burst and four seconds at the rate are where the client learns it, however long that takes here.
    let all = requests();
    let mut served = all.iter().enumerate().filter(|(_, request)| request["status"] == 200).map(|(at, _)| at);
    let later = &all[served.nth(250).expect("more than 250 are served")..];
    let refused = later.iter().filter(|request| request["status"] == 429).count();
    assert!(refused * 50 <= later.len(), "{refused} of the last {} were refused", later.len());
}
