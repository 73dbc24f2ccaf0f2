//! The results of asyncio calls: pushed to the loop's completion queue by any thread; one wake-up drains many.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use personcert::Result;
use pyo3::prelude::*;
use tokio::task::AbortHandle;

use crate::bridge::raise;
use crate::completion::{Completion, read_closed_connections};
use crate::interpreter;
use crate::wake::{WakeReceiver, WakeSender, wake_pair};
use crate::worker::Worker;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The queue through which one event loop receives the results of its calls.
#[pyclass(frozen, module = "personcert._native")]
pub struct CompletionQueue {
    completions: Arc<Completions>,
    wake_rx: Mutex<Option<WakeReceiver>>,
    /// Whether the loop watches `wake_rx`. Otherwise `call_soon_threadsafe` wakes it.
    watched: bool,
    pending: Mutex<HashMap<u64, Pending>>,
    next_token: AtomicU64,
}

/// Makes the Python object of a completion for the client that started the call.
pub type WriteCompletion = for<'py> fn(&Bound<'py, PyAny>, Completion) -> PyResult<Bound<'py, PyAny>>;

/// A call whose result has not been handed over.
struct Pending {
    future: Py<PyAny>,
    client: Py<PyAny>,
    write: WriteCompletion,
    task: AbortHandle,
}

/// The half of the queue that other threads see.
struct Completions {
    ended: Mutex<Vec<(u64, Result<Completion>)>>,
    wake_tx: Mutex<Option<WakeSender>>,
}

impl Completions {
    /// Adds a result. True when the caller has to wake the loop: the queue was empty and has no `wake_tx`.
    fn push(&self, token: u64, ended: Result<Completion>) -> bool {
        let mut waiting = lock(&self.ended);
        waiting.push((token, ended));
        if waiting.len() > 1 {
            return false;
        }
        match &*lock(&self.wake_tx) {
            Some(wake_tx) => {
                wake_tx.wake();
                false
            }
            None => true,
        }
    }
}

#[pymethods]
impl CompletionQueue {
    /// Makes the queue of `event_loop`, watched by `add_reader` where the loop has it.
    #[staticmethod]
    fn open<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let py = event_loop.py();
        let Some((wake_tx, wake_rx)) = wake_pair()? else { return Bound::new(py, Self::new(None)) };
        let descriptor = wake_rx.descriptor();
        let queue = Bound::new(py, Self::new(Some((wake_tx, wake_rx))))?;
        match event_loop.call_method1("add_reader", (descriptor, queue.getattr("drain")?)) {
            Ok(_) => Ok(queue),
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyNotImplementedError>(py) => {
                Bound::new(py, Self::new(None))
            }
            Err(error) => Err(error),
        }
    }

    /// Sets the results that have arrived on their futures.
    fn drain(&self, py: Python<'_>) {
        let ended = {
            let mut ended = lock(&self.completions.ended);
            if let Some(wake_rx) = &*lock(&self.wake_rx) {
                wake_rx.clear();
            }
            std::mem::take(&mut *ended)
        };
        for (token, ended) in ended {
            let Some(pending) = self.forget(token) else { continue };
            let future = pending.future.bind(py);
            let write = |completion| (pending.write)(pending.client.bind(py), completion);
            if let Err(error) = settle(future, write, ended) {
                error.write_unraisable(py, Some(future));
            }
        }
    }

    /// Stops a call whose caller no longer waits.
    fn abort(&self, token: u64) {
        if let Some(pending) = self.forget(token) {
            pending.task.abort();
        }
    }

    /// Stops all calls and closes the descriptors: the event loop is closed.
    fn close(&self) {
        let pending = std::mem::take(&mut *lock(&self.pending));
        for call in pending.values() {
            call.task.abort();
        }
        drop(lock(&self.completions.wake_tx).take());
        drop(lock(&self.wake_rx).take());
        drop(std::mem::take(&mut *lock(&self.completions.ended)));
    }
}

impl CompletionQueue {
    fn new(wake: Option<(WakeSender, WakeReceiver)>) -> Self {
        let (wake_tx, wake_rx) = wake.unzip();
        Self {
            watched: wake_rx.is_some(),
            completions: Arc::new(Completions { ended: Mutex::default(), wake_tx: Mutex::new(wake_tx) }),
            wake_rx: Mutex::new(wake_rx),
            pending: Mutex::default(),
            next_token: AtomicU64::new(0),
        }
    }

    fn forget(&self, token: u64) -> Option<Pending> {
        lock(&self.pending).remove(&token)
    }

    /// Starts work of `client` on the worker; its result, written with `write`, settles `future`. Returns the token by which
    /// it can be aborted.
    pub fn start(
        queue: &Bound<'_, Self>,
        future: Bound<'_, PyAny>,
        (client, write): (&Bound<'_, PyAny>, WriteCompletion),
        worker: Arc<Worker>,
        work: impl Future<Output = Result<Completion>> + Send + 'static,
    ) -> PyResult<u64> {
        let Self { completions, watched, pending, next_token, .. } = queue.get();
        let runtime = worker.runtime.clone();
        let token = next_token.fetch_add(1, Ordering::Relaxed);
        let completions = Arc::clone(completions);
        let wake = if *watched { None } else { Some(LoopWake::new(queue, &future)?) };
        let task = async move {
            read_closed_connections().await;
            if completions.push(token, work.await)
                && let Some(wake) = wake
            {
                wake.wake();
            }
            // The thread runs at least until the calls under way have ended.
            drop(worker);
        };
        // Under the lock: the result can't arrive before its future is known.
        let mut pending = lock(pending);
        let task = runtime.spawn(task).abort_handle();
        pending.insert(token, Pending { future: future.unbind(), client: client.clone().unbind(), write, task });
        Ok(token)
    }
}

/// Wakes a loop without `add_reader`.
struct LoopWake {
    call_soon: Py<PyAny>,
    drain: Py<PyAny>,
}

impl LoopWake {
    fn new(queue: &Bound<'_, CompletionQueue>, future: &Bound<'_, PyAny>) -> PyResult<Self> {
        let call_soon = future.call_method0("get_loop")?.getattr("call_soon_threadsafe")?.unbind();
        Ok(Self { call_soon, drain: queue.getattr("drain")?.unbind() })
    }

    fn wake(self) {
        // A closed loop refuses; its callers are gone.
        interpreter::attach(|py| drop(self.call_soon.call1(py, (self.drain,))));
    }
}

/// Sets a future's result, unless its waiter has cancelled it.
fn settle<'py>(
    future: &Bound<'py, PyAny>,
    write: impl FnOnce(Completion) -> PyResult<Bound<'py, PyAny>>,
    ended: Result<Completion>,
) -> PyResult<()> {
    if future.call_method0("done")?.is_truthy()? {
        return Ok(());
    }
    let py = future.py();
    match ended.map_err(|error| raise(py, &error)).and_then(write) {
        Ok(value) => future.call_method1("set_result", (value,)).map(drop),
        Err(error) => future.call_method1("set_exception", (error,)).map(drop),
    }
}
