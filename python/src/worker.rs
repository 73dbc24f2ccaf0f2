//! The thread that runs an asyncio client's calls.

use std::thread;

use personcert::{Client, Result};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::completion::unusable;

/// A client on a runtime on a thread of its own, which ends when the worker is dropped. The thread never needs the
/// interpreter, except for the caller's functions.
pub struct Worker {
    /// The runtime.
    pub runtime: Handle,
    /// The client whose connections live on the runtime.
    pub client: Client,
    _stop: oneshot::Sender<()>,
}

impl Worker {
    /// Starts the thread. It is not joined: the end of the program waits for nothing.
    pub fn start(client: Client) -> Result<Self> {
        let failed = |error| unusable(format!("can't start a runtime: {error}"));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            runtime.block_on(async { drop(stopped.await) });
            // Dropping it would wait for blocking tasks, such as a name lookup.
            runtime.shutdown_background();
        };
        thread::Builder::new().name("personcert".to_owned()).spawn(run).map_err(failed)?;
        Ok(Self { runtime: handle, client, _stop: stop })
    }
}
