//! The way of a request: what it meets, what it is answered, what is noted.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, Response, header};
use serde_json::json;

use crate::act::{Act, Setting};
use crate::connection_handle::ConnectionHandle;
use crate::fault::{Seen, Trouble};
use crate::graph::{Graph, State};
use crate::log::shown;
use crate::path::{is_batch, is_identity, path_of};
use crate::reply::{Ids, Refusal, empty, identify, json_answer};
use crate::throttle::Ticket;
use crate::who::Who;
use crate::work::{Asked, who};

/// The largest body of a request, in bytes.
const LARGEST: usize = 4 << 20;
/// The largest body of a sign-in, in bytes: parts of it are remembered.
const LARGEST_FORM: usize = 64 << 10;

/// A request that has come in, and what it meets.
#[derive(Debug)]
pub struct Arrival {
    /// Its ids.
    pub ids: Ids,
    /// What goes wrong.
    pub trouble: Trouble,
    who: Who,
    ticket: Result<Ticket, Refusal>,
}

impl Graph {
    /// Answers a request.
    pub async fn answer(self: &Arc<Self>, request: Request<Body>, connection: ConnectionHandle) -> Response<Body> {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let host = match self.hosts.check(&head, connection.secure) {
            Ok(host) => host,
            Err(refusal) => return refusal.answer(&self.ids(&head.headers)),
        };
        let base = format!("{}://{host}", if connection.secure { "https" } else { "http" });
        if let Some(name) = path.strip_prefix("/_local/") {
            let body = to_bytes(body, LARGEST).await;
            let ids = self.ids(&head.headers);
            return match body {
                Ok(body) => self.own(name, &head.method, &body, &ids),
                Err(_) => too_large(&ids),
            };
        }
        let mut arrival = self.arrive(&head.method, &path, &head.headers, None);
        let early = arrival.trouble.act.as_ref().is_some_and(Act::is_early);
        let most = if is_identity(&path) { LARGEST_FORM } else { LARGEST };
        let body = if early { Ok(Bytes::new()) } else { to_bytes(body, most).await };
        let Ok(body) = body else { return too_large(&arrival.ids) };
        let asked = Asked { method: head.method, path, headers: head.headers, body, base };
        // Sign-ins have a log of their own, without what is secret in them.
        let number = (!is_identity(&asked.path)).then(|| {
            let entry = shown(asked.method.as_str(), &asked.path, &asked.headers, &asked.body);
            self.state().log.add(entry, std::mem::take(&mut arrival.who))
        });
        tokio::time::sleep(arrival.trouble.delay).await;
        let answer = if early { None } else { self.respond(&asked, &arrival, &connection).await };
        let resets = arrival.trouble.act.as_ref().is_some_and(Act::resets);
        let status = answer.as_ref().filter(|_| !resets).map(|answer| answer.status().as_u16());
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(number) = number {
            self.state().log.finish(number, status, millis);
        }
        match answer {
            Some(answer) => answer,
            None => {
                connection.reset();
                std::future::pending().await
            }
        }
    }

    /// Answers a request to the second listener, which is there to tell who came and what they brought.
    pub async fn elsewhere(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, LARGEST).await.unwrap_or_default();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut entry = shown(head.method.as_str(), path, &head.headers, &body);
        entry["elsewhere"] = json!(true);
        entry["authorization"] = json!(head.headers.contains_key(header::AUTHORIZATION));
        let ids = self.ids(&head.headers);
        let mut state = self.state();
        let number = state.log.add(entry, Who::default());
        state.log.finish(number, Some(200), 0);
        json_answer(200, Some(&json!({"elsewhere": true})), &ids)
    }

    fn ids(&self, headers: &HeaderMap) -> Ids {
        let mut state = self.state();
        Ids::of(headers, state.random.id(), state.clock.now())
    }

    /// What a request meets that comes in: faults and limits. A `$batch` isn't limited, its steps are.
    pub fn arrive(&self, method: &Method, path: &str, headers: &HeaderMap, step: Option<usize>) -> Arrival {
        let mut state = self.state();
        let State { store, faults, throttle, clock, random, identity, .. } = &mut *state;
        let now = clock.now();
        let ids = Ids::of(headers, random.id(), now);
        let caller = self.caller(headers, identity, now).ok();
        let who = who(path, caller.as_ref(), store);
        let trouble = faults.meet(&Seen { method: method.as_str(), path, who: &who, step }, random);
        let ticket = match caller {
            Some(caller) if !is_batch(&path_of(path)) => throttle.admit(&caller.app, who.key(), now),
            _ => Ok(Ticket::default()),
        };
        Arrival { ids, trouble, who, ticket }
    }

    async fn respond(
        self: &Arc<Self>,
        asked: &Asked,
        arrival: &Arrival,
        connection: &ConnectionHandle,
    ) -> Option<Response<Body>> {
        let act = arrival.trouble.act.as_ref();
        if act.is_some_and(|act| !act.applies()) {
            return self.shape(asked, arrival, empty(200), connection).await;
        }
        if is_identity(&asked.path) {
            return self
                .shape(asked, arrival, identify(self.identity(asked, &arrival.ids), &arrival.ids), connection)
                .await;
        }
        let scripted = self.state().script.pop_front();
        let usual = match scripted {
            Some(answer) => identify(answer.response(&asked.base), &arrival.ids),
            None if is_batch(&path_of(&asked.path)) => self.batch(asked, &arrival.ids, connection).await?,
            None => self.plain(asked, arrival),
        };
        self.shape(asked, arrival, usual, connection).await
    }

    /// The answer of the store, when the limits allow one.
    pub fn plain(&self, asked: &Asked, arrival: &Arrival) -> Response<Body> {
        let refused = |error: &Refusal| error.answer(&arrival.ids);
        match &arrival.ticket {
            Err(error) => refused(error),
            Ok(_) => self.operation(asked, &arrival.ids).unwrap_or_else(|error| refused(&error)),
        }
    }

    /// What becomes of an answer; none when the connection is to be reset.
    pub async fn shape(
        self: &Arc<Self>,
        asked: &Asked,
        arrival: &Arrival,
        usual: Response<Body>,
        connection: &ConnectionHandle,
    ) -> Option<Response<Body>> {
        let Some(act) = &arrival.trouble.act else { return Some(usual) };
        let elsewhere = if act.leads_away() { self.elsewhere_port().unwrap_or_default() } else { 0 };
        let noise = self.state().random.bytes(256);
        let (url, path, ids) = (asked.base.as_str(), asked.path.as_str(), &arrival.ids);
        let shaped = act.shape(usual, Setting { connection, url, elsewhere, path, ids, noise }).await;
        shaped.map(|answer| identify(answer, ids))
    }
}

fn too_large(ids: &Ids) -> Response<Body> {
    Refusal::new(413, "RequestEntityTooLarge", "The request body is too large.").answer(ids)
}
