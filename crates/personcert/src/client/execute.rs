//! One attempt of a request, and the loop that repeats it.
//!
//! [`attempt`] makes one exchange and classifies how it ended; [`with_retries`] is a loop over it. Batches use the first
//! without the second, because their steps are decided one by one.
//!
//! The outcome of a call is the worst of all its attempts: once an attempt may have been applied, a later refusal proves
//! nothing any more. The retry policy, the retry budget, the deadline and the limiter each can end the loop; the error is
//! that of the last attempt.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use tokio::time::{Instant, sleep, timeout};

use super::Client;
use super::context::CallContext;
use super::response::CallResponse;
use super::service::ApiRequest;
use crate::attempt::Attempt;
use crate::auth::{Bearer, INTERACTIVE_TIMEOUT};
use crate::cancel::worse;
use crate::doctor;
use crate::http::{APPLICATION_JSON, Delivery, Request, Response, common_headers, error_of};
use crate::limiter::{AcquireError, Permit, UserKey};
use crate::{Error, ErrorKind, Outcome, Result, User};

/// One exchange with the service.
pub(super) struct Exchange {
    pub(super) client_request_id: String,
    pub(super) duration: Duration,
    pub(super) result: Result<Response>,
}

/// Sends a request once. The limiter learns how it ended.
pub(super) async fn attempt(
    client: &Client,
    context: &CallContext,
    request: &ApiRequest<'_>,
    authorization: &HeaderValue,
) -> Exchange {
    let client_request_id = client.state.request_ids.next();
    let generation = client.transport.generation();
    let began = Instant::now();
    context.state.begin_attempt();
    let limit = context.attempt_timeout.min(context.remaining());
    let (wire, delivery) = wire_request(client, context, request, authorization, &client_request_id);
    let sent = async {
        // A request without time must not be sent: its outcome would be unknown.
        if limit.is_zero() { std::future::pending().await } else { client.transport.send(wire).await }
    };
    let result = match timeout(limit, sent).await {
        Ok(Ok(response)) if (200..300).contains(&response.status) => Ok(response),
        Ok(Ok(response)) => Err(error_of(&response, request.writes)),
        Ok(Err(error)) => Err(error.into_error(!delivery.abandon())),
        Err(_) => Err(timed_out(context, limit, !delivery.abandon())),
    };
    let result = result.map_err(|mut error| {
        error.details.target = Some(format!("{} {}", request.method, request.path));
        error.details.client_request_id = Some(client_request_id.clone());
        error
    });
    if result.as_ref().is_err_and(|error| error.details.status == Some(503)) {
        // The service asks to come back on another connection.
        client.transport.reconnect(generation);
    }
    Exchange { client_request_id, duration: began.elapsed(), result }
}

/// The HTTP request of an attempt, with a handle on its delivery.
fn wire_request(
    client: &Client,
    context: &CallContext,
    request: &ApiRequest<'_>,
    authorization: &HeaderValue,
    client_request_id: &str,
) -> (Request, Delivery) {
    let mut headers = common_headers();
    headers.insert(AUTHORIZATION, authorization.clone());
    if let Ok(id) = HeaderValue::try_from(client_request_id) {
        headers.insert("client-request-id", id);
    }
    if let Some(traceparent) = &context.traceparent {
        headers.insert("traceparent", traceparent.clone());
    }
    if !request.body.is_empty() {
        headers.insert(CONTENT_TYPE, APPLICATION_JSON);
    }
    let delivery = Delivery::default();
    let wire = Request {
        method: request.method.clone(),
        url: client.service.url(&request.path),
        headers,
        body: request.body.clone(),
        max_response_bytes: client.service.max_response_bytes,
        delivery: delivery.clone(),
    };
    (wire, delivery)
}

fn timed_out(context: &CallContext, limit: Duration, is_sent: bool) -> Error {
    let (outcome, what) =
        if is_sent { (Outcome::Unknown, "response") } else { (Outcome::NotSent, "connection to the service") };
    let (whose, limit) =
        if limit < context.attempt_timeout { ("call", context.timeout) } else { ("attempt", context.attempt_timeout) };
    let why = format!("no {what} within the {whose}'s time limit of {} s", limit.as_secs_f64());
    Error::new(ErrorKind::Timeout, outcome, why)
}

