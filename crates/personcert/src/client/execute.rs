//! The one request loop: take a place, send, read, decide, wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::HeaderValue;

use super::limiter::Limiter;
use super::response::Response;
use super::transport::Transport;
use crate::attempt::{Attempt, CallState, Hook};
use crate::auth::{Bearer, TokenCache};
use crate::doctor;
use crate::http::random;
use crate::retry::RetryPolicy;
use crate::retry_budget::RetryBudget;
use crate::{Error, ErrorKind, Outcome, Result};

/// The longest that a person who signs in is waited for.
const PERSON: Duration = Duration::from_mins(16);

/// What all clones of a client share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) retry_budget: RetryBudget,
    pub(super) pace: Limiter,
    /// Whether the caller was told that the service will change.
    told: AtomicBool,
    /// Whether the token was looked at before a write.
    looked: AtomicBool,
}

impl Shared {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            retry_budget: RetryBudget::new(),
            pace: Limiter::default(),
            told: AtomicBool::new(false),
            looked: AtomicBool::new(false),
        })
    }
}

/// A request that may be sent several times.
pub(super) struct Request {
    pub(super) method: Method,
    /// The path below the version, with its query.
    pub(super) path: String,
    /// The path with names instead of ids, for logs.
    pub(super) template: &'static str,
    pub(super) body: Option<Vec<u8>>,
    /// Whether it may be sent again after it was perhaps applied.
    pub(super) repeatable: bool,
}

impl Request {
    /// A request that changes nothing.
    pub(super) fn read(path: String, template: &'static str) -> Self {
        Self { method: Method::GET, path, template, body: None, repeatable: true }
    }
}

/// How patiently a call is made.
#[derive(Clone, Debug)]
pub(super) struct CallContext {
    pub(super) policy: RetryPolicy,
    /// The longest a call may take, waits included.
    pub(super) total: Duration,
    /// The longest one attempt may take.
    pub(super) attempt: Duration,
    pub(super) traceparent: Option<HeaderValue>,
    pub(super) progress: CallState,
    pub(super) hook: Option<Hook>,
}

/// Sends a request as often as it takes and may.
pub(super) async fn send(
    transport: &Transport,
    shared: &Shared,
    credential: &Arc<TokenCache>,
    patience: &CallContext,
    request: Request,
) -> Result<Response> {
    let asks = credential.is_interactive();
    let mut deadline = Instant::now() + patience.total;
    let mut overall = Outcome::NotSent;
    let mut attempt = 0;
    let mut withdrawn = 0;
    let mut replaced = false;
    let mut bearer = in_time(if asks { PERSON } else { patience.total }, credential.bearer()).await?;
    if asks {
        deadline = Instant::now() + patience.total;
    }
    let writes = request.method != Method::GET;
    let warning = if writes && !shared.looked.swap(true, Ordering::Relaxed) {
        doctor::warning(bearer.token(), transport.config().cloud, request.template, credential.now())
    } else {
        None
    };
    loop {
        let place = shared.pace.place(Instant::now());
        if place >= deadline.saturating_duration_since(Instant::now()) {
            let why = "the service's throttling leaves no time for this call";
            return Err(finished(Error::new(ErrorKind::Throttled, overall, why), overall, attempt));
        }
        sleep(place).await;
        attempt += 1;
        let began = Instant::now();
        let limit = patience.attempt.min(deadline.saturating_duration_since(began));
        patience.progress.set(Outcome::Unknown);
        let ended = transport.send(&request, bearer.header.clone(), patience.traceparent.as_ref(), limit).await;
        let took = began.elapsed();
        let error = match ended {
            Ok(mut response) => {
                shared.retry_budget.deposit(withdrawn);
                shared.pace.succeeded(Instant::now());
                response.attempts = attempt;
                if response.notice.is_some() && shared.told.swap(true, Ordering::Relaxed) {
                    response.notice = None;
                }
                response.notice =
                    warning.into_iter().chain(response.notice).reduce(|one, other| format!("{one}; {other}"));
                let mut told =
                    Attempt::new(named(&request, attempt), took, Some(response.client_request_id.clone()), None);
                told.status = Some(u32::from(response.status));
                told.request_id.clone_from(&response.request_id);
                told.notice.clone_from(&response.notice);
                told.tell(patience.hook.as_ref());
                return Ok(response);
            }
            Err(error) => error,
        };
        overall = worse(overall, error.outcome);
        patience.progress.set(overall);
        let left = deadline.saturating_duration_since(Instant::now());
        let mut wait = patience.policy.next_delay(&error, request.repeatable, attempt, left, random());
        if error.details.status == Some(401) && credential.is_refreshable() && !replaced {
            // Once a call: a token that is new and not good either is for the caller to know of.
            replaced = true;
            match in_time(left, credential.replace(bearer.number, error.challenge().map(str::to_owned))).await {
                Ok(fresh) => (bearer, wait) = (fresh, Some(Duration::ZERO)),
                Err(refused) => return Err(finished(refused, overall, attempt)),
            }
        } else if error.kind == ErrorKind::Throttled {
            shared.pace.throttled(began, Instant::now(), wait.unwrap_or_default());
        } else if wait.is_some() {
            if shared.retry_budget.withdraw() {
                withdrawn += 1;
            } else {
                wait = None;
            }
        }
        if error.details.status == Some(503) {
            // The service asks to come back on another connection.
            transport.renew();
        }
        let mut told = Attempt::new(named(&request, attempt), took, None, Some(&error));
        told.notice = warning.clone().filter(|_| attempt == 1);
        told.wait_ms = wait.map(|wait| wait.as_secs_f64() * 1e3);
        told.tell(patience.hook.as_ref());
        match wait {
            Some(wait) => sleep(wait).await,
            None => return Err(finished(error, overall, attempt)),
        }
    }
}

fn named(request: &Request, attempt: u32) -> (&str, &str, u32) {
    (request.method.as_str(), request.template, attempt)
}

/// A token, or the error of having waited too long for one.
async fn in_time(limit: Duration, token: impl Future<Output = Result<Bearer>>) -> Result<Bearer> {
    let limited = tokio::time::timeout(limit, token).await;
    limited.unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, Outcome::NotSent, "no token came in time")))
}

/// The error of a call: its outcome is that of all its attempts together.
fn finished(mut error: Error, overall: Outcome, attempts: u32) -> Error {
    if overall != error.outcome && overall == Outcome::Unknown {
        error.message.push_str("; an earlier attempt may have been applied");
    }
    error.outcome = overall;
    error.details.attempts = Some(attempts);
    error
}

/// What can be said of two attempts together.
fn worse(one: Outcome, other: Outcome) -> Outcome {
    match (one, other) {
        (Outcome::Unknown, _) | (_, Outcome::Unknown) => Outcome::Unknown,
        (Outcome::Refused, _) | (_, Outcome::Refused) => Outcome::Refused,
        _ => Outcome::NotSent,
    }
}

async fn sleep(wait: Duration) {
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
}
