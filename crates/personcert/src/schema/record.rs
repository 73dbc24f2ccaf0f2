//! Objects with named members: their description, and what reading them needs.

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
    /// Whether the service may add members and write null: only what the service sends has `extra`.
    pub open: bool,
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
    /// Whether it is always present; only members of our own types are.
    pub required: bool,
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
pub(crate) fn write(value: &impl serde::Serialize) -> Value {
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
