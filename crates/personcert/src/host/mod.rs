//! What only language bindings need: a call by name, its result member by member, spellings and limits.

mod attributes;
mod call;
pub(crate) mod dialect;
mod limits;
mod operations;

pub use crate::cancel::CallState;
pub use attributes::ERROR_ATTRIBUTES;
pub use call::{Call, Output, OutputMember};
pub use dialect::{Dialect, Naming, advice};
pub use limits::{ConvertError, CopyLimits};
pub use operations::{ARGUMENTS, Argument, OPERATIONS, OperationSpec, ResultSpec, Role};

pub(crate) use call::Operation;
