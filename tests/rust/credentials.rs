//! Tokens from providers and commands: fetched once for all calls, refreshed in time, replaced when they are rejected.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use personcert::auth::{AccessToken, TokenFuture, TokenProvider, TokenRequest};
use personcert::{Client, Config, Error, ErrorKind, Hooks, Outcome, Target, User};
use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ID: &str = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";

/// Provides the local Graph's token with a lifetime, and records the requests.
#[derive(Clone)]
struct Provider {
    token: String,
    lifetime: Arc<Mutex<Duration>>,
    requests: Arc<Mutex<Vec<(TokenRequest, SystemTime)>>>,
    /// How many requests fail from now on.
    failures: Arc<AtomicUsize>,
    /// The request with this number never ends.
    hanging: Arc<AtomicUsize>,
}

impl TokenProvider for Provider {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move {
            let number = {
                let mut requests = self.requests.lock().expect("the list");
                requests.push((request, SystemTime::now()));
                requests.len()
            };
            if number == self.hanging.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            // So that other calls have to wait.
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                return Err(Error::new(ErrorKind::Auth, Outcome::NotSent, "no token today"));
            }
            Ok(AccessToken::new(&*self.token, Some(SystemTime::now() + *self.lifetime.lock().expect("a time"))))
        })
    }
}

impl Provider {
    /// Sets the lifetime of the tokens from now on.
    fn set_lifetime(&self, time: Duration) {
        *self.lifetime.lock().expect("a time") = time;
    }

    fn asked(&self) -> Vec<TokenRequest> {
        let requests = self.requests.lock().expect("the list");
        requests.iter().map(|(request, _)| request.clone()).collect()
    }
}

fn start(lifetime: Duration, settings: Config) -> (LocalGraph, Client, Provider) {
    let graph = LocalGraph::start(Options::default()).expect("a local Graph");
    let token = graph.command("token", &Value::Null).expect("a token").as_str().expect("text").to_owned();
    let lifetime = Arc::new(Mutex::new(lifetime));
    let (requests, failures, hanging) = (Arc::default(), Arc::default(), Arc::default());
    let provider = Provider { token, lifetime, requests, failures, hanging };
    let config = Config { base_url: Some(graph.url().to_owned()), retry_delay: Duration::from_millis(1), ..settings };
    let hooks = Hooks { credential: Some(Arc::new(provider.clone())), ..Hooks::default() };
    let client = Client::with(&config, hooks).expect("a client");
    (graph, client, provider)
}

async fn get(client: &Client) -> Result<(), Error> {
    client.get(&Target::new(User::Me, ID).expect("a target"), &[]).await.map(|_| ())
}

fn run(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work);
}

fn faults(graph: &LocalGraph, faults: Value) {
    graph.command("faults", &json!({ "faults": faults })).expect("faults");
}

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn two_hundred_calls_wait_for_one_token() {
    run(async {
        let (_graph, client, provider) = start(HOUR, Config::default());
        let mut calls = JoinSet::new();
        for _ in 0..200 {
            let client = client.clone();
            calls.spawn(async move { get(&client).await });
        }
        assert!(calls.join_all().await.iter().all(Result::is_ok));
        let asked = provider.asked();
        assert_eq!(asked.len(), 1);
        assert_eq!((asked[0].scope.as_str(), &asked[0].claims), ("https://graph.microsoft.com/.default", &None));
    });
}

#[test]
fn a_token_that_expires_soon_is_refreshed_in_the_background() {
    run(async {
        let (_graph, client, provider) = start(Duration::from_secs(2), Config::default());
        get(&client).await.expect("the first token works");
        provider.set_lifetime(HOUR);
        while provider.asked().len() < 2 {
            get(&client).await.expect("the first token works");
        }
        for _ in 0..50 {
            get(&client).await.expect("one of the tokens works");
        }
        assert_eq!(provider.asked().len(), 2);
    });
}

#[test]
fn a_failed_refresh_does_not_affect_calls() {
    run(async {
        let (_graph, client, provider) = start(Duration::from_secs(4), Config::default());
        get(&client).await.expect("the first token works");
        provider.failures.store(1, Ordering::Relaxed);
        while provider.asked().len() < 2 {
            get(&client).await.expect("the old token works");
        }
        for _ in 0..50 {
            get(&client).await.expect("the old token works");
        }
        assert_eq!(provider.asked().len(), 2, "the next refresh waits");
    });
}

#[test]
fn a_rejected_token_is_replaced_once() {
    run(async {
        let (graph, client, provider) = start(HOUR, Config { max_attempts: 2, ..Config::default() });
        faults(&graph, json!([{"times": 1, "act": {"answer": {"status": 401}}}]));
        get(&client).await.expect("the second token is accepted");
        assert_eq!(provider.asked().len(), 2);
        faults(&graph, json!([{"act": {"answer": {"status": 401}}}]));
        let error = get(&client).await.expect_err("every token is rejected");
        assert_eq!((error.kind, error.details.attempts), (ErrorKind::Auth, Some(1)));
        assert_eq!(provider.asked().len(), 2, "the rejection of the replacement is remembered");
    });
}

