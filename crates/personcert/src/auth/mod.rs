//! Access tokens: the credentials that get them and the one cache that every call of a client uses.

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
