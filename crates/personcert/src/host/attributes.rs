//! An error as other languages have it: its attributes described, named and valued in the caller's spelling.
//!
//! The attributes come from the table in `error`, so that an attribute that is added there exists in every language.

use serde_json::{Map, Value, json};

use super::dialect::Dialect;
use crate::error::{Error, ErrorDetails, error_details};
use crate::schema::{Kind, Property, Record};

macro_rules! describe {
    (@kind TextList) => { Kind::List(&Kind::Text) };
    (@kind $kind:ident) => { Kind::$kind };
    ($($name:ident = $graph:literal: $type:ty, $kind:ident, $doc:literal;)+) => {
        /// The description of an error's attributes besides `kind` and `outcome`.
        pub const ERROR_ATTRIBUTES: &[Property] = &[$(
            Property::member(stringify!($name), $graph, describe!(@kind $kind), false, $doc),
        )+];

        fn values(details: &ErrorDetails) -> Vec<(&'static str, &'static str, Value)> {
            vec![$((stringify!($name), $graph, json!(details.$name)),)+]
        }
    };
}
error_details!(describe);

impl Error {
    /// Every attribute with its value, named as `dialect` writes names: what a language package puts on its
    /// error object. Absent ones are null.
    pub fn attributes(&self, dialect: Dialect) -> Map<String, Value> {
        let own = [("kind", "kind", json!(self.kind.as_str())), ("outcome", "outcome", json!(self.outcome.as_str()))];
        own.into_iter()
            .chain(values(&self.details))
            .map(|(snake, camel, value)| (dialect.name(snake, camel).to_owned(), value))
            .collect()
    }

    /// Spells the record's names as `dialect` does: the last one in `parameter`, and those in backticks in the message.
    #[must_use]
    pub fn rename_parameter(mut self, record: &Record, dialect: Dialect) -> Self {
        if let Some(parameter) = self.details.parameter.take() {
            let (before, name) =
                parameter.rsplit_once('.').map_or(("", parameter.as_str()), |(before, name)| (before, name));
            let name = record.find(name, super::Naming::Camel).map_or(name, |property| property.named(dialect));
            let spelt = if before.is_empty() { name.to_owned() } else { format!("{before}.{name}") };
            self.details.parameter = Some(spelt);
        }
        // What the service wrote stays as it is.
        let ours = record.properties.iter().filter(|_| self.details.status.is_none());
        for property in ours {
            self.message =
                self.message.replace(&format!("`{}`", property.name), &format!("`{}`", property.named(dialect)));
        }
        self.flatten_parameter(dialect)
    }

    /// Leaves out the name of the object of members where the language takes those as arguments of their own.
    #[must_use]
    pub(super) fn flatten_parameter(mut self, dialect: Dialect) -> Self {
        self.details.parameter = self.details.parameter.map(|parameter| dialect.path(parameter));
        self
    }
}
