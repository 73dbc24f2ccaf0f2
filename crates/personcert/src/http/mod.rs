//! HTTP: the transport to the service, bounded in size and time. Calls and sign-in share it.
//!
//! A [`Transport`] turns one [`Request`] into one [`Response`] or one [`TransportError`]. It repeats nothing, follows no
//! redirect and knows nothing of Graph; everything above it works with any implementation, such as a [`MemoryTransport`]
//! in tests. What a status means is decided here too, so that steps of a batch and single requests fail alike.
//!
//! # Invariants
//!
//! - A request is delivered or abandoned, never both: [`Delivery`] settles whether the service may have received it.
//! - Bodies are read up to a limit. A longer success is an error, a longer failure is cut off.
//! - Plain http never passes a proxy, which would see the token.
//! - A connection belongs to the runtime it was opened on.

mod classify;
mod error_body;
mod memory;
mod request;
mod response;
mod retry_after;
mod tls;
mod transport;

pub use classify::{TransportError, TransportErrorKind};
pub use memory::MemoryTransport;
pub use request::{Delivery, Request};
pub use response::{Response, ServiceHeaders};
pub use transport::{ResponseFuture, Transport};

pub(crate) use classify::classify_transport_error;
pub(crate) use error_body::error_of;
pub(crate) use retry_after::retry_after;
pub(crate) use transport::{HttpTransport, common_headers};

use bytes::Bytes;
use reqwest::header::HeaderValue;
use url::Url;

use crate::config::is_loopback;
use crate::{Config, Error, ErrorKind, Outcome, Result};

pub(crate) const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");
const USER_AGENT: &str = concat!("personcert/", env!("CARGO_PKG_VERSION"));

/// Reads up to `limit` bytes, and says whether that was all. A body that comes in one piece is not copied.
pub(crate) async fn read_bounded(
    mut response: reqwest::Response,
    limit: usize,
) -> Result<(Bytes, bool), reqwest::Error> {
    let first = response.chunk().await?.unwrap_or_default();
    if first.len() > limit {
        return Ok((first.slice(..limit), false));
    }
    let Some(mut chunk) = response.chunk().await? else { return Ok((first, true)) };
    let mut body = first.to_vec();
    loop {
        if body.len() + chunk.len() > limit {
            body.extend_from_slice(&chunk[..limit - body.len()]);
            return Ok((body.into(), false));
        }
        body.extend_from_slice(&chunk);
        chunk = match response.chunk().await? {
            Some(next) => next,
            None => return Ok((body.into(), true)),
        };
    }
}

/// A pool of connections for the service or authority at `root`. Redirects are not followed: the token would go along, or be
/// lost on the way.
///
/// # Errors
/// `invalid_input` when the proxy's URL or `ca_file` can't be used.
pub(crate) fn build_client(config: &Config, root: &Url) -> Result<reqwest::Client> {
    let mut http = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(config.connect_timeout)
        .tcp_nodelay(true);
    if root.scheme() == "http" {
        // A proxy would see the token.
        http = http.tls_backend_preconfigured(tls::untrusting_config()?).no_proxy();
    } else {
        http = http.tls_backend_preconfigured(tls::client_config(config.authorities()?)?);
        if let Some(proxy) = config.proxy()? {
            http = http.proxy(proxy);
        } else if is_loopback(root) {
            http = http.no_proxy();
        }
    }
    http.build().map_err(|error| {
        Error::new(ErrorKind::InvalidInput, Outcome::NotSent, "the HTTP client can't be set up").caused_by(error)
    })
}
