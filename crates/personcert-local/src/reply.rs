//! Answers as Graph writes them.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::clock::http_date;

/// An error of the service.
#[derive(Debug)]
pub struct Refusal {
    status: u16,
    code: String,
    message: String,
    retry_after: Option<String>,
    challenge: Option<String>,
}

impl Refusal {
    /// A error with a status, a code and a message; the service leaves both texts empty at times.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), retry_after: None, challenge: None }
    }

    /// A body that the service's OData layer doesn't take.
    pub fn body(message: impl Into<String>) -> Self {
        Self::new(400, "RequestBodyRead", message)
    }

    /// The same with a `Retry-After`.
    pub fn retry_after(self, retry_after: Option<String>) -> Self {
        Self { retry_after, ..self }
    }

    /// The same with a `WWW-Authenticate`.
    pub fn challenge(self, challenge: String) -> Self {
        Self { challenge: Some(challenge), ..self }
    }

    /// The answer.
    pub fn answer(&self, ids: &Ids) -> Response<Body> {
        let inner = json!({
            "date": ids.date.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "request-id": ids.request,
            "client-request-id": ids.client,
        });
        let body = json!({"error": {"code": self.code, "message": self.message, "innerError": inner}});
        let mut answer = json_answer(self.status, Some(&body), ids);
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(Ok(value)) = self.retry_after.as_deref().map(HeaderValue::from_str) {
            answer.headers_mut().insert(header::RETRY_AFTER, value);
        }
        if let Some(Ok(value)) = self.challenge.as_deref().map(HeaderValue::from_str) {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        answer
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(500, "InternalServerError", error.to_string())
    }
}

/// What identifies a request.
#[derive(Debug)]
pub struct Ids {
    /// The service's own.
    pub request: String,
    /// The client's.
    pub client: String,
    /// When it came in.
    pub date: jiff::Timestamp,
}

impl Ids {
    /// Ids for a request; the caller's own is echoed.
    pub fn of(headers: &HeaderMap, request: String, date: jiff::Timestamp) -> Self {
        let client = headers.get("client-request-id").and_then(|id| id.to_str().ok()).unwrap_or(&request).to_owned();
        Self { request, client, date }
    }
}

/// An answer without a body.
pub fn empty(status: u16) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

/// An answer with a JSON body, or without one.
pub fn json_answer(status: u16, body: Option<&Value>, ids: &Ids) -> Response<Body> {
    let kind = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
    let mut answer = empty(status);
    if let Some(body) = body {
        *answer.body_mut() = Body::from(body.to_string());
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        answer.headers_mut().insert("OData-Version", HeaderValue::from_static("4.0"));
    }
    identify(answer, ids)
}

/// Adds the headers that every answer has.
pub fn identify(mut answer: Response<Body>, ids: &Ids) -> Response<Body> {
    let diagnostic =
        r#"{"ServerInfo":{"DataCenter":"Local","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"LOCAL"}}"#;
    let date = http_date(ids.date);
    let own = [
        ("request-id", ids.request.as_str()),
        ("client-request-id", ids.client.as_str()),
        ("x-ms-ags-diagnostic", diagnostic),
        ("date", date.as_str()),
        ("cache-control", "no-cache"),
    ];
    for (name, value) in own {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers_mut().entry(name).or_insert(value);
        }
    }
    answer
}
