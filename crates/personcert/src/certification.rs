//! The property table of a personCertification, and its two types: the resource that is read, the patch that is sent.
//!
//! One line of the table declares a property in every language: its name in Rust and in Graph, its type, its documentation,
//! and whether an update or only a create may set it. [`PersonCertification`] has all members, [`CertificationPatch`] those
//! that can be sent. Reading is lenient, because the service is ahead of any client: unknown members and values of an
//! undocumented type are kept in `extra`. Writing is strict: a value that Graph would refuse is refused before it is sent.
//!
//! Source: Graph's `personCertification` and `itemFacet` resources (beta), and the service's schema where the pages differ.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::host::{Dialect, Naming, advice};
use crate::schema::record::{PropertySet, to_json};
use crate::schema::wire::{is_cleared, is_same_member, is_set};
use crate::schema::{FromInput, Input, Property, PropertyValue, Verb, resource};
use crate::value::{Audiences, Date, IdentitySet, InferenceData, PersonDataSources, ProfileSourceAnnotation, WebUrl};
use crate::{Change, Error, Result};

/// Declares the table: the resource with all members, the patch with those that can be sent.
macro_rules! certification {
    (updatable { $($update:tt)+ } creatable { $($create:tt)+ } read_only { $($fixed:tt)+ }) => {
        resource! {
            /// A certification on a person's profile, as the service returned it.
            /// Source: Graph's `personCertification` resource (beta).
            pub struct PersonCertification {
                updatable { $($update)+ } creatable { $($create)+ } read_only { $($fixed)+ }
            }
        }
        certification! { @resource $($update)+ $($create)+ $($fixed)+ }
        certification! { @patch $($update)+ $($create)+ }
    };
    (@resource $($field:ident = $graph:literal: $type:ty, $text:literal;)+) => {
        /// The indices of the members in the table.
        #[allow(non_camel_case_types, reason = "they are named as the fields are")]
        #[derive(Clone, Copy)]
        enum Index { $($field,)+ }

        impl PersonCertification {
            /// The members that were read: as a value, as null, or as something that isn't of the documented type.
            pub(crate) fn known(&self) -> PropertySet {
                let mut known = self.nulls;
                $(if self.$field.is_some() || self.extra.contains_key($graph) {
                    known.insert(Index::$field as usize);
                })+
                known
            }

            /// The members whose values differ. Null and absent count as equal.
            pub(crate) fn differing(&self, other: &Self) -> PropertySet {
                let mut differing = PropertySet::default();
                $(if !is_same_member(self.$field.as_ref(), other.$field.as_ref())
                    || self.extra.get($graph) != other.extra.get($graph)
                {
                    differing.insert(Index::$field as usize);
                })+
                differing
            }
        }
    };
    (@patch $($field:ident = $graph:literal: $type:ty, $text:literal;)+) => {
        /// The changes to a certification: each property is kept, cleared or set, and only the cleared and set ones are sent.
        /// Source: Graph's "Update personCertification" (beta), request body.
        ///
        /// ```
        /// use personcert::{CertificationPatch, Change, Date};
        ///
        /// let patch = CertificationPatch {
        ///     end_date: Change::Set(Date::new(2031, 7, 6).unwrap()),
        ///     thumbnail_url: Change::Clear,
        ///     ..CertificationPatch::default()
        /// };
        /// assert_eq!(patch.names(), ["endDate", "thumbnailUrl"]);
        /// assert_eq!(serde_json::to_string(&patch).unwrap(), r#"{"endDate":"2031-07-06","thumbnailUrl":null}"#);
        /// ```
        ///
        /// For a create the properties that are kept are left out, and the service chooses their values.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct CertificationPatch { $(#[doc = $text] pub $field: Change<$type>,)+ }

        impl CertificationPatch {
            fn set_checked(&mut self, id: PropertyId, input: Input<'_>, dialect: Dialect) -> Result<()> {
                $(if id.index() == Index::$field as usize {
                    self.$field = change(input, dialect)?;
                })+
                Ok(())
            }

            /// The part of this patch that changes `current`. A property is left out only when its current value is
            /// known to be the same: a value that was read, or a null that was read. What `$select` left out is sent.
            ///
            /// ```
            /// use personcert::{CertificationPatch, Change, PersonCertification};
            ///
            /// let current: PersonCertification =
            ///     serde_json::from_str(r#"{"id": "0fb4", "description": null, "displayName": "Blackbelt"}"#).unwrap();
            /// let patch = CertificationPatch {
            ///     description: Change::Clear,
            ///     display_name: Change::Set("Blackbelt".into()),
            ///     issuing_company: Change::Clear,
            ///     ..CertificationPatch::default()
            /// };
            /// assert_eq!(patch.difference(&current).names(), ["issuingCompany"]);
            /// ```
            #[must_use]
            pub fn difference(&self, current: &PersonCertification) -> Self {
                Self { $($field: match (&self.$field, &current.$field) {
                    (Change::Set(new), Some(old)) if new.is_same(old) => Change::Keep,
                    (Change::Clear, None) if current.nulls.contains(Index::$field as usize) => Change::Keep,
                    (change, _) => change.clone(),
                },)+ }
            }

            /// Whether everything that this patch sends is present in `stored`, a full read of the certification. The
            /// service may normalise what it stores: an address, text, the order of audiences, members that it adds.
            ///
            /// ```
            /// use personcert::{CertificationPatch, Change, PersonCertification};
            ///
            /// let patch = CertificationPatch {
            ///     web_url: Change::Set("https://www.iame.io".into()),
            ///     ..CertificationPatch::default()
            /// };
            /// let stored: PersonCertification =
            ///     serde_json::from_str(r#"{"id": "0fb4", "webUrl": "https://www.iame.io/"}"#).unwrap();
            /// assert!(patch.is_applied_in(&stored));
            /// ```
            pub fn is_applied_in(&self, stored: &PersonCertification) -> bool {
                true $(&& match &self.$field {
                    Change::Keep => true,
                    Change::Clear => is_cleared(stored.$field.as_ref(), stored.extra.get($graph)),
                    Change::Set(sent) => is_set(sent, stored.$field.as_ref(), stored.extra.get($graph)),
                })+
            }

            /// Adds a later patch: what it sets or clears replaces what this one does.
            pub fn merge(&mut self, later: Self) {
                $(if !later.$field.is_keep() {
                    self.$field = later.$field;
                })+
            }

            /// The properties that are sent, by their index in the table.
            pub(crate) fn sent(&self) -> PropertySet {
                let mut sent = PropertySet::default();
                $(if !self.$field.is_keep() {
                    sent.insert(Index::$field as usize);
                })+
                sent
            }

            /// The value that is sent for a property; null where it is cleared, and where it is kept.
            pub(crate) fn get(&self, name: &str) -> Value {
                match name {
                    $($graph => match &self.$field {
                        Change::Set(value) => to_json(value),
                        Change::Keep | Change::Clear => Value::Null,
                    },)+
                    _ => Value::Null,
                }
            }

            fn check_values(&self) -> Result<()> {
                $(if let Change::Set(value) = &self.$field {
                    value.check().map_err(|error| error.at($graph))?;
                })+
                Ok(())
            }
        }

        impl Serialize for CertificationPatch {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                $(match &self.$field {
                    Change::Keep => {}
                    Change::Clear => map.serialize_entry($graph, &())?,
                    Change::Set(value) => map.serialize_entry($graph, value)?,
                })+
                map.end()
            }
        }
    };
}

