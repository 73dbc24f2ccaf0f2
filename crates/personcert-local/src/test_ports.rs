//! The ports of listeners that are opened on first use.

use std::sync::{Mutex, PoisonError};

/// The ports of the listeners that are open.
#[derive(Debug, Default)]
pub struct TestPorts {
    /// The server that redirects lead to.
    pub elsewhere: TestPort,
    /// The server that never answers.
    pub silent: TestPort,
    /// The server that ends every TLS handshake.
    pub alert: TestPort,
    /// The listener that accepts nothing.
    pub full: TestPort,
}

/// A port that is opened on first use.
#[derive(Debug, Default)]
pub struct TestPort(Mutex<Option<u16>>);

impl TestPort {
    /// The port; `open` opens it the first time.
    pub fn get_or_open<E>(&self, open: impl FnOnce() -> Result<u16, E>) -> Result<u16, E> {
        let mut port = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(port) = *port {
            return Ok(port);
        }
        let opened = open()?;
        *port = Some(opened);
        Ok(opened)
    }
}
