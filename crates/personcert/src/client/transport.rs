//! One request and its answer, bounded in size and time. The only place that touches the network.

use std::error::Error as _;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use url::Url;

use super::attempts::Request;
use super::reply::Reply;
use crate::config::is_loopback;
use crate::{Config, Error, ErrorKind, Outcome, Result};

/// An error's body is read up to here; the rest says nothing more.
const LONGEST_ERROR: usize = 64 << 10;
const USER_AGENT: &str = concat!("personcert/", env!("CARGO_PKG_VERSION"));

/// The connections to one Graph.
pub(super) struct Transport {
    config: Config,
    http: Mutex<reqwest::Client>,
    root: Url,
    base: String,
    longest: usize,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("root", &self.root.as_str()).finish_non_exhaustive()
    }
}

impl Transport {
    pub(super) fn new(config: &Config) -> Result<Self> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // A provider that the program has installed before is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let root = config.root()?;
        let http = Mutex::new(connections(config, &root)?);
        let base = format!("{}/beta", root.as_str().trim_end_matches('/'));
        let longest = usize::try_from(config.max_response_bytes).unwrap_or(usize::MAX);
        Ok(Self { http, base, root, longest, config: config.clone() })
    }

    /// The root as it was given.
    pub(super) fn root(&self) -> &str {
        self.root.as_str()
    }

    /// The settings.
    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    /// The same with connections of its own.
    pub(super) fn again(&self) -> Result<Self> {
        Self::new(&self.config)
    }

    /// Leaves the connections there are to the requests under way; later ones get new ones.
    pub(super) fn renew(&self) {
        if let Ok(fresh) = connections(&self.config, &self.root) {
            *self.http.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }

    /// Sends a request once and reads the answer.
    pub(super) async fn send(
        &self,
        request: &Request,
        authorization: HeaderValue,
        traceparent: Option<&HeaderValue>,
        limit: Duration,
    ) -> Result<Reply> {
        let id = uuid::Uuid::new_v4().to_string();
        let limited = tokio::time::timeout(limit, self.exchange(request, authorization, traceparent, &id)).await;
        limited
            .unwrap_or_else(|_| {
                let why = format!("no answer within {} s", limit.as_secs_f64());
                Err(Error::new(ErrorKind::Timeout, Outcome::Unknown, why))
            })
            .map_err(|mut error| {
                error.details.target = Some(format!("{} {}", request.method, request.path));
                error.details.client_request_id.get_or_insert(id);
                error
            })
    }

    async fn exchange(
        &self,
        request: &Request,
        authorization: HeaderValue,
        traceparent: Option<&HeaderValue>,
        id: &str,
    ) -> Result<Reply> {
        let http = self.http.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut sent = http
            .request(request.method.clone(), format!("{}{}", self.base, request.path))
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, "application/json")
            .header("Prefer", "include-unknown-enum-members")
            .header("client-request-id", id);
        if let Some(traceparent) = traceparent {
            sent = sent.header("traceparent", traceparent);
        }
        if let Some(body) = &request.body {
            sent = sent.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let response = sent.send().await.map_err(network)?;
        let success = response.status().is_success();
        let longest = if success { self.longest } else { LONGEST_ERROR };
        let mut reply = Reply::of(&response, id);
        let (body, whole) = read(response, longest).await.map_err(|error| reply.lost(error))?;
        if success && !whole {
            return Err(reply.unusable(&format!("the answer is larger than {longest} bytes")));
        }
        reply.body = body;
        if success { Ok(reply) } else { Err(reply.into_error()) }
    }

    /// A link that the service gave, as a path below the version. Links to anywhere else are refused.
    pub(super) fn below_root(&self, link: &str) -> Result<String> {
        let refuse = || {
            let shown: String = link.chars().take(100).collect();
            let why =
                format!("the service's link to the next page leads elsewhere ({shown:?}); the token isn't sent there");
            Error::new(ErrorKind::Protocol, Outcome::Refused, why)
        };
        let url = Url::parse(link).map_err(|_| refuse())?;
        let own = url.origin() == self.root.origin() && url.username().is_empty() && url.password().is_none();
        let below = url.as_str().strip_prefix(&self.base).filter(|rest| own && rest.starts_with('/'));
        below.map(str::to_owned).ok_or_else(refuse)
    }
}

/// Reads up to `longest` bytes, and says whether that was all.
async fn read(mut response: Response, longest: usize) -> Result<(Vec<u8>, bool), reqwest::Error> {
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
fn connections(config: &Config, root: &Url) -> Result<reqwest::Client> {
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
fn network(error: reqwest::Error) -> Error {
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
        return of(ErrorKind::Network, Outcome::NotSent, why, error).for_good();
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
