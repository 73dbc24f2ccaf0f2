//! The property table of a personCertification, and the types that come from it: what is read, and what is changed.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::host::{Dialect, advice};
use crate::schema::{PropertyValue, Record, record, resource};
use crate::value::{Audiences, Date, IdentitySet, InferenceData, PersonDataSources, ProfileSourceAnnotation, WebUrl};
use crate::{Change, Error, Result};

/// Declares the table: the resource with all members, the patch with the updatable ones.
macro_rules! certification {
    (updatable { $($field:ident = $graph:literal: $type:ty, $text:literal;)+ } read_only $fixed:tt) => {
        resource! {
            /// A certification on a person's profile, as the service returned it.
            /// Source: Graph's `personCertification` resource (beta).
            pub struct PersonCertification {
                updatable { $($field = $graph: $type, $text;)+ }
                read_only $fixed
            }
        }

        /// What to change: each updatable property is kept, cleared or set. Only what isn't kept is sent.
        /// Source: Graph's "Update personCertification" (beta), request body.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct CertificationPatch { $(#[doc = $text] pub $field: Change<$type>,)+ }

        impl CertificationPatch {
            /// Reads a caller's object of changes, strictly: null clears, absence keeps.
            pub fn read(changes: &Map<String, Value>, dialect: Dialect) -> Result<Self> {
                let mut patch = Self::default();
                for (name, value) in changes {
                    let property = PersonCertification::RECORD.find(name, dialect.naming);
                    match property.map(|property| property.name) {
                        $(Some($graph) if value.is_null() => patch.$field = Change::Clear,
                        Some($graph) => {
                            let value = <$type>::accept(value, dialect).map_err(|error| error.at(name))?;
                            patch.$field = Change::Set(value);
                        })+
                        Some(_) => return Err(read_only(name, dialect)),
                        None => return Err(unknown(name, dialect)),
                    }
                }
                Ok(patch)
            }

            /// The part of this patch that would change `current`: what differs, nothing else.
            #[must_use]
            pub fn difference(&self, current: &PersonCertification) -> Self {
                Self { $($field: match (&self.$field, &current.$field) {
                    (Change::Set(new), Some(old)) if new == old => Change::Keep,
                    (Change::Clear, None) if !current.extra.contains_key($graph) => Change::Keep,
                    (change, _) => change.clone(),
                },)+ }
            }

            /// Graph's names of the properties that are sent.
            pub fn names(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if !self.$field.is_keep() { names.push($graph); })+
                names
            }

            /// The value that is sent for a property; null where it is cleared, and where it is kept.
            pub(crate) fn get(&self, name: &str) -> Value {
                match name {
                    $($graph => match &self.$field {
                        Change::Set(value) => record::write(value),
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
    read_only {
        id = "id": String, "The item's identifier; opaque.";
        created_by = "createdBy": IdentitySet, "Who created the item.";
        created_date_time = "createdDateTime": String, "When the item was created, as the service wrote it (UTC, up to seven fractional digits).";
        last_modified_by = "lastModifiedBy": IdentitySet, "Who changed the item last.";
        last_modified_date_time = "lastModifiedDateTime": String, "When the item was changed last, as the service wrote it. No base for detecting changes.";
        source = "source": PersonDataSources, "Where the values came from.";
        sources = "sources": Vec<ProfileSourceAnnotation>, "Where the values came from, one by one.";
        is_searchable = "isSearchable": bool, "Whether the item can be found by search.";
    }
}

/// Every member of a personCertification, in the order of the table.
pub const PROPERTIES: &[crate::schema::Property] = PersonCertification::RECORD.properties;

impl CertificationPatch {
    /// Whether nothing is to be sent.
    pub fn is_empty(&self) -> bool {
        self.names().is_empty()
    }

    /// Refuses values that must not be sent.
    pub(crate) fn check(&self, allow_unknown_audiences: bool) -> Result<()> {
        if self.is_empty() {
            return Err(Error::value("there is nothing to change; set or clear at least one property"));
        }
        if let Change::Set(audiences) = &self.allowed_audiences {
            audiences.check_names(allow_unknown_audiences).map_err(|error| error.at("allowedAudiences"))?;
        }
        self.check_values()
    }

    /// What is odd but allowed about the certification as this patch would leave it.
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

fn updatable(dialect: Dialect) -> Vec<&'static str> {
    let record: &Record = &PersonCertification::RECORD;
    record.properties.iter().filter(|property| property.updatable).map(|property| property.named(dialect)).collect()
}

fn read_only(name: &str, dialect: Dialect) -> Error {
    let allowed = updatable(dialect).join(", ");
    Error::value(format!("the service sets this property, it can't be changed; allowed: {allowed}")).at(name)
}

fn unknown(name: &str, dialect: Dialect) -> Error {
    Error::value(format!("unknown property; {}", advice(name, &updatable(dialect)))).at(name)
}
