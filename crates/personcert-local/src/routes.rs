//! The addresses of a local Graph and what happens there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, Response, header};
use percent_encoding::percent_decode_str;
use personcert::{Error, Result};
use serde_json::{Map, Value, json};

use crate::options::Options;
use crate::query::Query;
use crate::reply::{Ids, Refusal, identify, json_answer};
use crate::script::{Answer, logged};
use crate::store::{Store, User};
use crate::token::Issuer;
use crate::{check, seed};

/// The largest body of a request, in bytes.
const LARGEST: usize = 4 << 20;
/// How many requests the log holds; older ones go.
const LOG: usize = 10_000;

/// Everything behind the addresses.
#[derive(Debug)]
pub struct Graph {
    url: String,
    options: Options,
    issuer: Issuer,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    store: Store,
    script: VecDeque<Answer>,
    log: VecDeque<Value>,
}

type Answered = std::result::Result<Response<Body>, Refusal>;

/// Sends every request to the graph.
pub fn router(graph: Arc<Graph>) -> Router {
    Router::new().fallback(move |request: Request<Body>| {
        let graph = Arc::clone(&graph);
        async move { graph.answer(request).await }
    })
}

impl Graph {
    /// Opens the database and fills it when it is empty.
    pub fn open(options: Options, url: String) -> Result<Self> {
        let store =
            Store::open(options.database.as_deref()).map_err(|error| Error::input("database", error.to_string()))?;
        let state = State { store, script: VecDeque::new(), log: VecDeque::new() };
        let graph = Self { url, options, issuer: Issuer::new(), state: Mutex::new(state) };
        if graph.state().store.is_empty().map_err(internal)? {
            graph.fill()?;
        }
        Ok(graph)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self) -> Result<()> {
        let fill = |store: &Store| -> std::result::Result<(), Box<dyn std::error::Error>> {
            seed::default(store)?;
            if let Some(path) = &self.options.seed {
                seed::file(store, path, &now())?;
            }
            Ok(seed::generate(store, self.options.users, self.options.certifications, &now())?)
        };
        self.state().store.together(fill).map_err(|error| Error::input("seed", error.to_string()))
    }

