//! `$batch`: several requests in one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::connection_handle::ConnectionHandle;
use crate::fault_action::FaultAction;
use crate::graph::Graph;
use crate::path::{is_batch, parse_path, path_of};
use crate::request::ApiRequest;
use crate::response::{ErrorResponse, RequestIds, empty_response, json_response};

/// How many steps a batch may have.
const MAX_STEPS: usize = 20;

#[derive(Debug, Deserialize)]
struct Batch {
    requests: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    id: String,
    method: String,
    url: String,
    headers: Option<BTreeMap<String, String>>,
    body: Option<Value>,
    depends_on: Option<Vec<String>>,
}

impl Graph {
    /// Handles a `$batch`; none when a step's fault resets the connection.
    pub async fn batch(
        self: &Arc<Self>,
        request: &ApiRequest,
        ids: &RequestIds,
        connection: &ConnectionHandle,
    ) -> Option<Response<Body>> {
        let (steps, waves) = match self.prepare(request) {
            Ok(prepared) => prepared,
            Err(error) => return Some(error.response(ids)),
        };
        let mut failed = vec![false; steps.len()];
        let mut responses = Vec::new();
        for wave in waves {
            let (blocked, open): (Vec<_>, Vec<_>) =
                wave.into_iter().partition(|&n| steps[n].after.iter().any(|&before| failed[before]));
            responses.extend(self.run_wave(&steps, &open, &mut failed, connection).await?);
            for n in blocked {
                failed[n] = true;
                let error = ErrorResponse::new(424, "FailedDependency", "The step it depends on has failed.");
                responses.push(response_part(Some(&steps[n].id), error.response(ids)).await);
            }
        }
        let mut state = self.state();
        if state.random.seeded {
            state.random.shuffle(&mut responses);
        }
        Some(json_response(200, Some(&json!({"responses": responses})), ids))
    }

    /// Runs independent steps. They are in flight together: they share their delay, and all count for their mailbox.
    async fn run_wave(
        self: &Arc<Self>,
        steps: &[PreparedStep],
        wave: &[usize],
        failed: &mut [bool],
        connection: &ConnectionHandle,
    ) -> Option<Vec<Value>> {
        let arrive = |&n: &usize| {
            let request = &steps[n].request;
            (n, self.arrive(&request.method, &request.path, &request.headers, Some(n)))
        };
        let arrivals: Vec<_> = wave.iter().map(arrive).collect();
        let delay = arrivals.iter().map(|(_, arrival)| arrival.fault.delay).max();
        tokio::time::sleep(delay.unwrap_or(Duration::ZERO)).await;
        let mut responses = Vec::new();
        for (n, arrival) in &arrivals {
            let step = &steps[*n];
            let action = arrival.fault.action.as_ref();
            let normal = match unsupported_version(&step.request) {
                _ if action.is_some_and(|action| !action.applies()) => empty_response(200),
                Some(error) => error.response(&arrival.ids),
                None => self.respond_within_limits(&step.request, arrival),
            };
            let response = self.inject_fault(&step.request, arrival, normal, connection).await?;
            failed[*n] = !response.status().is_success();
            let other = &steps[usize::from(*n == 0).min(steps.len() - 1)].id;
            let id = action.map_or(Some(step.id.as_str()), |action: &FaultAction| action.batch_id(&step.id, other));
            responses.push(response_part(id, response).await);
        }
        Some(responses)
    }

    /// Reads the steps, and the waves in which they can run.
    fn prepare(&self, request: &ApiRequest) -> Result<(Vec<PreparedStep>, Vec<Vec<usize>>), ErrorResponse> {
        let state = self.state();
        self.caller(&request.headers, &state.identity, state.clock.now())?;
        drop(state);
        if request.method != Method::POST {
            return Err(ErrorResponse::new(405, "Request_BadRequest", "A batch must be sent with POST."));
        }
        request.require_json()?;
        let batch: Batch = serde_json::from_slice(&request.body).map_err(|_| malformed("The body is not a batch."))?;
        if batch.requests.is_empty() || batch.requests.len() > MAX_STEPS {
            return Err(malformed(&format!("A batch must have 1 to {MAX_STEPS} requests.")));
        }
        let mut numbers = HashMap::new();
        for (n, step) in batch.requests.iter().enumerate() {
            if step.id.is_empty() || numbers.insert(step.id.to_lowercase(), n).is_some() {
                return Err(malformed(&format!("The id '{}' is empty or not unique.", step.id)));
            }
        }
        let steps: Vec<PreparedStep> = batch
            .requests
            .into_iter()
            .map(|step| PreparedStep::new(step, request, &numbers))
            .collect::<Result<_, _>>()?;
        let waves = waves(&steps)?;
        Ok((steps, waves))
    }
}

