//! Batches: one request, up to 20 steps, an outcome for each.
//!
//! The batch takes one slot of the limiter and as many steps as it has; a 429 of a step slows down its user, one of the
//! batch everyone. An error of the whole batch, such as a lost connection, is the outcome of every step in it.

use reqwest::Method;
use reqwest::header::HeaderValue;
use tokio::time::Instant;

use super::Client;
use super::context::CallContext;
use super::execute::{
    Exchange, Report, attempt, finish, first_token, replacement, report, retry_after, settle, throttled, user_key,
    wants_token,
};
use super::pages::Page;
use super::response::CallResponse;
use super::service::ApiRequest;
use crate::auth::Bearer;
use crate::batch::{MAX_STEPS, Step, StepError, StepRequest, StepResponse, read_batch, write_batch};
use crate::cancel::worse;
use crate::http::{Response, error_of};
use crate::limiter::{BatchPermit, UserKey};
use crate::schema::Verb;
use crate::{CertificationPatch, Error, ErrorKind, Outcome, Result, Target, User};

/// A step with the request that carries it.
struct Prepared<'a> {
    request: ApiRequest<'a>,
    /// The certification that must come back.
    id: Option<&'a str>,
    is_list: bool,
}

type StepResult = Result<StepResponse>;

impl Client {
    /// Sends up to 20 steps as one batch, once. The result has one entry for each step, in the order of `steps`; steps succeed
    /// and fail alone. A batch that the service refuses as a whole is sent again step by step. Only a rejected token makes a
    /// second attempt: a caller with many steps decides by [`Error::outcome`] and its own policy which of them to repeat.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use personcert::batch::{Step, StepResponse};
    /// use personcert::http::{MemoryTransport, Response};
    /// use personcert::{Client, Config, Hooks, Target, User};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> personcert::Result<()> {
    /// let graph = MemoryTransport::new(|request| {
    ///     assert!(request.url.ends_with("/beta/$batch"));
    ///     let body = r#"{"responses": [{"id": "2", "status": 404}, {"id": "1", "status": 204}]}"#;
    ///     Ok(Response { status: 200, body: body.into(), ..Response::default() })
    /// });
    /// let config = Config { token: Some("eyJ0eXAi".into()), ..Config::default() };
    /// let client = Client::with(&config, Hooks { transport: Some(Arc::new(graph)), ..Hooks::default() })?;
    ///
    /// let targets = [Target::new(User::Me, "0fb4c1e3")?, Target::new(User::Me, "1fb4c1e3")?];
    /// let results = client.batch(&targets.each_ref().map(Step::Delete)).await?;
    /// assert_eq!(results[0].as_ref().ok(), Some(&StepResponse::NoContent));
    /// assert_eq!(results[1].as_ref().unwrap_err().details.status, Some(404));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `invalid_input` when there are no steps, more than [`MAX_STEPS`], or a step can't be sent. Otherwise the error of the
    /// whole batch, whose outcome holds for every step.
    pub async fn batch(&self, steps: &[Step<'_>]) -> Result<Vec<Result<StepResponse>>> {
        check_count(steps)?;
        let mut prepared = Vec::with_capacity(steps.len());
        for (at, step) in steps.iter().enumerate() {
            prepared.push(self.prepare(step).map_err(|error| error.at(&format!("steps[{at}]")))?);
        }
        self.send_prepared(&prepared, None).await
    }

    /// Waits until a batch with a step for each of these users may be sent, at most until `deadline`. For
    /// [`Client::batch_permitted`].
    ///
    /// # Errors
    /// `auth` when there is no token, `throttled` when the batch can't be sent before `deadline`.
    pub async fn batch_permit(&self, users: &[&User], deadline: Instant) -> Result<BatchPermit> {
        let bearer = first_token(self, &mut self.defaults.begin(None)).await?;
        let keys: Vec<_> = users.iter().map(|user| user_key(user, &bearer)).collect();
        let permit = self.state.limiter.acquire_batch(&keys, deadline).await;
        permit.map_err(|refusal| finish(throttled(refusal), Outcome::NotSent, 0))
    }

    /// Sends steps as [`Client::batch`] does, under a permit of [`Client::batch_permit`] for the users of the steps. For callers that decide themselves which steps go next. A step
    /// that can't be sent is an error of its own; the others are sent.
    ///
    /// # Errors
    /// `invalid_input` when there are no steps or more than [`MAX_STEPS`]. Otherwise the error of the whole batch, whose
    /// outcome holds for every step.
    pub async fn batch_permitted(&self, permit: BatchPermit, steps: &[Step<'_>]) -> Result<Vec<Result<StepResponse>>> {
        check_count(steps)?;
        let mut prepared = Vec::with_capacity(steps.len());
        let mut problems = Vec::with_capacity(steps.len());
        for step in steps {
            problems.push(self.prepare(step).map(|step| prepared.push(step)).err());
        }
        let sent = if prepared.is_empty() { Vec::new() } else { self.send_prepared(&prepared, Some(permit)).await? };
        let mut sent = sent.into_iter();
        Ok(problems.into_iter().filter_map(|problem| problem.map(Err).or_else(|| sent.next())).collect())
    }

    async fn send_prepared(&self, prepared: &[Prepared<'_>], permit: Option<BatchPermit>) -> Result<Vec<StepResult>> {
        let mut context = self.defaults.begin(None);
        let all: Vec<_> = (0..prepared.len()).collect();
        let (mut results, bearer) = self.send_batch(&mut context, prepared, &all, permit).await?;
        let rejected: Vec<_> = all.into_iter().filter(|at| results[*at].as_ref().is_err_and(wants_token)).collect();
        if !rejected.is_empty() {
            self.retry_rejected(&mut context, prepared, (&rejected, &bearer), &mut results).await;
        }
        Ok(results)
    }

    /// Checks a step and makes its request.
    fn prepare<'a>(&self, step: &Step<'a>) -> Result<Prepared<'a>> {
        let allow_unknown = self.service.config.unknown_audiences;
        let item = |method: Method, target: &'a Target, patch: Option<&CertificationPatch>| {
            let request = ApiRequest::write(method, target.user(), target.path(), target.template(), patch)?;
            Ok(Prepared { request, id: Some(target.id()), is_list: false })
        };
        match *step {
            Step::Update(target, patch) => {
                patch.check(Verb::Update, allow_unknown)?;
                item(Method::PATCH, target, Some(patch))
            }
            Step::Delete(target) => item(Method::DELETE, target, None),
            Step::Get(target) => {
                let request = ApiRequest::read(target.user(), target.path(), target.template());
                Ok(Prepared { request, id: Some(target.id()), is_list: false })
            }
            Step::List(user, query) => {
                user.check()?;
                let path = user.path().into_owned() + &query.text();
                Ok(Prepared { request: ApiRequest::read(user, path, user.template()), id: None, is_list: true })
            }
            Step::NextPage(user, path) => {
                let request = ApiRequest::read(user, path.to_owned(), user.template());
                Ok(Prepared { request, id: None, is_list: true })
            }
            Step::Create(user, values) => {
                user.check()?;
                values.check(Verb::Create, allow_unknown)?;
                let path = user.path().into_owned();
                let request = ApiRequest::write(Method::POST, user, path, user.template(), Some(values))?;
                Ok(Prepared { request, id: None, is_list: false })
            }
        }
    }

