//! Not for users: what only the fuzz targets reach from outside.

use crate::Error;

/// The error for an answer with this status and body.
pub fn error_body(status: u16, body: &[u8]) -> Error {
    crate::client::error_of(status, body)
}

/// The wait that a `Retry-After` header asks for, in seconds, in an answer with this `Date`.
pub fn retry_after(value: &str, date: &str) -> Option<f64> {
    crate::retry::retry_after([value].into_iter(), Some(date), jiff::Timestamp::UNIX_EPOCH)
}
