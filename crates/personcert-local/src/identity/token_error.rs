//! Errors as Microsoft's identity platform writes them.

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use serde_json::{Value, json};

use crate::response::{RequestIds, empty_response};

/// An error of the token endpoint.
#[derive(Debug)]
pub struct TokenError {
    error: &'static str,
    status: u16,
    number: u32,
    text: String,
}

impl TokenError {
    /// An error with OAuth's name, the platform's number, and a text.
    pub fn new(error: &'static str, number: u32, text: impl Into<String>) -> Self {
        let status = if error == "invalid_client" { 401 } else { 400 };
        Self { error, status, number, text: text.into() }
    }

    /// A missing parameter.
    pub fn missing(name: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{name}'.");
        Self::new("invalid_request", 900_144, text)
    }

    /// A confidential application without a secret and without an assertion.
    pub fn missing_client_credential() -> Self {
        let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        Self::new("invalid_client", 7_000_218, text)
    }

    /// An application that is not registered.
    pub fn unknown_application(id: &str) -> Self {
        let text = format!("Application with identifier '{id}' was not found in the directory 'Local'.");
        Self::new("unauthorized_client", 700_016, text)
    }

    /// The description without ids.
    pub fn description(&self) -> String {
        format!("AADSTS{}: {}", self.number, self.text)
    }

    /// The response to the request with these ids.
    pub fn response(&self, ids: &RequestIds) -> Response<Body> {
        let time = ids.date.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let (trace, correlation) = (&ids.request, &ids.client);
        let description =
            format!("{} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}", self.description());
        let body = json!({
            "error": self.error, "error_description": description, "error_codes": [self.number],
            "timestamp": time, "trace_id": trace, "correlation_id": correlation,
        });
        json_response(self.status, &body)
    }
}

impl From<rusqlite::Error> for TokenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::new("server_error", 90_033, error.to_string())
    }
}

/// A response of the identity platform.
pub fn json_response(status: u16, body: &Value) -> Response<Body> {
    let mut response = empty_response(status);
    *response.body_mut() = Body::from(body.to_string());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
    response
}
