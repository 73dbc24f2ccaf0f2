//! Whose certifications a request is about.

use crate::reply::Refusal;
use crate::store::User;
use percent_encoding::percent_decode_str;

/// Whose certifications an address names.
#[derive(Debug)]
pub enum Owner {
    /// Those of whoever signed in.
    Me,
    /// Those of the user with this id or user principal name.
    Named(String),
}

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

    /// One text for each person.
    pub fn key(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.id.as_str()).or(self.name.as_deref())
    }
}

/// Whose certifications, and which: the path's segments, parted before they are decoded.
pub fn place(path: &str) -> Result<(Owner, Option<String>), Refusal> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let unknown =
        |segment: &str| Refusal::new(400, "BadRequest", format!("Resource not found for the segment '{segment}'."));
    let decode = |segment: &str| {
        percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| unknown(segment))
    };
    let (owner, rest) = match segments.as_slice() {
        ["beta", "me", rest @ ..] => (Owner::Me, rest),
        ["beta", "users", name, rest @ ..] if !name.starts_with('$') => (Owner::Named(decode(name)?), rest),
        ["beta", users, rest @ ..] if users.starts_with("users('") && users.ends_with("')") => {
            let name = decode(&users["users('".len()..users.len() - "')".len()])?;
            (Owner::Named(name.replace("''", "'")), rest)
        }
        [_, segment, ..] | [segment] => return Err(unknown(segment)),
        [] => return Err(unknown("")),
    };
    match rest {
        ["profile", "certifications"] => Ok((owner, None)),
        ["profile", "certifications", id] => Ok((owner, Some(decode(id)?))),
        other => Err(unknown(other.first().copied().unwrap_or_default())),
    }
}
