//! The client for blocking calls. The interpreter is released while a call waits.

use std::sync::{Arc, Mutex};

use personcert::host::Output;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};

use crate::bridge::{self, raise};
use crate::callbacks::Callbacks;
use crate::completion::{Completion, next_page, read_call, run_call, started_before_fork, unusable, write_page};
use crate::panic::catch;
use crate::process::ProcessLocal;
use crate::runtime::RuntimePool;
use crate::settings::Settings;

/// The client for blocking calls.
#[pyclass(frozen, module = "personcert._native")]
pub struct Client {
    callbacks: Arc<Callbacks>,
    runtimes: RuntimePool,
}

#[pymethods]
impl Client {
    #[new]
    fn new(
        config: &Bound<'_, PyDict>,
        hook: Option<Py<PyAny>>,
        credential: Option<Py<PyAny>>,
        prompt: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        catch(config.py(), || {
            let settings = Settings::read(config, hook, credential, prompt)?;
            let client = settings.open().map_err(|error| raise(config.py(), &error))?;
            Ok(Self { callbacks: settings.callbacks, runtimes: RuntimePool::new(client) })
        })
    }

    /// Runs an operation and waits for its result.
    fn call<'py>(
        slf: &Bound<'py, Self>,
        operation: &str,
        arguments: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let runtimes = &slf.get().runtimes;
        let completion = catch(py, || {
            let call = read_call(operation, arguments)?;
            runtimes.with(py, |runtime| {
                let client = runtime.client().map_err(|error| raise(py, &error))?.clone();
                runtime.wait(py, run_call(client, call))
            })
        })?;
        match completion {
            Completion::Output(Output::Pages(pages)) => {
                let pages = Mutex::new(ProcessLocal::new(*pages));
                Ok(Bound::new(py, Pages { client: slf.clone().unbind(), pages })?.into_any())
            }
            Completion::Output(output) => bridge::write_output(py, output),
            Completion::Page(page) => write_page(py, page),
        }
    }

    /// Closes the connections; further calls fail.
    fn close(&self) {
        self.runtimes.close();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.callbacks.visit(&visit)
    }

    fn __clear__(&self) {
        self.callbacks.clear();
        self.runtimes.close();
    }
}

/// A list whose pages are fetched as they are asked for, each on any runtime of its client.
#[pyclass(frozen, module = "personcert._native")]
pub struct Pages {
    client: Py<Client>,
    pages: Mutex<ProcessLocal<personcert::Pages>>,
}

#[pymethods]
impl Pages {
    /// The next page, or None after the last.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Ok(mut pages) = self.pages.try_lock() else {
            return Err(raise(py, &unusable("another thread is fetching the next page of this list")));
        };
        let pages = pages.get_mut().ok_or_else(|| raise(py, &started_before_fork()))?;
        let runtimes = &self.client.get().runtimes;
        let completion = catch(py, || {
            runtimes.with(py, |runtime| {
                pages.move_to(runtime.client().map_err(|error| raise(py, &error))?);
                runtime.wait(py, next_page(pages))
            })
        })?;
        match completion {
            Completion::Page(page) => write_page(py, page),
            Completion::Output(output) => bridge::write_output(py, output),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.client)
    }
}
