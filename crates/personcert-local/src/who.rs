//! Whom a request is about.

use crate::store::User;

/// The person as far as it is known.
#[derive(Debug, Default)]
pub struct Who {
    /// What the address says.
    pub name: Option<String>,
    /// The user who goes by that name, or who signed in.
    pub user: Option<User>,
}

impl Who {
    /// Whether this is the person with that id or user principal name.
    pub fn is(&self, wanted: &str) -> bool {
        let user = self.user.as_ref();
        let names = [self.name.as_deref(), user.map(|user| user.id.as_str()), user.map(|user| user.upn.as_str())];
        names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(wanted))
    }

    /// The id of the user; none for a name that no user has.
    pub fn key(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.id.as_str())
    }
}
