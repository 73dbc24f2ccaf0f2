//! Fault actions: what happens to a request instead of the normal response.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, Response, StatusCode, header, response};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::connection_handle::ConnectionHandle;
use crate::hostile_body;
use crate::response::{ErrorResponse, RequestIds, empty_response};
use crate::scripted_response::ScriptedResponse;

/// What happens instead of the normal response.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub enum FaultAction {
    /// This response; the request is not applied.
    Answer(ScriptedResponse),
    /// A reset before the body is read.
    ResetBeforeReading,
    /// A reset after the request was read; it is not applied.
    ResetAfterReading,
    /// A reset after the request was applied.
    ResetAfterApplying,
    /// Applied; a reset after the headers of the response.
    ResetAfterHeaders,
    /// Applied; a reset in the middle of the response's body.
    HalfBody,
    /// Applied; a response that claims to be JSON and is not.
    Garbage,
    /// Applied; the response as `text/plain`.
    WrongContentType,
    /// An HTML page.
    Html,
    /// Applied; a response that never ends.
    Endless,
    /// Applied; a response byte by byte.
    Slow,
    /// A response that unpacks to a thousand times its size.
    GzipBomb,
    /// An error of 10 MB.
    LargeError,
    /// JSON that nests very deep.
    Deep,
    /// Two steps of a `$batch` respond with the same id.
    DuplicateBatchId,
    /// A step of a `$batch` responds without an id.
    MissingBatchId,
    /// A redirect; the request is not applied.
    #[serde(skip)]
    Redirect(Redirect),
}

/// A redirect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    redirect: RedirectTarget,
    #[serde(default = "found")]
    status: u16,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum RedirectTarget {
    SameHost,
    OtherPort,
    OtherHost,
    Http,
}

/// What an action needs to know about the request.
#[derive(Debug)]
pub struct FaultContext<'a> {
    /// The connection.
    pub connection: &'a ConnectionHandle,
    /// The root address of this server as the client wrote it.
    pub url: &'a str,
    /// The port of the server that redirects lead to.
    pub elsewhere: u16,
    /// The path and query of the request.
    pub path: &'a str,
    /// The ids of the request.
    pub ids: &'a RequestIds,
    /// Random bytes.
    pub noise: Vec<u8>,
}

fn found() -> u16 {
    302
}

impl<'de> Deserialize<'de> for FaultAction {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let read = if value.get("redirect").is_some() {
            Redirect::deserialize(value).map(Self::Redirect)
        } else {
            Self::deserialize(value)
        };
        read.map_err(D::Error::custom)
    }
}

impl FaultAction {
    /// Checks a configured action. A step of a `$batch` has no connection and no raw body of its own.
    pub fn check(&self, is_step: bool) -> Result<(), String> {
        match self {
            Self::Redirect(Redirect { status, .. }) if !(300..400).contains(status) => {
                Err(format!("{status} is not a redirect status"))
            }
            Self::ResetBeforeReading
            | Self::ResetAfterHeaders
            | Self::HalfBody
            | Self::Endless
            | Self::Slow
            | Self::GzipBomb
            | Self::LargeError
            | Self::Deep
                if is_step =>
            {
                Err("the action applies to whole responses, not to a `step`".into())
            }
            Self::Answer(response) => response.check(),
            _ => Ok(()),
        }
    }

    /// Whether the connection ends before the request is read.
    pub fn is_early(&self) -> bool {
        matches!(self, Self::ResetBeforeReading)
    }

    /// Whether the client's connection is reset.
    pub fn resets(&self) -> bool {
        matches!(
            self,
            Self::ResetBeforeReading
                | Self::ResetAfterReading
                | Self::ResetAfterApplying
                | Self::ResetAfterHeaders
                | Self::HalfBody
        )
    }

    /// Whether it needs the server that redirects lead to.
    pub fn is_redirect(&self) -> bool {
        matches!(self, Self::Redirect(_))
    }

    /// Whether the request is applied all the same.
    pub fn applies(&self) -> bool {
        matches!(
            self,
            Self::ResetAfterApplying
                | Self::ResetAfterHeaders
                | Self::HalfBody
                | Self::Garbage
                | Self::WrongContentType
                | Self::Endless
                | Self::Slow
                | Self::DuplicateBatchId
                | Self::MissingBatchId
        )
    }

