//! Sign-in with the system's browser: authorization code with PKCE, redirected to this machine.
//!
//! A small server on a free loopback port waits for the redirect. It answers one path, only with the state that this sign-in
//! chose, and reads heads of bounded size in bounded time. The code is useless without the verifier, which never leaves this
//! process but for the token endpoint.

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
use tokio::time::Instant;
use url::Url;

use super::TokenRequest;
use super::authority::{Grant, auth_error};
use super::interaction::Interaction;
use crate::{Error, ErrorKind, Outcome, Result};

/// How long the user may take.
const SIGN_IN_TIMEOUT: Duration = Duration::from_mins(10);
/// How long a browser may take to send the head of its request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The code that the browser brings back, or why it has none.
type AuthorizationCode = Result<String>;

/// Opens the browser, waits for the user, and redeems the code that comes back.
/// Source: "Microsoft identity platform and OAuth 2.0 authorization code flow"; RFC 7636, RFC 8252.
pub(super) async fn sign_in(interaction: &Interaction<'_>) -> Result<Grant> {
    let Interaction { authority, client_id, request, scope, prompt } = *interaction;
    let started = Instant::now();
    let no_port = |error: std::io::Error| auth_error(format!("cannot listen for the browser's redirect: {error}"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_port)?;
    let port = listener.local_addr().map_err(no_port)?.port();
    // Browsers may try IPv6 first. A machine without it needs only IPv4.
    let second = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok();
    // The platform ignores the port of `localhost`, and of no other name.
    let redirect_uri = format!("http://localhost:{port}");
    let [state, nonce, verifier] = [random_text()?, random_text()?, random_text()?];
    let challenge = BASE64.encode(digest(&SHA256, verifier.as_bytes()));
    let mut address = Url::parse(&authority.endpoint("authorize")).map_err(|error| auth_error(error.to_string()))?;
    address.query_pairs_mut().extend_pairs([
        ("client_id", client_id),
        ("response_type", "code"),
        ("response_mode", "query"),
        ("redirect_uri", &redirect_uri),
        ("scope", scope),
        ("state", &state),
        ("nonce", &nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
    ]);
    let message = format!("To sign in, use the browser that opens now, or open {address} in one on this machine.");
    prompt.show(message, address.as_str(), None);
    let (code_tx, code_rx) = oneshot::channel();
    let handler = Arc::new(RedirectHandler { state, code_tx: Mutex::new(Some(code_tx)) });
    open_browser(&address);
    // Dropped, and so ended, with this sign-in.
    let mut listeners = JoinSet::new();
    for listener in iter::once(listener).chain(second) {
        listeners.spawn(accept(listener, Arc::clone(&handler)));
    }
    let code = tokio::time::timeout(SIGN_IN_TIMEOUT, code_rx).await;
    let code = code.map_err(|_| auth_error("the sign-in was not completed within ten minutes; try again"))?;
    let code = code.map_err(|_| auth_error("the browser's redirect was lost; try again"))??;
    let form = vec![
        ("client_id", client_id),
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", &verifier),
        ("scope", scope),
    ];
    let now = request.now.checked_add(started.elapsed()).unwrap_or(request.now);
    let request = TokenRequest { now, ..request.clone() };
    let grant = authority.grant(&request, form).await?;
    match &grant.id_token {
        Some(claims) if claims["nonce"] != nonce => {
            Err(auth_error("the id token belongs to another sign-in; try again"))
        }
        _ => Ok(grant),
    }
}

/// Opens the browser with the first program that succeeds. If none does, the user still has the address.
fn open_browser(address: &Url) {
    let commands = open::commands(address.as_str());
    // On a thread, because some of these programs run until the browser is closed.
    let open = move || {
        for mut command in commands {
            for secret in super::SECRET_VARIABLES {
                command.env_remove(secret);
            }
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if command.status().is_ok_and(|status| status.success()) {
                return;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().spawn(open) {
        tracing::warn!(%error, "cannot open the browser");
    }
}

/// 256 random bits as text.
fn random_text() -> Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| auth_error("the system's random number generator failed"))?;
    Ok(BASE64.encode(bytes))
}

/// Handles the browser's redirect.
struct RedirectHandler {
    state: String,
    code_tx: Mutex<Option<oneshot::Sender<AuthorizationCode>>>,
}

/// Accepts connections until the task is aborted: browsers open several, and some send nothing.
async fn accept(listener: TcpListener, handler: Arc<RedirectHandler>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&handler)));
    }
}

/// Serves one connection.
async fn serve(stream: TcpStream, handler: Arc<RedirectHandler>) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let response = handler.respond(request.method(), &request.uri().to_string());
        async move { Ok::<_, Infallible>(response) }
    });
    // A browser that disconnects early is not an error.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl RedirectHandler {
    /// Takes the code from the redirect and shows the user how it went. Requests for anything else are not found.
    fn respond(&self, method: &Method, path: &str) -> Response<String> {
        let url = Url::parse("http://localhost").and_then(|base| base.join(path));
        let Some(url) = url.ok().filter(|url| method == Method::GET && url.path() == "/") else {
            return page(StatusCode::NOT_FOUND, "Not found.");
        };
        let value =
            |wanted: &str| url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
        // Any web page could send a code of its own; only this sign-in knows the state.
        if value("state").as_deref() != Some(&self.state) {
            return page(StatusCode::BAD_REQUEST, "This redirect belongs to another sign-in.");
        }
        let code = match (value("code"), value("error")) {
            (Some(code), None) => Ok(code),
            (_, error) => Err(refused(error, value("error_description"))),
        };
        let (status, text) = match &code {
            Ok(_) => (StatusCode::OK, "You are signed in. You can close this page and go back."),
            Err(_) => (StatusCode::OK, "The sign-in did not succeed. You can close this page and go back."),
        };
        if let Some(code_tx) = self.code_tx.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = code_tx.send(code);
        }
        page(status, text)
    }
}

/// The error of a sign-in that the platform or the user ended.
fn refused(code: Option<String>, described: Option<String>) -> Error {
    let (code, described) = (code.unwrap_or_default(), described.unwrap_or_default());
    let shown: String = described.chars().take(300).collect();
    let mut error = Error::new(ErrorKind::Auth, Outcome::NotSent, format!("sign-in refused ({code}): {shown}"));
    error.details.code = Some(code);
    error.details.service_message = Some(described.chars().take(2000).collect());
    error
}

/// A page of plain text for the user.
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
