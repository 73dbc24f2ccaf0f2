//! The runtimes of a blocking client. A connection belongs to the runtime that opened it, so a call borrows a runtime
//! with its connections, runs on the calling thread, and returns it. Closing the client drops them all, whichever
//! thread opened the connections.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use personcert::{Client, Error, Result};
use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::bridge::raise;
use crate::completion::{read_closed_connections, unusable};
use crate::panic::CatchPanic;
use crate::process::ProcessLocal;

/// How often a waiting call lets Python handle signals such as Ctrl-C.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(100);

/// How long a runtime may stay unused. A burst of threads leaves runtimes behind, and with them perhaps a token renewal
/// that nothing continues.
const MAX_IDLE: Duration = Duration::from_mins(1);

/// A runtime and the client whose connections live on it.
pub struct CallRuntime(ProcessLocal<Running>);

struct Running {
    runtime: Option<Runtime>,
    client: Client,
}

/// Dropping a runtime would wait for its blocking tasks, and panics inside another runtime.
impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl CallRuntime {
    fn new(client: &Client) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| unusable(format!("can't start a runtime: {error}")))?;
        Ok(Self(ProcessLocal::new(Running { runtime: Some(runtime), client: client.for_new_runtime()? })))
    }

    /// The client whose connections live on this runtime.
    pub fn client(&self) -> Result<&Client> {
        self.0.get().map(|running| &running.client).ok_or_else(forked_in_call)
    }

    /// Does `work` without the interpreter; an exception of a signal handler ends the wait.
    pub fn wait<T: Send>(&self, py: Python<'_>, work: CatchPanic<'_, T>) -> PyResult<T> {
        let runtime = self.0.get().and_then(|running| running.runtime.as_ref());
        let runtime = runtime.ok_or_else(|| raise(py, &forked_in_call()))?;
        let mut work = pin!(async {
            read_closed_connections().await;
            work.await
        });
        loop {
            let step = py.detach(|| runtime.block_on(async { tokio::time::timeout(SIGNAL_INTERVAL, &mut work).await }));
            match step {
                Ok(result) => return result.map_err(|error| raise(py, &error)),
                Err(_) => py.check_signals()?,
            }
        }
    }
}

fn forked_in_call() -> Error {
    unusable("the process forked during this call")
}

/// The idle runtimes of a blocking client.
///
/// Its lock is taken and released with the interpreter held, so that a fork never finds it taken.
#[derive(Default)]
pub struct RuntimePool(Mutex<State>);

#[derive(Default)]
struct State {
    closed: bool,
    open: Option<ProcessLocal<Open>>,
}

struct Open {
    /// What the runtimes share: token, pace and retry budget.
    client: Client,
    /// The runtimes with the time of their last call, the latest last.
    idle: Vec<(Instant, CallRuntime)>,
}

impl RuntimePool {
    /// A pool with a client of this process.
    pub fn new(client: Client) -> Self {
        Self(Mutex::new(State { closed: false, open: Some(ProcessLocal::new(Open { client, idle: Vec::new() })) }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` with a runtime that no other call uses.
    pub fn with<T>(&self, py: Python<'_>, work: impl FnOnce(&CallRuntime) -> PyResult<T>) -> PyResult<T> {
        let runtime = self.take().map_err(|error| raise(py, &error))?;
        let result = work(&runtime);
        self.put_back(runtime);
        result
    }

    fn take(&self) -> Result<CallRuntime> {
        if Handle::try_current().is_ok() {
            return Err(unusable("a callback can't make a blocking call on its own thread; another call is under way"));
        }
        let mut state = self.lock();
        if state.closed {
            return Err(unusable("the client is closed"));
        }
        let State { open, .. } = &mut *state;
        if let Some(open) = open.as_mut().and_then(ProcessLocal::get_mut) {
            return open.idle.pop().map_or_else(|| CallRuntime::new(&open.client), |(_, runtime)| Ok(runtime));
        }
        // A forked child: the locks inside the parent's client may be held for ever.
        let parent = open.as_ref().and_then(ProcessLocal::get_inherited);
        let client = parent.ok_or_else(forked_in_call)?.client.for_new_process()?;
        let runtime = CallRuntime::new(&client);
        *open = Some(ProcessLocal::new(Open { client, idle: Vec::new() }));
        runtime
    }

    fn put_back(&self, runtime: CallRuntime) {
        let mut state = self.lock();
        let now = Instant::now();
        let unused = match state.open.as_mut().and_then(ProcessLocal::get_mut) {
            Some(open) => {
                open.idle.push((now, runtime));
                let expired = open.idle.partition_point(|(last_call, _)| *last_call + MAX_IDLE < now);
                open.idle.drain(..expired).collect()
            }
            None => vec![(now, runtime)],
        };
        drop(state);
        drop(unused);
    }

    /// Closes the connections; those of calls under way close as the calls end.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let open = state.open.take();
        drop(state);
        drop(open);
    }
}
