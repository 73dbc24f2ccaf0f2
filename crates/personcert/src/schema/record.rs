//! Objects with named members, each declared once in a table that yields the Rust type and its description.

use serde_json::{Map, Value};

use super::Kind;
use crate::host::{Dialect, Naming};

/// An object's description: what its type is called and which members it has.
#[derive(Debug)]
pub struct Record {
    /// The name of the type.
    pub name: &'static str,
    /// What it is, for its user.
    pub doc: &'static str,
    /// Its members, in the order of the table.
    pub properties: &'static [Property],
}

/// One member of an object.
#[derive(Debug)]
pub struct Property {
    /// The name as Graph writes it, such as `endDate`.
    pub name: &'static str,
    /// The name in snake case, such as `end_date`.
    pub snake: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether Update personCertification takes it.
    pub updatable: bool,
    /// What it means, for its user.
    pub doc: &'static str,
    /// Whether a value can be read as one of this kind.
    pub fits: fn(&Value) -> bool,
}

/// The members of an object that can be read, each with its value.
pub type Members<'a> = Vec<(&'static Property, &'a Value)>;

impl Property {
    /// The name in the spelling of `dialect`.
    pub const fn named(&self, dialect: Dialect) -> &'static str {
        dialect.name(self.snake, self.name)
    }
}

impl Record {
    /// The member with this name in the given spelling.
    pub fn find(&self, name: &str, naming: Naming) -> Option<&'static Property> {
        self.properties.iter().find(|property| match naming {
            Naming::Snake => property.snake == name,
            Naming::Camel => property.name == name,
        })
    }

    /// Parts an object of the service into the members that can be read and the rest: members nobody knows, and
    /// members whose value isn't what the table says.
    pub fn split<'a>(&self, object: &'a Map<String, Value>) -> (Members<'a>, Vec<(&'a String, &'a Value)>) {
        let (mut members, mut extra) = (Vec::with_capacity(object.len()), Vec::new());
        for (name, value) in object {
            match self.find(name, Naming::Camel) {
                Some(property) if value.is_null() || (property.fits)(value) => members.push((property, value)),
                _ => extra.push((name, value)),
            }
        }
        (members, extra)
    }
}

