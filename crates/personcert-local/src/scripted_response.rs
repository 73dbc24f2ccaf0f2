//! Literal responses, given instead of the store's.

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Response, header};
use personcert::host::Dialect;
use personcert::schema::{FromInput, Input, Kind, SchemaType};
use personcert::{Error, Result, options};
use serde_json::Value;

use crate::response::empty_response;

/// The largest scripted body.
const MAX_BYTES: usize = 256 << 20;

options! {
    /// A literal response.
    pub struct ScriptedResponse as "ScriptedAnswer", "member" {
        status = "status": u16 = 200, in 100.0..=999.0, "The status. Default: 200.";
        headers = "headers": Headers = Headers::default(), "The headers: an object, or a list of `[name, value]` in which a name may come twice. `{local}` in a value becomes the server's address.";
        body = "body": Option<Value> = None, "The body: JSON, or text that is sent as it is. `{local}` in it becomes the server's address.";
        repeat = "repeat": usize = 1, "The number of times that the body is repeated. Default: once.";
        cut = "cut": Option<usize> = None, "The number of bytes of the body after which the connection breaks.";
    }
}

/// Headers in the order in which they are sent.
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<(String, String)>);

impl SchemaType for Headers {
    const KIND: Kind = Kind::Headers;
}

impl FromInput for Headers {
    fn from_input(input: Input<'_>, dialect: Dialect) -> Result<Self> {
        if let Input::Json(Value::Object(members)) = input {
            let header = |(name, value): (&String, &Value)| {
                let value = String::from_input(value.into(), dialect).map_err(|error| error.at(name))?;
                Ok((name.clone(), value))
            };
            return members.iter().map(header).collect::<Result<_>>().map(Self);
        }
        let pairs = Vec::<Vec<String>>::from_input(input, dialect);
        let pairs = pairs.map_err(|_| Error::value("expected an object of texts, or a list of [name, value]"))?;
        let pair = |pair: Vec<String>| {
            <[String; 2]>::try_from(pair)
                .map(|[name, value]| (name, value))
                .map_err(|_| Error::value("expected [name, value]"))
        };
        pairs.into_iter().map(pair).collect::<Result<_>>().map(Self)
    }
}

impl ScriptedResponse {
    /// Checks what the types and ranges of the members leave open.
    pub fn check(&self) -> Result<()> {
        if self.text().len().saturating_mul(self.repeat) > MAX_BYTES {
            return Err(Error::input("body", "larger than 256 MiB"));
        }
        for (name, value) in &self.headers.0 {
            if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
                return Err(Error::input("headers", format!("the header {name:?} or its value is malformed")));
            }
        }
        Ok(())
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
        for (name, _) in &self.headers.0 {
            response.headers_mut().remove(name);
        }
        for (name, value) in &self.headers.0 {
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
}
