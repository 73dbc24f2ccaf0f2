//! Places on this machine where connections go wrong, opened when they are first asked for.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use personcert::{Error, ErrorKind, Outcome, Result};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::connection::{ListenerKind, accept};
use crate::graph::Graph;

/// How long a connect on this machine may take before nobody is going to answer it.
const UNANSWERED: Duration = Duration::from_millis(200);
/// How many connections fill a listener at the most.
const FILLERS: usize = 16;

/// The ports of the places that are open.
#[derive(Debug, Default)]
pub struct Places {
    elsewhere: Mutex<Option<u16>>,
    silent: Mutex<Option<u16>>,
    alert: Mutex<Option<u16>>,
    full: Mutex<Option<u16>>,
}

impl Graph {
    /// The port of the second listener, which redirects lead to.
    pub fn elsewhere_port(self: &Arc<Self>) -> Result<u16> {
        self.port(&self.places.elsewhere, ListenerKind::Elsewhere)
    }

    /// The command `addresses`.
    pub fn addresses(self: &Arc<Self>) -> Result<Value> {
        let port = self.url.rsplit_once(':').map_or("", |(_, port)| port);
        let full = once(&self.places.full, || {
            let (port, kept) = full()?;
            // They are closed with the runtime.
            self.runtime.spawn(async move {
                let _kept = kept;
                std::future::pending::<()>().await;
            });
            Ok(port)
        })?;
        let http = |port: u16| format!("http://127.0.0.1:{port}");
        Ok(json!({
            "closed": "http://127.0.0.1:1",
            "tlsAlert": format!("https://127.0.0.1:{}", self.port(&self.places.alert, ListenerKind::Alert)?),
            "full": http(full),
            "silent": http(self.port(&self.places.silent, ListenerKind::Silent)?),
            "elsewhere": http(self.elsewhere_port()?),
            "https": format!("https://localhost:{port}"),
        }))
    }

    fn port(self: &Arc<Self>, place: &Mutex<Option<u16>>, door: ListenerKind) -> Result<u16> {
        once(place, || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            self.runtime.spawn(accept(listener, Arc::clone(self), door));
            Ok(port)
        })
    }
}

fn once(place: &Mutex<Option<u16>>, open: impl FnOnce() -> std::io::Result<u16>) -> Result<u16> {
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(port) = *place {
        return Ok(port);
    }
    let failed = |error| {
        Error::new(ErrorKind::Network, Outcome::NotSent, format!("the local Graph can't open a place: {error}"))
    };
    let port = open().map_err(failed)?;
    *place = Some(port);
    Ok(port)
}

/// A listener that nobody accepts from, with as many connections as it takes: the next connect isn't answered.
fn full() -> std::io::Result<(u16, (Socket, Vec<TcpStream>))> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    listener.listen(0)?;
    let address = listener.local_addr()?.as_socket().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
    let fill = || TcpStream::connect_timeout(&address, UNANSWERED).ok();
    let connections = std::iter::from_fn(fill).take(FILLERS).collect();
    Ok((address.port(), (listener, connections)))
}
