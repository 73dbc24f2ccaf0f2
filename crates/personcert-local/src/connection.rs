//! Connections, and how they end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::graph::Graph;

/// The first byte of a TLS handshake; no HTTP request begins so.
const HANDSHAKE: u8 = 0x16;
/// A fatal alert: `handshake_failure`.
const ALERT: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 40];

/// How many connections a listener has at once; the next ones wait.
const MOST: usize = 4096;
/// How long a client may take to send the head of a request, and how long its connection may lie idle.
const HEAD: Duration = Duration::from_mins(5);

/// What a listener's connections lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The graph.
    Graph,
    /// The place that redirects lead to.
    Elsewhere,
    /// A server that takes requests and never answers.
    Silent,
    /// A server that refuses every handshake.
    Alert,
}

/// The connection that a request came by.
#[derive(Clone, Debug)]
pub struct Line {
    broken: Arc<Notify>,
    /// Whether it is encrypted.
    pub secure: bool,
}

impl Line {
    /// Breaks the connection as soon as nothing else is going on: the client gets a reset, and not the end of a stream.
    pub fn reset(&self) {
        self.broken.notify_one();
    }
}

/// Accepts connections until the runtime goes.
pub async fn accept(listener: std::net::TcpListener, graph: Arc<Graph>, door: Door) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let graph = Arc::clone(&graph);
                tokio::spawn(async move {
                    enter(stream, graph, door).await;
                    drop(place);
                });
            }
            // There are too many open files, for example; some will close.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// HTTP and TLS share a port: the first byte tells them apart.
async fn enter(mut stream: TcpStream, graph: Arc<Graph>, door: Door) {
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    if door == Door::Silent {
        let mut unread = [0; 4096];
        while stream.read(&mut unread).await.is_ok_and(|read| read > 0) {}
    } else if !matches!(stream.peek(&mut first).await, Ok(1)) {
        // Gone before it said anything.
    } else if door == Door::Alert || first == [HANDSHAKE] && graph.options.tls_alert {
        let mut hello = vec![0; 16384];
        let _ = stream.read(&mut hello).await;
        let _ = stream.write_all(&ALERT).await;
        let _ = stream.shutdown().await;
    } else if first == [HANDSHAKE] {
        let Ok(tls) = graph.tls() else { return };
        if let Ok(stream) = TlsAcceptor::from(Arc::clone(&tls.server)).accept(stream).await {
            serve(stream, graph, door, true).await;
        }
    } else {
        serve(stream, graph, door, false).await;
    }
}

async fn serve<S: Socket>(socket: S, graph: Arc<Graph>, door: Door, secure: bool) {
    let line = Line { broken: Arc::new(Notify::new()), secure };
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let (graph, line) = (Arc::clone(&graph), line.clone());
        async move {
            let request = request.map(Body::new);
            Ok::<_, Infallible>(match door {
                Door::Elsewhere => graph.elsewhere(request).await,
                _ => graph.answer(request, line).await,
            })
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(socket), service);
    tokio::select! {
        _ = pin!(&mut connection) => {}
        () = line.broken.notified() => {
            let _ = connection.into_parts().io.inner().tcp().set_zero_linger();
        }
    }
}

/// What HTTP is spoken over.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The socket itself.
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}
