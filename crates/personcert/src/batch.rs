//! The wire form of `$batch`: up to 20 steps in one request, answered in any order. Pure.
//!
//! The ids of the steps are their positions, from 1, and responses are matched by them. Graph answers a batch with 200 even
//! when it refuses steps of it, so each step has a status, headers and a body of its own, and ends as a request that was
//! sent alone would. A step without a response proves nothing: its outcome is unknown. Step headers are few; what they lack
//! of `request-id` and `Date` is taken from the batch.
//!
//! Request bodies are written into one buffer and response bodies are slices of one, so that a batch copies nothing.
//!
//! [`Client::batch`](crate::Client::batch) sends [`Step`]s and returns a [`StepResponse`] for each.
//! Source: Graph's "Combine multiple HTTP requests using JSON batching".

mod answer;

use bytes::Bytes;

use self::answer::{Answer, Envelope};
use crate::http::{Response, ServiceHeaders};
use crate::{CertificationPatch, ListQuery, PersonCertification, Target, User};

/// The most steps that Graph takes in one batch.
pub const MAX_STEPS: usize = 20;

/// One request of a batch. It borrows its arguments, so that a caller can prepare thousands and send 20 at a time.
///
/// ```
/// use personcert::batch::Step;
/// use personcert::{CertificationPatch, Change, Target, User};
///
/// let target = Target::new(User::Named("ada@contoso.com".into()), "0fb4c1e3").unwrap();
/// let patch = CertificationPatch { description: Change::Clear, ..CertificationPatch::default() };
/// let steps = [Step::Update(&target, &patch), Step::Get(&target)];
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Update personCertification: sends the properties that the patch sets or clears.
    Update(&'a Target, &'a CertificationPatch),
    /// Get personCertification, with all members.
    Get(&'a Target),
    /// The first page of List certifications. [`Step::NextPage`] reads those after it.
    List(&'a User, &'a ListQuery),
    /// The page that [`StepResponse::Page`] names as the next.
    NextPage(&'a User, &'a str),
    /// Create personCertification. Properties that the patch keeps are left out.
    Create(&'a User, &'a CertificationPatch),
    /// Delete personCertification.
    Delete(&'a Target),
}

/// What a successful step returned. A step that failed is an [`Error`](crate::Error) in its place.
#[derive(Clone, Debug, PartialEq)]
pub enum StepResponse {
    /// The certification that was read, created or updated.
    Certification(Box<PersonCertification>),
    /// Nothing: a deletion, or an update that was answered with 204.
    NoContent,
    /// A page of a list, and the path of the next one.
    Page {
        /// The certifications of the page.
        certifications: Vec<PersonCertification>,
        /// The path of the next page below the version; none after the last.
        next: Option<String>,
    },
}

/// A step as it is written.
pub(crate) struct StepRequest<'a> {
    pub(crate) method: &'a str,
    /// The path below the version.
    pub(crate) path: &'a str,
    /// JSON; empty when the step has no body.
    pub(crate) body: &'a [u8],
}

/// The body of a batch. The ids of the steps are their positions, from 1.
pub(crate) fn write_batch<'a>(steps: impl Iterator<Item = StepRequest<'a>>) -> Vec<u8> {
    let mut out = Vec::with_capacity(8192);
    out.extend_from_slice(b"{\"requests\":[");
    for (at, StepRequest { method, path, body }) in steps.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"id\":\"");
        // Numbers and text are always written.
        let _ = serde_json::to_writer(&mut out, &(at + 1));
        out.extend_from_slice(b"\",\"method\":\"");
        out.extend_from_slice(method.as_bytes());
        out.extend_from_slice(b"\",\"url\":");
        let _ = serde_json::to_writer(&mut out, path);
        out.extend_from_slice(b",\"headers\":{\"Prefer\":\"include-unknown-enum-members\"");
        if body.is_empty() {
            out.extend_from_slice(b"}}");
        } else {
            out.extend_from_slice(b",\"Content-Type\":\"application/json\"},\"body\":");
            out.extend_from_slice(body);
            out.push(b'}');
        }
    }
    out.extend_from_slice(b"]}");
    out
}

/// Why a step has no response of its own. The step may have been carried out in each of these cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepError {
    /// No answer has the step's id.
    Missing,
    /// Several answers have the step's id.
    Duplicate,
    /// The answer with the step's id has no status.
    Malformed,
}

