//! Addresses of pages and pictures.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::schema::{Kind, PropertyValue, SchemaType};
use crate::{Error, Result};

/// An address. To Graph it is plain text, and any text is read; only an absolute http or https address is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct WebUrl(String);

impl WebUrl {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
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

impl SchemaType for WebUrl {
    const KIND: Kind = Kind::Url;
}

impl PropertyValue for WebUrl {
    fn read(value: Value) -> std::result::Result<Self, Value> {
        String::read(value).map(Self)
    }

    fn fits(value: &Value) -> bool {
        value.is_string()
    }

    fn check(&self) -> Result<()> {
        let absolute = url::Url::parse(&self.0)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        let prefixed = self.0.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://"))
            || self.0.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
        if absolute && prefixed && !self.0.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Ok(());
        }
        let shown: String = self.0.chars().take(60).collect();
        Err(Error::value(format!(
            "{shown:?} is not an absolute http(s) address such as https://example.com/badge; null clears the property"
        )))
    }
}
