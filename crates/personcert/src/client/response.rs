//! A successful response of a call, read as what the operation returns.
//!
//! A status of success is not enough: a proxy may answer in place of the service. A body that isn't JSON, isn't a
//! certification, or is another one than was asked for is a `protocol` error with an unknown outcome.

use std::ops::Deref;

use serde::de::DeserializeOwned;

use crate::http::Response;
use crate::{Error, ErrorKind, Outcome, PersonCertification, Result};

/// The response of the last attempt.
pub(super) struct CallResponse {
    response: Response,
    pub(super) client_request_id: String,
    pub(super) attempts: u32,
    /// What the caller should know.
    pub(super) notice: Option<String>,
}

impl Deref for CallResponse {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.response
    }
}

impl CallResponse {
    pub(super) fn new(mut response: Response, client_request_id: String, attempts: u32) -> Self {
        let notice = response.headers.notice.take();
        Self { response, client_request_id, attempts, notice }
    }

    /// The body as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let why = "the response is not the JSON that Graph sends";
        // UTF-8 is checked once, which is faster than text by text.
        let text = std::str::from_utf8(&self.body).map_err(|error| self.unusable(why).caused_by(error))?;
        serde_json::from_str(text).map_err(|error| self.unusable(why).caused_by(error))
    }

    /// The body as a certification; with the id that was asked for, when one was. Boxed, because it is large and handed on
    /// several times.
    pub(super) fn certification(&self, id: Option<&str>) -> Result<Box<PersonCertification>> {
        let read: Box<PersonCertification> = self.json()?;
        match (&read.id, id) {
            (None, _) => Err(self.unusable("the response is not a certification: it has no id")),
            (Some(found), Some(id)) if !found.eq_ignore_ascii_case(id) => {
                Err(self.unusable("the response holds another certification than the one that was asked for"))
            }
            _ => Ok(read),
        }
    }

    /// The service took the request, but its response can't be used.
    pub(super) fn unusable(&self, why: &str) -> Error {
        let mut error = Error::new(ErrorKind::Protocol, Outcome::Unknown, why);
        self.headers.describe(self.status, &mut error);
        error.details.client_request_id = Some(self.client_request_id.clone());
        error.details.attempts = Some(self.attempts);
        error
    }
}
