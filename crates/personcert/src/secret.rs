//! Secrets that are never printed.
//!
//! Tokens, passwords and keys travel through the crate as [`Secret`], so that a derived `Debug` of a settings or state
//! struct can't reveal them. The text is reachable inside this crate only.

use std::fmt;

use zeroize::Zeroizing;

/// A token, password or other secret. `Debug` redacts it, and its memory is wiped when it is dropped.
///
/// ```
/// use personcert::{Config, Secret};
///
/// let config = Config { token: Some(Secret::from("eyJ0eXAi")), ..Config::default() };
/// assert_eq!(format!("{:?}", config.token), "Some(Secret(…))");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself, for a header or a form. It must not reach a log or an error.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn debug_redacts() {
        assert_eq!(format!("{:?}", super::Secret::from("canary")), "Secret(…)");
    }
}
