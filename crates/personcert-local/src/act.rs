//! Faults: what happens to a request that meets one.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use crate::body;
use crate::connection_handle::ConnectionHandle;
use crate::reply::{Ids, Refusal, empty};
use crate::script::Answer;

/// What happens instead of the usual answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub enum Act {
    /// One of those that need nothing but their name, or an answer.
    Simple(Simple),
    /// An answer that leads away.
    Redirect(Redirect),
}

/// The acts of one word, and the literal answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Simple {
    /// This answer; the request is not carried out.
    Answer(Answer),
    /// A reset before the body is read.
    ResetBeforeReading,
    /// A reset when the request is read, which is not carried out.
    ResetAfterReading,
    /// A reset when the request is carried out.
    ResetAfterApplying,
    /// A reset after the headers of the answer.
    ResetAfterHeaders,
    /// A reset in the middle of the answer's body.
    HalfBody,
    /// Carried out; the answer is no JSON but says so.
    Garbage,
    /// Carried out; the answer is called `text/plain`.
    WrongContentType,
    /// A page for people.
    Html,
    /// Carried out; an answer without end.
    Endless,
    /// Carried out; an answer byte by byte.
    Slow,
    /// An answer that unpacks to a thousand times its size.
    GzipBomb,
    /// An error that takes 10 MB to say so.
    LargeError,
    /// JSON in JSON in JSON.
    Deep,
    /// Two steps of a `$batch` answer by one name.
    DuplicateBatchId,
    /// A step of a `$batch` answers without its name.
    MissingBatchId,
}

/// An answer that leads away.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    redirect: To,
    #[serde(default = "found")]
    status: u16,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum To {
    SameHost,
    OtherPort,
    OtherHost,
    Http,
}

/// What an act must know about the request.
#[derive(Debug)]
pub struct Setting<'a> {
    /// The connection, to break.
    pub connection: &'a ConnectionHandle,
    /// The address of this server as the client knows it.
    pub url: &'a str,
    /// The port of the second listener.
    pub elsewhere: u16,
    /// The path of the request with its query.
    pub path: &'a str,
    /// The ids of the request.
    pub ids: &'a Ids,
    /// Bytes that nobody expects.
    pub noise: Vec<u8>,
}

fn found() -> u16 {
    302
}

impl TryFrom<Value> for Act {
    type Error = serde_json::Error;

    fn try_from(value: Value) -> Result<Self, serde_json::Error> {
        if value.get("redirect").is_some() {
            return serde_json::from_value(value).map(Self::Redirect);
        }
        serde_json::from_value(value).map(Self::Simple)
    }
}

impl Act {
    /// Checks what was asked for. A step of a `$batch` has no connection and no body of its own.
    pub fn check(&self, step: bool) -> Result<(), String> {
        use Simple::{
            Answer, Deep, Endless, GzipBomb, HalfBody, LargeError, ResetAfterHeaders, ResetBeforeReading, Slow,
        };
        match self {
            Self::Redirect(Redirect { status, .. }) if !(300..400).contains(status) => {
                Err(format!("{status} does not redirect"))
            }
            Self::Simple(
                ResetBeforeReading | ResetAfterHeaders | HalfBody | Endless | Slow | GzipBomb | LargeError | Deep,
            ) if step => Err("this happens to whole answers, not to a `step`".into()),
            Self::Simple(Answer(answer)) => answer.check(),
            _ => Ok(()),
        }
    }

    /// Whether the connection goes before the request is read.
    pub fn is_early(&self) -> bool {
        matches!(self, Self::Simple(Simple::ResetBeforeReading))
    }

    /// Whether the client sees its connection reset.
    pub fn resets(&self) -> bool {
        use Simple::{HalfBody, ResetAfterApplying, ResetAfterHeaders, ResetAfterReading, ResetBeforeReading};
        matches!(
            self,
            Self::Simple(ResetBeforeReading | ResetAfterReading | ResetAfterApplying | ResetAfterHeaders | HalfBody)
        )
    }

    /// Whether it needs the second listener.
    pub fn leads_away(&self) -> bool {
        matches!(self, Self::Redirect(_))
    }

    /// The id that a step of a `$batch` answers by, which has `own` and is beside `other`.
    pub fn batch_id<'a>(&self, own: &'a str, other: &'a str) -> Option<&'a str> {
        match self {
            Self::Simple(Simple::DuplicateBatchId) => Some(other),
            Self::Simple(Simple::MissingBatchId) => None,
            _ => Some(own),
        }
    }

