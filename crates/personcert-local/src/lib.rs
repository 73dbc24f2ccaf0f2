//! A local Graph: the certifications of Graph's profile API over real HTTP on this machine, stored in SQLite. It is for
//! tests and experiments and is not the service.
//!
//! ```
//! use personcert_local::{LocalGraph, Options};
//! use serde_json::json;
//!
//! let graph = LocalGraph::start(Options::default())?;
//! let token = graph.command("token", &json!({"scopes": ["User.ReadWrite"]}))?;
//! println!("{} {token}", graph.url());
//! # Ok::<(), personcert::Error>(())
//! ```

mod access;
mod addresses;
mod arguments;
mod batch;
mod clock;
mod command_table;
mod commands;
mod connection;
mod connection_handle;
mod fault;
mod fault_action;
mod filter;
#[doc(hidden)]
pub mod fuzzing;
mod graph;
mod handler;
mod hostile_body;
mod identity;
mod log;
mod operation;
mod options;
mod path;
mod property;
mod query;
mod random;
mod request;
mod response;
mod results;
mod scripted_response;
mod seed;
mod store;
mod subject;
mod test_ports;
mod throttle;
mod tls;
mod token;
mod validate;

pub use command_table::{COMMANDS, CommandSpec};
pub use fault_action::NamedAction;
pub use identity::applications::PUBLIC_APP;
pub use options::{Options, Permissions};

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use personcert::host::Dialect;
use personcert::{Error, ErrorKind, Outcome, Result};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use connection::{ListenerKind, accept};
use graph::Graph;

/// A running local Graph, on a thread and runtime of its own. It stops when it is closed or dropped.
#[derive(Debug)]
pub struct LocalGraph {
    url: String,
    graph: Arc<Graph>,
    server: Mutex<Option<Server>>,
}

#[derive(Debug)]
struct Server {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl LocalGraph {
    /// Starts a local Graph and returns once it accepts requests.
    pub fn start(options: Options) -> Result<Self> {
        let host = options.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        if !host.is_loopback() && !options.expose {
            return Err(Error::input("host", "other machines could reach this address; set `expose` to allow that"));
        }
        let listener = TcpListener::bind(SocketAddr::new(host, options.port)).map_err(cannot_start)?;
        listener.set_nonblocking(true).map_err(cannot_start)?;
        let address = listener.local_addr().map_err(cannot_start)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(cannot_start)?;
        let graph = Arc::new(Graph::open(options, address, runtime.handle().clone())?);
        if graph.options.tls {
            graph.tls()?;
        }
        let server = serve(runtime, listener, Arc::clone(&graph))?;
        Ok(Self { url: graph.url.clone(), graph, server: Mutex::new(Some(server)) })
    }

    /// The root address, without a version: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The PEM file of the authority that signed the certificate for `https`. It is deleted with this value.
    pub fn ca_file(&self) -> Result<PathBuf> {
        Ok(self.graph.tls()?.authority().to_owned())
    }

    /// Executes one of the [`COMMANDS`], as `POST /_local/{name}` does. Null stands for no arguments.
    pub fn command(&self, name: &str, arguments: &Value) -> Result<Value> {
        self.command_in(name, arguments, Dialect::GRAPH)
    }

    /// Executes a command for a caller whose language spells names as `dialect` does.
    pub fn command_in(&self, name: &str, arguments: &Value, dialect: Dialect) -> Result<Value> {
        self.graph.command(name, arguments, dialect)
    }

    /// Stops it. Further calls do nothing.
    pub fn close(&self) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Server { stop, thread }) = server {
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

fn serve(runtime: Runtime, listener: TcpListener, graph: Arc<Graph>) -> Result<Server> {
    let (stop, stopped) = oneshot::channel();
    let run = move || {
        runtime.block_on(async {
            tokio::select! {
                () = accept(listener, graph, ListenerKind::Graph) => {}
                _ = stopped => {}
            }
        });
        // Open connections close with the runtime.
        runtime.shutdown_background();
    };
    let thread = std::thread::Builder::new().name("local-graph".into()).spawn(run).map_err(cannot_start)?;
    Ok(Server { stop, thread })
}

fn cannot_start(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Network, Outcome::NotSent, format!("the local Graph cannot start: {error}"))
}
