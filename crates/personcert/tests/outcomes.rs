//! What a caller learns when a connection fails at the worst moment: raw servers, and transports on a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use personcert::host::{Call, Dialect};
use personcert::http::{Request, Response, ResponseFuture, Transport};
use personcert::{
    CertificationPatch, Change, Client, Config, Error, ErrorKind, Hooks, Outcome, Target, UpdateOptions, User,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;

const ID: &str = "0fb4c1e3";

fn target() -> Target {
    Target::new(User::Me, ID).expect("a target")
}

fn patch() -> CertificationPatch {
    CertificationPatch { description: Change::Set("Changed".into()), ..CertificationPatch::default() }
}

fn config(base_url: String) -> Config {
    Config {
        base_url: Some(base_url),
        token: Some("token".into()),
        retry_delay: Duration::from_millis(1),
        ..Config::default()
    }
}

/// Reads one request to the end of its body.
async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut request = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.expect("a request");
        request.push_str(&String::from_utf8_lossy(&buffer[..read]));
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if read == 0 || body.len() >= length.unwrap_or(0) {
            return request;
        }
    }
}

#[tokio::test]
async fn tls_that_fails_after_the_request_was_read_leaves_the_outcome_unknown() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key))
        .expect("a server");
    let ca = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(ca.path(), certified.cert.pem()).expect("the certificate");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let requests = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
        while let Ok((stream, _)) = listener.accept().await {
            let mut tls = acceptor.accept(stream).await.expect("a handshake");
            read_request(&mut tls).await;
            seen.fetch_add(1, Ordering::Relaxed);
            let (tcp, _) = tls.get_mut();
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.expect("plain text");
        }
    });
    let base = format!("https://localhost:{port}");
    let config = Config { ca_file: Some(ca.path().display().to_string()), ..config(base) };
    let error = Client::new(&config).expect("a client").create(&User::Me, &patch()).await.expect_err("broken TLS");
    assert_eq!((error.kind, error.outcome), (ErrorKind::Network, Outcome::Unknown), "{error}");
    assert_eq!(requests.load(Ordering::Relaxed), 1, "create is not repeated");

    let stranger = Config { ca_file: None, ..config };
    let error = Client::new(&stranger).expect("a client").create(&User::Me, &patch()).await.expect_err("no trust");
    assert_eq!((error.kind, error.outcome), (ErrorKind::Network, Outcome::NotSent), "{error}");
    assert_eq!(error.details.attempts, Some(1), "another handshake fails the same way");
}

/// Answers a PATCH with 500 and never answers a GET.
async fn answer_then_hang(mut stream: TcpStream, reading: Arc<Notify>) {
    loop {
        if read_request(&mut stream).await.starts_with("GET") {
            reading.notify_one();
            std::future::pending::<()>().await;
        }
        let answer = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).await.expect("an answer");
    }
}

#[tokio::test]
async fn a_call_that_is_cancelled_while_it_verifies_stays_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let reading = Arc::new(Notify::new());
    let notify = Arc::clone(&reading);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_then_hang(stream, Arc::clone(&notify)));
        }
    });
    let config = Config { max_attempts: 1, ..config(format!("http://{address}")) };
    let client = Client::new(&config).expect("a client");
    let arguments = json!({"id": ID, "changes": {"description": "Changed"}, "verify": true});
    let call = Call::read("update", arguments.as_object().expect("arguments"), Dialect::GRAPH).expect("a call");
    let state = call.state();
    tokio::select! {
        ended = client.call(call) => panic!("{ended:?}"),
        () = reading.notified() => {}
    }
    assert_eq!(state.cancelled().outcome, Outcome::Unknown);
}

/// Answers after a while, by the runtime's clock.
#[derive(Clone, Debug)]
struct SlowTransport {
    delay: Duration,
    status: u16,
    generation: Arc<AtomicU64>,
    reconnects: Arc<AtomicU32>,
}

impl SlowTransport {
    fn new(delay: Duration, status: u16) -> Self {
        Self { delay, status, generation: Arc::default(), reconnects: Arc::default() }
    }

    fn client(&self, config: &Config) -> Client {
        let hooks = Hooks { transport: Some(Arc::new(self.clone())), ..Hooks::default() };
        Client::with(config, hooks).expect("a client")
    }
}

impl Transport for SlowTransport {
    fn send(&self, request: Request) -> ResponseFuture<'_> {
        assert!(request.delivery.start());
        Box::pin(async move {
            tokio::time::sleep(self.delay).await;
            Ok(Response { status: self.status, ..Response::default() })
        })
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    fn reconnect(&self, generation: u64) {
        let next = self.generation.compare_exchange(generation, generation + 1, Ordering::Relaxed, Ordering::Relaxed);
        self.reconnects.fetch_add(u32::from(next.is_ok()), Ordering::Relaxed);
    }

    fn for_new_runtime(&self) -> Result<Arc<dyn Transport>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_holds_for_the_update_and_its_verification_together() {
    let transport = SlowTransport::new(Duration::from_mins(1), 200);
    let config = Config { timeout: Duration::from_secs(2), ..config("http://127.0.0.1".into()) };
    let began = Instant::now();
    let options = UpdateOptions { verify: true, ..UpdateOptions::default() };
    let error = transport.client(&config).update(&target(), &patch(), &options).await.expect_err("no time");
    assert_eq!(began.elapsed().as_secs(), 2);
    assert_eq!((error.kind, error.outcome), (ErrorKind::Timeout, Outcome::Unknown));
    assert!(error.message.contains("the call's time limit of 2 s"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_in_an_error_is_the_one_that_was_set() {
    let transport = SlowTransport::new(Duration::from_secs(20), 500);
    let config = Config { retry_delay: Duration::from_millis(1), ..config("http://127.0.0.1".into()) };
    let config = Config { timeout: Duration::from_secs(50), ..config };
    let error = transport.client(&config).get(&target(), &[]).await.expect_err("no time");
    assert!(error.message.contains("the call's time limit of 50 s"), "{error}");
    let config = Config { attempt_timeout: Duration::from_secs(10), max_attempts: 1, ..config };
    let error = transport.client(&config).get(&target(), &[]).await.expect_err("no time");
    assert!(error.message.contains("the attempt's time limit of 10 s"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn calls_that_met_a_503_together_reconnect_once() {
    let transport = SlowTransport::new(Duration::from_millis(10), 503);
    let client = transport.client(&Config { max_attempts: 1, ..config("http://127.0.0.1".into()) });
    let users: Vec<_> = (0..32).map(|n| User::Named(format!("user{n}@contoso.com"))).collect();
    let targets = users.into_iter().map(|user| Target::new(user, ID).expect("a target"));
    let calls: Vec<_> = targets
        .map(|target| {
            let client = client.clone();
            tokio::spawn(async move { client.get(&target, &[]).await.map(drop) })
        })
        .collect();
    for call in calls {
        let error = call.await.expect("no panic").expect_err("unavailable");
        assert_eq!(error.details.status, Some(503));
    }
    assert_eq!(transport.reconnects.load(Ordering::Relaxed), 1);
}
