//! The operations on certifications.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, header};
use serde_json::{Map, Value, json};

use crate::check::{self, Purpose};
use crate::graph::{Graph, State};
use crate::identity::Identity;
use crate::path::{Owner, parse_path};
use crate::query::Query;
use crate::random::Random;
use crate::reply::{Ids, Refusal, json_answer};
use crate::seed::{self, Author};
use crate::store::{Store, User};
use crate::token::Access;
use crate::token::Caller;
use crate::who::Who;

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
        let (owner, id) = parse_path(path)?;
        let signed_in = caller.user.as_deref().map(|id| store.user(id)).transpose()?.flatten();
        let write = asked.method != Method::GET;
        let (user, message) = match owner {
            Owner::Me if caller.user.is_none() => {
                let message = "/me request is only valid with delegated authentication flow.";
                return Err(Refusal::new(400, "BadRequest", message));
            }
            Owner::Me => (signed_in.clone(), String::new()),
            Owner::Named(name) => {
                let message = format!(
                    "Resource '{name}' does not exist or one of its queried reference-property objects are not present."
                );
                (store.user(&name)?, message)
            }
        };
        let own = user.as_ref().is_some_and(|user| caller.user.as_deref() == Some(&user.id));
        caller.may(Access { write, own }, self.options.permissions)?;
        let user = user.ok_or_else(|| Refusal::new(404, "Request_ResourceNotFound", message))?;
        let by = signed_in.as_ref().map_or(Author::Application(&caller.app), Author::User);
        let work = Work { asked, store, user: &user, by, now: clock.text(), ids };
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
    let name = match parse_path(path) {
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
    by: Author<'a>,
    now: String,
    ids: &'a Ids,
}

impl Work<'_> {
    fn context(&self, selection: &str, tail: &str) -> Value {
        let (base, user) = (&self.asked.base, &self.user.id);
        json!(format!("{base}/beta/$metadata#users('{user}')/profile/certifications{selection}{tail}"))
    }

    fn item(&self, status: u16, selection: &str, document: Value) -> Response<Body> {
        let mut body = Map::from_iter([("@odata.context".to_owned(), self.context(selection, "/$entity"))]);
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
        let options = Query::read(query)?;
        let (page, more) = options.page(self.store.certifications(&self.user.id)?);
        let mut body = json!({"@odata.context": self.context(&options.selection(), ""), "value": page});
        if let Some(skip) = more {
            let user = percent_encoding::utf8_percent_encode(&self.user.id, percent_encoding::NON_ALPHANUMERIC);
            let query = Query::at(query, skip);
            let link = format!("{}/beta/users/{user}/profile/certifications?{query}", self.asked.base);
            body["@odata.nextLink"] = json!(link);
        }
        Ok(json_answer(200, Some(&body), self.ids))
    }

    fn get(&self, id: &str, query: &str) -> Answered {
        let options = Query::read(query)?;
        Ok(self.item(200, &options.selection(), options.select(self.find(id)?)))
    }

    fn create(&self, random: &mut Random) -> Answered {
        json_only(&self.asked.headers)?;
        let values = with_whole_inference(check::values(&self.asked.body, Purpose::Create)?, None);
        let id = random.id();
        let document = seed::whole(&id, values, self.by, &self.now);
        self.store.put(&self.user.id, &id, &document)?;
        Ok(self.item(201, "", Value::Object(document)))
    }

    fn update(&self, id: &str) -> Answered {
        json_only(&self.asked.headers)?;
        let mut document = self.find(id)?;
        let values = check::values(&self.asked.body, Purpose::Update)?;
        let inference = document.get("inference").and_then(Value::as_object).cloned();
        document.extend(with_whole_inference(values, inference));
        document.insert("lastModifiedDateTime".into(), json!(self.now));
        document.insert("lastModifiedBy".into(), self.by.identity());
        self.store.put(&self.user.id, id, &document)?;
        Ok(self.item(200, "", Value::Object(document)))
    }

    fn delete(&self, id: &str) -> Answered {
        self.find(id)?;
        self.store.delete(&self.user.id, id)?;
        Ok(json_answer(204, None, self.ids))
    }
}

/// A change of `inference` keeps the members that it does not name; a new one has them all.
fn with_whole_inference(mut values: Map<String, Value>, before: Option<Map<String, Value>>) -> Map<String, Value> {
    if let Some(Value::Object(changed)) = values.get_mut("inference") {
        let mut whole = before.unwrap_or_default();
        for name in ["confidenceScore", "userHasVerifiedAccuracy"] {
            whole.entry(name).or_insert(Value::Null);
        }
        whole.append(changed);
        *changed = whole;
    }
    values
}

/// Refuses a body that doesn't call itself JSON.
pub fn json_only(headers: &HeaderMap) -> std::result::Result<(), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Refusal::new(415, "UnsupportedMediaType", "The Content-Type must be application/json."))
}
