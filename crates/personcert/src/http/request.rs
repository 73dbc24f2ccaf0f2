//! A request, and whether any of it may have left this process.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::Method;
use reqwest::header::HeaderMap;

/// One request to the service, ready to be sent once.
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The absolute URL.
    pub url: String,
    /// The headers. `Authorization` is marked sensitive.
    pub headers: HeaderMap,
    /// The body; empty when the request has none.
    pub body: Bytes,
    /// The largest response body that is read, in bytes.
    pub max_response_bytes: usize,
    /// Set before the first byte is written.
    pub delivery: Delivery,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).field("url", &self.url).finish_non_exhaustive()
    }
}

/// Whether any byte of a request may have been written. Clones share the state, so that a caller who gives up waiting
/// still knows: as long as delivery has not started, the service can't have applied anything.
#[derive(Clone, Debug, Default)]
pub struct Delivery(Arc<AtomicBool>);

impl Delivery {
    /// Records that bytes may be written from now on. A [`Transport`](super::Transport) calls it first.
    pub fn start(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether bytes may have been written.
    pub fn has_started(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A body that starts the delivery. The HTTP engine looks at a body when a connection takes the request, before it writes
/// the head.
pub(super) struct TrackedBody {
    bytes: Option<Bytes>,
    delivery: Delivery,
}

impl TrackedBody {
    pub(super) fn new(bytes: Bytes, delivery: Delivery) -> Self {
        Self { bytes: (!bytes.is_empty()).then_some(bytes), delivery }
    }
}

impl http_body::Body for TrackedBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.delivery.start();
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.delivery.start();
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
