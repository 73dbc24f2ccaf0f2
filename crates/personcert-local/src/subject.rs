//! The user whose certifications a request concerns.

use crate::store::User;

/// What is known of that user before the request is checked.
#[derive(Debug, Default)]
pub struct Subject {
    /// The id or user principal name in the address.
    pub name: Option<String>,
    /// The user with that name, or the signed-in user.
    pub user: Option<User>,
}

impl Subject {
    /// Whether this is the user with that id or user principal name.
    pub fn is(&self, wanted: &str) -> bool {
        let user = self.user.as_ref();
        let names = [self.name.as_deref(), user.map(|user| user.id.as_str()), user.map(|user| user.upn.as_str())];
        names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(wanted))
    }

    /// The user's id; none when no user has the name.
    pub fn id(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.id.as_str())
    }
}
