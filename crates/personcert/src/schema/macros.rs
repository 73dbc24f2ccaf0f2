//! The two macros that declare an object once: the struct, its description, and its JSON.

/// Declares an object of the service: every member may be absent or null, and what isn't known is kept.
macro_rules! resource {
    ($(#[doc = $doc:literal])+ pub struct $record:ident {
        $($field:ident = $graph:literal: $type:ty, $text:literal;)+
    }) => {
        $crate::schema::resource! { $(#[doc = $doc])+ pub struct $record { updatable {} read_only {
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
                        kind: <$type as $crate::schema::SchemaType>::KIND,
                        required: false,
                        updatable: true,
                        doc: $text,
                        fits: <$type as $crate::schema::PropertyValue>::fits,
                    },)*
                    $($crate::schema::Property {
                        name: $fixed_graph,
                        snake: $crate::schema::record::plain(stringify!($fixed)),
                        kind: <$fixed_type as $crate::schema::SchemaType>::KIND,
                        required: false,
                        updatable: false,
                        doc: $fixed_text,
                        fits: <$fixed_type as $crate::schema::PropertyValue>::fits,
                    },)*
                ],
                open: true,
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

        impl $crate::schema::SchemaType for $record {
            const KIND: $crate::schema::Kind = $crate::schema::Kind::Record(&Self::RECORD);
        }

        impl $crate::schema::PropertyValue for $record {
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
                    .map_err(|value| $crate::schema::wrong_type(&value, $crate::schema::Kind::Record(&Self::RECORD)))
            }
        }
    };
}
pub(crate) use resource;

/// Declares an object of our own: a member is present, unless its type is an `Option`.
macro_rules! output {
    ($(#[doc = $doc:literal])+ pub struct $record:ident {
        $($field:ident = $graph:literal: $type:ty, $text:literal;)+
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $record {
            $(#[doc = $text] pub $field: $type,)+
        }

        impl $record {
            /// The description of the type: its name, its meaning and its members.
            pub const RECORD: $crate::schema::Record = $crate::schema::Record {
                name: stringify!($record),
                doc: concat!($($doc, "\n"),+),
                properties: &[
                    $($crate::schema::Property {
                        name: $graph,
                        snake: stringify!($field),
                        kind: <$type as $crate::schema::SchemaType>::KIND,
                        required: <$type as $crate::schema::SchemaType>::REQUIRED,
                        updatable: false,
                        doc: $text,
                        fits: |_| true,
                    },)+
                ],
                open: false,
            };

            /// The value of the member with Graph's name `name`, as JSON; none where it is absent.
            pub fn get(&self, name: &str) -> Option<serde_json::Value> {
                use $crate::schema::SchemaType as _;
                match name {
                    $($graph if !self.$field.is_absent() => Some($crate::schema::record::write(&self.$field)),)+
                    _ => None,
                }
            }
        }

        impl $crate::schema::SchemaType for $record {
            const KIND: $crate::schema::Kind = $crate::schema::Kind::Record(&Self::RECORD);
        }

        impl serde::Serialize for $record {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                use $crate::schema::SchemaType as _;
                let mut map = serializer.serialize_map(None)?;
                $(if !self.$field.is_absent() {
                    map.serialize_entry($graph, &self.$field)?;
                })+
                map.end()
            }
        }
    };
}
pub(crate) use output;
