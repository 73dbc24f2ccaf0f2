//! The caller's functions, in one place for the garbage collector.

use std::sync::{Arc, Mutex, PoisonError};

use personcert::schema::RecordView;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::bridge;
use crate::interpreter;

/// A Python function that the garbage collector can see and clear.
///
/// The client holds the only counted reference; what runs on other threads shares the `Arc` around it. The lock is never
/// held while Python code can run.
#[derive(Default)]
pub struct Callback(Mutex<Option<Py<PyAny>>>);

impl Callback {
    fn new(function: Option<Py<PyAny>>) -> Self {
        Self(Mutex::new(function))
    }

    /// The function, unless it was cleared.
    pub fn get(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|function| function.clone_ref(py))
    }

    fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A lock that is held hides the reference: the object then counts as referred to from outside.
        self.0.try_lock().map_or(Ok(()), |function| visit.call(&*function))
    }

    fn clear(&self) {
        let function = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(function);
    }

    /// Calls the function with a record. What it raises goes to `sys.unraisablehook`; Ctrl-C stays Ctrl-C.
    pub fn notify(&self, record: Arc<dyn RecordView>) {
        interpreter::attach(|py| {
            let Some(function) = self.get(py) else { return };
            let called = bridge::write_root(py, record).and_then(|record| function.call1(py, (record,)));
            let Err(error) = called else { return };
            if error.is_instance_of::<PyKeyboardInterrupt>(py) {
                // The wait of the call sees it next.
                drop(py.import("_thread").and_then(|thread| thread.call_method0("interrupt_main")));
            } else {
                error.write_unraisable(py, Some(function.bind(py)));
            }
        });
    }
}

/// The functions of one client.
pub struct Callbacks {
    /// Called with every attempt.
    pub hook: Callback,
    /// Called when a token is needed.
    pub credential: Callback,
    /// Called with what the user has to do to sign in.
    pub prompt: Callback,
}

impl Callbacks {
    pub fn new(hook: Option<Py<PyAny>>, credential: Option<Py<PyAny>>, prompt: Option<Py<PyAny>>) -> Self {
        Self { hook: Callback::new(hook), credential: Callback::new(credential), prompt: Callback::new(prompt) }
    }

    /// Shows the functions to the garbage collector.
    pub fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        [&self.hook, &self.credential, &self.prompt].into_iter().try_for_each(|callback| callback.visit(visit))
    }

    /// Drops the functions: the garbage collector found nothing else that refers to the client.
    pub fn clear(&self) {
        [&self.hook, &self.credential, &self.prompt].into_iter().for_each(Callback::clear);
    }
}
