//! The client for asyncio.

use std::sync::{Arc, Mutex};

use personcert::Error;
use personcert::host::Output;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};

use crate::bridge::{self, raise};
use crate::callbacks::Callbacks;
use crate::completion::{Completion, next_page, read_call, run_call, started_before_fork, unusable, write_page};
use crate::completion_queue::{CompletionQueue, lock};
use crate::panic::catch;
use crate::process::ProcessLocal;
use crate::settings::Settings;
use crate::worker::Worker;

/// The client for asyncio.
#[pyclass(frozen, module = "personcert._native")]
pub struct AsyncClient {
    callbacks: Arc<Callbacks>,
    /// None once the client is closed.
    worker: Mutex<Option<ProcessLocal<Arc<Worker>>>>,
}

impl AsyncClient {
    /// The worker in this process.
    fn worker(&self) -> Result<Arc<Worker>, Error> {
        let mut slot = lock(&self.worker);
        let Some(worker) = &*slot else { return Err(unusable("the client is closed")) };
        if let Some(running) = worker.get() {
            return Ok(Arc::clone(running));
        }
        // A forked child: the thread of the parent's worker does not run here.
        let parent = worker.get_inherited().ok_or_else(started_before_fork)?;
        let worker = Arc::new(Worker::start(parent.client.for_new_process()?)?);
        *slot = Some(ProcessLocal::new(Arc::clone(&worker)));
        Ok(worker)
    }
}

#[pymethods]
impl AsyncClient {
    #[new]
    fn new(
        config: &Bound<'_, PyDict>,
        hook: Option<Py<PyAny>>,
        credential: Option<Py<PyAny>>,
        prompt: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        catch(config.py(), || {
            let settings = Settings::read(config, hook, credential, prompt)?;
            let worker = settings.open().and_then(Worker::start).map_err(|error| raise(config.py(), &error))?;
            Ok(Self { callbacks: settings.callbacks, worker: Mutex::new(Some(ProcessLocal::new(Arc::new(worker)))) })
        })
    }

    /// Starts an operation whose result settles `future`; returns the token by which the queue can abort it.
    fn call(
        slf: &Bound<'_, Self>,
        queue: &Bound<'_, CompletionQueue>,
        future: Bound<'_, PyAny>,
        operation: &str,
        arguments: &Bound<'_, PyDict>,
    ) -> PyResult<u64> {
        let py = slf.py();
        let call = catch(py, || read_call(operation, arguments))?;
        let worker = catch(py, || slf.get().worker().map_err(|error| raise(py, &error)))?;
        let work = run_call(worker.client.clone(), call);
        CompletionQueue::start(queue, future, (slf.as_any(), write_completion), worker, work)
    }

    /// Closes the connections once the calls under way have ended; further calls fail.
    fn close(&self) {
        let worker = lock(&self.worker).take();
        drop(worker);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.callbacks.visit(&visit)
    }

    fn __clear__(&self) {
        self.callbacks.clear();
        self.close();
    }
}

/// A list whose pages are fetched as they are asked for.
#[pyclass(frozen, module = "personcert._native")]
pub struct AsyncPages {
    client: Py<AsyncClient>,
    pages: ProcessLocal<Arc<tokio::sync::Mutex<personcert::Pages>>>,
}

#[pymethods]
impl AsyncPages {
    /// Starts fetching the next page; its result is None after the last.
    fn next(&self, py: Python<'_>, queue: &Bound<'_, CompletionQueue>, future: Bound<'_, PyAny>) -> PyResult<u64> {
        let pages = self.pages.get().ok_or_else(|| raise(py, &started_before_fork()))?;
        let pages = Arc::clone(pages);
        let client = self.client.bind(py);
        let worker = client.get().worker().map_err(|error| raise(py, &error))?;
        let work = async move { next_page(&mut *pages.lock().await).await };
        CompletionQueue::start(queue, future, (client.as_any(), write_completion), worker, work)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.client)
    }
}

/// Makes the Python object of a completion.
fn write_completion<'py>(client: &Bound<'py, PyAny>, completion: Completion) -> PyResult<Bound<'py, PyAny>> {
    let py = client.py();
    match completion {
        Completion::Output(Output::Pages(pages)) => {
            let client = client.cast::<AsyncClient>()?.clone().unbind();
            let pages = ProcessLocal::new(Arc::new(tokio::sync::Mutex::new(*pages)));
            Ok(Bound::new(py, AsyncPages { client, pages })?.into_any())
        }
        Completion::Output(output) => bridge::write_output(py, output),
        Completion::Page(page) => write_page(py, page),
    }
}
