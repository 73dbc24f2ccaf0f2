//! Forms and queries.

use std::collections::BTreeMap;

use url::form_urlencoded;

/// The names and values of a form or a query.
pub type Form = BTreeMap<String, String>;

/// Reads a form or a query.
pub fn parse_form(text: &[u8]) -> Form {
    form_urlencoded::parse(text).into_owned().collect()
}
