//! Sessions that several programs share: signing out, other accounts, and sign-ins at the same time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use personcert::auth::{account, login, logout};
use personcert::{Client, Config, Error, ErrorKind, Hooks, Outcome, SignIn, Target, User};
use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::person::{ID, PUBLIC, USER};

const OTHER_USER: &str = "adele_adatum.com#EXT#@contoso.com";

/// A signed-in program with its own clock.
struct Program {
    graph: LocalGraph,
    gate: Gate,
    config: Config,
    client: Client,
    time: Arc<AtomicU64>,
    _folder: tempfile::TempDir,
}

impl Program {
    async fn signed_in() -> Self {
        let graph = LocalGraph::start(Options::default()).expect("a local Graph");
        let folder = tempfile::tempdir().expect("a folder");
        let gate = Gate::before(&graph).await;
        let config = Config { authority: Some(gate.url.clone()), ..config(&graph, folder.path()) };
        sign_in(&graph, &config, USER).await;
        let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
        let time = Arc::new(AtomicU64::new(now));
        let clock = Arc::clone(&time);
        let now = move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed));
        let hooks = Hooks { clock: Some(Arc::new(now)), ..Hooks::default() };
        let stored = Config { sign_in: Some(SignIn::Login), ..config.clone() };
        let client = Client::with(&stored, hooks).expect("a client");
        let program = Self { graph, gate, config, client, time, _folder: folder };
        program.get().await.expect("the session works");
        program
    }

    async fn get(&self) -> Result<(), Error> {
        get(&self.client).await
    }

    async fn ends_with(&self, message: &str) {
        let error = self.get().await.expect_err(message);
        assert_eq!((error.kind, error.outcome), (ErrorKind::Auth, Outcome::NotSent), "{error}");
        assert!(error.message.contains(message), "{error}");
    }

    fn expire_token(&self) {
        self.time.fetch_add(2 * 3600, Ordering::Relaxed);
    }
}

fn config(graph: &LocalGraph, folder: &Path) -> Config {
    Config {
        base_url: Some(graph.url().to_owned()),
        authority: Some(graph.url().to_owned()),
        sign_in: Some(SignIn::DeviceCode),
        client_id: Some(PUBLIC.to_owned()),
        token_cache_file: Some(folder.join("sign-in.json").display().to_string()),
        ..Config::default()
    }
}

async fn sign_in(graph: &LocalGraph, config: &Config, user: &str) {
    graph.command("approve", &json!({"user": user})).expect("the command");
    login(config, |_| {}).await.expect("the user signs in");
}

async fn get(client: &Client) -> Result<(), Error> {
    client.get(&Target::new(User::Me, ID).expect("a target"), &[]).await.map(drop)
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(test);
}

#[test]
fn logout_ends_a_running_program_at_its_next_call() {
    run(async {
        let program = Program::signed_in().await;
        assert!(logout(&program.config).await.expect("the session is removed"));
        program.ends_with("not signed in; run `personcert login`").await;
        program.expire_token();
        program.ends_with("not signed in; run `personcert login`").await;
        assert!(account(&program.config).await.expect("the store").is_none(), "the session is not written back");
        sign_in(&program.graph, &program.config, USER).await;
        program.get().await.expect("the same account signed in again");
    });
}

#[test]
fn a_refresh_in_progress_does_not_undo_a_logout() {
    run(async {
        let mut program = Program::signed_in().await;
        program.gate.hold();
        program.expire_token();
        let client = program.client.clone();
        let (ended, removed) = tokio::join!(get(&client), async {
            program.gate.arrival().await;
            let removed = logout(&program.config).await;
            program.gate.release();
            removed
        });
        assert!(removed.expect("the session is removed"));
        let error = ended.expect_err("the session is gone");
        assert!(error.message.contains("not signed in"), "{error}");
        assert!(account(&program.config).await.expect("the store").is_none(), "the session is not written back");
    });
}

#[test]
fn a_program_never_adopts_another_accounts_session() {
    run(async {
        let program = Program::signed_in().await;
        let requests = || program.graph.command("requests", &Value::Null).expect("requests");
        let before = requests();
        sign_in(&program.graph, &program.config, OTHER_USER).await;
        program.ends_with("another account signed in").await;
        program.expire_token();
        program.ends_with("another account signed in").await;
        assert_eq!(requests(), before, "nothing is sent for the other account");
        let stored = account(&program.config).await.expect("the store").expect("a session");
        assert_eq!(stored.username.as_deref(), Some(OTHER_USER), "its session is left alone");
        sign_in(&program.graph, &program.config, USER).await;
        program.get().await.expect("the first account signed in again");
    });
}

#[test]
fn sign_ins_at_the_same_time_into_one_file_are_all_kept() {
    run(async {
        let graphs: Vec<_> = (0..3).map(|_| LocalGraph::start(Options::default()).expect("a local Graph")).collect();
        for round in 0..4 {
            let folder = tempfile::tempdir().expect("a folder");
            let configs: Vec<_> = graphs.iter().map(|graph| config(graph, folder.path())).collect();
            let mut sign_ins = tokio::task::JoinSet::new();
            for (graph, config) in graphs.iter().zip(configs.clone()) {
                graph.command("approve", &json!({"user": USER})).expect("the command");
                sign_ins.spawn(async move { login(&config, |_| {}).await.map(drop) });
            }
            assert!(sign_ins.join_all().await.iter().all(Result::is_ok));
            for config in &configs {
                assert!(account(config).await.expect("the store").is_some(), "round {round}");
            }
        }
    });
}

#[test]
fn a_forked_client_gets_tokens_while_the_parent_waits_for_one() {
    run(async {
        let mut program = Program::signed_in().await;
        program.gate.hold();
        program.expire_token();
        let parent = program.client.clone();
        let child = parent.for_new_process().expect("a client");
        let waiting = tokio::spawn(async move { get(&parent).await });
        program.gate.arrival().await;
        let mut fetching = std::pin::pin!(get(&child));
        tokio::select! {
            ended = &mut fetching => panic!("the child's request is held too: {ended:?}"),
            () = program.gate.arrival() => {}
        }
        waiting.abort();
        program.gate.release();
        fetching.await.expect("the child gets its own token");
    });
}

#[test]
fn a_forked_client_keeps_to_the_account_of_its_parent() {
    run(async {
        let program = Program::signed_in().await;
        let child = program.client.for_new_process().expect("a client");
        sign_in(&program.graph, &program.config, OTHER_USER).await;
        let error = get(&child).await.expect_err("another account");
        assert!(error.message.contains("another account signed in"), "{error}");
        logout(&program.config).await.expect("the session is removed");
        let error = get(&child).await.expect_err("no account");
        assert!(error.message.contains("not signed in"), "{error}");
        sign_in(&program.graph, &program.config, USER).await;
        get(&child).await.expect("the account of the parent");
    });
}

#[test]
fn a_refresh_on_a_stopped_runtime_does_not_keep_the_session_from_another_runtime() {
    run(async {
        let mut program = Program::signed_in().await;
        program.gate.hold();
        program.expire_token();
        // It is polled until its request for a token is under way, and never again.
        let stopped = program.client.clone();
        let mut stopped = Box::pin(async move { get(&stopped).await });
        tokio::select! {
            ended = &mut stopped => panic!("its token is held back: {ended:?}"),
            () = program.gate.arrival() => {}
        }
        program.gate.release();
        for _ in 0..2 {
            program.get().await.expect("the fetch is taken over");
        }
        drop(stopped);
    });
}
