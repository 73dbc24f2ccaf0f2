//! Access tokens: the credentials that get them and the one cache that every call of a client uses.
//!
//! A [`TokenProvider`] gets a token; the cache decides when. The provider is, in this order, the program's own
//! ([`Hooks::credential`](crate::Hooks::credential)), the command or the token of the settings, or the credential chain: the
//! configured sign-in method, or the first one available.
//!
//! | module | responsibility |
//! |---|---|
//! | `provider` | the trait, tokens, and the claims of a JWT |
//! | `cache` | one token for all calls: single flight, refresh ahead, replacement after a rejection |
//! | `chain`, `environment` | which sign-in method, completed by the variables of Azure's SDKs |
//! | `authority` | the token endpoint of one tenant; the only code that talks to it |
//! | `client_credential`, `certificate` | an application's own sign-in |
//! | `browser`, `device_code`, `prompt` | a user's sign-in |
//! | `session`, `session_store`, `session_file` | what a user's sign-in leaves behind, shared by all programs of the user |
//! | `azure`, `command` | managed identities, Azure's command line, and any other program that prints a token |
//!
//! [`login`], [`logout`] and [`account`] manage the stored session without a client:
//!
//! ```no_run
//! use personcert::{Client, Config, auth};
//!
//! # async fn example() -> personcert::Result<()> {
//! let config = Config { client_id: Some("00000000-1111-2222-3333-444444444444".into()), ..Config::default() };
//! if auth::account(&config).await?.is_none() {
//!     auth::login(&config, |prompt| println!("{}", prompt.message)).await?;
//! }
//! let client = Client::new(&config)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Invariants
//!
//! - A token goes to the configured Graph only, a secret to the configured authority only.
//! - Tokens, secrets and refresh tokens never appear in errors, logs or `Debug`.
//! - Once a token was issued, no user is prompted in the middle of a job.
//! - Programs that are started here inherit no secret.

mod authority;
mod azure;
mod binding;
mod browser;
mod cache;
mod certificate;
mod chain;
mod client_credential;
mod command;
mod device_code;
mod environment;
mod interaction;
mod login;
mod process_tree;
mod prompt;
pub(crate) mod provider;
mod session;
mod session_file;
mod session_store;

pub(crate) use authority::parse_grant;
pub(crate) use binding::CredentialBinding;
pub(crate) use cache::{Bearer, ProviderFactory, TokenCache};
pub(crate) use certificate::Certificate;
pub(crate) use chain::CredentialChain;
pub(crate) use command::TokenCommand;
pub use login::{account, login, logout};
pub use prompt::Prompt;
pub(crate) use prompt::PromptHandler;
pub(crate) use provider::StaticToken;
pub use provider::{AccessToken, TokenFuture, TokenProvider, TokenRequest};
pub use session::Account;

use std::time::Duration;

/// Time limit for interactive sign-in: the 15 minutes that a device code lives, and a minute for the exchange.
pub(crate) const INTERACTIVE_TIMEOUT: Duration = Duration::from_mins(16);

/// Variables that hold secrets. Programs started here do not inherit them.
const SECRET_VARIABLES: [&str; 5] = [
    "PERSONCERT_TOKEN",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "IDENTITY_HEADER",
];
