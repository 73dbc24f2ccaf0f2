//! How a caller's language spells names and measures time.

use std::time::Duration;

/// The spelling of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `issuing_authority`
    Snake,
    /// `issuingAuthority`, as Graph writes it.
    Camel,
}

/// A caller's spelling of names and unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// How names are spelt.
    pub naming: Naming,
    /// How long the number 1 is when it gives a duration.
    pub time_unit: Duration,
}

impl Dialect {
    /// Names as Graph writes them, time in seconds.
    pub const GRAPH: Self = Self { naming: Naming::Camel, time_unit: Duration::from_secs(1) };

    /// The one of the two spellings that is this dialect's.
    pub const fn name<'a>(self, snake: &'a str, camel: &'a str) -> &'a str {
        match self.naming {
            Naming::Snake => snake,
            Naming::Camel => camel,
        }
    }
}

/// Names the nearest of `allowed`, then all of them: the end of a message about an unknown name.
pub(crate) fn advice(unknown: &str, allowed: &[&str]) -> String {
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