certification! {
    updatable {
        allowed_audiences = "allowedAudiences": Audiences, "The audiences that are able to see the values contained within the entity.";
        certification_id = "certificationId": String, "The referenceable identifier for the certification.";
        description = "description": String, "Description of the certification.";
        display_name = "displayName": String, "Title of the certification.";
        end_date = "endDate": Date, "The date that the certification expires.";
        inference = "inference": InferenceData, "Contains inference detail if the entity is inferred by the creating or modifying application.";
        issued_date = "issuedDate": Date, "The date that the certification was issued.";
        issuing_authority = "issuingAuthority": String, "Authority which granted the certification.";
        issuing_company = "issuingCompany": String, "Company which granted the certification.";
        start_date = "startDate": Date, "The date that the certification became valid.";
        thumbnail_url = "thumbnailUrl": WebUrl, "URL referencing a thumbnail of the certification.";
        web_url = "webUrl": WebUrl, "URL referencing the certification.";
    }
    creatable {
        source = "source": PersonDataSources, "The sources of the values. Only a create can set it.";
    }
    read_only {
        id = "id": String, "The item's identifier; opaque.";
        created_by = "createdBy": IdentitySet, "Who created the item.";
        created_date_time = "createdDateTime": String, "When the item was created, as the service wrote it (UTC, up to seven fractional digits).";
        last_modified_by = "lastModifiedBy": IdentitySet, "Who changed the item last.";
        last_modified_date_time = "lastModifiedDateTime": String, "When the item was changed last, as the service wrote it. Don't use it to detect changes.";
        sources = "sources": Vec<ProfileSourceAnnotation>, "The sources of the values, with the properties that came from each.";
        is_searchable = "isSearchable": bool, "Whether the item can be found by search.";
    }
}

/// Every member of a personCertification, in the order of the table: the writable ones first.
pub const PROPERTIES: &[Property] = PersonCertification::RECORD.properties;

/// A property of a personCertification, as its position in the table. Find it once, for a whole column of values:
/// [`CertificationPatch::set`] then needs no look-up by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyId(usize);

impl PropertyId {
    /// The property with this name in the given spelling; none when the table lacks it. Case counts.
    pub fn find(name: &str, naming: Naming) -> Option<Self> {
        PersonCertification::RECORD.position(name, naming).map(Self)
    }

    /// The description of the property: its names, its kind, and the operations that accept it.
    pub fn property(self) -> &'static Property {
        &PROPERTIES[self.0]
    }

    /// Its position in the table.
    pub const fn index(self) -> usize {
        self.0
    }
}

