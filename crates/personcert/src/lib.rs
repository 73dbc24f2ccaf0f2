//! Change the certifications (training, not TLS) on people's Microsoft 365 profiles: Microsoft Graph's
//! [Update personCertification](https://learn.microsoft.com/graph/api/personcertification-update) and the four
//! operations beside it.

mod attempt;
mod auth;
mod call;
mod certification;
mod change;
mod check;
mod client;
mod config;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod net;
mod retry;
mod secret;
mod target;
mod updated;
pub mod value;

pub use attempt::{Attempt, Progress};
pub use auth::{AccessToken, Account, Prompt, TokenFuture, TokenProvider, TokenRequest, account, login, logout};
pub use call::{Answer, Call, Member};
pub use certification::{CertificationPatch, PROPERTIES, PersonCertification};
pub use change::Change;
pub use check::Finding;
pub use client::{Client, ListQuery, Pages};
pub use config::{Cloud, Config, SignIn};
pub use error::{Details, Error, ErrorKind, Outcome, Result};
pub use secret::Secret;
pub use target::{Target, User};
pub use updated::Name;
pub use updated::{Changed, Updated};
pub use value::{Audiences, Date, Dialect, Naming, Url};
