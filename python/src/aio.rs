//! Calls for asyncio: one thread with a runtime per client does the waiting and never needs the interpreter. What it
//! finishes lands in the inbox of the event loop that asked, and rings once for as many as have come.

use std::collections::HashMap;
use std::future::Future;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use personcert::Error;
use personcert::host::Output;
use pyo3::exceptions::PyNotImplementedError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::bridge::{self, raise};
use crate::reply::{Reply, answer, forked, open, page, read_call, unusable, write_page};

type Ended = Result<(Reply, Arc<Engine>), Error>;

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A client on a runtime on a thread; all three end when it is dropped.
struct Engine {
    process: u32,
    inner: Option<(Handle, personcert::Client, oneshot::Sender<()>)>,
}

/// After a fork the thread is the parent's alone, and the sockets are its too: the child forgets them.
impl Drop for Engine {
    fn drop(&mut self) {
        if self.process != process::id() {
            std::mem::forget(self.inner.take());
        }
    }
}

impl Engine {
    fn start(client: &personcert::Client) -> Result<Self, Error> {
        let client = client.for_new_runtime()?;
        let failed = |error| unusable(format!("no runtime can be started: {error}"));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || runtime.block_on(async { drop(stopped.await) });
        std::thread::Builder::new().name("personcert".to_owned()).spawn(run).map_err(failed)?;
        Ok(Self { process: process::id(), inner: Some((handle, client, stop)) })
    }
}

/// Where one event loop receives its results.
#[pyclass(frozen, module = "personcert._native")]
pub struct Inbox {
    post: Arc<Post>,
    ear: Option<UnixStream>,
    pending: Mutex<HashMap<u64, (Py<PyAny>, AbortHandle)>>,
    tickets: AtomicU64,
}

struct Post {
    ended: Mutex<Vec<(u64, Ended)>>,
    bell: Option<UnixStream>,
}

impl Post {
    /// Adds a result; true when the loop must be told, because nothing waited for it before.
    fn put(&self, ticket: u64, ended: Ended) -> bool {
        let mut waiting = lock(&self.ended);
        waiting.push((ticket, ended));
        if waiting.len() > 1 {
            return false;
        }
        let Some(mut bell) = self.bell.as_ref() else { return true };
        // It fails only when the loop is gone, and nobody waits then.
        drop(bell.write_all(&[1]));
        false
    }
}

#[pymethods]
impl Inbox {
    /// The inbox of `event_loop`, which rings by `add_reader` where the loop has that.
    #[staticmethod]
    fn open<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let py = event_loop.py();
        let new = |ear, bell| {
            let post = Arc::new(Post { ended: Mutex::default(), bell });
            Bound::new(py, Self { post, ear, pending: Mutex::default(), tickets: AtomicU64::new(0) })
        };
        let (ear, bell) = UnixStream::pair()?;
        ear.set_nonblocking(true)?;
        bell.set_nonblocking(true)?;
        let descriptor = ear.as_raw_fd();
        let inbox = new(Some(ear), Some(bell))?;
        match event_loop.call_method1("add_reader", (descriptor, inbox.getattr("drain")?)) {
            Ok(_) => Ok(inbox),
            Err(error) if error.is_instance_of::<PyNotImplementedError>(py) => new(None, None),
            Err(error) => Err(error),
        }
    }

    /// Hands the results that have come to their futures.
    fn drain(&self, py: Python<'_>) {
        let ended = {
            let mut ended = lock(&self.post.ended);
            if let Some(mut ear) = self.ear.as_ref() {
                drop(ear.read(&mut [0; 8]));
            }
            std::mem::take(&mut *ended)
        };
        for (ticket, ended) in ended {
            let Some((future, _)) = lock(&self.pending).remove(&ticket) else { continue };
            let future = future.bind(py);
            if let Err(error) = settle(future, ended) {
                error.write_unraisable(py, Some(future));
            }
        }
    }

    /// Stops a call whose caller waits no more.
    fn abort(&self, ticket: u64) {
        let call = lock(&self.pending).remove(&ticket);
        if let Some((_, task)) = call {
            task.abort();
        }
    }
}

/// Gives a future its result, unless its waiter has cancelled it.
fn settle(future: &Bound<'_, PyAny>, ended: Ended) -> PyResult<()> {
    if future.call_method0("done")?.is_truthy()? {
        return Ok(());
    }
    match host(future.py(), ended) {
        Ok(value) => future.call_method1("set_result", (value,)).map(drop),
        Err(error) => future.call_method1("set_exception", (error,)).map(drop),
    }
}

