//! How types are described to other languages, and how their values are read: leniently from the service, strictly
//! from a caller.

mod input;
mod macros;
pub(crate) mod record;
pub(crate) mod wire;

pub use input::{FromInput, Input};
pub use record::{Kind, Members, Property, Record, SchemaType, Verb};
pub use wire::{PropertyValue, Wire};

pub(crate) use input::{choice, read_object, text, wrong_type};
pub(crate) use macros::{output, resource};
