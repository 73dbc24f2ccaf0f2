//! Failures of the transport, told apart.
//!
//! Two facts matter to a caller: may another attempt succeed, and may the service have received the request. A failed TLS
//! handshake, for example, sends nothing and fails again. The kinds are as coarse as these decisions need.

use std::error::Error as _;
use std::fmt;

use super::Response;
use crate::{Error, ErrorKind, Outcome};

/// Why no complete response came. Other transports choose the kind that fits best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection could be established.
    Connect,
    /// No connection was established in time.
    ConnectTimeout,
    /// The server's certificate was not accepted, or TLS failed otherwise, while connecting. Repeating changes nothing.
    Tls,
    /// The connection was lost before a response came.
    Disconnected,
    /// The connection was lost while the response was read.
    Truncated,
    /// The response is larger than the limit.
    TooLarge,
}

/// A failure of the transport.
#[derive(Debug)]
pub struct TransportError {
    /// What happened.
    pub kind: TransportErrorKind,
    /// The cause in one line.
    pub message: String,
    /// Status and headers, when they came: the response broke off later, or was too large.
    pub head: Option<Box<Response>>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The error for a failed exchange that is not with Graph.
pub(crate) fn classify_transport_error(error: reqwest::Error) -> Error {
    let is_sent = !error.is_connect();
    TransportError::from_reqwest(error).into_error(is_sent)
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl TransportError {
    /// A failure of a kind, with its cause in one line and without a response.
    pub fn new(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), head: None, source: None }
    }

    /// Tells a failure before the response's head apart. Only while connecting is it certain that nothing was sent: TLS on an
    /// established connection can fail after the service read the request.
    pub(crate) fn from_reqwest(error: reqwest::Error) -> Self {
        let mut cause = error.to_string();
        let mut deeper = error.source();
        let mut is_tls = false;
        while let Some(source) = deeper {
            cause = source.to_string();
            is_tls |= source.is::<rustls::Error>();
            // An I/O error displays its cause, and names as its source only what is below that.
            let io = source.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
            deeper = io.map_or_else(|| source.source(), |inner| Some(inner as &dyn std::error::Error));
        }
        let kind = match (error.is_connect(), is_tls, error.is_timeout()) {
            (true, true, _) => TransportErrorKind::Tls,
            (true, false, true) => TransportErrorKind::ConnectTimeout,
            (true, false, false) => TransportErrorKind::Connect,
            (false, ..) => TransportErrorKind::Disconnected,
        };
        Self { source: Some(Box::new(error.without_url())), ..Self::new(kind, cause) }
    }

    /// The connection was lost after status and headers had come.
    pub(super) fn truncated(error: reqwest::Error, head: Response) -> Self {
        let message = error.to_string();
        let source: Option<Box<dyn std::error::Error + Send + Sync>> = Some(Box::new(error.without_url()));
        Self { head: Some(Box::new(head)), source, ..Self::new(TransportErrorKind::Truncated, message) }
    }

    /// The body is longer than `limit` bytes.
    pub(super) fn too_large(limit: usize, head: Response) -> Self {
        let message = format!("the response is larger than {limit} bytes");
        Self { head: Some(Box::new(head)), ..Self::new(TransportErrorKind::TooLarge, message) }
    }

    /// The error of a call. `is_sent` says whether any byte of the request may have been written: then the outcome is unknown.
    pub(crate) fn into_error(self, is_sent: bool) -> Error {
        use TransportErrorKind::{Connect, ConnectTimeout, Disconnected, Tls, TooLarge, Truncated};
        let Self { kind, message: cause, head, source } = self;
        let (error_kind, message) = match kind {
            Connect => (ErrorKind::Network, format!("no connection to the service: {cause}")),
            ConnectTimeout => (ErrorKind::Timeout, format!("no connection to the service in time: {cause}")),
            Tls => (
                ErrorKind::Network,
                format!(
                    "no secure connection to the service: {cause}; where a proxy or a company signs certificates, set \
                     `ca_file` to its certificate authority"
                ),
            ),
            Disconnected => (ErrorKind::Network, format!("the connection was lost before a response came: {cause}")),
            Truncated => (ErrorKind::Network, "the connection was lost in the middle of the response".to_owned()),
            TooLarge => (ErrorKind::Protocol, cause),
        };
        let outcome = if is_sent { Outcome::Unknown } else { Outcome::NotSent };
        let mut error = Error::new(error_kind, outcome, message);
        if let Some(source) = source {
            error = error.caused_by_boxed(source);
        }
        if kind == Tls {
            error = error.permanent();
        }
        if let Some(head) = head {
            head.headers.describe(head.status, &mut error);
        }
        error
    }
}
