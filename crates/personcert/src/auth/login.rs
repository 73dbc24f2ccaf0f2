//! Signing a user in and out, apart from any client.
//!
//! The session belongs to one Graph and to the user of this machine. Every program that is configured for the same Graph uses
//! it, renews it, and notices when it is gone.

use std::sync::Arc;
use std::time::SystemTime;

use super::authority::auth_error;
use super::environment::{AuthEnvironment, DEFAULT_TENANT};
use super::session::{Account, Session};
use super::session_store::SessionStore;
use super::{CredentialBinding, Prompt, PromptHandler, TokenRequest};
use crate::config::SignIn;
use crate::{Config, Error, Result};

/// Signs a user in, in the browser or with a code, and stores the session for every program of this user.
/// The settings name the application (`client_id`) and, unless it is that of the user's account, the tenant; `prompt`
/// shows the user what to do.
///
/// # Errors
/// `auth` when the user doesn't sign in within the time limit or the platform refuses, `invalid_input` when the settings name
/// another sign-in method than `browser` or `device-code`.
pub async fn login(config: &Config, prompt: impl Fn(&Prompt) + Send + Sync + 'static) -> Result<Account> {
    let method = match config.sign_in {
        None | Some(SignIn::Login) => SignIn::Browser,
        Some(method @ (SignIn::Browser | SignIn::DeviceCode)) => method,
        Some(_) => return Err(Error::input("signIn", "a user signs in with `browser` or `device-code`")),
    };
    let environment = AuthEnvironment { config };
    let authority = environment.authority(DEFAULT_TENANT)?;
    let client_id = environment.client_id().map_err(auth_error)?;
    let prompt = PromptHandler(Arc::new(prompt));
    let (store, binding) = (SessionStore::new(config)?, CredentialBinding::default());
    let session = Session::new(authority, client_id, store, Some(method), prompt, binding);
    session.sign_in(&TokenRequest { scope: config.scope(), claims: None, now: SystemTime::now() }).await
}

/// Removes the stored session for the configured Graph: every program that uses it is signed out. False when there was
/// no session.
pub async fn logout(config: &Config) -> Result<bool> {
    SessionStore::new(config)?.remove().await
}

/// The account that [`login`] stored for the configured Graph, or none. Never prompts and sends nothing.
pub async fn account(config: &Config) -> Result<Option<Account>> {
    let store = SessionStore::new(config)?;
    let stored = store.load().await?;
    Ok(stored.map(|(session, location)| Account::new(&session, store.describe(location))))
}
