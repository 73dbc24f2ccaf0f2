//! Responses as Graph writes them.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::clock::http_date;

const JSON: &str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
const DIAGNOSTIC: &str =
    r#"{"ServerInfo":{"DataCenter":"Local","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"LOCAL"}}"#;

/// An error of the service, in OData's form.
#[derive(Debug)]
pub struct ErrorResponse {
    status: u16,
    code: String,
    message: String,
    retry_after: Option<String>,
    challenge: Option<String>,
}

impl ErrorResponse {
    /// An error with a status, a code and a message. Graph sometimes leaves the message empty.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), retry_after: None, challenge: None }
    }

    /// A request that Graph does not understand.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// A body that the service's OData layer rejects.
    pub fn invalid_body(message: impl Into<String>) -> Self {
        Self::new(400, "RequestBodyRead", message)
    }

    /// The same with a `Retry-After`.
    pub fn with_retry_after(self, retry_after: Option<String>) -> Self {
        Self { retry_after, ..self }
    }

    /// The same with a `WWW-Authenticate`.
    pub fn with_challenge(self, challenge: String) -> Self {
        Self { challenge: Some(challenge), ..self }
    }

    /// The response to the request with these ids.
    pub fn response(&self, ids: &RequestIds) -> Response<Body> {
        let inner = json!({
            "date": ids.date.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "request-id": ids.request,
            "client-request-id": ids.client,
        });
        let body = json!({"error": {"code": self.code, "message": self.message, "innerError": inner}});
        let mut response = json_response(self.status, Some(&body), ids);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [(header::RETRY_AFTER, &self.retry_after), (header::WWW_AUTHENTICATE, &self.challenge)] {
            if let Some(Ok(value)) = value.as_deref().map(HeaderValue::from_str) {
                headers.insert(name, value);
            }
        }
        response
    }
}

impl From<rusqlite::Error> for ErrorResponse {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(500, "InternalServerError", error.to_string())
    }
}

/// The ids of a request.
#[derive(Debug)]
pub struct RequestIds {
    /// The service's id.
    pub request: String,
    /// The client's id, or the service's when the client sent none.
    pub client: String,
    /// When the request arrived.
    pub date: jiff::Timestamp,
}

impl RequestIds {
    /// The ids of a request with these headers.
    pub fn new(headers: &HeaderMap, request: String, date: jiff::Timestamp) -> Self {
        let client = headers.get("client-request-id").and_then(|id| id.to_str().ok()).unwrap_or(&request).to_owned();
        Self { request, client, date }
    }
}

/// A response without a body.
pub fn empty_response(status: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// A response with a JSON body, or without a body.
pub fn json_response(status: u16, body: Option<&Value>, ids: &RequestIds) -> Response<Body> {
    let mut response = empty_response(status);
    if let Some(body) = body {
        *response.body_mut() = Body::from(body.to_string());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
        response.headers_mut().insert("OData-Version", HeaderValue::from_static("4.0"));
    }
    with_common_headers(response, ids)
}

/// Adds the headers that every response has.
pub fn with_common_headers(mut response: Response<Body>, ids: &RequestIds) -> Response<Body> {
    let date = http_date(ids.date);
    let common = [
        ("request-id", ids.request.as_str()),
        ("client-request-id", ids.client.as_str()),
        ("x-ms-ags-diagnostic", DIAGNOSTIC),
        ("date", date.as_str()),
        ("cache-control", "no-cache"),
    ];
    for (name, value) in common {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().entry(name).or_insert(value);
        }
    }
    response
}
