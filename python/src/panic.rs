//! Panics become errors at the boundary: as an exception of its own class a panic would pass every `except Exception`,
//! and an event loop would wait for its result forever.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

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

/// Awaits `future` on a runtime. It is boxed where it is made: a call's future is large, and each move would copy it.
pub struct CatchPanic<'a, T>(Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>);

impl<'a, T> CatchPanic<'a, T> {
    pub fn new(future: impl Future<Output = Result<T>> + Send + 'a) -> Self {
        Self(Box::pin(future))
    }
}

impl<T> Future for CatchPanic<'_, T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let poll = catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context)));
        poll.unwrap_or_else(|_| Poll::Ready(Err(internal_error())))
    }
}
