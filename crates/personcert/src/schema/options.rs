//! The macro that declares options: a line each yields the field, its description and its reader.
//!
//! The macro is exported, hidden, for the crates of this workspace: the local Graph declares its options with it too, which is
//! why they read and fail like settings of the client.

/// Declares an object of options that a caller gives: the struct, its description, and its strict reader, which
/// refuses unknown names, wrong values and numbers outside the range that `in` gives. Null means the default; an option in
/// `required` has none. The two literals name the type in TypeScript, and an option in messages.
#[doc(hidden)]
#[macro_export]
macro_rules! options {
    ($(#[doc = $doc:literal])+ pub struct $options:ident as $name:literal, $noun:literal {
        $($field:ident = $graph:literal: $type:ty = $default:expr, $(in $range:expr,)? $text:literal;)+
    }) => {
        $crate::options! {
            $(#[doc = $doc])+ pub struct $options as $name, $noun {
                required {}
                optional { $($field = $graph: $type = $default, $(in $range,)? $text;)+ }
            }
        }

        impl Default for $options {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }
    };
    ($(#[doc = $doc:literal])+ pub struct $options:ident as $name:literal, $noun:literal {
        required { $($must:ident = $must_graph:literal: $must_type:ty, $(in $must_range:expr,)? $must_text:literal;)* }
        optional {
            $($field:ident = $graph:literal: $type:ty = $default:expr, $(in $range:expr,)? $text:literal;)*
        }
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub struct $options {
            $(#[doc = $must_text] pub $must: $must_type,)*
            $(#[doc = $text] pub $field: $type,)*
        }

        impl $options {
            /// The description of the options.
            pub const RECORD: $crate::schema::Record = $crate::schema::Record {
                name: $name,
                doc: concat!($($doc, "\n"),+),
                properties: &[
                    $($crate::schema::Property::member(
                        stringify!($must), $must_graph, <$must_type as $crate::schema::SchemaType>::KIND, true, $must_text,
                    )$(.within($must_range))?,)*
                    $($crate::schema::Property::member(
                        stringify!($field), $graph, <$type as $crate::schema::SchemaType>::KIND, false, $text,
                    )$(.within($range))?,)*
                ],
                open: false,
            };

            /// Reads the options that a caller gives; the checks across several of them come afterwards.
            #[allow(dead_code, reason = "nested options are read as members of others")]
            fn from_members(
                members: &serde_json::Map<String, serde_json::Value>,
                dialect: $crate::host::Dialect,
            ) -> $crate::Result<Self> {
                Self::read_members(members, dialect, dialect.naming)
            }

            /// Reads the options; names may also have the spelling `other`.
            fn read_members(
                members: &serde_json::Map<String, serde_json::Value>,
                dialect: $crate::host::Dialect,
                other: $crate::host::Naming,
            ) -> $crate::Result<Self> {
                $(let mut $must = None;)*
                $(let mut $field = $default;)*
                for (name, value) in members {
                    let property = Self::RECORD.option(name, $noun, dialect, other)?;
                    match property.name {
                        _ if value.is_null() => {}
                        $($must_graph => $must = Some($crate::schema::read_option(name, value, property, dialect)?),)*
                        $($graph => $field = $crate::schema::read_option(name, value, property, dialect)?,)*
                        _ => {}
                    }
                }
                Ok(Self {
                    $($must: $must.ok_or_else(|| $crate::schema::missing_option(dialect.name(stringify!($must), $must_graph)))?,)*
                    $($field,)*
                })
            }
        }

        impl $crate::schema::SchemaType for $options {
            const KIND: $crate::schema::Kind = $crate::schema::Kind::Record(&Self::RECORD);
        }

        impl $crate::schema::FromInput for $options {
            fn from_input(
                input: $crate::schema::Input<'_>,
                dialect: $crate::host::Dialect,
            ) -> $crate::Result<Self> {
                // A document, such as a file of faults, is the same in every language.
                Self::read_members($crate::schema::object(input, &Self::RECORD)?, dialect, $crate::host::Naming::Camel)
            }
        }
    };
}

/// Makes an enum of stable texts ([`string_enum!`](crate::string_enum)) the type of an option.
#[doc(hidden)]
#[macro_export]
macro_rules! string_option {
    ($enum:ident, $what:literal) => {
        impl $crate::schema::SchemaType for $enum {
            const KIND: $crate::schema::Kind = $crate::schema::Kind::Choice(Self::NAMES);
        }

        impl $crate::schema::FromInput for $enum {
            fn from_input(input: $crate::schema::Input<'_>, _: $crate::host::Dialect) -> $crate::Result<Self> {
                $crate::schema::choice(input, $what, Self::ALL.iter().map(|(value, name, _)| (*name, *value)))
            }
        }
    };
}