    /// Whether the request is carried out all the same.
    pub fn applies(&self) -> bool {
        use Simple::{
            DuplicateBatchId, Endless, Garbage, HalfBody, MissingBatchId, ResetAfterApplying, ResetAfterHeaders, Slow,
            WrongContentType,
        };
        matches!(
            self,
            Self::Simple(
                ResetAfterApplying
                    | ResetAfterHeaders
                    | HalfBody
                    | Garbage
                    | WrongContentType
                    | Endless
                    | Slow
                    | DuplicateBatchId
                    | MissingBatchId
            )
        )
    }

    /// The answer that the client gets in the place of `usual`, which is there when [`Act::applies`]; none when the
    /// connection is to be reset without one.
    pub async fn shape(&self, usual: Response<Body>, setting: Setting<'_>) -> Option<Response<Body>> {
        let act = match self {
            Self::Redirect(redirect) => return Some(redirect.answer(&setting)),
            Self::Simple(act) => act,
        };
        let (mut head, usual) = usual.into_parts();
        // The local Graph's own answers are short and whole; a scripted one may be cut, and then there's no more of it.
        let usual = to_bytes(usual, usize::MAX).await.unwrap_or_default();
        let kind = |kind: &'static str| HeaderValue::from_static(kind);
        let body = match act {
            Simple::ResetBeforeReading | Simple::ResetAfterReading | Simple::ResetAfterApplying => return None,
            Simple::Answer(answer) if answer.is_bare_error() => {
                let mut bare = Refusal::new(answer.status(), "UnknownError", "").answer(setting.ids);
                answer.decorate(&mut bare, setting.url);
                return Some(bare);
            }
            Simple::Answer(answer) => return Some(answer.response(setting.url)),
            Simple::ResetAfterHeaders | Simple::HalfBody => {
                // A 204 has no body to break off; what is promised instead never comes.
                if usual.is_empty() {
                    head.status = StatusCode::OK;
                }
                head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(usual.len().max(1)));
                let sent = if matches!(act, Simple::HalfBody) { usual.len() / 2 } else { 0 };
                body::broken(usual.slice(..sent), setting.connection.clone())
            }
            Simple::Garbage => {
                head.status = StatusCode::OK;
                Body::from(setting.noise)
            }
            Simple::WrongContentType => {
                head.headers.insert(header::CONTENT_TYPE, kind("text/plain"));
                Body::from(usual)
            }
            Simple::Html => {
                head.headers.insert(header::CONTENT_TYPE, kind("text/html; charset=utf-8"));
                Body::from(body::PAGE)
            }
            Simple::Endless => {
                head.status = StatusCode::OK;
                body::endless()
            }
            Simple::Slow => {
                head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(usual.len()));
                body::slow(usual)
            }
            Simple::GzipBomb => {
                head.headers.insert(header::CONTENT_ENCODING, kind("gzip"));
                Body::from(body::gzip_bomb())
            }
            Simple::LargeError => {
                head.status = StatusCode::INTERNAL_SERVER_ERROR;
                Body::from(body::large_error())
            }
            Simple::Deep => Body::from(body::deep()),
            Simple::DuplicateBatchId | Simple::MissingBatchId => Body::from(renamed(act, &usual)),
        };
        let mut answer = Response::from_parts(head, body);
        answer.headers_mut().entry(header::CONTENT_TYPE).or_insert(kind("application/json"));
        Some(answer)
    }
}

impl Redirect {
    fn answer(&self, setting: &Setting) -> Response<Body> {
        let scheme = if setting.connection.secure { "https" } else { "http" };
        let (port, path) = (setting.elsewhere, setting.path);
        let location = match self.redirect {
            To::SameHost => format!("{}{path}", setting.url),
            To::OtherPort => format!("{scheme}://127.0.0.1:{port}{path}"),
            To::OtherHost => format!("{scheme}://localhost:{port}{path}"),
            To::Http => format!("http://127.0.0.1:{port}{path}"),
        };
        let mut answer = empty(self.status);
        if let Ok(location) = HeaderValue::try_from(location) {
            answer.headers_mut().insert(header::LOCATION, location);
        }
        answer
    }
}

/// The answer of a `$batch` whose last step goes by the first one's name, or by none. Other answers stay.
fn renamed(act: &Simple, answer: &[u8]) -> Vec<u8> {
    let read: Option<Value> = serde_json::from_slice(answer).ok();
    let Some(mut answer) = read else { return answer.to_vec() };
    if let Some(steps) = answer.get_mut("responses").and_then(Value::as_array_mut) {
        let first = steps.first().map(|step| step["id"].clone());
        if let (Some(first), Some(last)) = (first, steps.last_mut().and_then(Value::as_object_mut)) {
            match act {
                Simple::DuplicateBatchId => last.insert("id".into(), first),
                _ => last.remove("id"),
            };
        }
    }
    answer.to_string().into_bytes()
}
