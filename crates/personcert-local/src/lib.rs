//! A local Graph: the certifications of Graph's profile API over real HTTP on this machine, stored in SQLite. It is
//! for tests and trials and is not the service.

mod access;
mod act;
mod batch;
mod body;
mod check;
mod clock;
mod commands;
mod connection;
mod connection_handle;
mod fault;
mod filter;
#[doc(hidden)]
pub mod fuzzing;
mod graph;
mod identity;
mod log;
mod options;
mod path;
mod places;
mod property;
mod query;
mod random;
mod reply;
mod routes;
mod script;
mod seed;
mod store;
mod throttle;
mod tls;
mod token;
mod who;
mod work;

pub use identity::PUBLIC as PUBLIC_APP;
pub use options::{Options, Permissions};

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use personcert::{Error, ErrorKind, Outcome, Result};
use serde_json::Value;
use tokio::sync::oneshot;

use connection::{ListenerKind, accept};
use graph::Graph;

/// A running local Graph, on a thread and a runtime of its own. It stops when it is closed or dropped.
#[derive(Debug)]
pub struct LocalGraph {
    url: String,
    graph: Arc<Graph>,
    running: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl LocalGraph {
    /// Starts one and returns when it takes requests.
    pub fn start(options: Options) -> Result<Self> {
        let host = options.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        if !host.is_loopback() && !options.expose {
            let why = "a local Graph listens to this machine alone; `expose` allows other addresses";
            return Err(Error::input("host", why));
        }
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Network, Outcome::NotSent, format!("the local Graph can't listen: {error}"))
        };
        let listener = std::net::TcpListener::bind(SocketAddr::new(host, options.port)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let graph = Arc::new(Graph::open(options, address, runtime.handle().clone())?);
        if graph.options.tls {
            graph.tls()?;
        }
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&graph);
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, served, ListenerKind::Graph) => {}
                    _ = stopped => {}
                }
            });
            // Open connections go with the runtime; nobody waits for an answer any more.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("local-graph".into()).spawn(serve).map_err(failed)?;
        Ok(Self { url: graph.url.clone(), graph, running: Mutex::new(Some((stop, thread))) })
    }

    /// The root of its addresses, without a version: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The PEM file of the authority that signed the certificate for `https`. It goes when this value goes.
    pub fn ca_file(&self) -> Result<PathBuf> {
        Ok(self.graph.tls()?.authority().to_owned())
    }

    /// Carries out one of the commands that `POST /_local/{name}` takes too: `token`, `add`, `certifications`,
    /// `users`, `script`, `faults`, `throttle`, `clock`, `seed`, `snapshot`, `restore`, `requests`, `addresses`, `ca`,
    /// `reset`; `app`, `approve`, `lifetime`, `revoke`, `challenge`, `federated`, `signIns` of the identity side.
    pub fn command(&self, name: &str, arguments: &Value) -> Result<Value> {
        self.graph.command(name, arguments)
    }

    /// Stops it. Stopping twice is fine.
    pub fn close(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = running {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

impl Drop for LocalGraph {
    fn drop(&mut self) {
        self.close();
    }
}