/// The responses of `count` steps in their order, or nothing when the body is not a batch response. `now` is the local clock,
/// for a `Retry-After` date where the service gives no `Date`.
pub(crate) fn read_batch(
    batch: &Response,
    count: usize,
    now: jiff::Timestamp,
) -> Option<Vec<Result<Response, StepError>>> {
    let envelope: Envelope<'_> = serde_json::from_str(std::str::from_utf8(&batch.body).ok()?).ok()?;
    let mut steps: Vec<_> = (0..count).map(|_| Err(StepError::Missing)).collect();
    for answer in envelope.responses.0 {
        let Some(step) = answer.position().and_then(|at| steps.get_mut(at)) else { continue };
        *step = match step {
            Err(StepError::Missing) => read_step(&answer, batch, now).ok_or(StepError::Malformed),
            _ => Err(StepError::Duplicate),
        };
    }
    Some(steps)
}

/// One step's response; nothing when it has no status.
fn read_step(answer: &Answer<'_>, batch: &Response, now: jiff::Timestamp) -> Option<Response> {
    let (status, own) = (answer.status()?, answer.headers()?);
    let inherited = [("date", &batch.headers.date), ("request-id", &batch.headers.request_id)];
    let inherited = inherited.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    // The last of two counts.
    let headers = inherited.chain(own.iter().map(|(name, value)| (&**name, &**value)));
    let headers = ServiceHeaders::new(headers, now);
    Some(Response { status, headers, body: answer.body().map(|body| slice(&batch.body, body)).unwrap_or_default() })
}

/// A part of the body without a copy.
fn slice(whole: &Bytes, part: &str) -> Bytes {
    let within = whole.as_ptr_range();
    if within.contains(&part.as_ptr()) {
        whole.slice_ref(part.as_bytes())
    } else {
        Bytes::copy_from_slice(part.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &'static str, count: usize) -> Option<Vec<Result<Response, StepError>>> {
        let batch = Response { status: 200, body: Bytes::from_static(body.as_bytes()), ..Response::default() };
        read_batch(&batch, count, jiff::Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_batch_is_written_byte_for_byte() {
        let steps = [
            StepRequest { method: "PATCH", path: "/me/profile/certifications/1", body: b"{\"description\":null}" },
            StepRequest { method: "GET", path: "/users/\"/x", body: b"" },
        ];
        let written = String::from_utf8(write_batch(steps.into_iter())).expect("text");
        assert_eq!(
            written,
            "{\"requests\":[{\"id\":\"1\",\"method\":\"PATCH\",\"url\":\"/me/profile/certifications/1\",\
             \"headers\":{\"Prefer\":\"include-unknown-enum-members\",\"Content-Type\":\"application/json\"},\
             \"body\":{\"description\":null}},{\"id\":\"2\",\"method\":\"GET\",\"url\":\"/users/\\\"/x\",\
             \"headers\":{\"Prefer\":\"include-unknown-enum-members\"}}]}"
        );
    }

    #[test]
    fn answers_are_matched_by_id_in_any_order() {
        let steps = read(
            r#"{"responses":[{"id":"2","status":429,"headers":{"retry-after":0.25}},{"id":"1","status":200,"body":{"id":"x"}}]}"#,
            2,
        );
        let steps: Vec<_> = steps.expect("a batch").into_iter().map(|step| step.expect("a response")).collect();
        assert_eq!((steps[0].status, &steps[0].body[..]), (200, &b"{\"id\":\"x\"}"[..]));
        assert_eq!((steps[1].status, steps[1].headers.retry_after), (429, Some(0.25)));
    }

    #[test]
    fn a_missing_a_repeated_and_a_malformed_answer_are_told_apart() {
        let body =
            r#"{"responses":[{"id":"1","status":200},{"id":"1","status":200},{"id":"3"},{"id":"9","status":200},7]}"#;
        let errors = read(body, 3).expect("a batch").into_iter().map(|step| step.map(drop).unwrap_err());
        assert!(errors.eq([StepError::Duplicate, StepError::Missing, StepError::Malformed]));
        for garbage in ["", "[]", "{}", "{\"responses\":{}}", "<html>"] {
            assert!(read(garbage, 1).is_none(), "{garbage:?}");
        }
    }
}
