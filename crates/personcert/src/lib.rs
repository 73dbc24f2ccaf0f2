//! Change the certifications (training, not TLS) on people's Microsoft 365 profiles: Microsoft Graph's
//! [Update personCertification](https://learn.microsoft.com/graph/api/personcertification-update) and the four
//! operations beside it.
//!
//! # Quick start
//!
//! A [`Client`] carries out operations, a [`Target`] names one certification of one user, and a [`CertificationPatch`]
//! says which properties change. The example of Graph's documentation:
//!
//! ```no_run
//! use personcert::{CertificationPatch, Change, Client, Config, Target, UpdateOptions, User};
//!
//! # async fn example() -> personcert::Result<()> {
//! let client = Client::new(&Config::default())?;
//! let target = Target::new(User::Me, "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f")?;
//! let patch = CertificationPatch {
//!     issuing_authority: Change::Set("International Academy of Marketing Excellence".into()),
//!     issuing_company: Change::Set("International Academy of Marketing Excellence".into()),
//!     ..CertificationPatch::default()
//! };
//! let result = client.update(&target, &patch, &UpdateOptions::default()).await?;
//! for change in &result.changed {
//!     println!("{}: {:?} -> {:?}", change.name.0, change.before, change.after);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The default [`Config`] uses the session that `personcert login` stored, or the first other credential of the
//! environment. [`Config::token`] takes an access token instead, and [`Hooks::credential`] an object that provides them.
//!
//! # What the client takes care of
//!
//! - **Three states of a property.** [`Change`] keeps, clears or sets. A property that is kept is not sent, and Graph
//!   leaves it as it is. With [`UpdateOptions::current`] the client sends only what differs.
//! - **Honest outcomes.** Every [`Error`] has an [`Outcome`]: the change was not sent, was refused, or may have been applied.
//!   [`UpdateOptions::verify`] settles the third case by reading the certification back.
//! - **Retries.** Failures that may end otherwise are repeated with exponential backoff, or after the wait that the service
//!   asks for. See [`Client`] for the rules.
//! - **Pacing.** A [`limiter`] learns from 429 responses how fast the service accepts requests, for the whole client
//!   and for each user.
//! - **Tokens.** Access tokens are fetched once for all calls, refreshed before they expire, and replaced when the service
//!   rejects them or demands more claims.
//! - **Bounds.** Responses are limited in size and time, redirects are not followed, and the token goes to the configured
//!   host only.
//!
//! # Where to look
//!
//! | to do | use |
//! |---|---|
//! | change, read, list, create, delete | [`Client`] |
//! | send up to 20 requests at once | [`Client::batch`], [`batch`] |
//! | check a setup before the first change | [`Client::doctor`], [`doctor`] |
//! | sign users in and out | [`auth::login`], [`auth::logout`] |
//! | observe attempts, provide tokens, replace the network in tests | [`Hooks`], [`http::MemoryTransport`] |
//! | share a rate limit with other code | [`limiter::Limiter`] |
//! | read untyped input such as a table | [`CertificationPatch::set`], [`schema::Input`] |
//! | bind another language | [`host`], [`schema`] |
//!
//! The operations exist in Graph's beta version only, for which Microsoft promises no stability. Members that the service
//! adds appear in [`PersonCertification::extra`].

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
pub mod retry;
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
