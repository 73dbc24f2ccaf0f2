//! Scripted answers, and the log of requests.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

/// A literal answer, given instead of the store's.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    repeat: usize,
    cut: Option<usize>,
}

impl Default for Answer {
    fn default() -> Self {
        Self { status: 200, headers: BTreeMap::new(), body: None, repeat: 1, cut: None }
    }
}

impl Answer {
    /// Checks what a script asks for.
    pub fn check(&self) -> Result<(), String> {
        let size = self.text().len().saturating_mul(self.repeat);
        if size > 256 << 20 {
            return Err("an answer is at most 256 MiB".into());
        }
        StatusCode::from_u16(self.status).map(|_| ()).map_err(|_| format!("{} is not a status", self.status))
    }

    fn text(&self) -> String {
        match &self.body {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// The answer on the wire. With `cut` the connection breaks after so many bytes of the body. `{local}` in a text
    /// is `url`, which whoever wrote the script could not know.
    pub fn response(&self, url: &str) -> Response<Body> {
        let text = Bytes::from(self.text().replace("{local}", url).repeat(self.repeat));
        let length = text.len();
        let body = match self.cut {
            None => Body::from(text),
            Some(cut) => {
                let start = text.slice(..cut.min(length));
                let broken = std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "cut short on request");
                // The pause of one turn lets the start leave before the connection breaks.
                let parts = tokio_stream::iter([Ok(start), Err(broken)]);
                Body::from_stream(parts)
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if self.body.is_some() {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if self.cut.is_some() {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value.replace("{local}", url)))
            {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// A request as the log keeps it: without the token.
pub fn logged(method: &str, path: &str, headers: &axum::http::HeaderMap, body: &[u8]) -> Value {
    let mut shown = serde_json::Map::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = if name == header::AUTHORIZATION { "Bearer …".into() } else { text };
        shown.insert(name.as_str().to_owned(), json!(text));
    }
    json!({"method": method, "path": path, "headers": shown, "body": String::from_utf8_lossy(body)})
}
