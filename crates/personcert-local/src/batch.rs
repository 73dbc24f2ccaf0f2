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

use crate::act::Act;
use crate::connection_handle::ConnectionHandle;
use crate::graph::Graph;
use crate::path::{is_batch, parse_path, path_of};
use crate::reply::{Ids, Refusal, empty, json_answer};
use crate::work::{Asked, json_only};

/// How many steps there may be.
const MOST: usize = 20;

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
    /// Answers a `$batch`; none when a step's fault resets the connection.
    pub async fn batch(
        self: &Arc<Self>,
        asked: &Asked,
        ids: &Ids,
        connection: &ConnectionHandle,
    ) -> Option<Response<Body>> {
        let (steps, waves) = match self.steps(asked) {
            Ok(read) => read,
            Err(error) => return Some(error.answer(ids)),
        };
        let mut failed = vec![false; steps.len()];
        let mut answers = Vec::new();
        for wave in waves {
            // The steps of a wave are under way together: they wait together, and all count for their mailbox.
            let arrive = |n: usize| {
                let request = &steps[n].request;
                (n, self.arrive(&request.method, &request.path, &request.headers, Some(n)))
            };
            let (blocked, open): (Vec<_>, Vec<_>) =
                wave.into_iter().partition(|&n| steps[n].after.iter().any(|&before| failed[before]));
            let arrivals: Vec<_> = open.into_iter().map(arrive).collect();
            let delay = arrivals.iter().map(|(_, arrival)| arrival.trouble.delay).max();
            tokio::time::sleep(delay.unwrap_or(Duration::ZERO)).await;
            for (n, arrival) in &arrivals {
                let step = &steps[*n];
                let act = arrival.trouble.act.as_ref();
                let applies = act.is_none_or(Act::applies);
                let usual = match unsupported(&step.request) {
                    _ if !applies => empty(200),
                    Some(refusal) => refusal.answer(&arrival.ids),
                    None => self.plain(&step.request, arrival),
                };
                let answer = self.shape(&step.request, arrival, usual, connection).await?;
                failed[*n] = !answer.status().is_success();
                let other = &steps[usize::from(*n == 0).min(steps.len() - 1)].id;
                let id = act.map_or(Some(step.id.as_str()), |act| act.batch_id(&step.id, other));
                answers.push(part(id, answer).await);
            }
            for n in blocked {
                failed[n] = true;
                let message = "The step it depends on has failed.";
                let answer = Refusal::new(424, "FailedDependency", message).answer(ids);
                answers.push(part(Some(&steps[n].id), answer).await);
            }
        }
        let mut state = self.state();
        if state.random.seeded {
            state.random.shuffle(&mut answers);
        }
        Some(json_answer(200, Some(&json!({"responses": answers})), ids))
    }

    fn steps(&self, asked: &Asked) -> Result<(Vec<Ready>, Vec<Vec<usize>>), Refusal> {
        let state = self.state();
        self.caller(&asked.headers, &state.identity, state.clock.now())?;
        drop(state);
        if asked.method != Method::POST {
            return Err(Refusal::new(405, "Request_BadRequest", "A batch is sent with POST."));
        }
        json_only(&asked.headers)?;
        let batch: Batch = serde_json::from_slice(&asked.body).map_err(|_| malformed("The body is not a batch."))?;
        if batch.requests.is_empty() || batch.requests.len() > MOST {
            return Err(malformed(&format!("A batch has 1 to {MOST} requests.")));
        }
        let mut places = HashMap::new();
        for (n, step) in batch.requests.iter().enumerate() {
            if step.id.is_empty() || places.insert(step.id.to_lowercase(), n).is_some() {
                return Err(malformed(&format!("The id '{}' is empty or not unique.", step.id)));
            }
        }
        let ready: Vec<Ready> =
            batch.requests.into_iter().map(|step| Ready::new(step, asked, &places)).collect::<Result<_, _>>()?;
        let waves = waves(&ready)?;
        Ok((ready, waves))
    }
}

/// A step as a request, and the steps that come before it.
struct Ready {
    id: String,
    request: Asked,
    after: Vec<usize>,
}

