//! Whose certification: both URL forms, with ids as data.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{Error, Result};

/// What may stand in a path segment as it is: the unreserved characters and `@`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');
/// The same inside `users('…')`, where a name may start with `$`.
const QUOTED: &AsciiSet = &SEGMENT.remove(b'$');

/// The longest id or name that is sent, in bytes.
const LONGEST: usize = 1024;

/// Whose profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum User {
    /// The signed-in user (`/me`); needs a delegated token.
    #[default]
    Me,
    /// The user with this object id or user principal name (`/users/{id | userPrincipalName}`).
    Named(String),
}

/// One certification of one user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    user: User,
    id: String,
}

impl Target {
    /// The certification `id` of `user`. Both are data and never lead to another path.
    ///
    /// ```
    /// use personcert::{Target, User};
    ///
    /// let guest = User::Named("ada_adatum.com#EXT#@contoso.com".into());
    /// let target = Target::new(guest, "0fb4c1e3").unwrap();
    /// assert_eq!(target.path(), "/users/ada_adatum.com%23EXT%23@contoso.com/profile/certifications/0fb4c1e3");
    /// assert!(Target::new(User::Me, "../x").is_err());
    /// ```
    pub fn new(user: User, id: impl Into<String>) -> Result<Self> {
        let id = id.into();
        check("id", &id)?;
        user.check()?;
        Ok(Self { user, id })
    }

    /// Whose certification it is.
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// The certification's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The path with names instead of ids.
    pub(crate) const fn template(&self) -> &'static str {
        match self.user {
            User::Me => "/me/profile/certifications/{id}",
            User::Named(_) => "/users/{user}/profile/certifications/{id}",
        }
    }

    /// The path below the version, percent-encoded.
    pub fn path(&self) -> String {
        format!("{}/{}", self.user.path(), utf8_percent_encode(&self.id, SEGMENT))
    }
}

impl User {
    /// Rejects a name that can't stand in a request.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Me => Ok(()),
            Self::Named(name) => check("user", name),
        }
    }

    /// The path of the user's certifications with a name instead of the id.
    pub(crate) const fn template(&self) -> &'static str {
        match self {
            Self::Me => "/me/profile/certifications",
            Self::Named(_) => "/users/{user}/profile/certifications",
        }
    }

    /// The path of the user's certifications.
    pub(crate) fn path(&self) -> Cow<'static, str> {
        match self {
            Self::Me => "/me/profile/certifications".into(),
            // The service refuses /users/$…; its documentation gives this form instead.
            Self::Named(name) if name.starts_with('$') => {
                let name = name.replace('\'', "''");
                format!("/users('{}')/profile/certifications", utf8_percent_encode(&name, QUOTED)).into()
            }
            Self::Named(name) => format!("/users/{}/profile/certifications", utf8_percent_encode(name, SEGMENT)).into(),
        }
    }
}

fn check(parameter: &str, text: &str) -> Result<()> {
    let why = if text.trim().is_empty() {
        "it is empty".to_owned()
    } else if text.len() > LONGEST {
        format!("it is longer than {LONGEST} bytes")
    } else if text.chars().any(char::is_control) {
        "it has a control character in it".to_owned()
    } else if text.split(['/', '\\']).any(|part| matches!(part, "." | "..")) {
        format!("{:?} would lead to another path", text.chars().take(60).collect::<String>())
    } else {
        return Ok(());
    };
    let remedy = if parameter == "user" {
        "; give an object id or a user principal name"
    } else {
        "; give the certification's id as a list shows it"
    };
    Err(Error::input(parameter, why + remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(user: &str, id: &str) -> String {
        Target::new(User::Named(user.into()), id).unwrap().path()
    }

    #[test]
    fn ids_stay_one_segment() {
        assert_eq!(path("$x@y.com", "1"), "/users('$x@y.com')/profile/certifications/1");
        assert_eq!(path("$o'neil@y.com", "1"), "/users('$o%27%27neil@y.com')/profile/certifications/1");
        assert_eq!(path("a b/c", "%2e%2e?x#y"), "/users/a%20b%2Fc/profile/certifications/%252e%252e%3Fx%23y");
        for hostile in ["", " ", ".", "..", "../x", "a/../b", "..\\x", "a\r\nb", "\0"] {
            assert!(Target::new(User::Me, hostile).is_err(), "{hostile:?}");
        }
    }
}
