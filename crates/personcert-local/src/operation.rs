//! The operations on certifications.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::graph::{Graph, State};
use crate::identity::state::Identity;
use crate::path::{Owner, parse_path};
use crate::query::Query;
use crate::random::Random;
use crate::request::ApiRequest;
use crate::response::{ErrorResponse, RequestIds, json_response};
use crate::seed::{self, Author};
use crate::store::{Store, User};
use crate::subject::Subject;
use crate::token::{Access, Caller};
use crate::validate::{self, Purpose};

type OperationResult = Result<Response<Body>, ErrorResponse>;

impl Graph {
    /// Reads the token of a request.
    pub fn caller(
        &self,
        headers: &HeaderMap,
        identity: &Identity,
        now: jiff::Timestamp,
    ) -> Result<Caller, ErrorResponse> {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        Caller::authenticate(authorization, &self.keys, identity, &self.url, now.as_second())
    }

    /// The user that a request concerns, as far as known before it is checked.
    pub fn subject(path: &str, caller: Option<&Caller>, store: &Store) -> Subject {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let name = match parse_path(path) {
            Ok((Owner::Named(name), _)) => Some(name),
            Ok((Owner::Me, _)) => caller.and_then(|caller| caller.user.clone()),
            Err(_) => None,
        };
        let user = name.as_deref().and_then(|name| store.user(name).ok().flatten());
        Subject { name, user }
    }

    /// Executes a request.
    pub fn operate(&self, request: &ApiRequest, ids: &RequestIds) -> OperationResult {
        let mut state = self.state();
        let State { store, clock, random, identity, .. } = &mut *state;
        let caller = self.caller(&request.headers, identity, clock.now())?;
        let (path, query) = request.path_and_query();
        let (owner, id) = parse_path(path)?;
        let signed_in = caller.user.as_deref().map(|id| store.user(id)).transpose()?.flatten();
        let (user, missing) = match owner {
            Owner::Me if caller.user.is_none() => {
                let message = "/me request is only valid with delegated authentication flow.";
                return Err(ErrorResponse::bad_request(message));
            }
            Owner::Me => (signed_in.clone(), String::new()),
            Owner::Named(name) => {
                let missing = format!(
                    "Resource '{name}' does not exist or one of its queried reference-property objects are not present."
                );
                (store.user(&name)?, missing)
            }
        };
        let own = user.as_ref().is_some_and(|user| caller.user.as_deref() == Some(&user.id));
        let access = Access { write: request.method != Method::GET, own };
        caller.require(access, self.options.permissions)?;
        let user = user.ok_or_else(|| ErrorResponse::new(404, "Request_ResourceNotFound", missing))?;
        let author = signed_in.as_ref().map_or(Author::Application(&caller.app), Author::User);
        let operation = Operation { request, store, user: &user, author, now: clock.text(), ids };
        match (request.method.as_str(), id) {
            ("GET", None) => operation.list(query),
            ("POST", None) => operation.create(random),
            ("GET", Some(id)) => operation.get(&id, query),
            ("PATCH", Some(id)) => operation.update(&id),
            ("DELETE", Some(id)) => operation.delete(&id),
            _ => Err(ErrorResponse::new(
                405,
                "Request_BadRequest",
                "Specified HTTP method is not allowed for the request target.",
            )),
        }
    }
}

/// One operation on one user's certifications.
struct Operation<'a> {
    request: &'a ApiRequest,
    store: &'a Store,
    user: &'a User,
    author: Author<'a>,
    now: String,
    ids: &'a RequestIds,
}

impl Operation<'_> {
    fn context(&self, selection: &str, suffix: &str) -> Value {
        let (base, user) = (&self.request.base, &self.user.id);
        json!(format!("{base}/beta/$metadata#users('{user}')/profile/certifications{selection}{suffix}"))
    }

    fn item(&self, status: u16, selection: &str, document: Value) -> Response<Body> {
        let mut body = Map::from_iter([("@odata.context".to_owned(), self.context(selection, "/$entity"))]);
        if let Value::Object(members) = document {
            body.extend(members);
        }
        json_response(status, Some(&Value::Object(body)), self.ids)
    }

    fn find(&self, id: &str) -> Result<Map<String, Value>, ErrorResponse> {
        // Graph sends this error without a message.
        self.store.certification(&self.user.id, id)?.ok_or_else(|| ErrorResponse::new(404, "UnknownError", ""))
    }

    fn list(&self, text: &str) -> OperationResult {
        let query = Query::read(text)?;
        let (page, next) = query.page(self.store.certifications(&self.user.id)?);
        let mut body = json!({"@odata.context": self.context(&query.selection(), ""), "value": page});
        if let Some(skip) = next {
            let user = utf8_percent_encode(&self.user.id, NON_ALPHANUMERIC);
            let next = Query::text_from(text, skip);
            body["@odata.nextLink"] =
                json!(format!("{}/beta/users/{user}/profile/certifications?{next}", self.request.base));
        }
        Ok(json_response(200, Some(&body), self.ids))
    }

    fn get(&self, id: &str, query: &str) -> OperationResult {
        let query = Query::read(query)?;
        Ok(self.item(200, &query.selection(), query.select(self.find(id)?)))
    }

    fn create(&self, random: &mut Random) -> OperationResult {
        self.request.require_json()?;
        let values = with_whole_inference(validate::values(&self.request.body, Purpose::Create)?, None);
        let id = random.id();
        let document = seed::complete(&id, values, self.author, &self.now);
        self.store.put(&self.user.id, &id, &document)?;
        Ok(self.item(201, "", Value::Object(document)))
    }

    fn update(&self, id: &str) -> OperationResult {
        self.request.require_json()?;
        let mut document = self.find(id)?;
        let values = validate::values(&self.request.body, Purpose::Update)?;
        let inference = document.get("inference").and_then(Value::as_object).cloned();
        document.extend(with_whole_inference(values, inference));
        document.insert("lastModifiedDateTime".into(), json!(self.now));
        document.insert("lastModifiedBy".into(), self.author.identity());
        self.store.put(&self.user.id, id, &document)?;
        Ok(self.item(200, "", Value::Object(document)))
    }

    fn delete(&self, id: &str) -> OperationResult {
        self.find(id)?;
        self.store.delete(&self.user.id, id)?;
        Ok(json_response(204, None, self.ids))
    }
}

/// A change of `inference` keeps the members that it does not name; a new value has all members.
fn with_whole_inference(mut values: Map<String, Value>, old: Option<Map<String, Value>>) -> Map<String, Value> {
    if let Some(Value::Object(changed)) = values.get_mut("inference") {
        let mut whole = old.unwrap_or_default();
        for name in ["confidenceScore", "userHasVerifiedAccuracy"] {
            whole.entry(name).or_insert(Value::Null);
        }
        whole.append(changed);
        *changed = whole;
    }
    values
}
