//! A job that outlives several tokens, on a virtual clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use personcert::{
    CertificationPatch, Change, Client, Config, Error, ErrorKind, Hooks, Outcome, SignIn, Target, UpdateOptions, User,
};
use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::person::{ID, PUBLIC, USER};

/// When the job begins, in seconds since 1970.
const EVENING: u64 = 1_800_000_000;
const MINUTE: u64 = 60;
const CALLS: usize = 200;

struct Night {
    graph: LocalGraph,
    client: Client,
    time: Arc<AtomicU64>,
    _place: tempfile::TempDir,
}

impl Night {
    /// A client that signs in with a code; both clocks are frozen.
    fn falls() -> Self {
        let graph = LocalGraph::start(Options::default()).expect("a local Graph");
        let place = tempfile::tempdir().expect("a folder");
        let tell = |name, arguments| graph.command(name, &arguments).expect("a command");
        tell("clock", json!({"freeze": true, "now": "2027-01-15T08:00:00Z"}));
        tell("approve", json!({"user": USER}));
        let config = Config {
            base_url: Some(graph.url().to_owned()),
            authority: Some(graph.url().to_owned()),
            sign_in: Some(SignIn::DeviceCode),
            client_id: Some(PUBLIC.to_owned()),
            token_cache_file: Some(place.path().join("sign-in.json").display().to_string()),
            ..Config::default()
        };
        let time = Arc::new(AtomicU64::new(EVENING));
        let clock = Arc::clone(&time);
        let now = move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed));
        let hooks = Hooks { clock: Some(Arc::new(now)), ..Hooks::default() };
        let client = Client::with(&config, hooks).expect("a client");
        Self { graph, client, time, _place: place }
    }

    fn passes(&self, seconds: u64) {
        self.time.fetch_add(seconds, Ordering::Relaxed);
        self.graph.command("clock", &json!({"advance": seconds})).expect("the clock");
    }

    fn refreshes(&self) -> usize {
        let all = self.graph.command("signIns", &Value::Null).expect("the sign-ins");
        all.as_array().into_iter().flatten().filter(|entry| entry["grant"] == "refresh_token").count()
    }

    /// Sends many calls at once and returns their errors.
    async fn calls(&self) -> Vec<Error> {
        let target = Target::new(User::Me, ID).expect("a target");
        let description = Change::Set("At night".to_owned());
        let patch = CertificationPatch { description, ..CertificationPatch::default() };
        let mut calls = JoinSet::new();
        for n in 0..CALLS {
            let (client, target, patch) = (self.client.clone(), target.clone(), patch.clone());
            calls.spawn(async move {
                match n % 10 {
                    0 => client.update(&target, &patch, &UpdateOptions::default()).await.map(drop),
                    _ => client.get(&target, &["id".to_owned()]).await.map(drop),
                }
            });
        }
        calls.join_all().await.into_iter().filter_map(Result::err).collect()
    }

    /// Sends calls until a background refresh has happened.
    async fn renewed(&self, refreshes: usize) {
        while self.refreshes() < refreshes {
            let target = Target::new(User::Me, ID).expect("a target");
            self.client.get(&target, &["id".to_owned()]).await.expect("the old token works");
        }
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(Duration::from_mins(5), test).await.expect("it ends in time") });
}

#[test]
fn eight_hours_cost_one_refresh_for_each_token() {
    run(async {
        let night = Night::falls();
        let mut challenged = 0;
        for five_minutes in 0..96 {
            if five_minutes == 50 {
                let claims = json!({"access_token": {"acrs": {"essential": true, "value": "c1"}}});
                night.graph.command("challenge", &json!({"claims": claims, "user": USER})).expect("a challenge");
                challenged = 1;
            }
            assert_eq!(night.calls().await.len(), 0, "after {five_minutes} × 5 minutes");
            // Each token is refreshed five minutes before its hour is over: after 55 minutes.
            let due = match five_minutes {
                // The challenge's token begins a new hour.
                50.. => 50 / 11 + challenged + (five_minutes - 50) / 11,
                _ => five_minutes / 11,
            };
            night.renewed(due).await;
            assert_eq!(night.refreshes(), due, "after {five_minutes} × 5 minutes");
            // A second more each time, because fetching a token takes some milliseconds.
            night.passes(5 * MINUTE + 1);
        }
    });
}

#[test]
fn waking_after_expiry_fetches_one_token_for_all_calls() {
    run(async {
        let night = Night::falls();
        assert_eq!(night.calls().await.len(), 0);
        for hours in 1..=8 {
            night.passes(61 * MINUTE);
            assert_eq!(night.calls().await.len(), 0, "after {hours} hours");
            assert_eq!(night.refreshes(), hours);
        }
    });
}

#[test]
fn a_revoked_session_ends_all_calls_with_one_refresh() {
    run(async {
        let night = Night::falls();
        assert_eq!(night.calls().await.len(), 0);
        let stored = |night: &Night| night.graph.command("certifications", &json!({"user": USER})).expect("the store");
        let before = stored(&night);
        night.graph.command("revoke", &json!({"user": USER})).expect("the command");
        for _ in 0..2 {
            let errors = night.calls().await;
            assert_eq!(errors.len(), CALLS);
            for error in &errors {
                assert_eq!((error.kind, error.outcome), (ErrorKind::Auth, Outcome::Refused), "{error}");
                assert!(error.to_string().contains("AADSTS50173") && error.details.attempts == Some(1), "{error}");
            }
        }
        assert_eq!(night.refreshes(), 1, "the rejection is remembered");
        assert_eq!(stored(&night), before);
    });
}
