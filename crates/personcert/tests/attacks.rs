//! What callers, credentials and services do at the worst moment: stalled runtimes, cancelled replacements, damaged refusals.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use personcert::auth::{AccessToken, TokenFuture, TokenProvider, TokenRequest};
use personcert::http::{MemoryTransport, Request, Response, ResponseFuture, Transport};
use personcert::limiter::{Limiter, LimiterOptions, UserKey};
use personcert::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

const ADA: UserKey<'static> = UserKey("ada");

#[tokio::test]
async fn waiters_on_a_stalled_runtime_do_not_block_a_live_caller() {
    let limiter = Limiter::new(LimiterOptions { max_per_user: 1, ..LimiterOptions::default() });
    let deadline = Instant::now() + Duration::from_secs(5);
    let first = limiter.acquire(ADA, 1, deadline).await.unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut one = pin!(limiter.acquire(ADA, 1, deadline));
    let mut two = pin!(limiter.acquire(ADA, 1, deadline));
    assert!(matches!(one.as_mut().poll(&mut context), Poll::Pending));
    assert!(matches!(two.as_mut().poll(&mut context), Poll::Pending));
    first.succeeded(1);
    let got = limiter.acquire(ADA, 1, deadline).await;
    assert!(got.is_ok());
}

#[derive(Clone, Debug)]
struct SlowTransport(Duration);
impl Transport for SlowTransport {
    fn send(&self, request: Request) -> ResponseFuture<'_> {
        assert!(request.delivery.start());
        Box::pin(async move {
            tokio::time::sleep(self.0).await;
            Ok(Response { status: 200, ..Response::default() })
        })
    }
    fn for_new_runtime(&self) -> Result<Arc<dyn Transport>, Error> {
        Ok(Arc::new(self.clone()))
    }
}
struct CountingProvider {
    interactive: bool,
    delay: Duration,
    calls: Arc<AtomicU32>,
}
impl TokenProvider for CountingProvider {
    fn token(self: Arc<Self>, _: TokenRequest) -> TokenFuture {
        Box::pin(async move {
            let n = self.calls.fetch_add(1, Ordering::Relaxed);
            if n > 0 {
                tokio::time::sleep(self.delay).await;
            }
            Ok(AccessToken::new(format!("t{n}"), None))
        })
    }
    fn is_interactive(&self) -> bool {
        self.interactive
    }
}
fn patch() -> CertificationPatch {
    CertificationPatch { description: Change::Set("Changed".into()), ..CertificationPatch::default() }
}
fn config() -> Config {
    Config { base_url: Some("http://127.0.0.1".into()), retry_delay: Duration::from_millis(1), ..Config::default() }
}

#[tokio::test(start_paused = true)]
async fn an_interactive_credential_does_not_prolong_the_call_while_it_has_a_token() {
    let provider = CountingProvider { interactive: true, delay: Duration::ZERO, calls: Arc::default() };
    let hooks = Hooks {
        transport: Some(Arc::new(SlowTransport(Duration::from_mins(1)))),
        credential: Some(Arc::new(provider)),
        ..Hooks::default()
    };
    let client = Client::with(&Config { timeout: Duration::from_secs(2), ..config() }, hooks).unwrap();
    let began = Instant::now();
    let target = Target::new(User::Me, "x").unwrap();
    let options = UpdateOptions { verify: true, ..UpdateOptions::default() };
    client.update(&target, &patch(), &options).await.unwrap_err();
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_token_replacement_does_not_reject_other_calls() {
    let provider = CountingProvider { interactive: false, delay: Duration::from_secs(3), calls: Arc::default() };
    let transport = MemoryTransport::new(|request: &Request| {
        let ok = request.headers["authorization"] != "Bearer t0";
        Ok(Response {
            status: if ok { 200 } else { 401 },
            body: br#"{"id":"x"}"#.as_slice().into(),
            ..Response::default()
        })
    });
    let hooks =
        Hooks { transport: Some(Arc::new(transport)), credential: Some(Arc::new(provider)), ..Hooks::default() };
    let client = Client::with(&config(), hooks).unwrap();
    let target = Target::new(User::Me, "x").unwrap();
    let first = tokio::time::timeout(Duration::from_secs(1), client.get(&target, &[])).await;
    assert!(first.is_err());
    client.get(&target, &[]).await.expect("the next call replaces the token");
}

#[tokio::test]
async fn create_is_not_repeated_after_a_truncated_401() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut s, _)) = listener.accept().await {
            let mut b = [0; 8192];
            let _ = s.read(&mut b).await;
            count.fetch_add(1, Ordering::Relaxed);
            s.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\n{").await.unwrap();
        }
    });
    let provider = CountingProvider { interactive: false, delay: Duration::ZERO, calls: Arc::default() };
    let hooks = Hooks { credential: Some(Arc::new(provider)), ..Hooks::default() };
    let client =
        Client::with(&Config { base_url: Some(format!("http://127.0.0.1:{port}")), ..config() }, hooks).unwrap();
    let error = client.create(&User::Me, &patch()).await.unwrap_err();
    assert_eq!(error.outcome, Outcome::Unknown);
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_status_that_http_does_not_define_proves_nothing() {
    let transport = MemoryTransport::new(|_: &Request| Ok(Response { status: 999, ..Response::default() }));
    let hooks = Hooks { transport: Some(Arc::new(transport)), ..Hooks::default() };
    let client = Client::with(&Config { token: Some("t".into()), ..config() }, hooks).unwrap();
    let error = client.create(&User::Me, &patch()).await.unwrap_err();
    assert_eq!(error.outcome, Outcome::Unknown);
}

