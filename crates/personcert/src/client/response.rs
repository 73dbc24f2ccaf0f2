//! What came back, and what it means.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::retry::retry_after;
use crate::{Error, ErrorKind, Outcome, PersonCertification, Result};

/// An answer of the service.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) request_id: Option<String>,
    pub(super) client_request_id: String,
    pub(super) body: Vec<u8>,
    pub(super) attempts: u32,
    /// That this will change or go, where the service says so.
    pub(super) notice: Option<String>,
    challenge: Option<String>,
    date: Option<String>,
    diagnostic: Option<String>,
    retry_after: Option<f64>,
}

impl Response {
    /// The head of an answer; its body is still to be read.
    pub(super) fn of(response: &reqwest::Response, client_request_id: &str) -> Self {
        let headers = response.headers();
        Self {
            status: response.status().as_u16(),
            request_id: text(headers, "request-id"),
            client_request_id: client_request_id.to_owned(),
            body: Vec::new(),
            attempts: 1,
            notice: notice(headers),
            challenge: headers.get_all(WWW_AUTHENTICATE).iter().find_map(|value| claims(value.to_str().ok()?)),
            date: text(headers, DATE.as_str()),
            diagnostic: text(headers, "x-ms-ags-diagnostic"),
            retry_after: retry_after(
                headers.get_all(RETRY_AFTER).iter().filter_map(|value| value.to_str().ok()),
                headers.get(DATE).and_then(|date| date.to_str().ok()),
                jiff::Timestamp::now(),
            ),
        }
    }

    /// The service's clock.
    pub(super) fn date(&self) -> Option<&str> {
        self.date.as_deref()
    }

    /// The body as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| self.unusable("the answer is not the JSON that Graph sends").caused_by(error))
    }

    /// The body as a certification, which has an id.
    pub(super) fn certification(&self) -> Result<PersonCertification> {
        let read: PersonCertification = self.json()?;
        if read.id.is_some() { Ok(read) } else { Err(self.unusable("the answer is not a certification: it has no id")) }
    }

    /// The service took the request, but its answer can't be used.
    pub(super) fn unusable(&self, why: &str) -> Error {
        self.describe(Error::new(ErrorKind::Protocol, Outcome::Unknown, why))
    }

    /// The connection broke while the answer was being read.
    pub(super) fn lost(&self, error: reqwest::Error) -> Error {
        let why = "the connection was lost in the middle of the answer";
        self.describe(Error::new(ErrorKind::Network, Outcome::Unknown, why).caused_by(error.without_url()))
    }

    /// The service's error or failure.
    pub(super) fn into_error(self) -> Error {
        self.describe(error_of(self.status, &self.body).with_claims(self.challenge.clone()))
    }

    fn describe(&self, mut error: Error) -> Error {
        let details = &mut error.details;
        details.status = Some(self.status);
        if self.request_id.is_some() {
            details.request_id.clone_from(&self.request_id);
        }
        details.client_request_id = Some(self.client_request_id.clone());
        details.date.clone_from(&self.date);
        details.diagnostic.clone_from(&self.diagnostic);
        details.retry_after = self.retry_after;
        details.attempts = Some(self.attempts);
        error
    }
}

/// The error that a status and a body make.
pub(crate) fn error_of(status: u16, body: &[u8]) -> Error {
    let (kind, outcome, meaning) = classify(status);
    let said = Said::read(body);
    let mut message = meaning.to_owned();
    if let Some(text) = said.message.as_deref().filter(|text| !text.is_empty()) {
        let text: String = text.chars().take(300).collect();
        message = format!("{message}. The service says: {text}");
    }
    let mut error = Error::new(kind, outcome, message);
    error.details.status = Some(status);
    error.details.code = said.code;
    error.details.service_message = said.message;
    error.details.request_id = said.request_id;
    error
}

/// What a status means to the caller. Decided by the status alone: codes vary and messages are often empty.
fn classify(status: u16) -> (ErrorKind, Outcome, &'static str) {
    use ErrorKind::{Auth, Conflict, InvalidInput, NotFound, Permission, Protocol, Service, Throttled, Timeout};
    use Outcome::{Refused, Unknown};
    match status {
        300..=399 => (Protocol, Refused, "the service redirects, and a token doesn't follow; check the base URL"),
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
            "there is no such user or certification, or it comes from a source that can't be edited through Graph",
        ),
        408 => (Timeout, Unknown, "the service waited too long for the request"),
        409 | 412 | 423 | 424 => (Conflict, Refused, "the state of the certification does not allow this now"),
        429 => (Throttled, Refused, "too many requests; wait before the next one"),
        501 | 503 | 507 | 509 => (Service, Refused, "the service can't do this now"),
        500..=599 => (Service, Unknown, "the service failed"),
        _ => (InvalidInput, Refused, "the service refused the request"),
    }
}

/// The claims of a challenge: base64 of JSON in `claims="…"`.
/// Source: "Claims challenges, claims requests and client capabilities".
fn claims(challenge: &str) -> Option<String> {
    let (_, rest) = challenge.split_once("claims=\"")?;
    let (text, _) = rest.split_once('"')?;
    let text = text.trim_end_matches('=');
    let decoded = STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()?;
    let demanded = String::from_utf8(decoded).ok()?;
    serde_json::from_str::<Value>(&demanded).ok()?.is_object().then_some(demanded)
}

/// What the headers of RFC 9745 and RFC 8594 announce.
fn notice(headers: &HeaderMap) -> Option<String> {
    let of = |name: &str, meaning: &str| text(headers, name).map(|value| format!("{meaning} {value}"));
    let parts = [of("deprecation", "deprecated:"), of("sunset", "gone after:"), of("link", "see:")];
    let [None, None, _] = &parts else {
        return Some(format!(
            "the service announces a change: {}",
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        ));
    };
    None
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(|text| text.chars().take(1000).collect())
}

/// What the error body says. Any body will do; what isn't there is absent.
#[derive(Default)]
struct Said {
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl Said {
    fn read(body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut said = Self::default();
        let mut level = body.get("error");
        while let Some(object) = level.and_then(Value::as_object) {
            let text = |name: &str| {
                object.get(name).and_then(Value::as_str).map(|text| text.chars().take(2000).collect::<String>())
            };
            let deeper_code = text("code").filter(|code| !code.is_empty() || said.code.is_none());
            said.code = deeper_code.or(said.code);
            said.message = said.message.or_else(|| text("message"));
            said.request_id = text("request-id").or(said.request_id);
            // Graph's page spells the member one way and the wire the other.
            level = object.get("innerError").or_else(|| object.get("innererror"));
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::Said;

    #[test]
    fn the_deepest_code_wins_and_any_body_will_do() {
        let nested = br#"{"error":{"code":"a","message":"m","innerError":{"code":"b","innererror":{"code":""}}}}"#;
        let said = Said::read(nested);
        assert_eq!((said.code.as_deref(), said.message.as_deref()), (Some("b"), Some("m")));
        for body in ["", "<html>", "[]", "{\"error\":\"x\"}", "{\"error\":{\"code\":1}}"] {
            assert_eq!(Said::read(body.as_bytes()).code, None, "{body}");
        }
    }
}
