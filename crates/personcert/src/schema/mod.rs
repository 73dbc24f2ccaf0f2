//! How types are described to other languages, and how their values are read: leniently from the service, strictly
//! from a caller.
//!
//! Each type of the public interface is declared by one macro that writes both the struct and its [`Record`]:
//!
//! | macro | for | members |
//! |---|---|---|
//! | `resource!` | objects of the service | all optional; unknown ones and nulls are kept |
//! | `output!` | results of this crate | required unless they are an `Option` |
//! | `options!` | settings and options of a caller | with defaults; unknown names are errors |
//!
//! Stubs, documentation, command line flags and conversions of the bindings are generated from the records, so that one line
//! declares a member everywhere:
//!
//! ```
//! use personcert::schema::{Kind, PROPERTIES, Verb};
//!
//! let writable: Vec<_> = PROPERTIES.iter().filter(|property| property.is_writable(Verb::Update)).collect();
//! assert_eq!(writable.len(), 12);
//! let end_date = writable.iter().find(|property| property.name == "endDate").unwrap();
//! assert_eq!(end_date.snake, "end_date");
//! assert!(matches!(end_date.kind, Kind::Date));
//! ```
//!
//! Two traits read values. [`FromInput`] reads what a caller gave, and refuses everything but the documented type.
//! [`PropertyValue`] reads what the service wrote, and keeps what it doesn't understand.

mod input;
mod macros;
mod object;
mod options;
pub(crate) mod record;
mod view;
pub(crate) mod wire;

pub use crate::certification::{PROPERTIES, PropertyId};
#[doc(hidden)]
pub use input::choice;
pub use input::{FromInput, Input};
#[doc(hidden)]
pub use object::{missing_option, object, read_option};
pub use record::{Kind, Members, Property, PropertySet, Record, SchemaType, Verb};
pub use view::{AsView, RecordView, View};
pub use wire::{PropertyValue, Wire};

pub(crate) use input::{text, wrong_type};
pub(crate) use macros::{output, resource};
pub(crate) use object::read_object;
