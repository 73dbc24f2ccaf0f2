//! What a response that isn't a success means.
//!
//! The status decides alone. Graph's error codes vary between workloads, and for profiles they are often `UnknownError` with
//! an empty message. Code, message and nested codes are passed on as data.
//!
//! A refusal by Graph proves that a write was not applied. A gateway in front of it can answer 503 after it passed the request
//! on, so a 503 without Graph's error body and request id leaves the outcome of a write unknown.
//! Source: Graph's "Microsoft Graph error responses and resource types".

use serde_json::Value;

use super::Response;
use crate::{Error, ErrorKind, Outcome};

/// The longest text of an error body that is kept, in characters.
const MAX_TEXT_CHARS: usize = 2000;
/// How much of the service's message an error repeats, in characters.
const MAX_REPEATED_CHARS: usize = 300;
/// How many nested codes are kept.
const MAX_INNER_CODES: usize = 8;

/// The error for a refusal or failure of the service. `writes` says whether the request could have changed anything.
pub(crate) fn error_of(response: &Response, writes: bool) -> Error {
    let body = ErrorBody::read(&response.body);
    let from_graph = body.is_odata && response.headers.request_id.is_some();
    let (kind, outcome, meaning) = classify(response.status, writes && !from_graph);
    let mut message = meaning.to_owned();
    if let Some(text) = body.message.as_deref().filter(|text| !text.is_empty()) {
        let text: String = text.chars().take(MAX_REPEATED_CHARS).collect();
        message = format!("{message}. The service says: {text}");
    }
    let mut error = Error::new(kind, outcome, message).with_claims(response.headers.challenge.clone());
    let details = &mut error.details;
    details.status = Some(response.status);
    details.code = body.code;
    details.inner_codes = Some(body.inner_codes).filter(|codes| !codes.is_empty());
    details.service_message = body.message;
    details.request_id = body.request_id.or_else(|| response.headers.request_id.clone());
    details.date.clone_from(&response.headers.date);
    details.diagnostic.clone_from(&response.headers.diagnostic);
    details.retry_after = response.headers.retry_after;
    error
}

/// What a status means to the caller, decided by the status alone: codes vary and messages are often empty.
/// `may_be_forwarded` says that a gateway may have answered after it passed a write on.
fn classify(status: u16, may_be_forwarded: bool) -> (ErrorKind, Outcome, &'static str) {
    use ErrorKind::{Auth, Conflict, InvalidInput, NotFound, Permission, Protocol, Service, Throttled, Timeout};
    use Outcome::{Refused, Unknown};
    match status {
        300..=399 => (Protocol, Refused, "the service redirects, and redirects are not followed; check `base_url`"),
        401 => (Auth, Refused, "the service did not accept the token; sign in again"),
        403 => (
            Permission,
            Refused,
            "the token does not allow this: changes need User.ReadWrite for one's own profile and User.ReadWrite.All \
             for others', delegated; the service's current documentation takes no app-only tokens here",
        ),
        404 | 410 => (
            NotFound,
            Refused,
            "no such user or certification, or its source can't be edited through Graph; check the user and the id",
        ),
        408 => (Timeout, Unknown, "the service waited too long for the request"),
        409 | 412 | 423 | 424 => (Conflict, Refused, "the state of the certification does not allow this now"),
        429 => (Throttled, Refused, "too many requests; wait before the next one"),
        503 if may_be_forwarded => (Service, Unknown, "a gateway answered that the service is unavailable"),
        501 | 503 | 507 | 509 => (Service, Refused, "the service can't do this now"),
        500..=599 => (Service, Unknown, "the service failed"),
        400..=499 => (InvalidInput, Refused, "the service refused the request"),
        _ => (Protocol, Unknown, "the response has a status that HTTP does not define"),
    }
}

/// What an error body says. Any body will do; what it lacks is absent.
#[derive(Default)]
struct ErrorBody {
    /// Whether it has the form of an `OData` error.
    is_odata: bool,
    code: Option<String>,
    inner_codes: Vec<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl ErrorBody {
    /// Reads the outer code and message, and the codes of the nested `innerError` objects.
    fn read(body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut read = Self::default();
        let mut level = body.get("error");
        read.is_odata = level.and_then(|error| error.get("code")).is_some_and(Value::is_string);
        let mut is_outer = true;
        while let Some(object) = level.and_then(Value::as_object) {
            let text = |name: &str| {
                object
                    .get(name)
                    .and_then(Value::as_str)
                    .map(|text| text.chars().take(MAX_TEXT_CHARS).collect::<String>())
            };
            match text("code") {
                code if is_outer => read.code = code,
                Some(code) if !code.is_empty() && read.inner_codes.len() < MAX_INNER_CODES => {
                    read.inner_codes.push(code);
                }
                _ => {}
            }
            read.message = read.message.or_else(|| text("message"));
            read.request_id = text("request-id").or(read.request_id);
            is_outer = false;
            // Graph's page spells the member one way and the wire the other.
            level = object.get("innerError").or_else(|| object.get("innererror"));
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, request_id: Option<&str>, body: &'static [u8]) -> Response {
        let mut response = Response { status, body: body.into(), ..Response::default() };
        response.headers.request_id = request_id.map(str::to_owned);
        response
    }

    #[test]
    fn the_outer_code_is_the_code_and_the_inner_ones_are_kept() {
        let nested = br#"{"error":{"code":"a","message":"m","innerError":{"code":"b","innererror":{"code":""}}}}"#;
        let error = error_of(&response(400, None, nested), true);
        assert_eq!(error.details.code.as_deref(), Some("a"));
        assert_eq!(error.details.inner_codes, Some(vec!["b".to_owned()]));
        assert_eq!(error.details.service_message.as_deref(), Some("m"));
        for body in ["", "<html>", "[]", "{\"error\":\"x\"}", "{\"error\":{\"code\":1}}"] {
            assert_eq!(error_of(&response(400, None, body.as_bytes()), true).details.code, None, "{body}");
        }
    }

    #[test]
    fn a_503_refuses_a_write_only_when_graph_itself_wrote_it() {
        let graph: &[u8] = br#"{"error":{"code":"serviceNotAvailable","message":""}}"#;
        let outcome = |id, body, writes| error_of(&response(503, id, body), writes).outcome;
        assert_eq!(outcome(Some("r"), graph, true), Outcome::Refused);
        assert_eq!(outcome(None, graph, true), Outcome::Unknown);
        assert_eq!(outcome(Some("r"), b"<html>", true), Outcome::Unknown);
        assert_eq!(outcome(None, b"", false), Outcome::Refused, "a read changes nothing");
    }
}
