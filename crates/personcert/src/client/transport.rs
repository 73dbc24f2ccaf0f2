//! One request to Graph and its answer, bounded in size and time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use url::Url;

use super::execute::Request;
use super::response::Response;
use crate::http::{connections, network, read};
use crate::{Config, Error, ErrorKind, Outcome, Result};

/// An error's body is read up to here; the rest says nothing more.
const LONGEST_ERROR: usize = 64 << 10;

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
    ) -> Result<Response> {
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
    ) -> Result<Response> {
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
        let answered = sent.send().await.map_err(network)?;
        let success = answered.status().is_success();
        let longest = if success { self.longest } else { LONGEST_ERROR };
        let mut response = Response::of(&answered, id);
        let (body, whole) = read(answered, longest).await.map_err(|error| response.lost(error))?;
        if success && !whole {
            return Err(response.unusable(&format!("the answer is larger than {longest} bytes")));
        }
        response.body = body;
        if success { Ok(response) } else { Err(response.into_error()) }
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
