//! The operations and their arguments: the table that the reader of calls, the packages' types, the command's options
//! and the documents come from.

use std::time::Duration;

use reqwest::header::HeaderValue;
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::dialect::{Dialect, advice};
use crate::certification::PersonCertification;
use crate::doctor::Finding;
use crate::error::{Error, Result};
use crate::schema::{FromInput, Input, Kind, Property, SchemaType, read_option, wrong_type};
use crate::update::UpdateResult;

/// An operation of the client.
#[derive(Debug)]
#[non_exhaustive]
pub struct OperationSpec {
    /// The name, the same in every language.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// What it returns.
    pub result: ResultSpec,
}

/// What an operation returns, for the types and the documentation of a binding.
#[derive(Clone, Copy, Debug)]
pub enum ResultSpec {
    /// A value of this kind.
    Value(Kind),
    /// The certifications of a list, fetched page by page.
    Pages,
    /// Nothing.
    Nothing,
}

/// An argument of operations.
#[derive(Debug)]
#[non_exhaustive]
pub struct Argument {
    /// Its names, kind and meaning.
    pub property: Property,
    /// How languages take it.
    pub role: Role,
    /// The operations that take it.
    pub operations: &'static [&'static str],
}

/// How languages take an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The first argument, without a name.
    Positional,
    /// The members of a certification: keyword arguments in Python, an object in JavaScript.
    Members,
    /// By its name.
    Option,
}

/// Every operation.
pub const OPERATIONS: &[OperationSpec] = &[
    OperationSpec {
        name: "update",
        doc: "Change a certification: only what is set or cleared is sent, every other property keeps its value.",
        result: ResultSpec::Value(UpdateResult::KIND),
    },
    OperationSpec { name: "get", doc: "Read a certification.", result: ResultSpec::Value(PersonCertification::KIND) },
    OperationSpec {
        name: "list",
        doc: "Read a user's certifications, fetching each page when it is needed.",
        result: ResultSpec::Pages,
    },
    OperationSpec {
        name: "create",
        doc: "Add a certification to a user's profile.",
        result: ResultSpec::Value(PersonCertification::KIND),
    },
    OperationSpec { name: "delete", doc: "Delete a certification.", result: ResultSpec::Nothing },
    OperationSpec {
        name: "doctor",
        doc: "Check token, permissions, network and clock before the first change. Sends at most one read and changes nothing.",
        result: ResultSpec::Value(Kind::List(&Finding::KIND)),
    },
];

const ALL: &[&str] = &["update", "get", "list", "create", "delete", "doctor"];

macro_rules! arguments {
    ($($field:ident = $graph:literal: $role:ident $type:ty, $operations:expr, $doc:literal;)+) => {
        /// Every argument, in the order in which languages list them.
        pub const ARGUMENTS: &[Argument] = &[$(Argument {
            property: Property::member(
                stringify!($field), $graph, <$type as SchemaType>::KIND, matches!(Role::$role, Role::Positional), $doc,
            ),
            role: Role::$role,
            operations: $operations,
        },)+];

        /// The arguments of one call.
        #[derive(Default)]
        pub(super) struct Arguments { $(pub(super) $field: Option<$type>,)+ }

        impl Arguments {
            fn set(&mut self, argument: &Argument, name: &str, value: &Value, dialect: Dialect) -> Result<()> {
                match argument.property.snake {
                    $(stringify!($field) => self.$field = read_option(name, value, &argument.property, dialect)?,)+
                    _ => {}
                }
                Ok(())
            }
        }
    };
}

arguments! {
    id = "id": Positional String, &["update", "get", "delete"], "The certification's id.";
    changes = "changes": Members Members, &["update"], "The properties to change.";
    values = "values": Members Members, &["create"], "The properties of the new certification.";
    user = "user": Option String, ALL, "The user's object id or user principal name. Default: the signed-in user.";
    current = "current": Option Current, &["update"], "The certification as it was read before. Only what differs from it is sent, and nothing if nothing differs.";
    verify = "verify": Option bool, &["update"], "Whether to settle an unknown outcome by reading the certification afterwards.";
    select = "select": Option Select, &["get", "list"], "The names of the properties to read. Default: all.";
    filter = "filter": Option String, &["list"], "An OData filter, such as `displayName eq 'Fire safety'`.";
    orderby = "orderby": Option String, &["list"], "An OData order, such as `displayName desc`.";
    top = "top": Option u64, &["list"], "The number of certifications per page.";
    skip = "skip": Option u64, &["list"], "The number of certifications to skip.";
    timeout = "timeout": Option Duration, ALL, "Time limit for the call; for a list, for each page. Default: the client's.";
    traceparent = "traceparent": Option TraceParent, ALL, "A W3C trace context to send along.";
}

