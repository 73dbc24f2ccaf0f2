//! How types are described to other languages, and how their values are read: leniently from the service, strictly
//! from a caller.

mod input;
mod macros;
mod options;
pub(crate) mod record;
pub(crate) mod wire;

pub use crate::certification::{PROPERTIES, PropertyId};
pub use input::{FromInput, Input};
#[doc(hidden)]
pub use input::{choice, missing_option, object, read_option};
pub use record::{Kind, Members, Property, PropertySet, Record, SchemaType, Verb};
pub use wire::{PropertyValue, Wire};

pub(crate) use input::{read_object, text, wrong_type};
pub(crate) use macros::{output, resource};
