//! Handling of a request: access, faults, limits, the response, the log.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, Response, header};
use serde_json::json;

use crate::connection_handle::ConnectionHandle;
use crate::fault::{InjectedFault, RequestView};
use crate::fault_action::{FaultAction, FaultContext};
use crate::graph::{Graph, State};
use crate::log::shown;
use crate::path::{is_batch, is_identity, path_of};
use crate::request::ApiRequest;
use crate::response::{ErrorResponse, RequestIds, empty_response, json_response, with_common_headers};
use crate::subject::Subject;
use crate::throttle::Permit;

/// The largest request body.
const MAX_BODY_BYTES: usize = 4 << 20;
/// The largest body of a sign-in, parts of which are kept.
const MAX_FORM_BYTES: usize = 64 << 10;

/// What was decided about a request on arrival.
#[derive(Debug)]
pub struct Arrival {
    /// The request's ids.
    pub ids: RequestIds,
    /// What goes wrong with it.
    pub fault: InjectedFault,
    subject: Subject,
    permit: Result<Permit, ErrorResponse>,
}

impl Graph {
    /// Handles a request.
    pub async fn answer(self: &Arc<Self>, request: Request<Body>, connection: ConnectionHandle) -> Response<Body> {
        let (head, body) = request.into_parts();
        let host = match self.hosts.check(&head, connection.secure) {
            Ok(host) => host,
            Err(error) => return error.response(&self.ids(&head.headers)),
        };
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        if let Some(name) = path.strip_prefix("/_local/") {
            let ids = self.ids(&head.headers);
            return match to_bytes(body, MAX_BODY_BYTES).await {
                Ok(body) => self.command_over_http(name, &head.method, &body, &ids),
                Err(_) => too_large(&ids),
            };
        }
        let base = format!("{}://{host}", if connection.secure { "https" } else { "http" });
        let answer = self.answer_api(head, path, base, body, &connection).await;
        if let Some(response) = answer {
            return response;
        }
        connection.reset();
        std::future::pending().await
    }

    /// Handles a request to Graph or to the identity side; none when the connection is to be reset.
    async fn answer_api(
        self: &Arc<Self>,
        head: Parts,
        path: String,
        base: String,
        body: Body,
        connection: &ConnectionHandle,
    ) -> Option<Response<Body>> {
        let started = Instant::now();
        let mut arrival = self.arrive(&head.method, &path, &head.headers, None);
        let is_early = arrival.fault.action.as_ref().is_some_and(FaultAction::is_early);
        let limit = if is_identity(&path) { MAX_FORM_BYTES } else { MAX_BODY_BYTES };
        let body = if is_early { Ok(Bytes::new()) } else { to_bytes(body, limit).await };
        let Ok(body) = body else { return Some(too_large(&arrival.ids)) };
        let request = ApiRequest { method: head.method, path, headers: head.headers, body, base };
        // Sign-ins have a log of their own, without secrets.
        let number = (!is_identity(&request.path)).then(|| {
            let entry = shown(request.method.as_str(), &request.path, &request.headers, &request.body);
            self.state().log.add(entry, std::mem::take(&mut arrival.subject))
        });
        tokio::time::sleep(arrival.fault.delay).await;
        let response = if is_early { None } else { self.respond(&request, &arrival, connection).await };
        let resets = arrival.fault.action.as_ref().is_some_and(FaultAction::resets);
        let status = response.as_ref().filter(|_| !resets).map(|response| response.status().as_u16());
        if let Some(number) = number {
            let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.state().log.finish(number, status, millis);
        }
        response
    }

    /// Handles a request to the server that redirects lead to. It logs whether a token came along.
    pub async fn elsewhere(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut entry = shown(head.method.as_str(), path, &head.headers, &body);
        entry["elsewhere"] = json!(true);
        entry["authorization"] = json!(head.headers.contains_key(header::AUTHORIZATION));
        let ids = self.ids(&head.headers);
        let mut state = self.state();
        let number = state.log.add(entry, Subject::default());
        state.log.finish(number, Some(200), 0);
        json_response(200, Some(&json!({"elsewhere": true})), &ids)
    }

    fn ids(&self, headers: &HeaderMap) -> RequestIds {
        let mut state = self.state();
        RequestIds::new(headers, state.random.id(), state.clock.now())
    }

    /// Applies faults and limits to a request or a step. Limits count the steps of a `$batch`, not the batch.
    pub fn arrive(&self, method: &Method, path: &str, headers: &HeaderMap, step: Option<usize>) -> Arrival {
        let mut state = self.state();
        let State { store, faults, throttle, clock, random, identity, .. } = &mut *state;
        let now = clock.now();
        let ids = RequestIds::new(headers, random.id(), now);
        let caller = self.caller(headers, identity, now).ok();
        let subject = Self::subject(path, caller.as_ref(), store);
        let view = RequestView { method: method.as_str(), path, subject: &subject, step };
        let fault = faults.match_request(&view, random);
        let permit = match caller {
            Some(caller) if !is_batch(&path_of(path)) => throttle.acquire(&caller.app, subject.id(), now),
            _ => Ok(Permit::default()),
        };
        Arrival { ids, fault, subject, permit }
    }

    async fn respond(
        self: &Arc<Self>,
        request: &ApiRequest,
        arrival: &Arrival,
        connection: &ConnectionHandle,
    ) -> Option<Response<Body>> {
        let action = arrival.fault.action.as_ref();
        let scripted = || self.state().script.pop_front();
        let normal = if action.is_some_and(|action| !action.applies()) {
            empty_response(200)
        } else if is_identity(&request.path) {
            with_common_headers(self.identity(request, &arrival.ids), &arrival.ids)
        } else if let Some(scripted) = scripted() {
            with_common_headers(scripted.response(&request.base), &arrival.ids)
        } else if is_batch(&path_of(&request.path)) {
            self.batch(request, &arrival.ids, connection).await?
        } else {
            self.respond_within_limits(request, arrival)
        };
        self.inject_fault(request, arrival, normal, connection).await
    }

    /// The store's response, or a refusal by the limits.
    pub fn respond_within_limits(&self, request: &ApiRequest, arrival: &Arrival) -> Response<Body> {
        let response = match &arrival.permit {
            Ok(_) => self.operate(request, &arrival.ids),
            Err(error) => return error.response(&arrival.ids),
        };
        response.unwrap_or_else(|error| error.response(&arrival.ids))
    }

    /// The response after the request's fault; none when the connection is to be reset.
    pub async fn inject_fault(
        self: &Arc<Self>,
        request: &ApiRequest,
        arrival: &Arrival,
        normal: Response<Body>,
        connection: &ConnectionHandle,
    ) -> Option<Response<Body>> {
        let Some(action) = &arrival.fault.action else { return Some(normal) };
        let context = FaultContext {
            connection,
            url: &request.base,
            elsewhere: if action.is_redirect() { self.elsewhere_port().unwrap_or_default() } else { 0 },
            path: &request.path,
            ids: &arrival.ids,
            noise: self.state().random.bytes(256),
        };
        let response = action.transform(normal, context).await;
        response.map(|response| with_common_headers(response, &arrival.ids))
    }
}

fn too_large(ids: &RequestIds) -> Response<Body> {
    ErrorResponse::new(413, "RequestEntityTooLarge", "The request body is too large.").response(ids)
}