    /// Carries out a command of the local Graph itself.
    pub fn command(&self, name: &str, arguments: &Value) -> Result<Value> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        let user = |state: &State| -> Result<User> {
            let name = text("user").unwrap_or(seed::FIRST_USER);
            let found = state.store.user(name).map_err(internal)?;
            found.ok_or_else(|| Error::input("user", format!("the local Graph has no user {name:?}")))
        };
        match name {
            "token" => {
                let kind = text("kind").unwrap_or("work");
                if !["work", "personal", "app"].contains(&kind) {
                    return Err(Error::input("kind", "a token is for `work`, `personal` or `app`"));
                }
                let scopes = arguments.get("scopes").filter(|scopes| !scopes.is_null());
                let scopes = scopes.map_or_else(
                    || Ok(vec!["User.ReadWrite.All".to_owned()]),
                    |scopes| {
                        serde_json::from_value(scopes.clone())
                            .map_err(|error| Error::input("scopes", error.to_string()))
                    },
                )?;
                let user = if kind == "app" { None } else { Some(user(&self.state())?) };
                let seconds = jiff::Timestamp::now().as_second();
                Ok(json!(self.issuer.issue(user.as_ref(), &scopes, kind == "personal", seconds)))
            }
            "add" => {
                let values = arguments.get("certification").and_then(Value::as_object);
                let values = values.ok_or_else(|| Error::input("certification", "expected an object"))?.clone();
                let name = text("user").ok_or_else(|| Error::input("user", "there is no user"))?;
                let added = seed::one(&self.state().store, name, values, &now()).map_err(internal)?;
                Ok(Value::Object(added))
            }
            "certifications" => {
                let state = self.state();
                let user = user(&state)?;
                Ok(json!(state.store.certifications(&user.id).map_err(internal)?))
            }
            "users" => {
                let users = self.state().store.users().map_err(internal)?;
                let shown =
                    |user: &User| json!({"id": user.id, "userPrincipalName": user.upn, "displayName": user.name});
                Ok(users.iter().map(shown).collect())
            }
            "script" => {
                let answers = arguments.get("answers").cloned().unwrap_or_default();
                let answers: Vec<Answer> =
                    serde_json::from_value(answers).map_err(|error| Error::input("answers", error.to_string()))?;
                for answer in &answers {
                    answer.check().map_err(|why| Error::input("answers", why))?;
                }
                self.state().script.extend(answers);
                Ok(Value::Null)
            }
            "requests" => Ok(self.state().log.iter().cloned().collect()),
            "reset" => {
                let mut state = self.state();
                state.script.clear();
                state.log.clear();
                state.store.clear().map_err(internal)?;
                drop(state);
                self.fill().map(|()| Value::Null)
            }
            other => Err(Error::input("command", format!("the local Graph has no command {other:?}"))),
        }
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let ids = Ids::of(&head.headers);
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let Ok(body) = to_bytes(body, LARGEST).await else {
            let message = "The request body is larger than 4 MB.";
            return Refusal::new(413, "RequestEntityTooLarge", message).answer(&ids);
        };
        if let Some(name) = path.strip_prefix("/_local/") {
            return self.own(name, &head.method, &head.headers, &body, &ids);
        }
        let scripted = {
            let mut state = self.state();
            state.log.push_back(logged(head.method.as_str(), &path, &head.headers, &body));
            if state.log.len() > LOG {
                state.log.pop_front();
            }
            state.script.pop_front()
        };
        if let Some(answer) = scripted {
            return identify(answer.response(&self.url), &ids);
        }
        let answered = self.operation(&head.method, &path, &head.headers, &body, &ids);
        answered.unwrap_or_else(|refusal| refusal.answer(&ids))
    }

    /// The commands over HTTP. The host is checked: a page in a browser must not reach them under another name.
    fn own(&self, name: &str, method: &Method, headers: &HeaderMap, body: &Bytes, ids: &Ids) -> Response<Body> {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let local = self.url.strip_prefix("http://").unwrap_or_default();
        let port = local.rsplit_once(':').map_or("", |(_, port)| port);
        if host != local && host != format!("localhost:{port}") {
            return Refusal::new(421, "MisdirectedRequest", "This is reached by its own address only.").answer(ids);
        }
        if method != Method::POST {
            return Refusal::new(405, "Request_BadRequest", "Commands are sent with POST.").answer(ids);
        }
        let arguments = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(body) };
        let Ok(arguments) = arguments else {
            return Refusal::new(400, "BadRequest", "The body is not JSON.").answer(ids);
        };
        match self.command(name, &arguments) {
            Ok(value) => json_answer(200, Some(&value), ids),
            Err(error) => Refusal::new(400, "BadRequest", error.to_string()).answer(ids),
        }
    }

    fn operation(&self, method: &Method, path: &str, headers: &HeaderMap, body: &Bytes, ids: &Ids) -> Answered {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let caller = self.issuer.caller(authorization, jiff::Timestamp::now().as_second())?;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (owner, id) = place(path)?;
        let state = self.state();
        let by = caller.user.as_deref().map(|id| state.store.user(id)).transpose()?.flatten();
        let user = match owner {
            Owner::Me if by.is_none() => {
                let message = "/me request is only valid with delegated authentication flow.";
                return Err(Refusal::new(400, "BadRequest", message));
            }
            Owner::Me => by.clone(),
            Owner::Named(name) => {
                caller.may(method != Method::GET, self.options.permissions)?;
                let missing = || {
                    let message = format!(
                        "Resource '{name}' does not exist or one of its queried reference-property objects are not present."
                    );
                    Refusal::new(404, "Request_ResourceNotFound", message)
                };
                Some(state.store.user(&name)?.ok_or_else(missing)?)
            }
        };
        caller.may(method != Method::GET, self.options.permissions)?;
        let user = user.ok_or_else(|| Refusal::new(404, "Request_ResourceNotFound", ""))?;
        let work = Work { graph: self, store: &state.store, user: &user, by: by.as_ref(), ids };
        match (method.as_str(), id) {
            ("GET", None) => work.list(query),
            ("POST", None) => work.create(headers, body),
            ("GET", Some(id)) => work.get(&id, query),
            ("PATCH", Some(id)) => work.update(&id, headers, body),
            ("DELETE", Some(id)) => work.delete(&id),
            _ => Err(Refusal::new(
                405,
                "Request_BadRequest",
                "Specified HTTP method is not allowed for the request target.",
            )),
        }
    }
}

enum Owner {
    Me,
    Named(String),
}

