//! Panics become errors at the boundary: as an exception of its own class a panic would pass every `except Exception`,
//! and an event loop would wait for its result forever.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use personcert::{Error, ErrorKind, Outcome, Result};
use pyo3::prelude::*;

use crate::bridge::raise;

fn internal_error() -> Error {
    let why = "internal error; report it with the text on standard error";
    Error::new(ErrorKind::Protocol, Outcome::Unknown, why)
}

/// Calls `work` for Python.
pub fn catch<T>(py: Python<'_>, work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(raise(py, &internal_error())))
}

/// Awaits `future` on a runtime.
pub async fn catch_future<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        poll.unwrap_or_else(|_| Poll::Ready(Err(internal_error())))
    })
    .await
}
