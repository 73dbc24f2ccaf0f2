//! Fault actions: what happens to a request instead of the normal response.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, Response, StatusCode, header, response};
use personcert::host::Dialect;
use personcert::schema::{FromInput, Input, Kind, SchemaType};
use personcert::{Error, Result, options, string_enum, string_option};
use serde_json::Value;

use crate::connection_handle::ConnectionHandle;
use crate::hostile_body;
use crate::response::{ErrorResponse, RequestIds, empty_response};
use crate::scripted_response::ScriptedResponse;

/// What happens instead of the normal response.
#[derive(Clone, Debug)]
pub enum FaultAction {
    /// This response; the request is not applied.
    Answer(ScriptedResponse),
    /// A redirect; the request is not applied.
    Redirect(Redirect),
    /// What the name says.
    Named(NamedAction),
}

string_enum! {
    /// An action that is described by its name.
    NamedAction {
        ResetBeforeReading = "resetBeforeReading", "Not applied. A reset (RST) before the body is read.";
        ResetAfterReading = "resetAfterReading", "Not applied. A reset after the body was read.";
        ResetAfterApplying = "resetAfterApplying", "Applied. A reset without a response.";
        ResetAfterHeaders = "resetAfterHeaders", "Applied. The headers with their `Content-Length`, then a reset.";
        HalfBody = "halfBody", "Applied. The headers and half of the body, then a reset.";
        Garbage = "garbage", "Applied. 200 with bytes that are not the JSON they claim to be.";
        WrongContentType = "wrongContentType", "Applied. The normal body as `text/plain`.";
        Html = "html", "Not applied. 200 with an HTML page.";
        Endless = "endless", "Applied. Chunks without end, for 60 s.";
        Slow = "slow", "Applied. The normal body, a byte every 50 ms.";
        GzipBomb = "gzipBomb", "Not applied. 256 KiB that unpack to 256 MiB.";
        LargeError = "largeError", "Not applied. A 500 of 10 MB.";
        Deep = "deep", "Not applied. JSON that nests 100,000 levels.";
        DuplicateBatchId = "duplicateBatchId", "Applied. The step, or the last one of the batch, responds with another's id.";
        MissingBatchId = "missingBatchId", "Applied. The step, or the last one of the batch, responds without an id.";
    }
}
string_option!(NamedAction, "fault action");

string_enum! {
    /// Where a redirect leads.
    RedirectTarget {
        SameHost = "sameHost", "This server.";
        OtherPort = "otherPort", "The second listener.";
        OtherHost = "otherHost", "The second listener as `localhost`.";
        Http = "http", "The second listener without TLS.";
    }
}
string_option!(RedirectTarget, "redirect target");

options! {
    /// Responds with this; the request is not applied.
    pub struct AnswerAction as "AnswerAction", "member" {
        required { answer = "answer": ScriptedResponse, "The response. An error without `body` gets Graph's `UnknownError`."; }
        optional {}
    }
}

options! {
    /// Redirects to the same path; the request is not applied.
    pub struct Redirect as "Redirect", "member" {
        required { redirect = "redirect": RedirectTarget, "`sameHost`, or a second listener: `otherPort`, `otherHost` (as `localhost`), `http` (without TLS). Requests that reach it are in `requests` with `elsewhere` and `authorization`."; }
        optional { status = "status": u16 = 302, in 300.0..=399.0, "The status. Default: 302."; }
    }
}

impl SchemaType for FaultAction {
    const KIND: Kind =
        Kind::OneOf(&[NamedAction::KIND, Kind::Record(&AnswerAction::RECORD), Kind::Record(&Redirect::RECORD)]);
}

