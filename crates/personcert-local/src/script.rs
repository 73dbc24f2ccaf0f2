//! Literal answers.

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::reply::empty;

/// A literal answer, given instead of the store's.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    status: u16,
    #[serde(deserialize_with = "pairs")]
    headers: Vec<(String, String)>,
    body: Option<Value>,
    repeat: usize,
    cut: Option<usize>,
}

impl Default for Answer {
    fn default() -> Self {
        Self { status: 200, headers: Vec::new(), body: None, repeat: 1, cut: None }
    }
}

impl Answer {
    /// Checks what a script asks for.
    pub fn check(&self) -> Result<(), String> {
        let size = self.text().len().saturating_mul(self.repeat);
        if size > 256 << 20 {
            return Err("an answer is at most 256 MiB".into());
        }
        for (name, value) in &self.headers {
            let wrong = HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err();
            if wrong {
                return Err(format!("{name:?} is not a header, or its value is not one"));
            }
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
        let mut response = empty(self.status);
        *response.body_mut() = body;
        if self.body.is_some() {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if self.cut.is_some() {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        self.decorate(&mut response, url);
        response
    }

    /// Adds the headers. One that comes twice in the list comes twice on the wire, but instead of the usual one.
    pub fn decorate(&self, response: &mut Response<Body>, url: &str) {
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

    /// Whether it is an error of which nothing more is said.
    pub fn is_bare_error(&self) -> bool {
        self.status >= 400 && self.body.is_none()
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }
}

/// Headers as an object, or as a list of pairs where one may come twice.
fn pairs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, String)>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "`headers` is an object of texts or a list of [name, value]")]
    enum Headers {
        Object(std::collections::BTreeMap<String, String>),
        List(Vec<(String, String)>),
    }
    Ok(match Headers::deserialize(from)? {
        Headers::Object(object) => object.into_iter().collect(),
        Headers::List(list) => list,
    })
}
