//! A request, and whether any of it may have left this process.
//!
//! Whether a change was sent decides what a timeout means: before the first byte it is certain that nothing happened,
//! afterwards it isn't. The HTTP engine doesn't report that moment, so the request's body does: the engine looks at it when
//! a connection takes the request.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::Method;
use reqwest::header::HeaderMap;

/// One request to the service, ready to be sent once. `Debug` shows neither headers nor body.
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

/// How far the delivery of a request got. Clones share the state, so that a caller who gives up waiting still knows: a
/// delivery that is abandoned before it starts never starts, and the service can't have applied anything.
///
/// ```
/// use personcert::http::Delivery;
///
/// let (in_time, too_late) = (Delivery::default(), Delivery::default());
/// assert!(in_time.start() && !in_time.abandon(), "the service may receive it");
/// assert!(too_late.abandon() && !too_late.start(), "it is never sent");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Delivery(Arc<AtomicU8>);

const IDLE: u8 = 0;
const STARTED: u8 = 1;
const ABANDONED: u8 = 2;

impl Delivery {
    /// Records that bytes may be written from now on. A [`Transport`](super::Transport) calls it first, and writes nothing
    /// when it returns false: the caller abandoned the request.
    #[must_use]
    pub fn start(&self) -> bool {
        self.change_to(STARTED)
    }

    /// Gives the request up. False when its delivery has started, so that the service may receive it.
    #[must_use]
    pub fn abandon(&self) -> bool {
        self.change_to(ABANDONED)
    }

    fn is_abandoned(&self) -> bool {
        self.0.load(Ordering::Acquire) == ABANDONED
    }

    /// Leaves the idle state for `state`, or finds it there already.
    fn change_to(&self, state: u8) -> bool {
        let changed = self.0.compare_exchange(IDLE, state, Ordering::AcqRel, Ordering::Acquire);
        changed.is_ok() || changed == Err(state)
    }
}

/// A body that starts the delivery. The HTTP engine looks at a body when a connection takes the request, before it writes
/// the head. The body of an abandoned request promises a byte and fails instead, which closes the connection.
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
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if !self.delivery.start() {
            return Poll::Ready(Some(Err(std::io::Error::other("the request was abandoned before it was sent"))));
        }
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.delivery.start() && self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let promised = u64::from(self.delivery.is_abandoned());
        SizeHint::with_exact(self.bytes.as_ref().map_or(promised, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_started_or_abandoned_and_never_both() {
        let delivery = Delivery::default();
        assert!(delivery.start() && delivery.start() && !delivery.abandon());
        let delivery = Delivery::default();
        assert!(delivery.abandon() && delivery.abandon() && !delivery.start());
    }

    #[test]
    fn of_a_start_and_an_abandonment_at_the_same_moment_one_succeeds() {
        for _ in 0..2_000 {
            let (delivery, both) = (Delivery::default(), std::sync::Barrier::new(2));
            let (started, abandoned) = std::thread::scope(|scope| {
                let start = scope.spawn(|| {
                    both.wait();
                    delivery.start()
                });
                both.wait();
                let abandoned = delivery.abandon();
                (start.join().unwrap(), abandoned)
            });
            assert_ne!(started, abandoned);
        }
    }
}
