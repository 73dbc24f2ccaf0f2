//! Listeners and connections: TCP, TLS, HTTP/1.1 and HTTP/2.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::connection_handle::ConnectionHandle;
use crate::graph::Graph;
use crate::tls::HTTP_2;

/// The first byte of a TLS handshake; no HTTP request begins with it.
const HANDSHAKE: u8 = 0x16;
/// A fatal alert: `handshake_failure`.
const ALERT: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 40];
/// How many connections a listener serves at once; further ones wait.
const MAX_CONNECTIONS: usize = 4096;
/// How many requests share an HTTP/2 connection at once.
const MAX_STREAMS: u32 = 256;
/// Time limit for the head of a request, and for an idle connection.
const HEADER_TIMEOUT: Duration = Duration::from_mins(5);
/// How long an HTTP/2 connection writes what it has queued before it is reset.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(50);

/// What a listener's connections reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// The local Graph.
    Graph,
    /// The server that redirects lead to.
    Elsewhere,
    /// A server that reads requests and never answers.
    Silent,
    /// A server that ends every TLS handshake with an alert.
    Alert,
}

/// Accepts connections until the runtime ends.
pub async fn accept(listener: std::net::TcpListener, graph: Arc<Graph>, kind: ListenerKind) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let graph = Arc::clone(&graph);
                tokio::spawn(async move {
                    handle(stream, graph, kind).await;
                    drop(permit);
                });
            }
            // For example too many open files; some will close.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Serves one connection. HTTP and TLS share a port: the first byte tells them apart.
async fn handle(mut stream: TcpStream, graph: Arc<Graph>, kind: ListenerKind) {
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    if kind == ListenerKind::Silent {
        let mut unread = [0; 4096];
        while stream.read(&mut unread).await.is_ok_and(|read| read > 0) {}
        return;
    }
    if !matches!(stream.peek(&mut first).await, Ok(1)) {
        return;
    }
    let secure = first == [HANDSHAKE];
    if kind == ListenerKind::Alert || secure && graph.options.tls_alert {
        let mut hello = vec![0; 16384];
        let _ = stream.read(&mut hello).await;
        let _ = stream.write_all(&ALERT).await;
        let _ = stream.shutdown().await;
        return;
    }
    let handle = ConnectionHandle::new(secure);
    let socket = ServerSocket { stream, handle: handle.clone() };
    if secure {
        let Ok(tls) = graph.tls() else { return };
        if let Ok(stream) = TlsAcceptor::from(Arc::clone(&tls.server)).accept(socket).await {
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP_2);
            serve(stream, is_http2, graph, kind, handle).await;
        }
    } else {
        serve(socket, false, graph, kind, handle).await;
    }
}

/// Speaks HTTP until the connection ends or is reset.
async fn serve(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    is_http2: bool,
    graph: Arc<Graph>,
    kind: ListenerKind,
    handle: ConnectionHandle,
) {
    let connection_handle = handle.clone();
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (graph, handle) = (Arc::clone(&graph), handle.clone());
        async move { Ok::<_, Infallible>(respond(request.map(Body::new), graph, kind, handle).await) }
    });
    let io = TokioIo::new(socket);
    if is_http2 {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .serve_connection(io, service);
        until_reset(connection, &connection_handle, FLUSH_TIMEOUT).await;
    } else {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(io, service);
        until_reset(connection, &connection_handle, Duration::ZERO).await;
    }
}

async fn respond(
    request: hyper::Request<Body>,
    graph: Arc<Graph>,
    kind: ListenerKind,
    handle: ConnectionHandle,
) -> Response<Body> {
    match kind {
        ListenerKind::Elsewhere => graph.elsewhere(request).await,
        _ => graph.answer(request, handle).await,
    }
}

/// Drives a connection to its end, or for `flush` longer when a reset is requested. The socket resets when it is dropped.
async fn until_reset(connection: impl Future, handle: &ConnectionHandle, flush: Duration) {
    let mut connection = pin!(connection);
    tokio::select! {
        _ = &mut connection => {}
        () = handle.reset_requested() => {
            if !flush.is_zero() {
                let _ = tokio::time::timeout(flush, connection).await;
            }
        }
    }
}

/// The socket of a connection. It closes with a reset when one was requested.
struct ServerSocket {
    stream: TcpStream,
    handle: ConnectionHandle,
}

impl Drop for ServerSocket {
    fn drop(&mut self) {
        if self.handle.is_reset() {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for ServerSocket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, to)
    }
}

impl AsyncWrite for ServerSocket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