#[test]
fn a_challenge_is_answered_with_its_claims() {
    run(async {
        let (graph, client, provider) = start(HOUR, Config::default());
        // {"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}
        let claims = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNjA0MTA2NjUxIn19fQ==";
        let header = format!("Bearer realm=\"\", error=\"insufficient_claims\", claims=\"{claims}\"");
        let answer = json!({"status": 401, "headers": {"WWW-Authenticate": header}});
        faults(&graph, json!([{"times": 1, "act": {"answer": answer}}]));
        get(&client).await.expect("the challenge is answered");
        let asked = provider.asked();
        let required = r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}"#;
        assert_eq!(asked.iter().map(|asked| asked.claims.as_deref()).collect::<Vec<_>>(), [None, Some(required)]);
    });
}

#[test]
fn a_fixed_token_is_tried_once() {
    run(async {
        let (graph, client, _) = start(HOUR, Config::default());
        drop(client);
        let config =
            Config { base_url: Some(graph.url().to_owned()), token: Some("stale".into()), ..Config::default() };
        let error = get(&Client::new(&config).expect("a client")).await.expect_err("it is rejected");
        assert_eq!((error.kind, error.outcome, error.details.attempts), (ErrorKind::Auth, Outcome::Refused, Some(1)));
    });
}

#[test]
fn a_provider_that_fails_sends_nothing() {
    run(async {
        let (graph, client, provider) = start(HOUR, Config::default());
        provider.failures.store(1, Ordering::Relaxed);
        let error = get(&client).await.expect_err("the provider failed");
        assert_eq!((error.kind, error.outcome, &*error.message), (ErrorKind::Auth, Outcome::NotSent, "no token today"));
        assert_eq!(graph.command("requests", &Value::Null).expect("requests"), json!([]));
        get(&client).await.expect("the next call asks again");
    });
}

#[test]
fn a_command_gives_tokens() {
    run(async {
        let (graph, client, provider) = start(HOUR, Config::default());
        drop(client);
        let with = |line: String| {
            let config =
                Config { base_url: Some(graph.url().to_owned()), token_command: Some(line), ..Config::default() };
            Client::new(&config).expect("a client")
        };
        get(&with(format!("echo '{}'", provider.token))).await.expect("text is a token");
        let azure = json!({"accessToken": provider.token, "expires_on": 4_102_444_800_u64});
        get(&with(format!("echo '{azure}'"))).await.expect("JSON holds a token");
        for (line, why) in [
            ("exit 3", "failed (exit status: 3)"),
            ("true", "printed neither a token nor JSON with one"),
            ("echo '{\"tokn\": 1}'", "printed neither"),
            ("echo two words", "malformed"),
        ] {
            let error = get(&with(line.to_owned())).await.expect_err(line);
            assert_eq!((error.kind, error.outcome), (ErrorKind::Auth, Outcome::NotSent));
            assert!(error.message.contains(why), "{line}: {error}");
        }
    });
}

/// A 401 or 403 with a claims challenge.
fn challenge(status: u16, claims: &Value) -> Value {
    let claims = STANDARD.encode(claims.to_string());
    let header = format!("Bearer realm=\"\", error=\"insufficient_claims\", claims=\"{claims}\"");
    json!({"answer": {"status": status, "headers": {"WWW-Authenticate": header}}})
}

fn requests(graph: &LocalGraph) -> usize {
    graph.command("requests", &Value::Null).expect("requests").as_array().map_or(0, Vec::len)
}

#[test]
fn two_hundred_calls_with_a_permanently_rejected_token_fetch_a_few_tokens() {
    run(async {
        let (graph, client, provider) = start(HOUR, Config::default());
        faults(&graph, json!([{"act": {"answer": {"status": 401}}}]));
        let started = Instant::now();
        for _ in 0..200 {
            let error = get(&client).await.expect_err("every token is rejected");
            assert_eq!((error.kind, error.outcome), (ErrorKind::Auth, Outcome::Refused));
        }
        // The first token, its replacement, and another one each ten seconds.
        let most = 2 + usize::try_from(started.elapsed().as_secs() / 10).expect("a small number");
        assert!(provider.asked().len() <= most, "{} tokens, {most} allowed", provider.asked().len());
        assert_eq!(requests(&graph), 200 + provider.asked().len() - 1);
    });
}

#[test]
fn with_one_attempt_a_rejected_token_costs_one_request_and_the_next_call_replaces_it() {
    run(async {
        let (graph, client, provider) = start(HOUR, Config { max_attempts: 1, ..Config::default() });
        faults(&graph, json!([{"times": 1, "act": {"answer": {"status": 401}}}]));
        let error = get(&client).await.expect_err("the only attempt is rejected");
        assert_eq!((error.kind, error.details.attempts, requests(&graph)), (ErrorKind::Auth, Some(1), 1));
        assert_eq!(provider.asked().len(), 1);
        get(&client).await.expect("the next call has a new token");
        assert_eq!((provider.asked().len(), requests(&graph)), (2, 2));
    });
}

