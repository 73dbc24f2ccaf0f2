//! How types are described to other languages: objects with named members, and the kinds of value they hold.

mod kind;
mod macros;
pub(crate) mod record;

pub use kind::{Kind, PropertyValue, SchemaType};
pub use record::{Members, Property, Record};

pub(crate) use kind::wrong_type;
pub(crate) use macros::{output, resource};