/// Sends a request until it succeeds or must not be repeated. A token that the service rejects is replaced once, without a
/// wait.
pub(super) async fn with_retries(
    client: &Client,
    context: &mut CallContext,
    request: &ApiRequest<'_>,
) -> Result<CallResponse> {
    let mut bearer = first_token(client, context).await?;
    let warning = token_warning(client, request, &bearer);
    let mut overall = Outcome::NotSent;
    let (mut attempts, mut withdrawn, mut is_token_replaced) = (0, 0, false);
    loop {
        let permit = client.state.limiter.acquire(user_key(request.user, &bearer), 1, context.deadline).await;
        let permit = permit.map_err(|refusal| finish(throttled(refusal), overall, attempts))?;
        attempts += 1;
        let Exchange { client_request_id, duration, result } = attempt(client, context, request, &bearer.header).await;
        settle(permit, result.as_ref().err());
        let error = match result {
            Ok(response) => {
                if request.writes {
                    // Whatever the call does next, its change is not refused any more.
                    context.state.end_attempt(Outcome::Unknown);
                }
                client.state.budget.deposit(withdrawn);
                let mut response = CallResponse::new(response, client_request_id, attempts);
                response.notice = announce(client, response.notice.take(), warning);
                let (client_request_id, notice) = (&response.client_request_id, response.notice.as_deref());
                let event = Report { attempt: attempts, duration, client_request_id, notice, ..Report::default() };
                report(client, request, Ok(&response), &event);
                return Ok(response);
            }
            Err(error) => error,
        };
        overall = worse(overall, error.outcome);
        context.state.end_attempt(error.outcome);
        let mut delay = next_delay(client, context, request, &error, attempts, &mut withdrawn);
        let mut refused_token = None;
        // A response that was cut short proves nothing, whatever its status.
        let may_repeat = request.is_repeatable || overall != Outcome::Unknown;
        let may_replace = may_repeat && !is_token_replaced && attempts < context.policy.max_attempts;
        match replacement(client, context, &bearer, &error, may_replace).await {
            Ok(None) => {}
            Ok(Some((fresh, is_last))) => {
                is_token_replaced = is_last;
                (bearer, delay) = (fresh, Some(Duration::ZERO));
            }
            Err(error) => refused_token = Some(error),
        }
        let notice = warning.as_deref().filter(|_| attempts == 1);
        let event = Report { attempt: attempts, duration, client_request_id: &client_request_id, delay, notice };
        report(client, request, Err(&error), &event);
        match delay {
            Some(delay) => sleep(delay).await,
            None => return Err(finish(refused_token.unwrap_or(error), overall, attempts)),
        }
    }
}

/// The user of a request, for the limiter: the token's own user has one key, whether as `/me`, by id or by name.
pub(super) fn user_key<'a>(user: &'a User, bearer: &'a Bearer) -> UserKey<'a> {
    match (user, bearer.user_id()) {
        (User::Me, own) => UserKey(own.unwrap_or("me")),
        (User::Named(name), Some(own)) if bearer.is_of(name) => UserKey(own),
        (User::Named(name), _) => UserKey(name),
    }
}

/// The error of a call that the limiter can't serve before its deadline.
pub(super) fn throttled(refusal: AcquireError) -> Error {
    let why = "throttled: the service accepts no request before the call's deadline; retry later or raise `timeout`";
    let mut error = Error::new(ErrorKind::Throttled, Outcome::NotSent, why);
    error.details.retry_after = Some(refusal.retry_at.saturating_duration_since(Instant::now()).as_secs_f64());
    error
}

