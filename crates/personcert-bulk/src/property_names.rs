//! The names of properties as people write them in the header of a table.

use personcert::host::{Naming, advice};
use personcert::schema::{Kind, PROPERTIES, PropertyId};
use personcert::{Error, Result};

/// The property of a key column: one that an update can set and that identifies a certification.
pub(crate) fn key_property(name: &str) -> Result<PropertyId> {
    let is_key =
        |id: &PropertyId| id.property().updatable && matches!(id.property().kind, Kind::Text | Kind::Date | Kind::Url);
    let keys =
        || PROPERTIES.iter().filter(|property| property.updatable).map(|property| property.name).collect::<Vec<_>>();
    find_property(name).filter(is_key).ok_or_else(|| {
        Error::input("key", format!("`{name}` can't identify a certification; {}", advice(name, &keys())))
    })
}

/// The property with this name in any spelling, `id` excepted.
pub(crate) fn find_property(name: &str) -> Option<PropertyId> {
    let property = PROPERTIES.iter().find(|property| property.name != "id" && is_same_name(property.name, name))?;
    PropertyId::find(property.name, Naming::Camel)
}

/// The names of the properties that an update can set.
pub(crate) fn writable() -> Vec<&'static str> {
    PROPERTIES.iter().filter(|property| property.updatable).map(|property| property.name).collect()
}

/// The problem of a column that is bound to nothing, with its remedies.
pub(crate) fn unknown_column(name: &str) -> String {
    if name.is_empty() {
        return "the column has no name; name it in the header".into();
    }
    let allowed: Vec<_> = ["user", "id"].into_iter().chain(writable()).collect();
    format!("unknown column; {}. `ignoreExtraColumns` accepts it, `map` binds it to a property", advice(name, &allowed))
}

/// Whether two names have the same letters and digits, whatever stands between the words.
pub(crate) fn is_same_name(known: &str, name: &str) -> bool {
    let plain = |name: &str| -> String {
        name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).flat_map(char::to_lowercase).collect()
    };
    plain(known) == plain(name)
}
