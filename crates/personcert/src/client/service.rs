//! The service that a client talks to, and the requests to it.
//!
//! Paths are relative to the version, so that the same request can be sent alone or as a step of a batch. Each request knows
//! whether it writes and whether it may be applied twice; retries, outcomes and verification follow from these two facts.

use bytes::Bytes;
use reqwest::Method;
use serde::Serialize;
use url::Url;

use crate::target::User;
use crate::{Config, Error, ErrorKind, Outcome, Result};

/// How much of a foreign link an error repeats, in characters.
const MAX_LINK_CHARS: usize = 100;

/// The root of one Graph.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) config: Config,
    root: Url,
    /// The root with the version.
    base: String,
    pub(super) max_response_bytes: usize,
}

impl Service {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let root = config.root()?;
        let base = format!("{}/beta", root.as_str().trim_end_matches('/'));
        let max_response_bytes = usize::try_from(config.max_response_bytes).unwrap_or(usize::MAX);
        Ok(Self { config: config.clone(), root, base, max_response_bytes })
    }

    /// The root URL, without the version.
    pub(super) fn root(&self) -> &str {
        self.root.as_str()
    }

    /// The absolute URL of a path below the version.
    pub(super) fn url(&self, path: &str) -> String {
        [&self.base, path].concat()
    }

    /// A link that the service gave, as a path below the version. Links to other places are refused, because the token would
    /// go along.
    pub(super) fn relative_link(&self, link: &str) -> Result<String> {
        let refuse = || {
            let shown: String = link.chars().take(MAX_LINK_CHARS).collect();
            let why = format!("refusing to follow a next link to another host ({shown:?})");
            Error::new(ErrorKind::Protocol, Outcome::Refused, why)
        };
        let url = Url::parse(link).map_err(|_| refuse())?;
        let is_own = url.origin() == self.root.origin() && url.username().is_empty() && url.password().is_none();
        let path = url.as_str().strip_prefix(&self.base).filter(|rest| is_own && rest.starts_with('/'));
        path.map(str::to_owned).ok_or_else(refuse)
    }
}

/// A request of one call, which may be sent several times.
#[derive(Debug)]
pub(super) struct ApiRequest<'a> {
    pub(super) method: Method,
    /// The path below the version, with its query.
    pub(super) path: String,
    /// The path with names instead of ids, for logs.
    pub(super) template: &'static str,
    /// Whose profile it is about.
    pub(super) user: &'a User,
    pub(super) body: Bytes,
    /// Whether it may change something.
    pub(super) writes: bool,
    /// Whether it may be sent again after it was perhaps applied.
    pub(super) is_repeatable: bool,
}

impl<'a> ApiRequest<'a> {
    /// A request that changes nothing, so that it may be repeated freely.
    pub(super) fn read(user: &'a User, path: String, template: &'static str) -> Self {
        Self { method: Method::GET, path, template, user, body: Bytes::new(), writes: false, is_repeatable: true }
    }

    /// A request that changes something, with `body` as JSON.
    pub(super) fn write(
        method: Method,
        user: &'a User,
        path: String,
        template: &'static str,
        body: Option<&impl Serialize>,
    ) -> Result<Self> {
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| Error::value(error.to_string()))?;
        // Created twice, a certification would be there twice.
        let is_repeatable = method != Method::POST;
        Ok(Self { method, path, template, user, body: body.unwrap_or_default().into(), writes: true, is_repeatable })
    }
}
