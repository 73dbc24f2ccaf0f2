//! How types are described to other languages: objects with named members, and the kinds of value they hold.

mod kind;
pub(crate) mod record;

pub use kind::{Kind, PropertyValue};
pub use record::{Members, Property, Record};

pub(crate) use kind::wrong_type;
pub(crate) use record::record;
