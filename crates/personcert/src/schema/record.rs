//! The description of a type: its kind, and the members of an object.
//!
//! Records are constants. Looking a name up is a linear search over at most 32 members, which is faster than hashing for
//! tables of this size, and [`PropertySet`] holds any selection of them in one word.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::host::dialect::{Dialect, Naming};
use crate::secret::Secret;

/// What a value is, in terms that every language maps to types of its own: a [`Kind::Date`] is `datetime.date` in Python and
/// text in JavaScript.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Text.
    Text,
    /// Text that is an absolute http or https address.
    Url,
    /// A calendar date, `YYYY-MM-DD` (`Edm.Date`).
    Date,
    /// A point in time as text, up to seven fractional digits of a second (`Edm.DateTimeOffset`).
    DateTime,
    /// One or more of Graph's `allowedAudiences`, comma separated.
    Audiences,
    /// True or false.
    Boolean,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// A length of time in the caller's unit.
    Duration,
    /// The path of a file.
    Path,
    /// HTTP headers: an object of texts, or a list of pairs where a name may come twice.
    Headers,
    /// An object of texts.
    TextMap,
    /// An object with members of any name.
    Object,
    /// The name of a property, in the caller's spelling.
    Name,
    /// Any JSON value.
    Any,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// An object with named members.
    Record(&'static Record),
    /// A list of values.
    List(&'static Kind),
    /// A value of one of these kinds.
    OneOf(&'static [Kind]),
}

/// The description of an object: the name of its type, and its members.
#[derive(Debug)]
pub struct Record {
    /// The name of the type.
    pub name: &'static str,
    /// The documentation of the type.
    pub doc: &'static str,
    /// The members, in the order of the table.
    pub properties: &'static [Property],
    /// Whether the service may add members and write null. Only such an object has `extra`.
    pub open: bool,
}

/// One member of an object.
#[derive(Debug)]
pub struct Property {
    /// The name as Graph writes it, such as `endDate`.
    pub name: &'static str,
    /// The name in snake case, such as `end_date`.
    pub snake: &'static str,
    /// The kind of its value.
    pub kind: Kind,
    /// Whether it is always present, or must be given. Only members of our own types are.
    pub required: bool,
    /// Whether Update personCertification accepts it.
    pub updatable: bool,
    /// Whether Create personCertification accepts it.
    pub creatable: bool,
    /// The documentation of the member.
    pub doc: &'static str,
    /// The range of a number; none where its type alone limits it.
    pub range: Option<RangeInclusive<f64>>,
    /// Whether a value can be read as one of this kind.
    pub matches: fn(&Value) -> bool,
}

/// The operation that a value is sent with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Update personCertification.
    Update,
    /// Create personCertification.
    Create,
}

/// The members of an object that can be read, each with its value.
pub type Members<'a> = Vec<(&'static Property, &'a Value)>;

impl Property {
    /// The description of a member of this crate's own types: of an option that a caller gives, or of a result. It is never
    /// sent to the service as a property.
    pub const fn member(
        snake: &'static str,
        name: &'static str,
        kind: Kind,
        required: bool,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            snake: plain(snake),
            kind,
            required,
            updatable: false,
            creatable: false,
            doc,
            range: None,
            matches: |_| true,
        }
    }

    /// The same member for numbers within a range.
    #[must_use]
    pub const fn within(mut self, range: RangeInclusive<f64>) -> Self {
        self.range = Some(range);
        self
    }

    /// The name in the spelling of `dialect`: `endDate` or `end_date`.
    pub const fn named(&self, dialect: Dialect) -> &'static str {
        dialect.name(self.snake, self.name)
    }

    /// Whether the service accepts the member in this operation.
    pub const fn is_writable(&self, verb: Verb) -> bool {
        match verb {
            Verb::Update => self.updatable,
            Verb::Create => self.creatable,
        }
    }
}

impl Record {
    /// The index of the member with this name in the given spelling.
    pub fn position(&self, name: &str, naming: Naming) -> Option<usize> {
        self.properties.iter().position(|property| match naming {
            Naming::Snake => property.snake == name,
            Naming::Camel => property.name == name,
        })
    }

    /// The member with this name in the given spelling.
    pub fn find(&self, name: &str, naming: Naming) -> Option<&'static Property> {
        self.position(name, naming).map(|index| &self.properties[index])
    }

    /// Splits an object of the service into the members that can be read and the rest: unknown members, and known
    /// ones whose value is not of the documented type.
    pub fn split<'a>(&self, object: &'a Map<String, Value>) -> (Members<'a>, Vec<(&'a String, &'a Value)>) {
        let (mut members, mut extra) = (Vec::with_capacity(object.len()), Vec::new());
        for (name, value) in object {
            match self.find(name, Naming::Camel) {
                Some(property) if value.is_null() || (property.matches)(value) => members.push((property, value)),
                _ => extra.push((name, value)),
            }
        }
        (members, extra)
    }
}

/// A type that other languages know by its kind. Implement it for types of fields that the macros describe.
pub trait SchemaType {
    /// The kind of its values.
    const KIND: Kind;
    /// Whether a member of this type is always present.
    const REQUIRED: bool = true;

    /// Whether this value is an absent member.
    fn is_absent(&self) -> bool {
        false
    }
}

/// Gives types their kinds.
macro_rules! kinds {
    ($($type:ty: $kind:ident;)+) => { $(impl SchemaType for $type {
        const KIND: Kind = Kind::$kind;
    })+ };
}

kinds! {
    String: Text;
    bool: Boolean;
    f64: Number;
    u16: Integer;
    u32: Integer;
    u64: Integer;
    usize: Integer;
    Map<String, Value>: Object;
    Duration: Duration;
    PathBuf: Path;
    Secret: Text;
    IpAddr: Text;
    Value: Any;
    BTreeMap<String, String>: TextMap;
}

impl<T: SchemaType> SchemaType for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND);
}

impl<T: SchemaType> SchemaType for Box<T> {
    const KIND: Kind = T::KIND;
}

impl<T: SchemaType> SchemaType for Option<T> {
    const KIND: Kind = T::KIND;
    const REQUIRED: bool = false;

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// A set of members of one object, by their index in its table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PropertySet(u32);

impl PropertySet {
    /// The number of members that a table may have.
    pub const CAPACITY: usize = u32::BITS as usize;

    /// Adds the member with this index, which must be below [`CAPACITY`](Self::CAPACITY).
    pub(crate) const fn insert(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    pub(crate) const fn remove(&mut self, index: usize) {
        self.0 &= !(1 << index);
    }

    /// Whether the member is in the set.
    pub const fn contains(self, index: usize) -> bool {
        index < Self::CAPACITY && self.0 & (1 << index) != 0
    }

    /// Whether no member is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The indices, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..Self::CAPACITY).filter(move |index| self.contains(*index))
    }
}

/// The plain name of a raw identifier.
pub(crate) const fn plain(name: &str) -> &str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// A member's value as JSON.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