fn host(py: Python<'_>, ended: Ended) -> PyResult<Bound<'_, PyAny>> {
    match ended.map_err(|error| raise(py, &error))? {
        (Reply::Output(Output::Pages(pages)), engine) => {
            let pages = Arc::new(tokio::sync::Mutex::new(*pages));
            Ok(Bound::new(py, AsyncPages { engine, pages })?.into_any())
        }
        (Reply::Output(answer), _) => bridge::write_answer(py, answer),
        (Reply::Page(page), _) => write_page(py, page),
    }
}

/// Starts work on the engine for a future; gives its ticket.
fn start(
    inbox: &Bound<'_, Inbox>,
    future: Bound<'_, PyAny>,
    engine: Arc<Engine>,
    work: impl Future<Output = Result<Reply, Error>> + Send + 'static,
) -> PyResult<u64> {
    let py = inbox.py();
    let Some((runtime, ..)) = &engine.inner else { return Err(raise(py, &forked())) };
    let runtime = runtime.clone();
    let Inbox { post, pending, tickets, ear } = inbox.get();
    let ticket = tickets.fetch_add(1, Ordering::Relaxed);
    let post = post.clone();
    let call_soon = match ear {
        Some(_) => None,
        None => {
            let event_loop = future.call_method0("get_loop")?;
            Some((event_loop.getattr("call_soon_threadsafe")?.unbind(), inbox.getattr("drain")?.unbind()))
        }
    };
    let task = async move {
        let ended = work.await.map(|reply| (reply, engine));
        if let (true, Some((call_soon, drain))) = (post.put(ticket, ended), call_soon) {
            // A loop that is closed refuses; nobody waits then.
            Python::try_attach(|py| drop(call_soon.call1(py, (drain,))));
        }
    };
    // Under the lock, so that the result cannot arrive before its future is known.
    let mut pending = lock(pending);
    let task = runtime.spawn(task).abort_handle();
    pending.insert(ticket, (future.unbind(), task));
    Ok(ticket)
}

/// The client for asyncio.
#[pyclass(frozen, module = "personcert._native")]
pub struct AsyncClient {
    client: personcert::Client,
    engine: Mutex<Option<Arc<Engine>>>,
}

impl AsyncClient {
    /// The engine in this process.
    fn engine(&self) -> Result<Arc<Engine>, Error> {
        let mut slot = lock(&self.engine);
        match &*slot {
            None => Err(unusable("the client is closed")),
            Some(engine) if engine.process == process::id() => Ok(engine.clone()),
            Some(_) => Ok(slot.insert(Arc::new(Engine::start(&self.client)?)).clone()),
        }
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
        let client = open(config, hook, credential, prompt)?;
        let engine = Engine::start(&client).map_err(|error| raise(config.py(), &error))?;
        Ok(Self { client, engine: Mutex::new(Some(Arc::new(engine))) })
    }

    /// Starts an operation whose end settles `future`; gives the ticket by which the inbox can abort it.
    fn call(
        &self,
        inbox: &Bound<'_, Inbox>,
        future: Bound<'_, PyAny>,
        operation: &str,
        arguments: &Bound<'_, PyDict>,
    ) -> PyResult<u64> {
        let call = read_call(operation, arguments)?;
        let engine = self.engine().map_err(|error| raise(inbox.py(), &error))?;
        let client = engine.inner.as_ref().map(|(_, client, _)| client.clone());
        let work = async move { answer(client.ok_or_else(forked)?, call).await };
        start(inbox, future, engine, work)
    }

    /// Gives the connections up; further calls fail.
    fn close(&self) {
        *lock(&self.engine) = None;
    }
}

/// A list whose pages are fetched when they are asked for.
#[pyclass(frozen, module = "personcert._native")]
pub struct AsyncPages {
    engine: Arc<Engine>,
    pages: Arc<tokio::sync::Mutex<personcert::Pages>>,
}

#[pymethods]
impl AsyncPages {
    /// Starts fetching the next page, None after the last.
    fn next(&self, inbox: &Bound<'_, Inbox>, future: Bound<'_, PyAny>) -> PyResult<u64> {
        if self.engine.process != process::id() {
            return Err(raise(inbox.py(), &forked()));
        }
        let pages = self.pages.clone();
        start(inbox, future, self.engine.clone(), async move { page(&mut *pages.lock().await).await })
    }
}
