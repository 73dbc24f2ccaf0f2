//! A response: of one request, or of one step of a batch.
//!
//! Of the headers only those that this client acts on or reports are kept, each up to 1,000 characters, so that a response
//! costs the same whatever else a gateway adds. The steps of a batch have headers of the same names in their JSON.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::retry_after::retry_after;
use crate::Error;

/// The longest header value that is kept, in characters.
const MAX_HEADER_CHARS: usize = 1000;
/// The longest claims challenge that is read, in bytes.
const MAX_CHALLENGE_BYTES: usize = 16 << 10;

/// What the service answered, whatever its status.
///
/// ```
/// use personcert::http::{Response, ServiceHeaders};
///
/// let response = Response {
///     status: 429,
///     headers: ServiceHeaders { retry_after: Some(2.5), ..ServiceHeaders::default() },
///     ..Response::default()
/// };
/// ```
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers this client reads.
    pub headers: ServiceHeaders,
    /// The body, complete.
    pub body: Bytes,
}

/// The headers of a response that this client reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceHeaders {
    /// `request-id`: the service's id for the request.
    pub request_id: Option<String>,
    /// `Date`: the service's clock.
    pub date: Option<String>,
    /// `x-ms-ags-diagnostic`.
    pub diagnostic: Option<String>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<f64>,
    /// The claims that `WWW-Authenticate` demands, as JSON.
    pub challenge: Option<String>,
    /// What `Deprecation`, `Sunset` and `Link` announce.
    pub notice: Option<String>,
}

impl ServiceHeaders {
    /// Reads headers, whatever the case of their names. `now` is the local clock, for a `Retry-After` date without `Date`.
    pub fn new<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>, now: jiff::Timestamp) -> Self {
        let mut read = Self::default();
        let (mut waits, mut deprecation, mut sunset, mut link) = (Vec::new(), None, None, None);
        for (name, value) in headers {
            let text = || Some(shorten(value).to_owned());
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            match name.len() {
                10 if is("request-id") => read.request_id = text(),
                4 if is("date") => read.date = text(),
                19 if is("x-ms-ags-diagnostic") => read.diagnostic = text(),
                11 if is("retry-after") => waits.push(value),
                16 if is("www-authenticate") => read.challenge = read.challenge.or_else(|| claims(value)),
                11 if is("deprecation") => deprecation = text(),
                6 if is("sunset") => sunset = text(),
                4 if is("link") => link = text(),
                _ => {}
            }
        }
        read.retry_after = retry_after(waits.into_iter(), read.date.as_deref(), now);
        read.notice = notice(deprecation, sunset, link);
        read
    }

    /// Adds what a response says about itself to an error: status, request id, date, diagnostic and wait.
    pub(crate) fn describe(&self, status: u16, error: &mut Error) {
        let details = &mut error.details;
        details.status = Some(status);
        if self.request_id.is_some() {
            details.request_id.clone_from(&self.request_id);
        }
        details.date.clone_from(&self.date);
        details.diagnostic.clone_from(&self.diagnostic);
        details.retry_after = self.retry_after;
    }

    /// Reads the headers of an HTTP response.
    pub(super) fn from_http(headers: &HeaderMap) -> Self {
        let pairs = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        Self::new(pairs, jiff::Timestamp::now())
    }
}

/// At most the first [`MAX_HEADER_CHARS`] characters.
fn shorten(value: &str) -> &str {
    if value.len() <= MAX_HEADER_CHARS {
        return value;
    }
    value.char_indices().nth(MAX_HEADER_CHARS).map_or(value, |(end, _)| &value[..end])
}

/// The claims of a challenge: base64 of JSON in `claims="…"`.
/// Source: "Claims challenges, claims requests and client capabilities".
fn claims(challenge: &str) -> Option<String> {
    let (_, rest) = challenge.split_once("claims=\"")?;
    let (text, _) = rest.split_once('"')?;
    let text = Some(text.trim_end_matches('=')).filter(|text| text.len() <= MAX_CHALLENGE_BYTES)?;
    let decoded = STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()?;
    let claims = String::from_utf8(decoded).ok()?;
    serde_json::from_str::<Value>(&claims).ok()?.is_object().then_some(claims)
}

/// What the headers of RFC 9745 (`Deprecation`) and RFC 8594 (`Sunset`) announce, in one line.
fn notice(deprecation: Option<String>, sunset: Option<String>, link: Option<String>) -> Option<String> {
    if deprecation.is_none() && sunset.is_none() {
        return None;
    }
    let part = |label: &str, value: Option<String>| value.map(|value| format!("{label} {value}"));
    let parts = [part("deprecated:", deprecation), part("gone after:", sunset), part("see:", link)];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    Some(format!("the service announces a change: {}", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_a_batch_step_read_like_those_of_a_response() {
        let headers = [("Retry-After", "0.25"), ("REQUEST-ID", "r"), ("Sunset", "soon"), ("Link", "<x>")];
        let read = ServiceHeaders::new(headers.into_iter(), jiff::Timestamp::UNIX_EPOCH);
        assert_eq!((read.retry_after, read.request_id.as_deref()), (Some(0.25), Some("r")));
        assert_eq!(read.notice.as_deref(), Some("the service announces a change: gone after: soon, see: <x>"));
    }

    #[test]
    fn a_challenge_holds_json_or_is_ignored() {
        let challenge = |text: &str| claims(&format!("Bearer realm=\"\", claims=\"{text}\""));
        assert_eq!(challenge("eyJhIjoxfQ=="), Some("{\"a\":1}".to_owned()));
        assert_eq!(challenge("eyJhIjoxfQ"), Some("{\"a\":1}".to_owned()));
        assert_eq!([challenge("WzFd"), challenge("###"), claims("Bearer")], [None, None, None]);
    }
}
