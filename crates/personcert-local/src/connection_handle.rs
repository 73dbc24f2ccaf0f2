//! What a request's handler can do with the request's connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The connection that a request came by.
#[derive(Clone, Debug)]
pub struct ConnectionHandle {
    reset: Arc<Reset>,
    /// Whether it is encrypted.
    pub secure: bool,
}

#[derive(Debug, Default)]
struct Reset {
    is_requested: AtomicBool,
    requested: Notify,
}

impl ConnectionHandle {
    /// A handle of a new connection.
    pub fn new(secure: bool) -> Self {
        Self { reset: Arc::default(), secure }
    }

    /// Resets the connection once it is idle: the client sees a reset instead of the end of a stream.
    pub fn reset(&self) {
        self.reset.is_requested.store(true, Ordering::Release);
        self.reset.requested.notify_one();
    }

    /// Whether a reset was requested.
    pub fn is_reset(&self) -> bool {
        self.reset.is_requested.load(Ordering::Acquire)
    }

    /// Waits until a reset is requested.
    pub async fn reset_requested(&self) {
        self.reset.requested.notified().await;
    }
}
