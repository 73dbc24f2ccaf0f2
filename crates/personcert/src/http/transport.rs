//! The seam to the network: one request in, one response or one failure out.
//!
//! Connections have generations: after a 503 the client asks for new ones, and however many requests failed on the same
//! connections, they are replaced once.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::HeaderMap;
use url::{Position, Url};

use super::request::TrackedBody;
use super::{Request, Response, ServiceHeaders, TransportError, TransportErrorKind, build_client, read_bounded};
use crate::{Config, Result};

/// The largest body of a failure that is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// What [`Transport::send`] returns.
pub type ResponseFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, TransportError>> + Send + 'a>>;

/// Sends requests. The client's own one speaks HTTP; tests use [`MemoryTransport`](super::MemoryTransport).
///
/// A transport can wrap another one, for example to count requests:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// use personcert::http::{Request, ResponseFuture, Transport};
///
/// #[derive(Clone, Debug)]
/// struct Counting {
///     inner: Arc<dyn Transport>,
///     count: Arc<AtomicU32>,
/// }
///
/// impl Transport for Counting {
///     fn send(&self, request: Request) -> ResponseFuture<'_> {
///         self.count.fetch_add(1, Ordering::Relaxed);
///         self.inner.send(request)
///     }
///
///     fn for_new_runtime(&self) -> personcert::Result<Arc<dyn Transport>> {
///         Ok(Arc::new(Self { inner: self.inner.for_new_runtime()?, count: Arc::clone(&self.count) }))
///     }
/// }
/// ```
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends a request once and reads the response, whatever its status. It starts the request's
    /// [`Delivery`](super::Delivery) before the first byte is written, and not earlier than it must.
    fn send(&self, request: Request) -> ResponseFuture<'_>;

    /// The generation of connections that the next request will use. A transport without connections has one.
    fn generation(&self) -> u64 {
        0
    }

    /// Uses new connections for later requests, unless that happened since `generation`.
    fn reconnect(&self, generation: u64) {
        let _ = generation;
    }

    /// The same transport with connections of its own, for another async runtime.
    ///
    /// # Errors
    /// When the new connections can't be set up.
    fn for_new_runtime(&self) -> Result<Arc<dyn Transport>>;
}

/// HTTP by reqwest.
pub(crate) struct HttpTransport {
    config: Config,
    root: Url,
    connections: Mutex<Connections>,
}

struct Connections {
    client: reqwest::Client,
    generation: u64,
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").field("root", &self.root.as_str()).finish_non_exhaustive()
    }
}

impl HttpTransport {
    /// Connections to the service that the settings name.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let root = config.root()?;
        let connections = Mutex::new(Connections { client: build_client(config, &root)?, generation: 0 });
        Ok(Self { config: config.clone(), root, connections })
    }

    fn client(&self) -> reqwest::Client {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).client.clone()
    }

    /// Parses an address. Below the root only its path needs it, which takes a third of the time.
    fn parse(&self, url: &str) -> Result<Url, url::ParseError> {
        let path = url.strip_prefix(&self.root[..Position::BeforePath]).filter(|path| path.starts_with('/'));
        match path {
            // Two slashes would begin with another host.
            Some(path) if !path[1..].starts_with(['/', '\\']) => Url::options().base_url(Some(&self.root)).parse(path),
            _ => Url::parse(url),
        }
    }

    /// Sends a request and reads the whole response. Of a failure's body only the beginning is kept.
    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let Request { method, url, headers, body, max_response_bytes, delivery } = request;
        let url = self.parse(&url);
        let url = url.map_err(|error| TransportError::new(TransportErrorKind::Connect, error.to_string()))?;
        let mut sent = reqwest::Request::new(method, url);
        *sent.headers_mut() = headers;
        *sent.body_mut() = Some(reqwest::Body::wrap(TrackedBody::new(body, delivery)));
        let response = self.client().execute(sent).await.map_err(TransportError::from_reqwest)?;
        let status = response.status();
        let headers = ServiceHeaders::from_http(response.headers());
        let limit = if status.is_success() { max_response_bytes } else { MAX_ERROR_BYTES };
        let head = |headers| Response { status: status.as_u16(), headers, ..Response::default() };
        let (body, is_complete) = match read_bounded(response, limit).await {
            Ok(read) => read,
            Err(error) => return Err(TransportError::truncated(error, head(headers))),
        };
        if status.is_success() && !is_complete {
            return Err(TransportError::too_large(limit, head(headers)));
        }
        Ok(Response { body, ..head(headers) })
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> ResponseFuture<'_> {
        Box::pin(self.exchange(request))
    }

    fn generation(&self) -> u64 {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).generation
    }

    fn reconnect(&self, generation: u64) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        // Requests under way keep the connections they have.
        if connections.generation == generation
            && let Ok(client) = build_client(&self.config, &self.root)
        {
            *connections = Connections { client, generation: generation.wrapping_add(1) };
        }
    }

    fn for_new_runtime(&self) -> Result<Arc<dyn Transport>> {
        Ok(Arc::new(Self::new(&self.config)?))
    }
}

/// The headers of every request.
pub(crate) fn common_headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(10);
    headers.insert(reqwest::header::ACCEPT, super::APPLICATION_JSON);
    headers.insert("prefer", reqwest::header::HeaderValue::from_static("include-unknown-enum-members"));
    headers
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use reqwest::Method;

    use super::*;
    use crate::http::Delivery;

    fn transport(address: &str) -> HttpTransport {
        let config = Config { base_url: Some(format!("http://{address}")), ..Config::default() };
        HttpTransport::new(&config).expect("a transport")
    }

    #[test]
    fn an_address_is_parsed_the_same_with_and_without_the_root() {
        let transport = transport("127.0.0.1:8080/root");
        for url in [
            "http://127.0.0.1:8080/root/beta/users/a@b.c/profile/certifications/1?$select=id&$top=1#x",
            "http://127.0.0.1:8080/root/beta/users/%23a/../b/./c%2e%2E/d e\\f?g\\h i",
            "http://127.0.0.1:8080//other.example/x",
            "http://127.0.0.1:8080/\\other.example/x",
            "http://127.0.0.1:80801/x",
            "http://127.0.0.1:8080@other.example/x",
            "http://127.0.0.1:8080.other.example/x",
            "http://127.0.0.1:8080?x",
            "http://127.0.0.1:8080",
            "/beta/me",
        ] {
            assert_eq!(transport.parse(url), Url::parse(url), "{url}");
        }
    }

    #[test]
    fn connections_are_replaced_once_a_generation() {
        let transport = transport("127.0.0.1");
        (0..32).for_each(|_| transport.reconnect(0));
        assert_eq!(transport.generation(), 1);
    }

    #[tokio::test]
    async fn no_byte_of_an_abandoned_request_is_written() {
        for (method, body) in [(Method::DELETE, ""), (Method::PATCH, "{}")] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let received = std::thread::spawn(move || {
                let mut bytes = Vec::new();
                listener.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
                bytes
            });
            let delivery = Delivery::default();
            assert!(delivery.abandon());
            let request = Request {
                method,
                url: format!("http://{address}/"),
                headers: common_headers(),
                body: body.into(),
                max_response_bytes: 1024,
                delivery,
            };
            transport(&address).send(request).await.expect_err("an abandoned request");
            assert_eq!(String::from_utf8(received.join().unwrap()).unwrap(), "");
        }
    }
}