/// Takes a while for each token.
struct SlowProvider(Arc<CountingProvider>);
impl TokenProvider for SlowProvider {
    fn token(self: Arc<Self>, r: TokenRequest) -> TokenFuture {
        let p = Arc::clone(&self.0);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            p.token(r).await
        })
    }
}

#[test]
fn a_call_on_a_stalled_runtime_does_not_keep_the_token_from_others() {
    // A waiter on a stalled runtime is handed the lock of the token cache.
    let provider = CountingProvider { interactive: false, delay: Duration::ZERO, calls: Arc::new(AtomicU32::new(0)) };
    let transport = MemoryTransport::new(|_: &Request| {
        Ok(Response { status: 200, body: br#"{"id":"x"}"#.as_slice().into(), ..Response::default() })
    });
    let hooks = Hooks {
        transport: Some(Arc::new(transport)),
        credential: Some(Arc::new(SlowProvider(Arc::new(provider)))),
        ..Hooks::default()
    };
    let client = Client::with(&Config { timeout: Duration::from_secs(5), ..config() }, hooks).unwrap();
    let target = Target::new(User::Me, "x").unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (idle, live) = (runtime(), runtime());
    let (c, t) = (client.clone(), target.clone());
    live.block_on(async {
        let fetching = tokio::spawn({
            let (c, t) = (c.clone(), t.clone());
            async move { c.get(&t, &[]).await.map(drop) }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        // The other runtime polls its call once and stalls.
        std::thread::scope(|s| {
            s.spawn(|| {
                idle.block_on(async {
                    tokio::spawn({
                        let (c, t) = (client.clone(), target.clone());
                        async move { c.get(&t, &[]).await.map(drop) }
                    });
                    tokio::time::sleep(Duration::from_millis(20)).await;
                });
            });
        });
        fetching.await.unwrap().unwrap();
        c.get(&t, &[]).await.unwrap();
    });
}

#[tokio::test]
async fn a_huge_time_limit_is_a_day() {
    let transport = MemoryTransport::new(|_: &Request| {
        Ok(Response { status: 200, body: br#"{"id":"x"}"#.as_slice().into(), ..Response::default() })
    });
    let hooks = Hooks { transport: Some(Arc::new(transport)), ..Hooks::default() };
    let client = Client::with(&Config { token: Some("t".into()), ..config() }, hooks).unwrap();
    client.with_timeout(Duration::MAX).get(&Target::new(User::Me, "x").unwrap(), &[]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_step_is_not_sent_after_the_deadline() {
    #[derive(Clone, Debug)]
    struct RefusesBatches;
    impl Transport for RefusesBatches {
        fn send(&self, request: Request) -> ResponseFuture<'_> {
            assert!(request.delivery.start());
            Box::pin(async move {
                if request.url.ends_with("$batch") {
                    return Ok(Response { status: 413, ..Response::default() });
                }
                tokio::time::sleep(Duration::from_mins(1)).await;
                Ok(Response { status: 200, ..Response::default() })
            })
        }
        fn for_new_runtime(&self) -> Result<Arc<dyn Transport>, Error> {
            Ok(Arc::new(self.clone()))
        }
    }
    let hooks = Hooks { transport: Some(Arc::new(RefusesBatches)), ..Hooks::default() };
    let client =
        Client::with(&Config { token: Some("t".into()), timeout: Duration::from_secs(2), ..config() }, hooks).unwrap();
    let patch = patch();
    let step = personcert::batch::Step::Create(&User::Me, &patch);
    let results = client.batch(&[step, step, step]).await.unwrap();
    let outcomes: Vec<_> = results.into_iter().map(|r| r.unwrap_err().outcome).collect();
    assert_eq!(outcomes, [Outcome::Unknown, Outcome::NotSent, Outcome::NotSent]);
}

/// Never answers the first request, and answers the later ones.
#[derive(Default)]
struct StuckFirst(AtomicU32);

impl TokenProvider for StuckFirst {
    fn token(self: Arc<Self>, _: TokenRequest) -> TokenFuture {
        Box::pin(async move {
            if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
                std::future::pending::<()>().await;
            }
            Ok(AccessToken::new("token", None))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_on_a_stopped_runtime_delays_one_call_of_another_by_five_seconds() {
    let provider = Arc::new(StuckFirst::default());
    let hooks = Hooks {
        transport: Some(Arc::new(MemoryTransport::new(|_| {
            Ok(Response { status: 200, body: br#"{"id":"x"}"#.as_slice().into(), ..Response::default() })
        }))),
        credential: Some(Arc::clone(&provider) as Arc<dyn TokenProvider>),
        ..Hooks::default()
    };
    let client = Client::with(&config(), hooks).unwrap();
    let target = Target::new(User::Me, "x").unwrap();
    let mut stopped = pin!(client.get(&target, &[]));
    assert!(stopped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let other = client.for_new_runtime().unwrap();
    let began = Instant::now();
    for _ in 0..3 {
        other.get(&target, &[]).await.expect("the fetch is taken over");
        assert_eq!(began.elapsed().as_secs(), 5);
    }
    assert_eq!(provider.0.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_fetch_is_not_taken_over() {
    let calls = Arc::default();
    let provider = CountingProvider { interactive: false, delay: Duration::from_mins(1), calls: Arc::clone(&calls) };
    calls.store(1, Ordering::Relaxed);
    let hooks = Hooks {
        transport: Some(Arc::new(SlowTransport(Duration::ZERO))),
        credential: Some(Arc::new(provider)),
        ..Hooks::default()
    };
    let client = Client::with(&config(), hooks).unwrap();
    let target = Target::new(User::Me, "x").unwrap();
    let (one, two) = tokio::join!(client.delete(&target), client.delete(&target));
    one.and(two).expect("both get the token");
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn the_signed_in_user_by_any_name_is_one_user_for_the_limiter() {
    use base64::Engine as _;
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"oid":"11-22","upn":"ada@contoso.com"}"#);
    let config = Config { token: Some(format!("e30.{claims}.c2ln").as_str().into()), ..config() };
    let transport = MemoryTransport::new(|request: &Request| {
        let is_refused = request.url.contains("/me/");
        let mut response = Response { status: 200, body: br#"{"id":"x"}"#.as_slice().into(), ..Response::default() };
        if is_refused {
            response.status = 429;
            response.headers.retry_after = Some(315.0);
        }
        Ok(response)
    });
    let client = Client::with(&config, Hooks { transport: Some(Arc::new(transport)), ..Hooks::default() }).unwrap();
    let get = async |user: User| client.get(&Target::new(user, "x").unwrap(), &[]).await.map(drop);
    assert_eq!(get(User::Me).await.unwrap_err().kind, ErrorKind::Throttled);
    for own in ["11-22", "Ada@Contoso.com"] {
        let error = get(User::Named(own.into())).await.expect_err("held like /me");
        assert_eq!((error.kind, error.outcome), (ErrorKind::Throttled, Outcome::NotSent));
    }
    get(User::Named("bob@contoso.com".into())).await.expect("others are not held");
}
