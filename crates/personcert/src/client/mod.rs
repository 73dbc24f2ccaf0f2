//! The client: five operations and the doctor over one loop of attempts.
//!
//! | module | responsibility |
//! |---|---|
//! | `handle` | [`Client`] itself: what its clones share, and how it is made |
//! | `operations` | update, get, list, create, delete and doctor, with typed arguments |
//! | `call` | the same by name, for language bindings |
//! | `batch` | up to 20 steps in one request |
//! | `pages` | lists, page by page |
//! | `execute` | one attempt of a request, and the loop that repeats it |
//! | `context` | what belongs to one call: deadline, retry policy, trace context |
//! | `service`, `response` | requests to the configured Graph, and its responses read as certifications |
//!
//! Every request takes the same way: access token, permit of the limiter, one exchange, classification of how it ended,
//! report to the observers, and the decision whether to repeat it.

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