impl Ready {
    fn new(step: Step, outer: &Asked, places: &HashMap<String, usize>) -> Result<Self, Refusal> {
        let wrong = |why: &str| malformed(&format!("Request '{}': {why}.", step.id));
        let before_query = step.url.split('?').next().unwrap_or_default();
        if before_query.is_empty() || before_query.contains("://") || before_query.starts_with("//") {
            return Err(wrong("the url is not relative"));
        }
        let version = path_of(&outer.path).trim_end_matches("$batch").to_owned();
        let path = format!("{version}{}", step.url.trim_start_matches('/'));
        if is_batch(&path_of(&path)) {
            return Err(wrong("a batch in a batch"));
        }
        let method =
            Method::from_bytes(step.method.to_ascii_uppercase().as_bytes()).map_err(|_| wrong("no such method"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in step.headers.iter().flatten() {
            let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
                return Err(wrong("a header is malformed"));
            };
            headers.insert(name, value);
        }
        if step.body.is_some() && !headers.contains_key(header::CONTENT_TYPE) {
            return Err(wrong("a body needs a Content-Type"));
        }
        // One token for all of them, whatever a step says.
        if let Some(token) = outer.headers.get(header::AUTHORIZATION) {
            headers.insert(header::AUTHORIZATION, token.clone());
        }
        let place = |id: &String| places.get(&id.to_lowercase()).copied();
        let after: Option<Vec<usize>> = step.depends_on.iter().flatten().map(place).collect();
        let after = after.ok_or_else(|| wrong("it depends on a request that isn't there"))?;
        let body = step.body.as_ref().map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        Ok(Self { request: Asked { method, path, headers, body, base: outer.base.clone() }, after, id: step.id })
    }
}

/// The steps in the order of their dependencies; those of one wave may run together.
fn waves(steps: &[Ready]) -> Result<Vec<Vec<usize>>, Refusal> {
    let mut done = vec![false; steps.len()];
    let mut waves = Vec::new();
    while done.contains(&false) {
        let wave: Vec<usize> =
            (0..steps.len()).filter(|&n| !done[n] && steps[n].after.iter().all(|&before| done[before])).collect();
        if wave.is_empty() {
            return Err(malformed("The requests depend on each other in a circle."));
        }
        for &n in &wave {
            done[n] = true;
        }
        waves.push(wave);
    }
    Ok(waves)
}

/// One answer inside the answer.
async fn part(id: Option<&str>, answer: Response<Body>) -> Value {
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut part = Map::new();
    if let Some(id) = id {
        part.insert("id".into(), json!(id));
    }
    part.insert("status".into(), json!(head.status.as_u16()));
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Map<String, Value> =
        head.headers.iter().map(|(name, value)| (written(name), json!(text(value)))).collect();
    part.insert("headers".into(), Value::Object(headers));
    if !body.is_empty() {
        // What isn't JSON comes as base64.
        let json = serde_json::from_slice(&body).unwrap_or_else(|_| json!(BASE64.encode(&body)));
        part.insert("body".into(), json);
    }
    Value::Object(part)
}

/// The refusal of a step under `v1.0`, where the resource does not exist: 405, as Graph's documentation shows it.
fn unsupported(request: &Asked) -> Option<Refusal> {
    let rest = request.path.strip_prefix("/v1.0/")?;
    let (path, _) = rest.split_once('?').unwrap_or((rest, ""));
    parse_path(&format!("/beta/{path}")).ok()?;
    let message = "Specified HTTP method is not allowed for the request target.";
    Some(Refusal::new(405, "Request_BadRequest", message))
}

/// A header's name as Graph writes it in a step.
fn written(name: &HeaderName) -> String {
    match name.as_str() {
        "odata-version" => "OData-Version".into(),
        "www-authenticate" => "WWW-Authenticate".into(),
        "etag" => "ETag".into(),
        own @ ("request-id" | "client-request-id") => own.into(),
        own if own.starts_with("x-ms-") => own.into(),
        other => {
            let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
            let words = other.split('-').map(|word| if word.is_empty() { String::new() } else { capital(word) });
            words.collect::<Vec<_>>().join("-")
        }
    }
}

fn malformed(message: &str) -> Refusal {
    Refusal::new(400, "BadRequest", format!("Invalid batch payload format. {message}"))
}
