//! Clients of a throttling service: how long their calls take, and how many requests are refused.

use std::time::{Duration, Instant};

use personcert::{CertificationPatch, Change, Client, Config, Target, UpdateOptions, User};
use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// A local Graph with these limits, and a client for it.
fn start(users: u32, limits: &Value) -> (LocalGraph, Client) {
    let graph = LocalGraph::start(Options { users, certifications: 1, ..Options::default() }).expect("a local Graph");
    let token = graph.command("token", &Value::Null).expect("a token");
    graph.command("throttle", limits).expect("limits");
    let config =
        Config { base_url: Some(graph.url().to_owned()), token: token.as_str().map(Into::into), ..Config::default() };
    let client = Client::new(&config).expect("a client");
    (graph, client)
}

fn target(n: u32) -> Target {
    let user = User::Named(format!("user{n}@contoso.com"));
    Target::new(user, format!("00000000-0000-4000-8000-{n:012x}")).expect("a target")
}

/// Makes `calls` updates of the users in turn, `in_flight` at a time. Gives how long all of them took.
async fn update_all(client: &Client, calls: u32, users: u32, in_flight: usize) -> Duration {
    let patch = CertificationPatch { description: Change::Set("changed".into()), ..CertificationPatch::default() };
    let (began, mut running) = (Instant::now(), JoinSet::new());
    for n in 0..calls {
        if running.len() == in_flight {
            running.join_next().await.expect("a running call").expect("no panic");
        }
        let (client, patch) = (client.clone(), patch.clone());
        running.spawn(async move {
            client.update(&target(n % users), &patch, &UpdateOptions::default()).await.expect("an update");
        });
    }
    running.join_all().await;
    began.elapsed()
}

fn count_refused(graph: &LocalGraph) -> usize {
    let requests = graph.command("requests", &json!({})).expect("requests");
    requests.as_array().into_iter().flatten().filter(|request| request["status"] == 429).count()
}

/// The exact time is asserted on a paused clock; here it only has to be far from that of a client that guesses its pace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_against_a_shared_limit_take_little_longer_than_it_allows() {
    for (users, in_flight) in [(1, 16), (50, 64)] {
        let (graph, client) = start(users, &json!({"app": {"rate": 300, "burst": 300}}));
        let duration = update_all(&client, 1800, users, in_flight).await;
        let refused = count_refused(&graph);
        println!("{users} users, {in_flight} in flight: {duration:.2?}, {refused} refused");
        assert!(duration < Duration::from_secs(20), "{users} users: {duration:?}");
        assert!(refused < 200, "{users} users: {refused} refused");
    }
}