/// Declares a read-only object: the struct, its description, and reading and writing that lose nothing.
macro_rules! record {
    ($(#[doc = $doc:literal])+ pub struct $record:ident {
        $($field:ident = $graph:literal: $type:ty, $text:literal;)+
    }) => {
        $crate::schema::record! { $(#[doc = $doc])+ pub struct $record { updatable {} read_only {
            $($field = $graph: $type, $text;)+
        } } }
    };
    ($(#[doc = $doc:literal])+ pub struct $record:ident {
        updatable { $($field:ident = $graph:literal: $type:ty, $text:literal;)* }
        read_only { $($fixed:ident = $fixed_graph:literal: $fixed_type:ty, $fixed_text:literal;)* }
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $record {
            $(#[doc = $text] pub $field: Option<$type>,)*
            $(#[doc = $fixed_text] pub $fixed: Option<$fixed_type>,)*
            /// Members this version doesn't know, and known ones whose value isn't of the documented type.
            pub extra: serde_json::Map<String, serde_json::Value>,
            pub(crate) nulls: Vec<&'static str>,
        }

        impl $record {
            /// The description of the type: its name, its meaning and its members.
            pub const RECORD: $crate::schema::Record = $crate::schema::Record {
                name: stringify!($record),
                doc: concat!($($doc, "\n"),+),
                properties: &[
                    $($crate::schema::Property {
                        name: $graph,
                        snake: $crate::schema::record::plain(stringify!($field)),
                        kind: <$type as $crate::schema::PropertyValue>::KIND,
                        updatable: true,
                        doc: $text,
                        fits: <$type as $crate::schema::PropertyValue>::fits,
                    },)*
                    $($crate::schema::Property {
                        name: $fixed_graph,
                        snake: $crate::schema::record::plain(stringify!($fixed)),
                        kind: <$fixed_type as $crate::schema::PropertyValue>::KIND,
                        updatable: false,
                        doc: $fixed_text,
                        fits: <$fixed_type as $crate::schema::PropertyValue>::fits,
                    },)*
                ],
            };

            /// The value of the member with Graph's name `name`, as JSON; none where it is absent or null.
            pub fn get(&self, name: &str) -> Option<serde_json::Value> {
                match name {
                    $($graph if self.$field.is_some() => self.$field.as_ref().map($crate::schema::record::write),)*
                    $($fixed_graph if self.$fixed.is_some() => self.$fixed.as_ref().map($crate::schema::record::write),)*
                    _ => self.extra.get(name).cloned(),
                }
            }

            /// Takes a member in. Where an object names one twice the last counts, as everywhere in JSON.
            fn member(&mut self, name: &str, value: serde_json::Value) {
                self.nulls.retain(|null| *null != name);
                if !self.extra.is_empty() {
                    self.extra.shift_remove(name);
                }
                let unread = match name {
                    $($graph if value.is_null() => { self.$field = None; $crate::schema::record::add(&mut self.nulls, $graph); None }
                    $graph => $crate::schema::record::read_into(&mut self.$field, value),)*
                    $($fixed_graph if value.is_null() => { self.$fixed = None; $crate::schema::record::add(&mut self.nulls, $fixed_graph); None }
                    $fixed_graph => $crate::schema::record::read_into(&mut self.$fixed, value),)*
                    _ => Some(value),
                };
                if let Some(value) = unread {
                    self.extra.insert(name.to_owned(), value);
                }
            }
        }

        impl serde::Serialize for $record {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                let mut map = serializer.serialize_map(None)?;
                $(match &self.$field {
                    Some(value) => map.serialize_entry($graph, value)?,
                    None if self.nulls.contains(&$graph) => map.serialize_entry($graph, &())?,
                    None => {}
                })*
                $(match &self.$fixed {
                    Some(value) => map.serialize_entry($fixed_graph, value)?,
                    None if self.nulls.contains(&$fixed_graph) => map.serialize_entry($fixed_graph, &())?,
                    None => {}
                })*
                for (name, value) in &self.extra {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }

        impl<'de> serde::Deserialize<'de> for $record {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                struct Members;
                impl<'de> serde::de::Visitor<'de> for Members {
                    type Value = $record;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object (", stringify!($record), ")"))
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> std::result::Result<$record, A::Error> {
                        let mut record = $record::default();
                        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                            record.member(&name, map.next_value()?);
                        }
                        Ok(record)
                    }
                }
                deserializer.deserialize_map(Members)
            }
        }

        impl $crate::schema::PropertyValue for $record {
            const KIND: $crate::schema::Kind = $crate::schema::Kind::Record(&Self::RECORD);

            fn read(value: serde_json::Value) -> std::result::Result<Self, serde_json::Value> {
                let serde_json::Value::Object(object) = value else { return Err(value) };
                let mut record = Self::default();
                for (name, value) in object {
                    record.member(&name, value);
                }
                Ok(record)
            }

            fn fits(value: &serde_json::Value) -> bool {
                value.is_object()
            }

            fn accept(
                value: &serde_json::Value,
                dialect: $crate::host::Dialect,
            ) -> $crate::Result<Self> {
                let graph = $crate::schema::record::in_graph_names(&Self::RECORD, value, dialect)?;
                Self::read(serde_json::Value::Object(graph))
                    .map_err(|value| $crate::schema::wrong_type(&value, Self::KIND))
            }
        }
    };
}
pub(crate) use record;

/// A raw identifier's plain name.
pub(crate) const fn plain(name: &str) -> &str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// Adds a name in its place, so that the order in which the service wrote members makes no difference.
pub(crate) fn add(names: &mut Vec<&'static str>, name: &'static str) {
    if let Err(place) = names.binary_search(&name) {
        names.insert(place, name);
    }
}

/// A member's value as JSON.
pub(crate) fn write(value: &impl super::PropertyValue) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Reads into the field, or gives the value back.
pub(crate) fn read_into<T: super::PropertyValue>(field: &mut Option<T>, value: Value) -> Option<Value> {
    match T::read(value) {
        Ok(read) => {
            *field = Some(read);
            None
        }
        Err(value) => {
            *field = None;
            Some(value)
        }
    }
}

/// An object that a caller gave, with Graph's names; unknown members and wrong types are refused. Members may
/// also carry Graph's own names, as they do in an object that was read before.
pub(crate) fn in_graph_names(
    record: &'static Record,
    value: &Value,
    dialect: Dialect,
) -> crate::Result<Map<String, Value>> {
    let Value::Object(object) = value else {
        return Err(super::wrong_type(value, Kind::Record(record)));
    };
    let mut graph = Map::new();
    for (name, value) in object {
        let found = record.find(name, dialect.naming).or_else(|| record.find(name, Naming::Camel));
        let property = found.ok_or_else(|| {
            let allowed: Vec<_> = record.properties.iter().map(|property| property.named(dialect)).collect();
            crate::Error::value(format!("unknown member; {}", crate::host::advice(name, &allowed))).at(name)
        })?;
        if !value.is_null() && !(property.fits)(value) {
            return Err(super::wrong_type(value, property.kind).at(name));
        }
        graph.insert(property.name.to_owned(), value.clone());
    }
    Ok(graph)
}
