//! Where access tokens come from, and the one cache that every call asks.

mod app;
mod authority;
mod azure;
mod browser;
mod cache;
mod certificate;
mod command;
mod device;
mod prompt;
mod session;
mod sign_in;
mod store;
pub(crate) mod token;

pub(crate) use authority::granted;
pub(crate) use cache::{Bearer, TokenCache};
pub(crate) use certificate::Certificate;
pub(crate) use command::TokenCommand;
pub use prompt::Prompt;
pub(crate) use prompt::Show;
pub use session::Account;
pub(crate) use sign_in::Ways;
pub use sign_in::{account, login, logout};
pub use token::{AccessToken, TokenFuture, TokenProvider, TokenRequest};

use std::io::Read as _;
use std::path::Path;

/// Variables that hold secrets. Programs that are started here have no need of them.
const SECRETS: [&str; 5] = [
    "PERSONCERT_TOKEN",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "IDENTITY_HEADER",
];

/// Reads a small text file.
fn read_text(path: &Path, longest: u64) -> Result<String, String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut text = String::new();
    std::fs::File::open(path).map_err(wrong)?.take(longest).read_to_string(&mut text).map_err(wrong)?;
    Ok(text)
}
