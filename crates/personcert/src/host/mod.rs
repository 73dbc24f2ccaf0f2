//! What only language bindings need: a call by name, its result member by member, spellings and limits.
//!
//! A binding converts its caller's values within [`CopyLimits`], reads them into a [`Call`] under a [`Dialect`], runs
//! [`Client::call`](crate::Client::call), and makes objects of its own from the members of the [`Output`]. It needs no name of
//! an operation, an argument or a property: [`OPERATIONS`], [`ARGUMENTS`] and [`ERROR_ATTRIBUTES`] describe them, and types
//! and documentation are generated from the same tables.
//!
//! ```
//! use std::time::Duration;
//!
//! use personcert::host::{Call, Dialect, Naming};
//! use serde_json::json;
//!
//! // Python's names and units.
//! let python = Dialect { naming: Naming::Snake, time_unit: Duration::from_secs(1), flat_members: true };
//! let arguments = json!({"id": "0fb4c1e3", "changes": {"end_date": "2031-07-06"}, "timeout": 2.5});
//! assert!(Call::read("update", arguments.as_object().unwrap(), python).is_ok());
//!
//! let arguments = json!({"id": "0fb4c1e3", "changes": {"endDate": "2031-07-06"}});
//! let error = Call::read("update", arguments.as_object().unwrap(), python).unwrap_err();
//! assert_eq!(error.details.parameter.as_deref(), Some("endDate"));
//! ```

mod attributes;
mod call;
pub(crate) mod dialect;
mod limits;
mod operations;

pub use crate::cancel::CallState;
pub use attributes::ERROR_ATTRIBUTES;
pub use call::{Call, Output};
pub use dialect::{Dialect, Naming, advice};
pub use limits::{ConvertError, CopyLimits};
pub use operations::{ARGUMENTS, Argument, OPERATIONS, OperationSpec, ResultSpec, Role};

pub(crate) use call::Operation;