impl OperationSpec {
    /// The operation with this name.
    ///
    /// # Errors
    /// `invalid_input` for an unknown name, with the nearest one as advice.
    pub fn find(name: &str) -> Result<&'static Self> {
        let found = OPERATIONS.iter().find(|operation| operation.name == name);
        found.ok_or_else(|| Error::input("operation", format!("unknown operation; {}", advice(name, ALL))))
    }

    /// The arguments that it takes, in the order of [`ARGUMENTS`].
    pub fn arguments(&self) -> impl Iterator<Item = &'static Argument> {
        ARGUMENTS.iter().filter(|argument| argument.operations.contains(&self.name))
    }

    /// Reads a caller's arguments; unknown names and wrong values are errors. Null means absent.
    pub(super) fn read(&self, given: &Map<String, Value>, dialect: Dialect) -> Result<Arguments> {
        let mut arguments = Arguments::default();
        for (name, value) in given {
            let argument = self.arguments().find(|argument| argument.property.named(dialect) == name);
            let argument = argument.ok_or_else(|| {
                let allowed: Vec<_> = self.arguments().map(|argument| argument.property.named(dialect)).collect();
                Error::input(name, format!("unknown argument; {}", advice(name, &allowed)))
            })?;
            arguments.set(argument, name, value, dialect)?;
        }
        Ok(arguments)
    }
}

/// The members of a certification, read later by the operation's rules.
pub(super) struct Members(pub(super) Map<String, Value>);

impl SchemaType for Members {
    const KIND: Kind = PersonCertification::KIND;
}

impl FromInput for Members {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        crate::schema::object(input, &PersonCertification::RECORD).cloned().map(Self)
    }
}

/// A certification that was read before.
pub(super) struct Current(pub(super) Box<PersonCertification>);

impl SchemaType for Current {
    const KIND: Kind = PersonCertification::KIND;
}

impl FromInput for Current {
    fn from_input(input: Input<'_>, _: Dialect) -> Result<Self> {
        let Input::Json(value) = input else { return Err(wrong_type(input, Self::KIND)) };
        let read = PersonCertification::deserialize(value).map_err(|_| wrong_type(input, Self::KIND))?;
        Ok(Self(Box::new(read)))
    }
}

/// Graph's names of members, from names in the caller's spelling.
#[derive(Default)]
pub(super) struct Select(pub(super) Vec<String>);

impl SchemaType for Select {
    const KIND: Kind = Kind::List(&Kind::Name);
}

impl FromInput for Select {
    fn from_input(input: Input<'_>, dialect: Dialect) -> Result<Self> {
        let graph = |name: String| match PersonCertification::RECORD.find(&name, dialect.naming) {
            Some(property) => Ok(property.name.to_owned()),
            None => {
                let properties = PersonCertification::RECORD.properties.iter();
                let all: Vec<_> = properties.map(|property| property.named(dialect)).collect();
                Err(Error::value(format!("unknown property; {}", advice(&name, &all))))
            }
        };
        Vec::from_input(input, dialect)?.into_iter().map(graph).collect::<Result<_>>().map(Self)
    }
}

/// A W3C trace context.
pub(super) struct TraceParent(pub(super) HeaderValue);

impl SchemaType for TraceParent {
    const KIND: Kind = Kind::Text;
}

impl FromInput for TraceParent {
    fn from_input(input: Input<'_>, dialect: Dialect) -> Result<Self> {
        let text = String::from_input(input, dialect)?;
        // The caller of this function names the argument.
        crate::client::traceparent(&text).map(Self).map_err(|error| Error::value(error.message))
    }
}

#[cfg(test)]
mod tests {
    use super::{ALL, ARGUMENTS, OPERATIONS};

    #[test]
    fn every_argument_belongs_to_known_operations() {
        let names: Vec<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
        assert_eq!(names, ALL);
        for argument in ARGUMENTS {
            assert!(argument.operations.iter().all(|operation| ALL.contains(operation)), "{argument:?}");
            assert!(!argument.operations.is_empty(), "{argument:?}");
        }
    }
}
