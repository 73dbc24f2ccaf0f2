//! A request, whether it came alone or as a step of a `$batch`.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, header};

use crate::response::ErrorResponse;

/// A request to the local Graph.
#[derive(Debug)]
pub struct ApiRequest {
    /// The method.
    pub method: Method,
    /// The path and query as on the wire.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The root address of this server as the client wrote it.
    pub base: String,
}

impl ApiRequest {
    /// The path and the query.
    pub fn path_and_query(&self) -> (&str, &str) {
        self.path.split_once('?').unwrap_or((&self.path, ""))
    }

    /// Refuses a body that does not claim to be JSON.
    pub fn require_json(&self) -> Result<(), ErrorResponse> {
        let content_type = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        if media_type.trim().eq_ignore_ascii_case("application/json") {
            return Ok(());
        }
        Err(ErrorResponse::new(415, "UnsupportedMediaType", "The Content-Type must be application/json."))
    }
}
