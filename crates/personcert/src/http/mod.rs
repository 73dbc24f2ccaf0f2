//! Connections, bounded in size and time: what the calls and the sign-in share.

use std::error::Error as _;
use std::sync::Once;

use reqwest::Response;
use url::Url;

use crate::config::is_loopback;
use crate::{Config, Error, ErrorKind, Outcome, Result};

const USER_AGENT: &str = concat!("personcert/", env!("CARGO_PKG_VERSION"));

/// Reads up to `longest` bytes, and says whether that was all.
pub(crate) async fn read(mut response: Response, longest: usize) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > longest {
            body.extend_from_slice(&chunk[..longest - body.len()]);
            return Ok((body, false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, true))
}

/// A pool of connections. No redirect is followed: the token would go along, or be lost on the way.
pub(crate) fn connections(config: &Config, root: &Url) -> Result<reqwest::Client> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // A provider that the program has installed before is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let mut http = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(config.connect_timeout)
        .tcp_nodelay(true);
    if root.scheme() == "http" {
        // Reading the machine's certificate authorities takes longer than a call, and plain http has none. A proxy would
        // see the token.
        http = http.tls_certs_only([]).no_proxy();
    } else if let Some(proxy) = config.proxy()? {
        http = http.proxy(proxy);
    } else if is_loopback(root) {
        http = http.no_proxy();
    }
    let authorities = config.authorities()?;
    if !authorities.is_empty() {
        http = http.tls_certs_merge(authorities);
    }
    http.build().map_err(|error| {
        Error::new(ErrorKind::InvalidInput, Outcome::NotSent, "the HTTP client can't be set up").caused_by(error)
    })
}

/// A failure before the answer's head: was it sent, and can another attempt end otherwise?
pub(crate) fn network(error: reqwest::Error) -> Error {
    let mut cause = error.to_string();
    let mut deeper = error.source();
    let mut insecure = false;
    while let Some(source) = deeper {
        cause = source.to_string();
        insecure |= source.is::<rustls::Error>();
        // An I/O error says what its cause says, and names as its source only what is below that.
        let io = source.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        deeper = io.map_or_else(|| source.source(), |inner| Some(inner as &dyn std::error::Error));
    }
    let of = |kind, outcome, why: String, error: reqwest::Error| {
        Error::new(kind, outcome, why).caused_by(error.without_url())
    };
    if insecure {
        let why = format!(
            "no secure connection to the service: {cause}; where a proxy or a company signs certificates, name its \
             certificate authority"
        );
        return of(ErrorKind::Network, Outcome::NotSent, why, error).permanent();
    }
    if error.is_connect() && error.is_timeout() {
        return of(
            ErrorKind::Timeout,
            Outcome::NotSent,
            format!("no connection to the service in time: {cause}"),
            error,
        );
    }
    if error.is_connect() {
        return of(ErrorKind::Network, Outcome::NotSent, format!("no connection to the service: {cause}"), error);
    }
    let why = format!("the connection was lost before an answer came: {cause}");
    of(ErrorKind::Network, Outcome::Unknown, why, error)
}

/// A number from 0 to 1.
pub(crate) fn random() -> f64 {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    f64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])) / f64::from(u32::MAX)
}
