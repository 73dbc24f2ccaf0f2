//! Blocking calls: each thread has a runtime of its own with its own clients, for a connection belongs to the runtime
//! that opened it. The interpreter is released while a call waits, and Ctrl-C is answered within 100 ms.

use std::cell::RefCell;
use std::future::Future;
use std::process;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use personcert::Error;
use personcert::host::Output;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::bridge::{self, raise};
use crate::reply::{Reply, answer, forked, open, page, read_call, unusable, write_page};

const SIGNALS: Duration = Duration::from_millis(100);

thread_local! {
    static HOME: RefCell<Option<Arc<Home>>> = const { RefCell::new(None) };
}

/// A thread's runtime and the clients that live on it.
struct Home {
    process: u32,
    inner: Option<(Runtime, Clients)>,
}

type Clients = Mutex<Vec<(Weak<personcert::Client>, personcert::Client)>>;

/// After a fork the sockets are still the parent's too: the child forgets them, for closing would disturb the parent.
impl Drop for Home {
    fn drop(&mut self) {
        if self.process != process::id() {
            std::mem::forget(self.inner.take());
        }
    }
}

impl Home {
    fn new() -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| unusable(format!("no runtime can be started: {error}")))?;
        Ok(Self { process: process::id(), inner: Some((runtime, Mutex::default())) })
    }

    /// This thread's home in this process.
    fn here() -> Result<Arc<Self>, Error> {
        let find = |slot: &RefCell<Option<Arc<Self>>>| {
            let mut slot = slot.borrow_mut();
            match &*slot {
                Some(home) if home.process == process::id() => Ok(home.clone()),
                _ => Ok(slot.insert(Arc::new(Self::new()?)).clone()),
            }
        };
        HOME.try_with(find).unwrap_or_else(|_| Err(unusable("the thread is ending")))
    }

    /// This home's own form of a client; those of clients that are gone are given up.
    fn client(&self, original: &Arc<personcert::Client>) -> Result<personcert::Client, Error> {
        let Some((_, clients)) = &self.inner else { return Err(forked()) };
        let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|(owner, _)| owner.strong_count() > 0);
        if let Some((_, client)) = clients.iter().find(|(owner, _)| owner.as_ptr() == Arc::as_ptr(original)) {
            return Ok(client.clone());
        }
        let client = original.for_new_runtime()?;
        clients.push((Arc::downgrade(original), client.clone()));
        Ok(client)
    }

    /// Waits for `future` without the interpreter; an exception of a signal handler ends it.
    fn wait<T: Send>(&self, py: Python<'_>, future: impl Future<Output = Result<T, Error>> + Send) -> PyResult<T> {
        let Some((runtime, _)) = &self.inner else { return Err(raise(py, &forked())) };
        if Handle::try_current().is_ok() {
            return Err(raise(py, &unusable("a call can't be made while another of this thread is under way")));
        }
        let mut future = Box::pin(future);
        loop {
            let step = py.detach(|| runtime.block_on(async { tokio::time::timeout(SIGNALS, &mut future).await }));
            match step {
                Ok(result) => return result.map_err(|error| raise(py, &error)),
                Err(_) => py.check_signals()?,
            }
        }
    }
}

/// The client for blocking calls.
#[pyclass(frozen, module = "personcert._native")]
pub struct Client {
    original: Mutex<Option<Arc<personcert::Client>>>,
}

impl Client {
    fn original(&self) -> Result<Arc<personcert::Client>, Error> {
        let original = self.original.lock().unwrap_or_else(PoisonError::into_inner);
        original.clone().ok_or_else(|| unusable("the client is closed"))
    }
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
        Ok(Self { original: Mutex::new(Some(Arc::new(open(config, hook, credential, prompt)?))) })
    }

    /// Carries an operation out and waits for it.
    fn call<'py>(&self, operation: &str, arguments: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
        let py = arguments.py();
        let call = read_call(operation, arguments)?;
        let home = Home::here().map_err(|error| raise(py, &error))?;
        let client = self.original().and_then(|original| home.client(&original)).map_err(|error| raise(py, &error))?;
        match home.wait(py, answer(client, call))? {
            Reply::Output(Output::Pages(pages)) => {
                Ok(Bound::new(py, Pages { home, pages: Mutex::new(*pages) })?.into_any())
            }
            Reply::Output(answer) => bridge::write_answer(py, answer),
            Reply::Page(page) => write_page(py, page),
        }
    }

    /// Gives the connections up; further calls fail.
    fn close(&self) {
        *self.original.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A list whose pages are fetched when they are asked for, on the runtime it was begun on.
#[pyclass(frozen, module = "personcert._native")]
pub struct Pages {
    home: Arc<Home>,
    pages: Mutex<personcert::Pages>,
}

#[pymethods]
impl Pages {
    /// The next page, or None after the last.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.home.process != process::id() {
            return Err(raise(py, &forked()));
        }
        let Ok(mut pages) = self.pages.try_lock() else {
            return Err(raise(py, &unusable("another thread is fetching the next page of this list")));
        };
        match self.home.wait(py, page(&mut pages))? {
            Reply::Page(page) => write_page(py, page),
            Reply::Output(answer) => bridge::write_answer(py, answer),
        }
    }
}