    /// The id in the response of the `$batch` step `own`, beside the step `other`.
    pub fn batch_id<'a>(&self, own: &'a str, other: &'a str) -> Option<&'a str> {
        match self {
            Self::DuplicateBatchId => Some(other),
            Self::MissingBatchId => None,
            _ => Some(own),
        }
    }

    /// The response in place of the normal one; none when the connection is to be reset without a response. `normal`
    /// holds the normal response when [`FaultAction::applies`].
    pub async fn transform(&self, normal: Response<Body>, context: FaultContext<'_>) -> Option<Response<Body>> {
        match self {
            Self::ResetBeforeReading | Self::ResetAfterReading | Self::ResetAfterApplying => return None,
            Self::Redirect(redirect) => return Some(redirect.response(&context)),
            Self::Answer(response) if response.is_bare_error() => {
                let mut bare = ErrorResponse::new(response.status(), "UnknownError", "").response(context.ids);
                response.add_headers(&mut bare, context.url);
                return Some(bare);
            }
            Self::Answer(response) => return Some(response.response(context.url)),
            _ => {}
        }
        let (mut head, normal) = normal.into_parts();
        // Only a scripted response can break here, and then its start is all of it.
        let normal = to_bytes(normal, usize::MAX).await.unwrap_or_default();
        let body = self.body(&mut head, normal, context);
        let mut response = Response::from_parts(head, body);
        response.headers_mut().entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        Some(response)
    }

    /// The body in place of the normal one, with the headers that describe it.
    fn body(&self, head: &mut response::Parts, normal: Bytes, context: FaultContext<'_>) -> Body {
        match self {
            Self::ResetAfterHeaders | Self::HalfBody => {
                // A 204 has no body to break off, so the headers promise one.
                if normal.is_empty() {
                    head.status = StatusCode::OK;
                }
                head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(normal.len().max(1)));
                let sent = if matches!(self, Self::HalfBody) { normal.len() / 2 } else { 0 };
                hostile_body::broken(normal.slice(..sent), context.connection.clone())
            }
            Self::Garbage => {
                head.status = StatusCode::OK;
                Body::from(context.noise)
            }
            Self::WrongContentType => {
                head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
                Body::from(normal)
            }
            Self::Html => {
                head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
                Body::from(hostile_body::PAGE)
            }
            Self::Endless => {
                head.status = StatusCode::OK;
                hostile_body::endless()
            }
            Self::Slow => {
                head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(normal.len()));
                hostile_body::slow(normal)
            }
            Self::GzipBomb => {
                head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                Body::from(hostile_body::gzip_bomb())
            }
            Self::LargeError => {
                head.status = StatusCode::INTERNAL_SERVER_ERROR;
                Body::from(hostile_body::large_error())
            }
            Self::Deep => Body::from(hostile_body::deep()),
            Self::DuplicateBatchId | Self::MissingBatchId => Body::from(self.with_wrong_id(&normal)),
            _ => Body::from(normal),
        }
    }

    /// The response of a `$batch` whose last step has the first one's id, or none. Other responses stay as they are.
    fn with_wrong_id(&self, response: &[u8]) -> Vec<u8> {
        let Ok(mut read) = serde_json::from_slice::<Value>(response) else { return response.to_vec() };
        if let Some(steps) = read.get_mut("responses").and_then(Value::as_array_mut) {
            let first = steps.first().map(|step| step["id"].clone());
            if let (Some(first), Some(last)) = (first, steps.last_mut().and_then(Value::as_object_mut)) {
                match self {
                    Self::DuplicateBatchId => last.insert("id".into(), first),
                    _ => last.remove("id"),
                };
            }
        }
        read.to_string().into_bytes()
    }
}

impl Redirect {
    fn response(&self, context: &FaultContext) -> Response<Body> {
        let scheme = if context.connection.secure { "https" } else { "http" };
        let (port, path) = (context.elsewhere, context.path);
        let location = match self.redirect {
            RedirectTarget::SameHost => format!("{}{path}", context.url),
            RedirectTarget::OtherPort => format!("{scheme}://127.0.0.1:{port}{path}"),
            RedirectTarget::OtherHost => format!("{scheme}://localhost:{port}{path}"),
            RedirectTarget::Http => format!("http://127.0.0.1:{port}{path}"),
        };
        let mut response = empty_response(self.status);
        if let Ok(location) = HeaderValue::try_from(location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}
