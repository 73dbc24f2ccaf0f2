//! The client: five operations and the doctor over one loop of attempts.

mod batch;
mod call;
mod context;
mod execute;
mod handle;
mod operations;
mod pages;
mod request_id;
mod response;
mod service;

pub use handle::Client;
pub use operations::UpdateOptions;
pub use pages::{ListQuery, Pages};

pub(crate) use context::traceparent;
