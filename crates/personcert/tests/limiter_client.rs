//! Clients whose service asks them to wait, on a paused clock: how many requests they send.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use personcert::http::{Request, Response, ResponseFuture, ServiceHeaders, Transport};
use personcert::{Client, Config, Error, ErrorKind, Hooks, Outcome, Target, User};
use tokio::time::{Instant, sleep};

/// A service that refuses the first requests with 429 and this `Retry-After`.
#[derive(Clone, Debug)]
struct Throttling {
    refusals: u32,
    retry_after: f64,
    requests: Arc<AtomicU32>,
}

impl Throttling {
    fn new(refusals: u32, retry_after: f64) -> Self {
        Self { refusals, retry_after, requests: Arc::default() }
    }

    fn client(&self, max_attempts: i64) -> Client {
        let config = Config {
            base_url: Some("http://127.0.0.1".into()),
            token: Some("token".into()),
            max_attempts: max_attempts.try_into().expect("a small number"),
            ..Config::default()
        };
        let hooks = Hooks { transport: Some(Arc::new(self.clone())), ..Hooks::default() };
        Client::with(&config, hooks).expect("a client")
    }

    fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Transport for Throttling {
    fn send(&self, request: Request) -> ResponseFuture<'_> {
        assert!(request.delivery.start());
        Box::pin(async move {
            sleep(Duration::from_millis(1)).await;
            if self.requests.fetch_add(1, Ordering::Relaxed) >= self.refusals {
                let body = br#"{"id":"0fb4c1e3"}"#.as_slice().into();
                return Ok(Response { status: 200, body, ..Response::default() });
            }
            let headers = ServiceHeaders { retry_after: Some(self.retry_after), ..ServiceHeaders::default() };
            Ok(Response { status: 429, headers, ..Response::default() })
        })
    }

    fn generation(&self) -> u64 {
        0
    }

    fn reconnect(&self, _: u64) {}

    fn for_new_runtime(&self) -> Result<Arc<dyn Transport>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

fn target(user: &str) -> Target {
    Target::new(User::Named(user.into()), "0fb4c1e3").expect("a target")
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_the_calls_time_holds_back_later_calls() {
    for (retry_after, max_attempts) in [(315.0, 4), (30.0, 1)] {
        let service = Throttling::new(u32::MAX, retry_after);
        let client = service.client(max_attempts).with_timeout(Duration::from_secs(20));
        let began = Instant::now();
        let mut errors = Vec::new();
        while began.elapsed() < Duration::from_secs(8) {
            errors.push(client.get(&target("ada"), &[]).await.expect_err("throttled"));
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(service.requests(), 1, "Retry-After {retry_after}");
        let last = errors.last().expect("many calls");
        assert_eq!((last.kind, last.outcome), (ErrorKind::Throttled, Outcome::NotSent));
        let wait = last.details.retry_after.expect("a wait");
        assert!((retry_after - 8.1..=retry_after).contains(&wait), "{wait}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_429_of_one_user_lets_the_calls_of_others_pass() {
    let service = Throttling::new(1, 60.0);
    let client = service.client(1);
    client.get(&target("busy"), &[]).await.expect_err("throttled");
    let began = Instant::now();
    for n in 0..40 {
        client.get(&target(&format!("user{n}")), &[]).await.expect("an answer");
    }
    assert!(began.elapsed() <= Duration::from_millis(100), "{:?}", began.elapsed());
    assert_eq!(service.requests(), 41);
}
