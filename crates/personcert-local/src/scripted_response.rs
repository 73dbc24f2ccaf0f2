//! Literal responses, given instead of the store's.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::response::empty_response;

/// The largest scripted body.
const MAX_BYTES: usize = 256 << 20;

/// A literal response.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptedResponse {
    status: u16,
    #[serde(deserialize_with = "pairs")]
    headers: Vec<(String, String)>,
    body: Option<Value>,
    repeat: usize,
    cut: Option<usize>,
}

impl Default for ScriptedResponse {
    fn default() -> Self {
        Self { status: 200, headers: Vec::new(), body: None, repeat: 1, cut: None }
    }
}

impl ScriptedResponse {
    /// Checks what a script requests.
    pub fn check(&self) -> Result<(), String> {
        if self.text().len().saturating_mul(self.repeat) > MAX_BYTES {
            return Err("the body is larger than 256 MiB".into());
        }
        for (name, value) in &self.headers {
            if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
                return Err(format!("the header {name:?} or its value is malformed"));
            }
        }
        StatusCode::from_u16(self.status).map(|_| ()).map_err(|_| format!("{} is not an HTTP status", self.status))
    }

    fn text(&self) -> String {
        match &self.body {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// The response on the wire. `{local}` in a text becomes `url`. With `cut` the connection breaks after that many
    /// bytes of the body.
    pub fn response(&self, url: &str) -> Response<Body> {
        let text = Bytes::from(self.text().replace("{local}", url).repeat(self.repeat));
        let length = text.len();
        let body = match self.cut {
            None => Body::from(text),
            Some(cut) => {
                let start = text.slice(..cut.min(length));
                let broken = std::io::Error::new(std::io::ErrorKind::ConnectionAborted, "cut by the script");
                Body::from_stream(tokio_stream::iter([Ok(start), Err(broken)]))
            }
        };
        let mut response = empty_response(self.status);
        *response.body_mut() = body;
        if self.body.is_some() {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if self.cut.is_some() {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        self.add_headers(&mut response, url);
        response
    }

    /// Replaces the response's headers of the same names. A name that is listed twice is sent twice.
    pub fn add_headers(&self, response: &mut Response<Body>, url: &str) {
        for (name, _) in &self.headers {
            response.headers_mut().remove(name);
        }
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value.replace("{local}", url)))
            {
                response.headers_mut().append(name, value);
            }
        }
    }

    /// Whether it is an error without a body.
    pub fn is_bare_error(&self) -> bool {
        self.status >= 400 && self.body.is_none()
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }
}

/// Reads headers from an object, or from a list of pairs in which a name may come twice.
fn pairs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, String)>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "`headers` must be an object of texts or a list of [name, value]")]
    enum Headers {
        Object(BTreeMap<String, String>),
        List(Vec<(String, String)>),
    }
    Ok(match Headers::deserialize(from)? {
        Headers::Object(object) => object.into_iter().collect(),
        Headers::List(list) => list,
    })
}