    /// Sends these steps in one batch, with a new token when the service rejects the batch for its token. `permit` is for the
    /// first attempt. Returns the results and the token.
    async fn send_batch(
        &self,
        context: &mut CallContext,
        prepared: &[Prepared<'_>],
        positions: &[usize],
        mut permit: Option<BatchPermit>,
    ) -> Result<(Vec<StepResult>, Bearer)> {
        let envelope = envelope(prepared, positions);
        let mut bearer = first_token(self, context).await?;
        let mut is_token_replaced = false;
        let mut overall = Outcome::NotSent;
        loop {
            let users: Vec<_> = positions.iter().map(|at| user_key(prepared[*at].request.user, &bearer)).collect();
            let permit = match permit.take() {
                Some(permit) => permit,
                None => {
                    let permit = self.state.limiter.acquire_batch(&users, context.deadline).await;
                    permit.map_err(|refusal| finish(throttled(refusal), overall, 1))?
                }
            };
            let exchange = self.attempt_once(context, &envelope, &bearer.header).await;
            let error = match exchange.result {
                Ok(response) => {
                    let client_request_id = &exchange.client_request_id;
                    let results = self.read_results(prepared, positions, &response, client_request_id);
                    settle_steps(permit, &users, &results);
                    return Ok((results, bearer));
                }
                Err(error) => error,
            };
            overall = worse(overall, error.outcome);
            context.state.end_attempt(error.outcome);
            match error.details.status {
                Some(429) => permit.throttled(retry_after(&error)),
                Some(503 | 504) => permit.overloaded(),
                _ => drop(permit),
            }
            let is_refused = error.outcome != Outcome::Unknown;
            let may_replace = is_refused && !is_token_replaced && context.policy.max_attempts > 1;
            let replaced = replacement(self, context, &bearer, &error, may_replace).await;
            if let Some((fresh, _)) = replaced.map_err(|error| finish(error, overall, 1))? {
                (bearer, is_token_replaced) = (fresh, true);
            } else if is_refused && is_refused_whole(&error) {
                let results = self.send_singly(context, prepared, positions, &bearer).await;
                return Ok((results, bearer));
            } else {
                return Err(error);
            }
        }
    }

    async fn attempt_once(&self, context: &CallContext, request: &ApiRequest<'_>, token: &HeaderValue) -> Exchange {
        let exchange = attempt(self, context, request, token).await;
        let Exchange { client_request_id, duration, result } = &exchange;
        let event = Report { attempt: 1, duration: *duration, client_request_id, ..Report::default() };
        report(self, request, result.as_ref(), &event);
        exchange
    }

    /// Sends each step as a request of its own, once.
    async fn send_singly(
        &self,
        context: &CallContext,
        prepared: &[Prepared<'_>],
        positions: &[usize],
        bearer: &Bearer,
    ) -> Vec<StepResult> {
        let mut results = Vec::with_capacity(positions.len());
        for at in positions {
            let step = &prepared[*at];
            let permit = self.state.limiter.acquire(user_key(step.request.user, bearer), 1, context.deadline).await;
            let permit = match permit {
                Ok(permit) => permit,
                Err(refusal) => {
                    // The batch that held the step was refused.
                    results.push(Err(finish(throttled(refusal), Outcome::Refused, 1)));
                    continue;
                }
            };
            let exchange = self.attempt_once(context, &step.request, &bearer.header).await;
            settle(permit, exchange.result.as_ref().err());
            let result = match exchange.result {
                Ok(response) => self.read_step(step, response, exchange.client_request_id),
                Err(error) => Err(finish(error, Outcome::NotSent, 1)),
            };
            context.state.end_attempt(result.as_ref().map_or_else(|error| error.outcome, |_| Outcome::NotSent));
            results.push(result);
        }
        results
    }

    /// Sends the steps whose token was rejected once more, with a new one. When no token comes, their errors stay.
    async fn retry_rejected(
        &self,
        context: &mut CallContext,
        prepared: &[Prepared<'_>],
        (rejected, bearer): (&[usize], &Bearer),
        results: &mut [StepResult],
    ) {
        let mut fresh = None;
        for (at, error) in rejected.iter().filter_map(|at| Some((at, results[*at].as_ref().err()?))) {
            // With the last one, so that the new token has the claims of every challenge.
            let may_replace = Some(at) == rejected.last() && context.policy.max_attempts > 1;
            fresh = replacement(self, context, bearer, error, may_replace).await.ok().flatten();
        }
        if fresh.is_none() {
            return;
        }
        match self.send_batch(context, prepared, rejected, None).await {
            Ok((again, _)) => rejected.iter().zip(again).for_each(|(at, result)| results[*at] = result),
            Err(error) => {
                for at in rejected {
                    results[*at] = Err(finish(error.duplicate(), Outcome::Refused, 1));
                }
            }
        }
    }

    /// Reads the response of a batch: a result for each step, in the order of `positions`.
    fn read_results(
        &self,
        prepared: &[Prepared<'_>],
        positions: &[usize],
        response: &Response,
        client_request_id: &str,
    ) -> Vec<StepResult> {
        let unusable = |why: &str| {
            let mut error = Error::new(ErrorKind::Protocol, Outcome::Unknown, why);
            response.headers.describe(response.status, &mut error);
            error
        };
        let steps = read_batch(response, positions.len(), jiff::Timestamp::now());
        let steps = steps.unwrap_or_else(|| positions.iter().map(|_| Err(StepError::Malformed)).collect());
        let results = steps.into_iter().zip(positions).map(|(step, at)| {
            let prepared = &prepared[*at];
            let result = match step {
                Ok(step) => self.read_step(prepared, step, client_request_id.to_owned()),
                Err(StepError::Missing) => Err(unusable("the batch response lacks this step")),
                Err(StepError::Duplicate) => Err(unusable("the batch response holds this step more than once")),
                Err(StepError::Malformed) => Err(unusable("the response is not what Graph sends for a batch")),
            };
            result.map_err(|mut error| {
                let ApiRequest { method, path, .. } = &prepared.request;
                error.details.target = Some(format!("{method} {path}"));
                error.details.client_request_id = Some(client_request_id.to_owned());
                finish(error, Outcome::NotSent, 1)
            })
        });
        results.collect()
    }

    /// Reads a step's response as the response of a request of its own.
    fn read_step(&self, step: &Prepared<'_>, response: Response, client_request_id: String) -> StepResult {
        if !(200..300).contains(&response.status) {
            return Err(error_of(&response, step.request.writes));
        }
        let response = CallResponse::new(response, client_request_id, 1);
        if step.is_list {
            let page: Page = response.json()?;
            let next = page.next.map(|link| self.service.relative_link(&link)).transpose()?;
            return Ok(StepResponse::Page { certifications: page.value, next });
        }
        if response.status == 204 || step.request.method == Method::DELETE {
            return Ok(StepResponse::NoContent);
        }
        response.certification(step.id).map(StepResponse::Certification)
    }
}

fn check_count(steps: &[Step<'_>]) -> Result<()> {
    if steps.is_empty() || steps.len() > MAX_STEPS {
        let why = format!("a batch holds 1 to {MAX_STEPS} steps, got {}", steps.len());
        return Err(Error::input("steps", why));
    }
    Ok(())
}

/// The request that carries these steps.
fn envelope<'a>(prepared: &[Prepared<'a>], positions: &[usize]) -> ApiRequest<'a> {
    let steps = positions.iter().map(|at| {
        let ApiRequest { method, path, body, .. } = &prepared[*at].request;
        StepRequest { method: method.as_str(), path, body }
    });
    ApiRequest {
        method: Method::POST,
        path: "/$batch".to_owned(),
        template: "/$batch",
        user: prepared[positions[0]].request.user,
        body: write_batch(steps).into(),
        // A batch of reads changes nothing, though it is posted.
        writes: positions.iter().any(|at| prepared[*at].request.writes),
        is_repeatable: false,
    }
}

/// Tells the limiter how the steps ended.
fn settle_steps(mut permit: BatchPermit, users: &[UserKey<'_>], results: &[StepResult]) {
    for (user, result) in users.iter().zip(results) {
        match result {
            Err(error) if error.details.status == Some(429) => permit.step_throttled(*user, retry_after(error)),
            // A step without a status says nothing of the limit.
            Err(error) if error.details.status.is_none() || error.kind == ErrorKind::Protocol => {}
            _ => permit.step_succeeded(*user),
        }
    }
}

/// Whether the service refused a batch for being one: its steps may be accepted alone.
fn is_refused_whole(error: &Error) -> bool {
    matches!(error.details.status, Some(400 | 404 | 405 | 411 | 413 | 415 | 501))
}
