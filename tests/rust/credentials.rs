//! Tokens from providers and commands: fetched once for all, renewed in time, replaced when they are refused.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use personcert::{
    AccessToken, Client, Config, Error, ErrorKind, Hooks, Outcome, Target, TokenFuture, TokenProvider, TokenRequest,
    User,
};
use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ID: &str = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";

/// Gives the local Graph's token, which ends after so long, and counts.
#[derive(Clone)]
struct Provider {
    token: String,
    lasts: Arc<Mutex<Duration>>,
    asked: Arc<Mutex<Vec<TokenRequest>>>,
    fails: Arc<AtomicUsize>,
}

impl TokenProvider for Provider {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move {
            self.asked.lock().expect("the list").push(request);
            // The others shall have to wait.
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.fails.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                return Err(Error::new(ErrorKind::Auth, Outcome::NotSent, "no token today"));
            }
            Ok(AccessToken::new(&*self.token, Some(SystemTime::now() + *self.lasts.lock().expect("a time"))))
        })
    }
}

impl Provider {
    /// How long the tokens from now on last.
    fn lasts(&self, time: Duration) {
        *self.lasts.lock().expect("a time") = time;
    }

    fn asked(&self) -> Vec<TokenRequest> {
        self.asked.lock().expect("the list").clone()
    }
}

fn start(lasts: Duration, settings: Config) -> (LocalGraph, Client, Provider) {
    let graph = LocalGraph::start(Options::default()).expect("a local Graph");
    let token = graph.command("token", &Value::Null).expect("a token").as_str().expect("text").to_owned();
    let lasts = Arc::new(Mutex::new(lasts));
    let provider = Provider { token, lasts, asked: Arc::default(), fails: Arc::default() };
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
fn a_token_that_ends_soon_is_renewed_beside_the_calls() {
    run(async {
        let (_graph, client, provider) = start(Duration::from_secs(2), Config::default());
        get(&client).await.expect("the first token serves");
        provider.lasts(HOUR);
        while provider.asked().len() < 2 {
            get(&client).await.expect("the first token serves");
        }
        for _ in 0..50 {
            get(&client).await.expect("one of the tokens serves");
        }
        assert_eq!(provider.asked().len(), 2);
    });
}

#[test]
fn a_renewal_that_fails_disturbs_nobody() {
    run(async {
        let (_graph, client, provider) = start(Duration::from_secs(4), Config::default());
        get(&client).await.expect("the first token serves");
        provider.fails.store(1, Ordering::Relaxed);
        while provider.asked().len() < 2 {
            get(&client).await.expect("the old token serves");
        }
        for _ in 0..50 {
            get(&client).await.expect("the old token serves");
        }
        assert_eq!(provider.asked().len(), 2, "the next renewal waits");
    });
}

#[test]
fn a_token_that_is_refused_is_replaced_once() {
    run(async {
        let (graph, client, provider) = start(HOUR, Config { max_attempts: 2, ..Config::default() });
        faults(&graph, json!([{"times": 1, "act": {"answer": {"status": 401}}}]));
        get(&client).await.expect("the second token is good");
        assert_eq!(provider.asked().len(), 2);
        faults(&graph, json!([{"act": {"answer": {"status": 401}}}]));
        let error = get(&client).await.expect_err("no token is good");
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
        get(&client).await.expect("the challenge is met");
        let asked = provider.asked();
        let demanded = r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}"#;
        assert_eq!(asked.iter().map(|asked| asked.claims.as_deref()).collect::<Vec<_>>(), [None, Some(demanded)]);
    });
}

#[test]
fn a_token_that_was_given_is_tried_once() {
    run(async {
        let (graph, client, _) = start(HOUR, Config::default());
        drop(client);
        let config =
            Config { base_url: Some(graph.url().to_owned()), token: Some("stale".into()), ..Config::default() };
        let error = get(&Client::new(&config).expect("a client")).await.expect_err("it is not good");
        assert_eq!((error.kind, error.outcome, error.details.attempts), (ErrorKind::Auth, Outcome::Refused, Some(1)));
    });
}

#[test]
fn a_provider_that_fails_sends_nothing() {
    run(async {
        let (graph, client, provider) = start(HOUR, Config::default());
        provider.fails.store(1, Ordering::Relaxed);
        let error = get(&client).await.expect_err("there is no token");
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
