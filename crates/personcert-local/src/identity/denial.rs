//! Refusals as Microsoft's identity platform writes them.

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use serde_json::json;

use crate::reply::{Ids, empty};

/// Why a sign-in is refused.
#[derive(Debug)]
pub struct Denial {
    /// OAuth's name for it.
    pub error: &'static str,
    status: u16,
    number: u32,
    text: String,
}

impl Denial {
    /// A error with OAuth's name, the platform's number, and a text.
    pub fn new(error: &'static str, number: u32, text: impl Into<String>) -> Self {
        let status = if error == "invalid_client" { 401 } else { 400 };
        Self { error, status, number, text: text.into() }
    }

    /// A request that lacks something.
    pub fn missing(name: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{name}'.");
        Self::new("invalid_request", 900_144, text)
    }

    /// An application that nobody registered.
    pub fn unknown_app(id: &str) -> Self {
        let text = format!("Application with identifier '{id}' was not found in the directory 'Local'.");
        Self::new("unauthorized_client", 700_016, text)
    }

    /// What is said of it.
    pub fn description(&self) -> String {
        format!("AADSTS{}: {}", self.number, self.text)
    }

    /// The answer.
    pub fn answer(&self, ids: &Ids) -> Response<Body> {
        let time = ids.date.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let (trace, correlation) = (&ids.request, &ids.client);
        let described =
            format!("{} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}", self.description());
        let body = json!({
            "error": self.error, "error_description": described, "error_codes": [self.number],
            "timestamp": time, "trace_id": trace, "correlation_id": correlation,
        });
        answer(self.status, &body)
    }
}

impl From<rusqlite::Error> for Denial {
    fn from(error: rusqlite::Error) -> Self {
        Self::new("server_error", 90_033, error.to_string())
    }
}

/// An answer of the identity platform.
pub fn answer(status: u16, body: &serde_json::Value) -> Response<Body> {
    let mut answer = empty(status);
    *answer.body_mut() = Body::from(body.to_string());
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
    answer
}
