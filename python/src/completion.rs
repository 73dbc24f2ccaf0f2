//! How a call ends: computed without the interpreter, turned into Python objects with it.

use personcert::host::{Call, CopyLimits, Output};
use personcert::{Client, Error, ErrorKind, Outcome, Pages, PersonCertification};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::bridge;
use crate::panic::CatchPanic;

/// The result of a call or of fetching one page.
pub enum Completion {
    /// A call's result; the pages of a list are fetched later.
    Output(Output),
    /// A page of a list; none after the last.
    Page(Option<Vec<PersonCertification>>),
}

/// Reads a call's arguments.
pub fn read_call(operation: &str, arguments: &Bound<'_, PyDict>) -> PyResult<Call> {
    let map = bridge::read_dict(arguments, CopyLimits::CALL)?;
    Call::read(operation, &map, bridge::DIALECT).map_err(|error| bridge::raise(arguments.py(), &error))
}

/// Runs a call.
pub fn run_call(client: Client, call: Call) -> CatchPanic<'static, Completion> {
    CatchPanic::new(async move { client.call(call).await.map(Completion::Output) })
}

/// Fetches the next page.
pub fn next_page(pages: &mut Pages) -> CatchPanic<'_, Completion> {
    CatchPanic::new(async { pages.next().await.map(Completion::Page) })
}

/// Lets the runtime find the idle connections that the server has closed, before a request is written to one of them.
///
/// The first yield makes the runtime poll its sockets, the second one lets the tasks of the connections that have news
/// run. Without them a runtime that was not polled between two calls would send the request first.
pub async fn read_closed_connections() {
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
}

/// A page in Python: a tuple, or None after the last.
pub fn write_page(py: Python<'_>, page: Option<Vec<PersonCertification>>) -> PyResult<Bound<'_, PyAny>> {
    let Some(page) = page else { return Ok(py.None().into_bound(py)) };
    let items = page.into_iter().map(|item| bridge::write_output(py, Output::Certification(Box::new(item))));
    Ok(PyTuple::new(py, items.collect::<PyResult<Vec<_>>>()?)?.into_any())
}

/// The error of a client that is closed or can't start.
pub fn unusable(why: impl Into<String>) -> Error {
    Error::input("client", why)
}

/// The error of a list that was started in the parent process.
pub fn started_before_fork() -> Error {
    Error::new(ErrorKind::InvalidInput, Outcome::NotSent, "this list was started before a fork; start a new one here")
}
