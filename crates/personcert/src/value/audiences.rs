//! The audiences of an item (`allowedAudiences`): an open set of flags.
//!
//! Graph's pages show a single name, the service's schema declares a flags enumeration, and the service has been seen to
//! answer with a number or with digits as text. All forms are read into one set, written as comma separated names, and names
//! of the future are kept. `me` is the flag 0: alone it is the empty set, and beside another audience it means nothing.
//! Source: Graph's `itemFacet` resource (beta); "Best practices for working with Microsoft Graph", evolvable enumerations.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::host::advice;
use crate::{Error, Result};

/// The members in the order of their flags: `me` is 0, `family` 1, `contacts` 2, and each further one twice the one before.
const NAMES: [&str; 7] =
    ["me", "family", "contacts", "groupMembers", "organization", "federatedOrganizations", "everyone"];
/// Graph's placeholder that separates the documented members from newer ones.
const SENTINEL: &str = "unknownFutureValue";

/// One or more audiences. They are read from a name, comma separated names, a number or digits; unknown names are kept.
///
/// ```
/// use personcert::Audiences;
///
/// let both = Audiences::named("contacts,organization");
/// assert_eq!(both.to_string(), "contacts,organization");
/// assert_eq!(both, Audiences::from_flags(2 + 8));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Audiences {
    flags: u64,
    others: Vec<String>,
}

impl Audiences {
    /// The names of the audiences that Graph documents, in the order of their flags.
    pub const NAMES: &'static [&'static str] = &NAMES;

    /// The audiences whose flags are set: 0 for `me` alone, else a sum of 1 (`family`), 2 (`contacts`),
    /// 4 (`groupMembers`), 8 (`organization`), 16 (`federatedOrganizations`), 32 (`everyone`).
    pub fn from_flags(flags: u64) -> Self {
        Self { flags, others: Vec::new() }
    }

    /// The audiences of a name, or of several separated by commas. An unknown name is kept, but sent only with the client
    /// setting `unknown_audiences`.
    pub fn named(text: &str) -> Self {
        let mut audiences = Self::default();
        for name in text.split(',').map(str::trim) {
            let known = NAMES.iter().position(|known| *known == name);
            match (known, name.parse::<u64>()) {
                (Some(0), _) => {}
                (Some(at), _) => audiences.flags |= 1 << (at - 1),
                (None, Ok(flags)) => audiences.flags |= flags,
                (None, Err(_)) if !audiences.others.iter().any(|other| other == name) => {
                    audiences.others.push(name.to_owned());
                }
                (None, Err(_)) => {}
            }
        }
        audiences
    }

    /// Whether the audiences are the same; the order of unknown names doesn't count.
    pub(super) fn is_same_set(&self, other: &Self) -> bool {
        let all = |names: &[String], of: &[String]| names.iter().all(|name| of.contains(name));
        self.flags == other.flags && all(&self.others, &other.others) && all(&other.others, &self.others)
    }

    /// Checks that the audiences may be sent: the sentinel never, other unknown names only with `allow_unknown`.
    pub(crate) fn check_names(&self, allow_unknown: bool) -> Result<()> {
        let refuse = |why: String| Err(Error::value(why));
        if self.flags & 64 != 0 || self.others.iter().any(|other| other == SENTINEL) {
            return refuse(format!(
                "{SENTINEL:?} is Graph's placeholder for newer members and is never sent; allowed: {}",
                NAMES.join(", ")
            ));
        }
        let blank = |other: &String| other.is_empty() || other.contains(char::is_control);
        match self.others.iter().find(|other| !allow_unknown || blank(other)) {
            Some(other) => refuse(format!(
                "{other:?} is not a known audience; {}. The setting for unknown audiences sends it unchanged",
                advice(other, &NAMES)
            )),
            None if self.flags >= 64 && !allow_unknown => {
                refuse(format!("the flags {} are not all known; allowed: {}", self.flags, NAMES.join(", ")))
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for Audiences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // If a flag has no name, all flags are written as one number.
        let number = (self.flags >= 64).then(|| self.flags.to_string());
        let flagged = (1..NAMES.len()).filter(|at| number.is_none() && self.flags & (1 << (at - 1)) != 0);
        let known = flagged.map(|at| NAMES[at]).chain(number.as_deref());
        let names: Vec<_> = known.chain(self.others.iter().map(String::as_str)).collect();
        f.write_str(if names.is_empty() { NAMES[0].to_owned() } else { names.join(",") }.as_str())
    }
}

impl Serialize for Audiences {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_audience_is_sent_only_on_request_and_the_sentinel_never() {
        assert!(Audiences::named("newOne").check_names(false).is_err());
        assert!(Audiences::named("newOne").check_names(true).is_ok());
        assert!(Audiences::named("unknownFutureValue").check_names(true).is_err());
        assert!(Audiences::from_flags(64).check_names(true).is_err());
        assert!(Audiences::named("").check_names(true).is_err());
    }
}
