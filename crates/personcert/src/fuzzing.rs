//! Not for users: what only the fuzz targets reach from outside.
//!
//! Each function hands bytes to one parser of foreign input. None may panic, whatever the bytes are.

use std::time::SystemTime;

use crate::auth::AccessToken;
use crate::doctor::Finding;
use crate::{Cloud, Error, Result, User};

/// The error for an answer with this status and body.
pub fn error_body(status: u16, body: &[u8]) -> Error {
    let response = crate::http::Response { status, body: body.to_vec().into(), ..Default::default() };
    crate::http::error_of(&response, true)
}

/// The statuses of `count` steps in the body of a batch, where it is one.
pub fn batch_body(body: &[u8], count: usize) -> Option<Vec<Option<u16>>> {
    let response = crate::http::Response { status: 200, body: body.to_vec().into(), ..Default::default() };
    let steps = crate::batch::read_batch(&response, count, jiff::Timestamp::UNIX_EPOCH)?;
    Some(steps.into_iter().map(|step| step.ok().map(|step| step.status)).collect())
}

/// The wait that a `Retry-After` header asks for, in seconds, in an answer with this `Date`.
pub fn retry_after(value: &str, date: &str) -> Option<f64> {
    crate::http::retry_after([value].into_iter(), Some(date), jiff::Timestamp::UNIX_EPOCH)
}

/// The token in an answer of a token endpoint.
pub fn token_answer(status: u16, body: &[u8]) -> Result<AccessToken> {
    crate::auth::parse_grant(status, body)
}

/// What a certificate with its key signs, where this is one.
pub fn certificate(bytes: &[u8]) -> Option<std::result::Result<String, String>> {
    let read = crate::auth::Certificate::parse(bytes, Some("local-password")).ok()?;
    Some(read.assertion("a", "b", SystemTime::UNIX_EPOCH))
}

/// What a doctor says of a token.
pub fn token(text: &str) -> Vec<Finding> {
    crate::doctor::token(text, Cloud::Global, &User::Me, SystemTime::UNIX_EPOCH)
}
