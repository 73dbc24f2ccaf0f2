//! Whose certification: both URL forms, with ids as data.
//!
//! Graph addresses a certification below its user, `/me/profile/certifications/{id}` or
//! `/users/{id | userPrincipalName}/profile/certifications/{id}`; it has no address of its own. Ids come from files and from
//! other systems, so that each is checked and percent-encoded into exactly one path segment: no id leads to another path.
//!
//! Source: Graph's "Update personCertification" (beta), HTTP request; Graph's "Get a user" for names that start with `$`.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{Error, Result};

/// What may stand in a path segment as it is: the unreserved characters and `@`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');
/// The same inside `users('…')`, where a name may start with `$`.
const QUOTED: &AsciiSet = &SEGMENT.remove(b'$');

/// The longest id or name that is sent.
const MAX_ID_BYTES: usize = 1024;

/// Whose profile. The default is the signed-in user.
///
/// ```
/// use personcert::User;
///
/// let ada = User::Named("ada@contoso.com".into());
/// assert!(ada.check().is_ok());
/// assert!(User::Named("../admin".into()).check().is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum User {
    /// The signed-in user (`/me`); needs a delegated token, because an application's own token has no user.
    #[default]
    Me,
    /// The user with this object id or user principal name (`/users/{id | userPrincipalName}`).
    Named(String),
}

/// One certification of one user: what an update, a get and a delete are about.
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
    ///
    /// # Errors
    /// `invalid_input` when the id or the name of the user is empty, longer than 1,024 bytes, has a control character, or is
    /// a relative path.
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

    /// The certification's id, as it was given.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The path with names instead of ids, for logs and attempts.
    pub(crate) const fn template(&self) -> &'static str {
        match self.user {
            User::Me => "/me/profile/certifications/{id}",
            User::Named(_) => "/users/{user}/profile/certifications/{id}",
        }
    }

    /// The path below the version, percent-encoded: for `/beta/me/…` what follows `/beta`.
    pub fn path(&self) -> String {
        [&*self.user.path(), "/", &*Cow::from(utf8_percent_encode(&self.id, SEGMENT))].concat()
    }
}

impl User {
    /// Checks the user's name or id.
    ///
    /// # Errors
    /// `invalid_input` when it is empty, longer than 1,024 bytes, has a control character, or is a relative path.
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

/// Checks an id or a name that becomes a path segment; `parameter` is the argument it comes from.
fn check(parameter: &str, text: &str) -> Result<()> {
    let why = if text.trim().is_empty() {
        "must not be empty".to_owned()
    } else if text.len() > MAX_ID_BYTES {
        format!("must be at most {MAX_ID_BYTES} bytes long")
    } else if text.chars().any(char::is_control) {
        "must not contain control characters".to_owned()
    } else if text.split(['/', '\\']).any(|part| matches!(part, "." | "..")) {
        format!("{:?} is a relative path", text.chars().take(60).collect::<String>())
    } else {
        return Ok(());
    };
    let remedy =
        if parameter == "user" { "use an object id or a user principal name" } else { "use the id returned by `list`" };
    Err(Error::input(parameter, format!("{why}; {remedy}")))
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
