//! How a caller's language spells names, passes members and measures time.
//!
//! Graph's names are camel case; each table also has a snake case name. A [`Dialect`] chooses between the two, for reading
//! arguments as well as for the names in error messages, so that a caller only ever sees its own spelling.

use std::time::Duration;

/// The arguments that hold a certification's members.
const MEMBER_OBJECTS: [&str; 2] = ["changes", "values"];

/// The spelling of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `issuing_authority`
    Snake,
    /// `issuingAuthority`, as Graph writes it.
    Camel,
}

/// How a caller's language spells names, passes members and measures time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// How names are spelt.
    pub naming: Naming,
    /// The unit of a duration that is given as a number.
    pub time_unit: Duration,
    /// Whether the members of `changes` and `values` are arguments of the call, such as Python's keyword arguments, and
    /// not members of an object.
    pub flat_members: bool,
}

impl Dialect {
    /// Names as Graph writes them, time in seconds, members in objects: what JSON files use.
    pub const GRAPH: Self = Self { naming: Naming::Camel, time_unit: Duration::from_secs(1), flat_members: false };

    /// The one of the two spellings that is this dialect's.
    pub const fn name<'a>(self, snake: &'a str, camel: &'a str) -> &'a str {
        match self.naming {
            Naming::Snake => snake,
            Naming::Camel => camel,
        }
    }

    /// The path of an argument as the caller wrote it: without `changes.` or `values.` where members are arguments.
    pub fn path(self, path: String) -> String {
        let member = MEMBER_OBJECTS.iter().find_map(|object| path.strip_prefix(object)?.strip_prefix('.'));
        match member {
            Some(member) if self.flat_members => member.to_owned(),
            _ => path,
        }
    }
}

/// Names the nearest of `allowed`, then all of them: the end of a message about an unknown name.
pub fn advice(unknown: &str, allowed: &[&str]) -> String {
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    let nearest = allowed
        .iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(&plain(unknown), &plain(name)), name))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let all = allowed.join(", ");
    match nearest {
        Some((_, name)) => format!("did you mean `{name}`? Allowed: {all}"),
        None => format!("allowed: {all}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::host::advice;

    #[test]
    fn a_misspelt_name_gets_the_nearest_one() {
        let allowed = ["endDate", "issuedDate", "issuingAuthority"];
        assert!(advice("issuingAuthorty", &allowed).starts_with("did you mean `issuingAuthority`?"));
        assert!(advice("end_date", &allowed).starts_with("did you mean `endDate`?"));
        assert_eq!(advice("x", &allowed), "allowed: endDate, issuedDate, issuingAuthority");
    }
}
