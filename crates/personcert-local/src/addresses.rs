//! The command `addresses`: addresses on this machine where connections fail, opened on first use.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use personcert::{Error, ErrorKind, Outcome, Result};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::connection::{ListenerKind, accept};
use crate::graph::Graph;
use crate::test_ports::TestPort;

/// How long a connect on this machine may take before it counts as unanswered.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);
/// How many connections fill a listener's queue at most.
const MAX_FILLERS: usize = 16;

impl Graph {
    /// The port of the server that redirects lead to.
    pub fn elsewhere_port(self: &Arc<Self>) -> Result<u16> {
        self.listen_once(&self.ports.elsewhere, ListenerKind::Elsewhere)
    }

    /// The command `addresses`.
    pub fn addresses(self: &Arc<Self>) -> Result<Value> {
        let port = self.hosts.address.port();
        let full = self.ports.full.get_or_open(|| {
            let (port, sockets) = full_listener().map_err(cannot_listen)?;
            // The sockets close with the runtime.
            self.runtime.spawn(async move {
                let _sockets = sockets;
                std::future::pending::<()>().await;
            });
            Ok::<_, Error>(port)
        })?;
        let http = |port: u16| format!("http://127.0.0.1:{port}");
        Ok(json!({
            "closed": "http://127.0.0.1:1",
            "tlsAlert": format!("https://127.0.0.1:{}", self.listen_once(&self.ports.alert, ListenerKind::Alert)?),
            "full": http(full),
            "silent": http(self.listen_once(&self.ports.silent, ListenerKind::Silent)?),
            "elsewhere": http(self.elsewhere_port()?),
            "https": format!("https://localhost:{port}"),
        }))
    }

    fn listen_once(self: &Arc<Self>, port: &TestPort, kind: ListenerKind) -> Result<u16> {
        port.get_or_open(|| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(cannot_listen)?;
            listener.set_nonblocking(true).map_err(cannot_listen)?;
            let port = listener.local_addr().map_err(cannot_listen)?.port();
            self.runtime.spawn(accept(listener, Arc::clone(self), kind));
            Ok(port)
        })
    }
}

fn cannot_listen(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Network, Outcome::NotSent, format!("the local Graph cannot open a test address: {error}"))
}

/// A listener that accepts nothing, with as many connections as its queue holds: the next connect is not answered.
fn full_listener() -> std::io::Result<(u16, (Socket, Vec<TcpStream>))> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    listener.listen(0)?;
    let address = listener.local_addr()?.as_socket().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    let fill = || TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).ok();
    let connections = std::iter::from_fn(fill).take(MAX_FILLERS).collect();
    Ok((address.port(), (listener, connections)))
}
