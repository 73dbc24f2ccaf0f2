//! Whatever the service does, a caller learns the truth: compared with what is stored.

use std::collections::HashMap;
use std::time::Duration;

use personcert::{CertificationPatch, Change, Client, Config, Error, ErrorKind, Outcome, Target, UpdateOptions, User};
use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// A local Graph with so many users who have one certification each, and a client that doesn't wait long.
fn start(users: u32) -> (LocalGraph, Client) {
    let graph = LocalGraph::start(Options { users, certifications: 1, ..Options::default() }).expect("a local Graph");
    tell(&graph, "seed", &json!({"seed": 1}));
    let token = tell(&graph, "token", &Value::Null);
    let config = Config {
        base_url: Some(graph.url().to_owned()),
        token: token.as_str().map(Into::into),
        retry_delay: Duration::from_millis(1),
        ..Config::default()
    };
    let client = Client::new(&config).expect("a client");
    (graph, client)
}

fn tell(graph: &LocalGraph, name: &str, arguments: &Value) -> Value {
    graph.command(name, arguments).expect(name)
}

fn user(n: u32) -> User {
    User::Named(format!("user{n}@contoso.com"))
}

fn wanted(n: u32) -> CertificationPatch {
    CertificationPatch { description: Change::Set(format!("wanted {n}")), ..CertificationPatch::default() }
}

/// Updates the certification of each user once, 32 at a time; gives how each ended.
async fn update_all(client: &Client, users: u32) -> HashMap<u32, Result<(), Error>> {
    let (mut running, mut ended) = (JoinSet::new(), HashMap::new());
    for n in 0..users {
        if running.len() == 32 {
            ended.extend(running.join_next().await.expect("one runs").ok());
        }
        let client = client.clone();
        running.spawn(async move {
            let target = Target::new(user(n), format!("00000000-0000-4000-8000-{n:012x}")).expect("a target");
            (n, client.update(&target, &wanted(n), &UpdateOptions::default()).await.map(|_| ()))
        });
    }
    ended.extend(running.join_all().await);
    ended
}

fn stored(graph: &LocalGraph, n: u32) -> Vec<Value> {
    let all = tell(graph, "certifications", &json!({"user": format!("user{n}@contoso.com")}));
    all.as_array().cloned().unwrap_or_default()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn updates_whose_answers_are_lost_end_as_wanted() {
    let (graph, client) = start(500);
    tell(&graph, "faults", &json!({"faults": [{"method": "PATCH", "probability": 0.2, "act": "resetAfterApplying"}]}));
    let ended = runtime().block_on(update_all(&client, 500));
    assert_eq!(ended.len(), 500);
    for (n, end) in &ended {
        let is_there = stored(&graph, *n)[0]["description"] == format!("wanted {n}");
        assert!(is_there, "user {n}");
        match end {
            Ok(()) => {}
            Err(error) => assert_eq!(error.outcome, Outcome::Unknown, "{error}"),
        }
    }
    let failed = ended.values().filter(|end| end.is_err()).count();
    assert!(failed <= 5, "{failed} of 500 could not be told");
}

#[test]
fn updates_that_are_lost_before_and_after_being_applied_are_told_truly() {
    let (graph, client) = start(300);
    let faults = json!({"faults": [
        {"method": "PATCH", "probability": 0.5, "act": "resetAfterReading"},
        {"method": "PATCH", "probability": 0.5, "act": "resetAfterApplying"},
        {"method": "PATCH", "probability": 0.5, "act": {"answer": {"status": 503}}},
    ]});
    tell(&graph, "faults", &faults);
    let ended = runtime().block_on(update_all(&client, 300));
    let mut seen = HashMap::new();
    for (n, end) in &ended {
        let is_there = stored(&graph, *n)[0]["description"] == format!("wanted {n}");
        let outcome = end.as_ref().err().map(|error| error.outcome);
        *seen.entry(outcome).or_insert(0) += 1;
        match outcome {
            None => assert!(is_there, "user {n} was told it was applied"),
            Some(Outcome::Unknown) => {}
            Some(Outcome::Refused | Outcome::NotSent) => assert!(!is_there, "user {n} was told it was not applied"),
        }
    }
    assert!(seen.len() > 1, "the faults did nothing: {seen:?}");
}

#[test]
fn no_create_is_doubled() {
    let (graph, client) = start(200);
    let faults = json!({"faults": [
        {"method": "POST", "probability": 0.2, "act": "resetAfterApplying"},
        {"method": "POST", "probability": 0.2, "act": {"answer": {"status": 503}}},
    ]});
    tell(&graph, "faults", &faults);
    runtime().block_on(async {
        for n in 0..200 {
            let ended = client.create(&user(n), &wanted(n)).await;
            let created = stored(&graph, n).iter().filter(|item| item["description"] == format!("wanted {n}")).count();
            match ended {
                Ok(_) => assert_eq!(created, 1, "user {n}"),
                Err(error) if error.outcome == Outcome::Unknown => assert!(created <= 1, "user {n}"),
                Err(error) => assert_eq!((created, error.kind), (0, ErrorKind::Service), "user {n}"),
            }
        }
    });
}

#[test]
fn a_complete_outage_costs_little_more_than_the_first_attempts() {
    let (graph, client) = start(600);
    tell(&graph, "faults", &json!({"faults": [{"act": {"answer": {"status": 503}}}]}));
    let ended = runtime().block_on(update_all(&client, 600));
    assert!(ended.values().all(Result::is_err));
    let sent = tell(&graph, "requests", &json!({"method": "PATCH"})).as_array().map_or(0, Vec::len);
    assert!((600..=660).contains(&sent), "{sent} requests for 600 calls");
}

#[test]
fn under_a_limit_all_succeed_and_few_are_refused() {
    let (graph, client) = start(700);
    tell(&graph, "throttle", &json!({"app": {"rate": 50, "burst": 50}}));
    let client = client.with_timeout(Duration::from_mins(2));
    let requests = || tell(&graph, "requests", &json!({"method": "PATCH"})).as_array().cloned().unwrap_or_default();
    let (ended, settled) = runtime().block_on(async {
        let settled = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            requests().len()
        };
        tokio::join!(update_all(&client, 700), settled)
    });
    for (n, end) in &ended {
        assert!(end.is_ok(), "user {n}: {}", end.as_ref().expect_err("it failed"));
    }
    let later = &requests()[settled..];
    let refused = later.iter().filter(|request| request["status"] == 429).count();
    assert!(later.len() > 200, "only {} requests after the first seconds", later.len());
    assert!(refused * 50 <= later.len(), "{refused} of {} were refused after the first seconds", later.len());
}