impl FromInput for FaultAction {
    fn from_input(input: Input<'_>, dialect: Dialect) -> Result<Self> {
        match input {
            Input::Text(_) => NamedAction::from_input(input, dialect).map(Self::Named),
            Input::Json(Value::Object(members)) if members.contains_key("redirect") => {
                Redirect::from_input(input, dialect).map(Self::Redirect)
            }
            Input::Json(Value::Object(_)) => {
                AnswerAction::from_input(input, dialect).map(|action| Self::Answer(action.answer))
            }
            _ => Err(Error::value("expected the name of an action, or an object with `answer` or `redirect`")),
        }
    }
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

impl FaultAction {
    /// Checks a configured action. A step of a `$batch` has no connection and no raw body of its own.
    pub fn check(&self, is_step: bool) -> Result<()> {
        match self {
            Self::Answer(response) => response.check().map_err(|error| error.at("answer")),
            Self::Named(action) if is_step && action.is_of_connection() => {
                Err(Error::value("the action applies to whole responses, not to a `step`"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the connection ends before the request is read.
    pub fn is_early(&self) -> bool {
        matches!(self, Self::Named(NamedAction::ResetBeforeReading))
    }

    /// Whether the client's connection is reset.
    pub fn resets(&self) -> bool {
        matches!(self, Self::Named(action) if action.resets())
    }

    /// Whether it needs the server that redirects lead to.
    pub fn is_redirect(&self) -> bool {
        matches!(self, Self::Redirect(_))
    }

    /// Whether the request is applied all the same.
    pub fn applies(&self) -> bool {
        matches!(self, Self::Named(action) if action.applies())
    }

    /// The id in the response of the `$batch` step `own`, beside the step `other`.
    pub fn batch_id<'a>(&self, own: &'a str, other: &'a str) -> Option<&'a str> {
        match self {
            Self::Named(NamedAction::DuplicateBatchId) => Some(other),
            Self::Named(NamedAction::MissingBatchId) => None,
            _ => Some(own),
        }
    }

    /// The response in place of the normal one; none when the connection is to be reset without a response. `normal`
    /// holds the normal response when [`FaultAction::applies`].
    pub async fn transform(&self, normal: Response<Body>, context: FaultContext<'_>) -> Option<Response<Body>> {
        let action = match self {
            Self::Redirect(redirect) => return Some(redirect.response(&context)),
            Self::Answer(response) if response.is_bare_error() => {
                let mut bare = ErrorResponse::new(response.status, "UnknownError", "").response(context.ids);
                response.add_headers(&mut bare, context.url);
                return Some(bare);
            }
            Self::Answer(response) => return Some(response.response(context.url)),
            Self::Named(action) if action.resets() && !action.has_headers() => return None,
            Self::Named(action) => action,
        };
        let (mut head, normal) = normal.into_parts();
        // Only a scripted response can break here, and then its start is all of it.
        let normal = to_bytes(normal, usize::MAX).await.unwrap_or_default();
        let body = action.body(&mut head, normal, context);
        let mut response = Response::from_parts(head, body);
        response.headers_mut().entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        Some(response)
    }
}

impl NamedAction {
    /// Whether it is about a connection or a raw body, which a step of a `$batch` has not.
    fn is_of_connection(self) -> bool {
        matches!(
            self,
            Self::ResetBeforeReading
                | Self::ResetAfterHeaders
                | Self::HalfBody
                | Self::Endless
                | Self::Slow
                | Self::GzipBomb
                | Self::LargeError
                | Self::Deep
        )
    }

    fn resets(self) -> bool {
        matches!(self, Self::ResetBeforeReading | Self::ResetAfterReading | Self::ResetAfterApplying)
            || self.has_headers()
    }

    /// Whether a reset follows the headers of a response.
    fn has_headers(self) -> bool {
        matches!(self, Self::ResetAfterHeaders | Self::HalfBody)
    }

    fn applies(self) -> bool {
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

    /// The body in place of the normal one, with the headers that describe it.
    fn body(self, head: &mut response::Parts, normal: Bytes, context: FaultContext<'_>) -> Body {
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
    fn with_wrong_id(self, response: &[u8]) -> Vec<u8> {
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
