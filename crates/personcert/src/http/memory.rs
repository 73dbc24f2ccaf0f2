//! A transport without a network, for tests.
//!
//! Tests of programs that use this crate can answer requests in a function: fast, without ports, and with any failure they
//! want to see. The local Graph is the other choice: a whole server with stored state and the service's rules.

use std::fmt;
use std::sync::Arc;

use super::{Request, Response, ResponseFuture, Transport, TransportError};
use crate::Result;

type Handler = dyn Fn(&Request) -> Result<Response, TransportError> + Send + Sync;

/// Answers every request by calling a function. Each request counts as delivered, so that a failure leaves the outcome
/// unknown.
#[derive(Clone)]
pub struct MemoryTransport(Arc<Handler>);

impl MemoryTransport {
    /// A transport that answers with what `handler` returns.
    ///
    /// ```
    /// use personcert::http::{MemoryTransport, Response, TransportError, TransportErrorKind};
    ///
    /// let gone = MemoryTransport::new(|request| {
    ///     assert_eq!(request.method, "DELETE");
    ///     Ok(Response { status: 204, ..Response::default() })
    /// });
    /// let broken = MemoryTransport::new(|_| {
    ///     Err(TransportError::new(TransportErrorKind::Disconnected, "the connection was reset"))
    /// });
    /// ```
    pub fn new(handler: impl Fn(&Request) -> Result<Response, TransportError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(handler))
    }
}

impl fmt::Debug for MemoryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryTransport")
    }
}

impl Transport for MemoryTransport {
    fn send(&self, request: Request) -> ResponseFuture<'_> {
        let is_started = request.delivery.start();
        Box::pin(async move { if is_started { (self.0)(&request) } else { std::future::pending().await } })
    }

    fn for_new_runtime(&self) -> Result<Arc<dyn Transport>> {
        Ok(Arc::new(self.clone()))
    }
}