#[test]
fn forty_different_challenges_are_merged() {
    run(async {
        let (graph, client, provider) = start(HOUR, Config::default());
        get(&client).await.expect("a token");
        let claims = |n: usize| json!({"access_token": {format!("c{n}"): {"essential": true}}});
        let all = (0..40).map(|n| json!({"nth": n + 1, "act": challenge(401, &claims(n))}));
        faults(&graph, all.collect());
        let mut calls = JoinSet::new();
        for _ in 0..40 {
            let client = client.clone();
            calls.spawn(async move { get(&client).await });
        }
        let ended = calls.join_all().await;
        assert!(provider.asked().len() <= 6, "{} tokens", provider.asked().len());
        assert!(ended.iter().all(Result::is_ok), "{ended:?}");
        let last = provider.asked().pop().and_then(|request| request.claims).expect("claims");
        assert!(last.contains("\"c0\"") || last.contains("\"c1\""), "{last}");
    });
}

#[test]
fn a_403_for_insufficient_claims_gets_another_token_once() {
    run(async {
        let (graph, client, provider) = start(HOUR, Config::default());
        let claims = json!({"access_token": {"acrs": {"essential": true, "value": "c1"}}});
        faults(&graph, json!([{"times": 1, "act": challenge(403, &claims)}]));
        get(&client).await.expect("the token with the claims is accepted");
        let required = [None, Some(claims.to_string())];
        assert_eq!(provider.asked().into_iter().map(|asked| asked.claims).collect::<Vec<_>>(), required);
        let other = json!({"access_token": {"acrs": {"essential": true, "value": "c2"}}});
        faults(&graph, json!([{"act": challenge(403, &other)}]));
        let error = get(&client).await.expect_err("the claims are never sufficient");
        assert_eq!((error.kind, error.details.attempts), (ErrorKind::Permission, Some(2)));
        assert_eq!(provider.asked().len(), 3);
        faults(&graph, json!([{"act": {"answer": {"status": 403}}}]));
        let error = get(&client).await.expect_err("a refusal without claims");
        assert_eq!((error.kind, provider.asked().len()), (ErrorKind::Permission, 3));
    });
}

#[test]
fn doctor_keeps_its_time_limit_while_a_credential_hangs() {
    run(async {
        let (graph, client, provider) = start(HOUR, Config { timeout: Duration::from_secs(1), ..Config::default() });
        provider.hanging.store(1, Ordering::Relaxed);
        let findings = client.doctor(&User::Me).await;
        let token = &findings[0];
        assert_eq!(
            (&*token.name, token.ok, &*token.message),
            ("token", false, "timed out waiting for an access token")
        );
        assert_eq!(requests(&graph), 0);
    });
}

#[test]
fn a_stalled_refresh_is_abandoned() {
    run(async {
        let lifetime = Duration::from_secs(8);
        let (_graph, client, provider) = start(lifetime, Config::default());
        provider.hanging.store(2, Ordering::Relaxed);
        get(&client).await.expect("the first token works");
        // The second request hangs, and the third one replaces the expired token.
        while provider.asked().len() < 3 {
            get(&client).await.expect("one of the tokens works");
        }
        while provider.asked().len() < 4 {
            get(&client).await.expect("the third token works");
        }
        let requests = provider.requests.lock().expect("the list").clone();
        let [third, fourth] = [requests[2].1, requests[3].1];
        assert!(fourth < third + lifetime, "refreshes go on in the background, before the token expires");
    });
}

#[cfg(unix)]
#[test]
fn a_token_command_is_killed_with_its_children_when_the_call_times_out() {
    run(async {
        let (graph, client, _) = start(HOUR, Config::default());
        drop(client);
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pid");
        let line = format!("sleep 600 & echo $! > '{0}.new' && mv '{0}.new' '{0}'; wait", file.display());
        let config = Config {
            base_url: Some(graph.url().to_owned()),
            token_command: Some(line),
            timeout: Duration::from_secs(2),
            ..Config::default()
        };
        let error = get(&Client::new(&config).expect("a client")).await.expect_err("the command takes too long");
        assert_eq!((error.kind, error.outcome), (ErrorKind::Timeout, Outcome::NotSent));
        let child = std::fs::read_to_string(&file).expect("the child ran").trim().to_owned();
        let is_running = || {
            let status = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            !status.is_empty() && !status.contains(") Z ")
        };
        let started = Instant::now();
        while is_running() {
            assert!(started.elapsed() < Duration::from_mins(1), "the child still runs");
            tokio::task::yield_now().await;
        }
    });
}
