//! The two macros that declare an object once: the struct, its description, and its JSON.
//!
//! A line has the form `field = "graphName": Type, "Documentation.";`. From it come the field with its documentation, the
//! entry of the type's record, reading and writing of JSON, and access by name for bindings.

/// Declares an object of the service: every member may be absent or null, and unknown members are kept.
macro_rules! resource {
    ($(#[doc = $doc:literal])+ pub struct $record:ident {
        updatable { $($update:tt)* } creatable { $($create:tt)* } read_only { $($fixed:tt)* }
    }) => {
        $crate::schema::resource! { @members [$(#[doc = $doc])+ $record] []
            (true, true) { $($update)* } (false, true) { $($create)* } (false, false) { $($fixed)* } }
    };
    // Gathers the groups into one list, in which each member says how it may be written.
    (@members [$($head:tt)+] [$($done:tt)*]
        $how:tt { $($field:ident = $graph:literal: $type:ty, $text:literal;)* } $($rest:tt)*
    ) => {
        $crate::schema::resource! { @members [$($head)+]
            [$($done)* $($field = $graph: $type, $text, $how;)*] $($rest)* }
    };
    (@members [$(#[doc = $doc:literal])+ $record:ident]
        [$($field:ident = $graph:literal: $type:ty, $text:literal, ($update:literal, $create:literal);)+]
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $record {
            $(#[doc = $text] pub $field: Option<$type>,)+
            /// Members this version doesn't know, and known ones whose value isn't of the documented type.
            pub extra: serde_json::Map<String, serde_json::Value>,
            /// The members that were read as null.
            pub nulls: $crate::schema::PropertySet,
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
                        updatable: $update,
                        creatable: $create,
                        doc: $text,
                        range: None,
                        matches: <$type as $crate::schema::PropertyValue>::matches,
                    },)+
                ],
                open: true,
            };
        }

        // The block keeps `Index` to itself.
        const _: () = {
            /// The indices of the members in the table.
            #[allow(non_camel_case_types, reason = "they are named as the fields are")]
            #[derive(Clone, Copy)]
            enum Index { $($field,)+ }

            const _: () =
                assert!($record::RECORD.properties.len() <= $crate::schema::PropertySet::CAPACITY);

            /// A member's name, as it is read.
            enum Name { Known(Index), Unknown(String) }

            impl<'de> serde::Deserialize<'de> for Name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                    struct Visitor;
                    impl serde::de::Visitor<'_> for Visitor {
                        type Value = Name;
                        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                            f.write_str("the name of a member")
                        }
                        fn visit_str<E>(self, name: &str) -> std::result::Result<Name, E> {
                            Ok(match name {
                                $($graph => Name::Known(Index::$field),)+
                                _ => Name::Unknown(name.to_owned()),
                            })
                        }
                    }
                    deserializer.deserialize_identifier(Visitor)
                }
            }

            impl $record {
                /// The value of the member with Graph's name `name`, as JSON; none where it is absent or null.
                pub fn get(&self, name: &str) -> Option<serde_json::Value> {
                    match name {
                        $($graph if self.$field.is_some() => {
                            self.$field.as_ref().map($crate::schema::record::to_json)
                        })+
                        _ => self.extra.get(name).cloned(),
                    }
                }

                /// Whether the member with Graph's name `name` was read as null.
                pub fn is_null(&self, name: &str) -> bool {
                    match name {
                        $($graph => self.$field.is_none() && self.nulls.contains(Index::$field as usize),)+
                        _ => false,
                    }
                }

                fn read<'de, A: serde::de::MapAccess<'de>>(mut members: A) -> std::result::Result<Self, A::Error> {
                    let mut record = Self::default();
                    let mut seen = $crate::schema::PropertySet::default();
                    while let Some(name) = members.next_key::<Name>()? {
                        match name {
                            $(Name::Known(Index::$field) => {
                                let index = Index::$field as usize;
                                members.next_value::<$crate::schema::Wire<$type>>()?.store(
                                    &mut record.$field,
                                    &mut record.nulls,
                                    &mut record.extra,
                                    (index, $graph, seen.contains(index)),
                                );
                                seen.insert(index);
                            })+
                            Name::Unknown(name) => {
                                record.extra.insert(name, members.next_value()?);
                            }
                        }
                    }
                    Ok(record)
                }
            }

            impl<'de> serde::Deserialize<'de> for $record {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                    struct Visitor;
                    impl<'de> serde::de::Visitor<'de> for Visitor {
                        type Value = $record;
                        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                            f.write_str(concat!("an object (", stringify!($record), ")"))
                        }
                        fn visit_map<A: serde::de::MapAccess<'de>>(
                            self,
                            members: A,
                        ) -> std::result::Result<$record, A::Error> {
                            $record::read(members)
                        }
                    }
                    deserializer.deserialize_map(Visitor)
                }
            }

            impl serde::Serialize for $record {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                    use serde::ser::SerializeMap as _;
                    let mut map = serializer.serialize_map(None)?;
                    $(match &self.$field {
                        Some(value) => map.serialize_entry($graph, value)?,
                        None if self.nulls.contains(Index::$field as usize) => map.serialize_entry($graph, &())?,
                        None => {}
                    })+
                    for (name, value) in &self.extra {
                        map.serialize_entry(name, value)?;
                    }
                    map.end()
                }
            }

            impl $crate::schema::SchemaType for $record {
                const KIND: $crate::schema::Kind = $crate::schema::Kind::Record(&Self::RECORD);
            }

            impl $crate::schema::RecordView for $record {
                fn record(&self) -> &'static $crate::schema::Record {
                    &Self::RECORD
                }

                fn member(&self, index: usize) -> Option<$crate::schema::View<'_>> {
                    $(if index == Index::$field as usize {
                        return $crate::schema::AsView::as_view(&self.$field);
                    })+
                    None
                }

                fn extra(&self) -> Option<&serde_json::Map<String, serde_json::Value>> {
                    Some(&self.extra)
                }

                fn nulls(&self) -> $crate::schema::PropertySet {
                    self.nulls
                }
            }

            impl $crate::schema::AsView for $record {
                fn as_view(&self) -> Option<$crate::schema::View<'_>> {
                    Some($crate::schema::View::Record(self))
                }
            }

            impl $crate::schema::FromInput for $record {
                fn from_input(
                    input: $crate::schema::Input<'_>,
                    dialect: $crate::host::Dialect,
                ) -> $crate::Result<Self> {
                    let mut record = Self::default();
                    for member in $crate::schema::read_object(&Self::RECORD, input, dialect)? {
                        let (index, name, input) = member?;
                        if matches!(input, $crate::schema::Input::Clear) {
                            record.nulls.insert(index);
                            continue;
                        }
                        $(if index == Index::$field as usize {
                            let read = $crate::schema::FromInput::from_input(input, dialect);
                            record.$field = Some(read.map_err(|error| error.at(name))?);
                        })+
                    }
                    Ok(record)
                }
            }

            impl $crate::schema::PropertyValue for $record {
                fn from_object<'de, A: serde::de::MapAccess<'de>>(
                    members: A,
                ) -> std::result::Result<$crate::schema::Wire<Self>, A::Error> {
                    Self::read(members).map($crate::schema::Wire::Known)
                }

                fn is_same(&self, stored: &Self) -> bool {
                    $($crate::schema::wire::is_same_member(self.$field.as_ref(), stored.$field.as_ref()) &&)+
                        $crate::schema::wire::is_same_extra(&self.extra, &stored.extra)
                }

                fn is_stored_as(&self, stored: &Self) -> bool {
                    true $(&& match &self.$field {
                        Some(sent) => {
                            $crate::schema::wire::is_set(sent, stored.$field.as_ref(), stored.extra.get($graph))
                        }
                        None if self.nulls.contains(Index::$field as usize) => {
                            $crate::schema::wire::is_cleared(stored.$field.as_ref(), stored.extra.get($graph))
                        }
                        None => true,
                    })+
                }

                fn is_blank(&self) -> bool {
                    self.is_same(&Self::default())
                }
            }
        };
    };
    ($(#[doc = $doc:literal])+ pub struct $record:ident { $($members:tt)+ }) => {
        $crate::schema::resource! { $(#[doc = $doc])+ pub struct $record {
            updatable {} creatable {} read_only { $($members)+ }
        } }
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
                    $($crate::schema::Property::member(
                        stringify!($field),
                        $graph,
                        <$type as $crate::schema::SchemaType>::KIND,
                        <$type as $crate::schema::SchemaType>::REQUIRED,
                        $text,
                    ),)+
                ],
                open: false,
            };

            /// The value of the member with Graph's name `name`, as JSON; none where it is absent.
            pub fn get(&self, name: &str) -> Option<serde_json::Value> {
                use $crate::schema::SchemaType as _;
                match name {
                    $($graph if !self.$field.is_absent() => Some($crate::schema::record::to_json(&self.$field)),)+
                    _ => None,
                }
            }
        }

        impl $crate::schema::SchemaType for $record {
            const KIND: $crate::schema::Kind = $crate::schema::Kind::Record(&Self::RECORD);
        }

        impl $crate::schema::RecordView for $record {
            fn record(&self) -> &'static $crate::schema::Record {
                &Self::RECORD
            }

            fn member(&self, index: usize) -> Option<$crate::schema::View<'_>> {
                /// The indices of the members in the table.
                #[allow(non_camel_case_types, reason = "they are named as the fields are")]
                enum Index { $($field,)+ }

                $(if index == Index::$field as usize {
                    return $crate::schema::AsView::as_view(&self.$field);
                })+
                None
            }
        }

        impl $crate::schema::AsView for $record {
            fn as_view(&self) -> Option<$crate::schema::View<'_>> {
                Some($crate::schema::View::Record(self))
            }
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