/// A step as a request, and the steps that it depends on.
struct PreparedStep {
    id: String,
    request: ApiRequest,
    after: Vec<usize>,
}

impl PreparedStep {
    fn new(step: Step, outer: &ApiRequest, numbers: &HashMap<String, usize>) -> Result<Self, ErrorResponse> {
        let invalid = |problem: &str| malformed(&format!("Request '{}': {problem}.", step.id));
        let path = step.url.split('?').next().unwrap_or_default();
        if path.is_empty() || path.contains("://") || path.starts_with("//") {
            return Err(invalid("the url is not relative"));
        }
        let version = path_of(&outer.path).trim_end_matches("$batch").to_owned();
        let path = format!("{version}{}", step.url.trim_start_matches('/'));
        if is_batch(&path_of(&path)) {
            return Err(invalid("batches do not nest"));
        }
        let method = Method::from_bytes(step.method.to_ascii_uppercase().as_bytes());
        let method = method.map_err(|_| invalid("the method is malformed"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in step.headers.iter().flatten() {
            let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
                return Err(invalid("a header is malformed"));
            };
            headers.insert(name, value);
        }
        if step.body.is_some() && !headers.contains_key(header::CONTENT_TYPE) {
            return Err(invalid("a body needs a Content-Type"));
        }
        // The batch's token is used for all steps, whatever their headers are.
        if let Some(token) = outer.headers.get(header::AUTHORIZATION) {
            headers.insert(header::AUTHORIZATION, token.clone());
        }
        let number = |id: &String| numbers.get(&id.to_lowercase()).copied();
        let after: Option<Vec<usize>> = step.depends_on.iter().flatten().map(number).collect();
        let after = after.ok_or_else(|| invalid("it depends on an unknown request"))?;
        let body = step.body.as_ref().map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = ApiRequest { method, path, headers, body, base: outer.base.clone() };
        Ok(Self { request, after, id: step.id })
    }
}

/// The steps in the order of their dependencies; the steps of a wave are independent.
fn waves(steps: &[PreparedStep]) -> Result<Vec<Vec<usize>>, ErrorResponse> {
    let mut done = vec![false; steps.len()];
    let mut waves = Vec::new();
    while done.contains(&false) {
        let is_open = |&n: &usize| !done[n] && steps[n].after.iter().all(|&before| done[before]);
        let wave: Vec<usize> = (0..steps.len()).filter(is_open).collect();
        if wave.is_empty() {
            return Err(malformed("The requests depend on each other in a cycle."));
        }
        for &n in &wave {
            done[n] = true;
        }
        waves.push(wave);
    }
    Ok(waves)
}

/// A step's response inside the batch's response.
async fn response_part(id: Option<&str>, response: Response<Body>) -> Value {
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut part = Map::new();
    if let Some(id) = id {
        part.insert("id".into(), json!(id));
    }
    part.insert("status".into(), json!(head.status.as_u16()));
    let text = |value: &HeaderValue| json!(String::from_utf8_lossy(value.as_bytes()));
    let headers = head.headers.iter().map(|(name, value)| (step_header_name(name), text(value))).collect();
    part.insert("headers".into(), Value::Object(headers));
    if !body.is_empty() {
        // A body that is not JSON is encoded in base64.
        let json = serde_json::from_slice(&body).unwrap_or_else(|_| json!(BASE64.encode(&body)));
        part.insert("body".into(), json);
    }
    Value::Object(part)
}

/// The refusal of a step under `v1.0`, which lacks the resource: 405, as in Graph's documentation.
fn unsupported_version(request: &ApiRequest) -> Option<ErrorResponse> {
    let (path, _) = request.path_and_query();
    parse_path(&format!("/beta/{}", path.strip_prefix("/v1.0/")?)).ok()?;
    let message = "Specified HTTP method is not allowed for the request target.";
    Some(ErrorResponse::new(405, "Request_BadRequest", message))
}

/// A header's name as Graph writes it in a step.
fn step_header_name(name: &HeaderName) -> String {
    match name.as_str() {
        "odata-version" => "OData-Version".into(),
        "www-authenticate" => "WWW-Authenticate".into(),
        "etag" => "ETag".into(),
        lower if ["request-id", "client-request-id"].contains(&lower) || lower.starts_with("x-ms-") => lower.into(),
        other => {
            let words = other.split('-').map(|word| match word.split_at_checked(1) {
                Some((first, rest)) => first.to_ascii_uppercase() + rest,
                None => String::new(),
            });
            words.collect::<Vec<_>>().join("-")
        }
    }
}

fn malformed(message: &str) -> ErrorResponse {
    ErrorResponse::bad_request(format!("Invalid batch payload format. {message}"))
}