impl CertificationPatch {
    /// Reads a caller's object of changes, strictly: null clears, absence keeps. `verb` is the operation that the patch is
    /// for, `dialect` the spelling of the names.
    ///
    /// # Errors
    /// `invalid_input` for a name that the table lacks, with the nearest one as advice, for a property that `verb` can't set,
    /// and for a value of another type. The error's `parameter` is the property's name.
    pub fn read(changes: &Map<String, Value>, verb: Verb, dialect: Dialect) -> Result<Self> {
        let mut patch = Self::default();
        for (name, value) in changes {
            let id = PropertyId::find(name, dialect.naming).ok_or_else(|| unknown(name, verb, dialect))?;
            patch.set(id, value.into(), verb, dialect)?;
        }
        Ok(patch)
    }

    /// Sets, clears or keeps a property, as the caller's value says: [`Input::Absent`] keeps, [`Input::Clear`] clears. This
    /// is how cells of a table become a patch.
    ///
    /// ```
    /// use personcert::host::{Dialect, Naming};
    /// use personcert::schema::{Input, Verb};
    /// use personcert::CertificationPatch;
    /// use personcert::schema::PropertyId;
    ///
    /// let mut patch = CertificationPatch::default();
    /// let end_date = PropertyId::find("endDate", Naming::Camel).unwrap();
    /// patch.set(end_date, Input::Text("2030-07-06"), Verb::Update, Dialect::GRAPH).unwrap();
    /// assert_eq!(serde_json::to_string(&patch).unwrap(), r#"{"endDate":"2030-07-06"}"#);
    /// assert!(patch.set(end_date, Input::Int(5), Verb::Update, Dialect::GRAPH).is_err());
    /// ```
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn set(&mut self, id: PropertyId, input: Input<'_>, verb: Verb, dialect: Dialect) -> Result<()> {
        let property = id.property();
        if !property.is_writable(verb) {
            return Err(read_only(property, verb, dialect));
        }
        self.set_checked(id, input, dialect).map_err(|error| error.at(property.named(dialect)))
    }

    /// Whether the patch keeps every property, so that nothing is to be sent.
    pub fn is_empty(&self) -> bool {
        self.sent().is_empty()
    }

    /// Graph's names of the properties that are sent, in the order of the table.
    pub fn names(&self) -> Vec<&'static str> {
        self.sent().iter().map(|index| PROPERTIES[index].name).collect()
    }

    /// Checks what only the whole patch shows. The client does so before every request.
    ///
    /// # Errors
    /// `invalid_input` when the patch is empty, sets a property that `verb` can't set, contains an audience that isn't
    /// known (unless `allow_unknown_audiences`, the client's setting, is true), or a URL that isn't absolute.
    pub fn check(&self, verb: Verb, allow_unknown_audiences: bool) -> Result<()> {
        let sent = self.sent();
        if sent.is_empty() {
            return Err(Error::value("nothing to change; set or clear at least one property"));
        }
        if let Some(property) = sent.iter().map(|index| &PROPERTIES[index]).find(|property| !property.is_writable(verb))
        {
            return Err(read_only(property, verb, Dialect::GRAPH));
        }
        if let Change::Set(audiences) = &self.allowed_audiences {
            audiences.check_names(allow_unknown_audiences).map_err(|error| error.at("allowedAudiences"))?;
        }
        self.check_values()
    }

    /// Warns of values that are allowed but odd in the certification that this patch would make: an end before the start.
    pub(crate) fn warnings(&self, current: Option<&PersonCertification>) -> Vec<String> {
        if self.start_date.is_keep() && self.end_date.is_keep() {
            return Vec::new();
        }
        let start = self.start_date.after(current.and_then(|current| current.start_date));
        let end = self.end_date.after(current.and_then(|current| current.end_date));
        match (start, end) {
            (Some(start), Some(end)) if end < start => vec![format!("endDate {end} is before startDate {start}")],
            _ => Vec::new(),
        }
    }
}

fn change<T: FromInput>(input: Input<'_>, dialect: Dialect) -> Result<Change<T>> {
    match input {
        Input::Absent => Ok(Change::Keep),
        Input::Clear => Ok(Change::Clear),
        given => T::from_input(given, dialect).map(Change::Set),
    }
}

fn writable(verb: Verb, dialect: Dialect) -> Vec<&'static str> {
    PROPERTIES.iter().filter(|property| property.is_writable(verb)).map(|property| property.named(dialect)).collect()
}

/// The error for a property that the operation can't set, with those that it can.
fn read_only(property: &Property, verb: Verb, dialect: Dialect) -> Error {
    let allowed = writable(verb, dialect).join(", ");
    let why = match verb {
        Verb::Update if property.creatable => "only a create can set this property; it can't be changed",
        _ => "the service sets this property; it can't be changed",
    };
    Error::value(format!("{why}; allowed: {allowed}")).at(property.named(dialect))
}

/// The error for a name that the table lacks, with the nearest one.
fn unknown(name: &str, verb: Verb, dialect: Dialect) -> Error {
    Error::value(format!("unknown property; {}", advice(name, &writable(verb, dialect)))).at(name)
}