/// How long the service asks to wait.
pub(super) fn retry_after(error: &Error) -> Option<Duration> {
    error.details.retry_after.map(|wait| Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
}

/// Tells the limiter how the request ended.
pub(super) fn settle(permit: Permit, error: Option<&Error>) {
    let Some(error) = error else { return permit.succeeded(1) };
    match error.details.status {
        Some(429) => {
            permit.throttled(1, retry_after(error));
        }
        Some(503 | 504) => permit.overloaded(),
        // Another answer shows that the service took the request.
        Some(_) => permit.succeeded(1),
        None => drop(permit),
    }
}

/// How long to wait before the next attempt; none when this was the last. A retry after a 429 takes nothing from the
/// budget: the limiter paces it.
fn next_delay(
    client: &Client,
    context: &CallContext,
    request: &ApiRequest<'_>,
    error: &Error,
    attempts: u32,
    withdrawn: &mut u32,
) -> Option<Duration> {
    let random = (client.defaults.random)();
    let delay = context.policy.next_delay(error, request.is_repeatable, attempts, context.remaining(), random)?;
    if error.kind != ErrorKind::Throttled {
        if !client.state.budget.withdraw() {
            return None;
        }
        *withdrawn += 1;
    }
    Some(delay)
}

/// Another token, if the service rejected this one and the call `may_replace` it; and whether that is the call's last one:
/// if a token for this rejection is rejected too, the caller learns of it.
pub(super) async fn replacement(
    client: &Client,
    context: &CallContext,
    bearer: &Bearer,
    error: &Error,
    may_replace: bool,
) -> Result<Option<(Bearer, bool)>> {
    // Recorded in any case: the next call must not start with this token.
    let rejection = if wants_token(error) { client.credential.reject(bearer, error.challenge()) } else { None };
    let Some(rejection) = rejection.filter(|_| may_replace) else { return Ok(None) };
    let fresh = within(context.remaining(), client.credential.replace(rejection)).await?;
    Ok(fresh.map(|fresh| {
        let is_last = fresh.answers(rejection);
        (fresh, is_last)
    }))
}

/// Whether the service wants another token: it did not accept this one, or demands claims.
pub(super) fn wants_token(error: &Error) -> bool {
    match error.details.status {
        Some(401) => true,
        Some(403) => error.challenge().is_some(),
        _ => false,
    }
}

/// The token of a call. A user who signs in interactively does not use up the call's time.
pub(super) async fn first_token(client: &Client, context: &mut CallContext) -> Result<Bearer> {
    let began = Instant::now();
    let is_interactive = client.credential.is_interactive() && !context.remaining().is_zero();
    let limit = if is_interactive { INTERACTIVE_TIMEOUT } else { context.remaining() };
    let bearer = within(limit, client.credential.bearer()).await?;
    if is_interactive {
        context.extend(began.elapsed());
    }
    Ok(bearer)
}

/// Waits for a token for at most `limit`.
async fn within<T>(limit: Duration, token: impl Future<Output = Result<T>>) -> Result<T> {
    let limited = timeout(limit, token).await;
    limited.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Timeout, Outcome::NotSent, "timed out waiting for an access token"))
    })
}

/// What the token of the first write probably lacks.
fn token_warning(client: &Client, request: &ApiRequest<'_>, bearer: &Bearer) -> Option<String> {
    let is_first = request.writes && !client.state.has_checked_token.swap(true, Ordering::Relaxed);
    is_first
        .then(|| doctor::warning(bearer.token(), client.service.config.cloud, request.user, client.credential.now()))?
}

/// What the caller should know, each announcement of the service once.
fn announce(client: &Client, notice: Option<String>, warning: Option<String>) -> Option<String> {
    let notice = notice.filter(|_| !client.state.has_announced.swap(true, Ordering::Relaxed));
    warning.into_iter().chain(notice).reduce(|one, other| format!("{one}; {other}"))
}

/// What is reported of an attempt besides its exchange.
#[derive(Default)]
pub(super) struct Report<'a> {
    pub(super) attempt: u32,
    pub(super) duration: Duration,
    pub(super) client_request_id: &'a str,
    /// How long the call waits before its next attempt.
    pub(super) delay: Option<Duration>,
    pub(super) notice: Option<&'a str>,
}

/// Passes an attempt to the hook and the log.
pub(super) fn report(client: &Client, request: &ApiRequest<'_>, ended: Result<&Response, &Error>, report: &Report<'_>) {
    let hook = client.defaults.on_attempt.as_deref();
    if !Attempt::is_observed(hook.is_some()) {
        return;
    }
    let id = Some(report.client_request_id.to_owned());
    let named = (request.method.as_str(), request.template, report.attempt);
    let mut event = Attempt::new(named, report.duration, id, ended.err());
    if let Ok(response) = ended {
        event.status = Some(u32::from(response.status));
        event.request_id.clone_from(&response.headers.request_id);
    }
    event.notice = report.notice.map(str::to_owned);
    event.wait_ms = report.delay.map(|delay| delay.as_secs_f64() * 1e3);
    event.report(hook);
}

/// The error of a call: its outcome is that of all its attempts together.
pub(super) fn finish(mut error: Error, overall: Outcome, attempts: u32) -> Error {
    if overall != error.outcome && overall == Outcome::Unknown {
        error.message.push_str("; an earlier attempt may have been applied");
    }
    error.outcome = worse(overall, error.outcome);
    error.details.attempts = Some(attempts);
    error
}