/// Whose certifications, and which: the path's segments, parted before they are decoded.
fn place(path: &str) -> std::result::Result<(Owner, Option<String>), Refusal> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let unknown =
        |segment: &str| Refusal::new(400, "BadRequest", format!("Resource not found for the segment '{segment}'."));
    let decode = |segment: &str| {
        percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| unknown(segment))
    };
    let (owner, rest) = match segments.as_slice() {
        ["beta", "me", rest @ ..] => (Owner::Me, rest),
        ["beta", "users", name, rest @ ..] if !name.starts_with('$') => (Owner::Named(decode(name)?), rest),
        ["beta", users, rest @ ..] if users.starts_with("users('") && users.ends_with("')") => {
            let name = decode(&users["users('".len()..users.len() - "')".len()])?;
            (Owner::Named(name.replace("''", "'")), rest)
        }
        [_, segment, ..] | [segment] => return Err(unknown(segment)),
        [] => return Err(unknown("")),
    };
    match rest {
        ["profile", "certifications"] => Ok((owner, None)),
        ["profile", "certifications", id] => Ok((owner, Some(decode(id)?))),
        other => Err(unknown(other.first().copied().unwrap_or_default())),
    }
}

/// One operation on one user's certifications.
struct Work<'a> {
    graph: &'a Graph,
    store: &'a Store,
    user: &'a User,
    by: Option<&'a User>,
    ids: &'a Ids,
}

impl Work<'_> {
    fn context(&self, tail: &str) -> Value {
        json!(format!("{}/beta/$metadata#users('{}')/profile/certifications{tail}", self.graph.url, self.user.id))
    }

    fn item(&self, status: u16, document: Value) -> Response<Body> {
        let mut body = Map::from_iter([("@odata.context".to_owned(), self.context("/$entity"))]);
        if let Value::Object(members) = document {
            body.extend(members);
        }
        json_answer(status, Some(&Value::Object(body)), self.ids)
    }

    fn find(&self, id: &str) -> std::result::Result<Map<String, Value>, Refusal> {
        // The service answers this without a message.
        self.store.certification(&self.user.id, id)?.ok_or_else(|| Refusal::new(404, "UnknownError", ""))
    }

    fn list(&self, query: &str) -> Answered {
        let (page, more) = Query::read(query)?.page(self.store.certifications(&self.user.id)?)?;
        let mut body = json!({"@odata.context": self.context(""), "value": page});
        if let Some(skip) = more {
            let user = percent_encoding::utf8_percent_encode(&self.user.id, percent_encoding::NON_ALPHANUMERIC);
            let query = Query::at(query, skip);
            let link = format!("{}/beta/users/{user}/profile/certifications?{query}", self.graph.url);
            body["@odata.nextLink"] = json!(link);
        }
        Ok(json_answer(200, Some(&body), self.ids))
    }

    fn get(&self, id: &str, query: &str) -> Answered {
        let document = Query::read(query)?.selected(self.find(id)?)?;
        Ok(self.item(200, document))
    }

    fn create(&self, headers: &HeaderMap, body: &Bytes) -> Answered {
        json_only(headers)?;
        let id = uuid::Uuid::new_v4().to_string();
        let document = seed::whole(&id, check::changes(body)?, self.by, &now());
        self.store.put(&self.user.id, &id, &document)?;
        Ok(self.item(201, Value::Object(document)))
    }

    fn update(&self, id: &str, headers: &HeaderMap, body: &Bytes) -> Answered {
        json_only(headers)?;
        let mut document = self.find(id)?;
        document.extend(check::changes(body)?);
        document.insert("lastModifiedDateTime".into(), json!(now()));
        document.insert("lastModifiedBy".into(), seed::identity(self.by));
        self.store.put(&self.user.id, id, &document)?;
        Ok(self.item(200, Value::Object(document)))
    }

    fn delete(&self, id: &str) -> Answered {
        self.find(id)?;
        self.store.delete(&self.user.id, id)?;
        Ok(json_answer(204, None, self.ids))
    }
}

fn json_only(headers: &HeaderMap) -> std::result::Result<(), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Refusal::new(415, "UnsupportedMediaType", "The Content-Type must be application/json."))
}

/// The time with seven fractional digits, as Graph writes it.
fn now() -> String {
    let now = jiff::Timestamp::now();
    let ticks = now.subsec_nanosecond() / 100;
    format!("{}.{ticks:07}Z", now.strftime("%Y-%m-%dT%H:%M:%S"))
}

fn internal(error: rusqlite::Error) -> Error {
    Error::input("database", error.to_string())
}
