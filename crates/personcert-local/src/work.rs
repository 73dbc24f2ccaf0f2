//! The operations on certifications.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, header};
use serde_json::{Map, Value, json};

use crate::graph::{Graph, State};
use crate::identity::Identity;
use crate::query::Query;
use crate::random::Random;
use crate::reply::{Ids, Refusal, json_answer};
use crate::store::{Store, User};
use crate::token::Caller;
use crate::who::{Owner, Who, place};
use crate::{check, seed};

/// A request as the graph sees it, or a step of a `$batch`.
#[derive(Debug)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The path as on the wire, with its query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The address of this server as the client knows it.
    pub base: String,
}

type Answered = Result<Response<Body>, Refusal>;

impl Graph {
    /// Who asks, by the token.
    pub fn caller(&self, headers: &HeaderMap, identity: &Identity, now: jiff::Timestamp) -> Result<Caller, Refusal> {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        Caller::of(authorization, &self.keys, identity, &self.url, now.as_second())
    }

    /// Carries out what is asked.
    pub fn operation(&self, asked: &Asked, ids: &Ids) -> Answered {
        let mut state = self.state();
        let State { store, clock, random, identity, .. } = &mut *state;
        let caller = self.caller(&asked.headers, identity, clock.now())?;
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let (owner, id) = place(path)?;
        let by = caller.user.as_deref().map(|id| store.user(id)).transpose()?.flatten();
        let user = match owner {
            Owner::Me if by.is_none() => {
                let message = "/me request is only valid with delegated authentication flow.";
                return Err(Refusal::new(400, "BadRequest", message));
            }
            Owner::Me => by.clone(),
            Owner::Named(name) => {
                caller.may(asked.method != Method::GET, self.options.permissions)?;
                let missing = || {
                    let message = format!(
                        "Resource '{name}' does not exist or one of its queried reference-property objects are not present."
                    );
                    Refusal::new(404, "Request_ResourceNotFound", message)
                };
                Some(store.user(&name)?.ok_or_else(missing)?)
            }
        };
        caller.may(asked.method != Method::GET, self.options.permissions)?;
        let user = user.ok_or_else(|| Refusal::new(404, "Request_ResourceNotFound", ""))?;
        let work = Work { asked, store, user: &user, by: by.as_ref(), now: clock.text(), ids };
        match (asked.method.as_str(), id) {
            ("GET", None) => work.list(query),
            ("POST", None) => work.create(random),
            ("GET", Some(id)) => work.get(&id, query),
            ("PATCH", Some(id)) => work.update(&id),
            ("DELETE", Some(id)) => work.delete(&id),
            _ => Err(Refusal::new(
                405,
                "Request_BadRequest",
                "Specified HTTP method is not allowed for the request target.",
            )),
        }
    }
}

/// Whom a request is about, as far as it can be told before it is checked.
pub fn who(path: &str, caller: Option<&Caller>, store: &Store) -> Who {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let name = match place(path) {
        Ok((Owner::Named(name), _)) => Some(name),
        Ok((Owner::Me, _)) => caller.and_then(|caller| caller.user.clone()),
        Err(_) => None,
    };
    let user = name.as_deref().and_then(|name| store.user(name).ok().flatten());
    Who { name, user }
}

/// One operation on one user's certifications.
struct Work<'a> {
    asked: &'a Asked,
    store: &'a Store,
    user: &'a User,
    by: Option<&'a User>,
    now: String,
    ids: &'a Ids,
}

impl Work<'_> {
    fn context(&self, tail: &str) -> Value {
        json!(format!("{}/beta/$metadata#users('{}')/profile/certifications{tail}", self.asked.base, self.user.id))
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
            let link = format!("{}/beta/users/{user}/profile/certifications?{query}", self.asked.base);
            body["@odata.nextLink"] = json!(link);
        }
        Ok(json_answer(200, Some(&body), self.ids))
    }

    fn get(&self, id: &str, query: &str) -> Answered {
        let document = Query::read(query)?.selected(self.find(id)?)?;
        Ok(self.item(200, document))
    }

    fn create(&self, random: &mut Random) -> Answered {
        json_only(&self.asked.headers)?;
        let changes = check::changes(&self.asked.body)?;
        let id = random.id();
        let document = seed::whole(&id, changes, self.by, &self.now);
        self.store.put(&self.user.id, &id, &document)?;
        Ok(self.item(201, Value::Object(document)))
    }

    fn update(&self, id: &str) -> Answered {
        json_only(&self.asked.headers)?;
        let mut document = self.find(id)?;
        document.extend(check::changes(&self.asked.body)?);
        document.insert("lastModifiedDateTime".into(), json!(self.now));
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

/// Refuses a body that doesn't call itself JSON.
pub fn json_only(headers: &HeaderMap) -> std::result::Result<(), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Refusal::new(415, "UnsupportedMediaType", "The Content-Type must be application/json."))
}
