//! Signing in with the system's browser: authorization code with PKCE, answered on this machine.

use std::convert::Infallible;
use std::iter;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use url::Url;

use super::TokenRequest;
use super::authority::{Grant, failure};
use super::session::Asked;
use crate::{Error, ErrorKind, Outcome, Result};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long a browser may take to send its request.
const HEAD: Duration = Duration::from_secs(10);

/// What the browser brings back: the code, or why there is none.
type Brought = Result<String>;

/// Opens the browser, waits for the person, and redeems the code that comes back.
/// Source: "Microsoft identity platform and OAuth 2.0 authorization code flow"; RFC 7636, RFC 8252.
pub(super) async fn sign_in(asked: &Asked<'_>) -> Result<Grant> {
    let Asked { authority, client, request, scope, show } = *asked;
    let began = std::time::Instant::now();
    let no_place = |error: std::io::Error| failure(format!("the browser's answer can't be received: {error}"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_place)?;
    let port = listener.local_addr().map_err(no_place)?.port();
    // Browsers may try the other loopback address first; a machine without it does without.
    let second = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok();
    // The platform lets the port of `localhost` vary, and of no other name.
    let back = format!("http://localhost:{port}");
    let [state, nonce, verifier] = [secret()?, secret()?, secret()?];
    let challenge = BASE64.encode(digest(&SHA256, verifier.as_bytes()));
    let mut address = Url::parse(&authority.endpoint("authorize")).map_err(|error| failure(error.to_string()))?;
    address.query_pairs_mut().extend_pairs([
        ("client_id", client),
        ("response_type", "code"),
        ("response_mode", "query"),
        ("redirect_uri", &back),
        ("scope", scope),
        ("state", &state),
        ("nonce", &nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
    ]);
    let message = format!("To sign in, use the browser that opens now, or open {address} in one on this machine.");
    show.tell(message, address.as_str(), None);
    let (bring, brought) = oneshot::channel();
    let desk = Arc::new(Desk { state, bring: Mutex::new(Some(bring)) });
    open(&address);
    // They end with this sign-in.
    let mut listeners = JoinSet::new();
    for listener in iter::once(listener).chain(second) {
        listeners.spawn(receive(listener, Arc::clone(&desk)));
    }
    let brought = tokio::time::timeout(PATIENCE, brought).await;
    let brought = brought.map_err(|_| failure("nobody signed in within ten minutes"))?;
    let code = brought.map_err(|_| failure("the browser's answer was lost"))??;
    let form = vec![
        ("client_id", client),
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &back),
        ("code_verifier", &verifier),
        ("scope", scope),
    ];
    let request = TokenRequest { now: request.now + began.elapsed(), ..request.clone() };
    let grant = authority.grant(&request, form).await?;
    match &grant.person {
        Some(person) if person["nonce"] != nonce => Err(failure("the id token answers another request; sign in again")),
        _ => Ok(grant),
    }
}

/// Opens the browser, by the first program that can. Where there is none, the person has the address.
fn open(address: &Url) {
    let commands = open::commands(address.as_str());
    // Some of them wait until the browser is closed, and nobody waits for them.
    let open = move || {
        for mut command in commands {
            for secret in super::SECRETS {
                command.env_remove(secret);
            }
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if command.status().is_ok_and(|status| status.success()) {
                return;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().spawn(open) {
        tracing::warn!(%error, "the browser can't be opened");
    }
}

/// 256 random bits as text.
fn secret() -> Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| failure("this machine gives no random numbers"))?;
    Ok(BASE64.encode(bytes))
}

/// Where the browser comes back to.
struct Desk {
    state: String,
    bring: Mutex<Option<oneshot::Sender<Brought>>>,
}

async fn receive(listener: TcpListener, desk: Arc<Desk>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&desk)));
    }
}

async fn serve(stream: TcpStream, desk: Arc<Desk>) {
    let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
        let answer = desk.answer(request.method(), &request.uri().to_string());
        async move { Ok::<_, Infallible>(answer) }
    });
    // A browser that leaves early is no error.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

impl Desk {
    fn answer(&self, method: &Method, path: &str) -> Response<String> {
        let asked = Url::parse("http://localhost").and_then(|here| here.join(path));
        let Some(asked) = asked.ok().filter(|asked| method == Method::GET && asked.path() == "/") else {
            return page(StatusCode::NOT_FOUND, "There is nothing here.");
        };
        let value =
            |wanted: &str| asked.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
        // Any page in any browser here could come with a code of its own; only ours knows the state.
        if value("state").as_deref() != Some(&self.state) {
            return page(StatusCode::BAD_REQUEST, "This answer belongs to no sign-in that is under way here.");
        }
        let brought = match (value("code"), value("error")) {
            (Some(code), None) => Ok(code),
            (_, error) => Err(refused(error, value("error_description"))),
        };
        let (status, text) = match &brought {
            Ok(_) => (StatusCode::OK, "You are signed in. You can close this page and go back."),
            Err(_) => (StatusCode::OK, "The sign-in did not succeed. You can close this page and go back."),
        };
        if let Some(bring) = self.bring.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = bring.send(brought);
        }
        page(status, text)
    }
}

fn refused(code: Option<String>, described: Option<String>) -> Error {
    let (code, described) = (code.unwrap_or_default(), described.unwrap_or_default());
    let shown: String = described.chars().take(300).collect();
    let mut error = Error::new(ErrorKind::Auth, Outcome::NotSent, format!("the sign-in was refused ({code}): {shown}"));
    error.details.code = Some(code);
    error.details.service_message = Some(described.chars().take(2000).collect());
    error
}

fn page(status: StatusCode, text: &str) -> Response<String> {
    let mut page = Response::new(format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>personcert</title></head>\
         <body><p>{text}</p></body></html>\n"
    ));
    *page.status_mut() = status;
    let headers = page.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    page
}
