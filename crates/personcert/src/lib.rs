//! Change the certifications (training, not TLS) on people's Microsoft 365 profiles: Microsoft Graph's
//! [Update personCertification](https://learn.microsoft.com/graph/api/personcertification-update) and the four
//! operations beside it.

mod attempt;
pub mod auth;
pub mod batch;
mod cancel;
mod certification;
mod change;
mod client;
mod cloud;
mod config;
pub mod display;
pub mod doctor;
mod error;
#[doc(hidden)]
pub mod fuzzing;
pub mod hooks;
pub mod host;
pub mod http;
pub mod limiter;
mod retry;
mod retry_budget;
pub mod schema;
mod secret;
mod string_enum;
mod target;
mod update;
pub mod value;

pub use certification::{CertificationPatch, PersonCertification};
pub use change::Change;
pub use client::{Client, ListQuery, Pages, UpdateOptions};
pub use cloud::Cloud;
pub use config::{Config, SignIn};
pub use error::{Error, ErrorDetails, ErrorKind, Outcome, Result};
pub use hooks::Hooks;
pub use secret::Secret;
pub use target::{Target, User};
pub use update::{PropertyChange, UpdateResult};
pub use value::{Audiences, Date, WebUrl};
