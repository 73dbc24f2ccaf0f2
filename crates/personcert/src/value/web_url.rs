//! Addresses of web pages and images.
//!
//! Graph stores `webUrl` and `thumbnailUrl` as plain text and checks nothing. Reading keeps whatever text is there; sending
//! requires an address that a browser can open.

use std::fmt;

use serde::Serialize;
use url::Url;

use crate::{Error, Result};

/// A web address. Any text is read, because Graph stores plain text; only an absolute http or https address is sent.
///
/// ```
/// use personcert::{CertificationPatch, Change, WebUrl};
/// use personcert::schema::Verb;
///
/// let patch = |text: &str| CertificationPatch {
///     web_url: Change::Set(WebUrl::from(text)),
///     ..CertificationPatch::default()
/// };
/// assert!(patch("https://www.iame.io/blackbelt").check(Verb::Update, false).is_ok());
/// assert!(patch("www.iame.io").check(Verb::Update, false).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct WebUrl(String);

impl WebUrl {
    /// The address as text, exactly as it was read or given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Rejects anything but an absolute http or https address.
    pub(super) fn check_absolute(&self) -> Result<()> {
        let has_host =
            Url::parse(&self.0).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        let prefixed = self.0.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://"))
            || self.0.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
        if has_host && prefixed && !self.0.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Ok(());
        }
        let shown: String = self.0.chars().take(60).collect();
        Err(Error::value(format!(
            "{shown:?} is not an absolute http(s) address such as https://example.com/badge; null clears the property"
        )))
    }

    /// The address in normal form: scheme and host in lower case, no default port, no trailing slash, no surrounding space.
    pub(super) fn normalized(&self) -> String {
        let text = self.0.trim();
        let Ok(mut url) = Url::parse(text) else { return text.to_owned() };
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        url.into()
    }
}

impl From<&str> for WebUrl {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
