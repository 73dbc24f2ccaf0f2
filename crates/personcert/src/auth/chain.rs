//! The credential of a client without a token: the configured sign-in method, or the first one available.
//!
//! The choice is made once, by the first call that needs a token, and then kept: a chain that moved on after a failure could
//! continue a job under another identity. A credential that is configured and fails ends the chain with its error.

use std::sync::{Arc, OnceLock};

use tokio::sync::Mutex;

use super::authority::auth_error;
use super::environment::{AuthEnvironment, Credential};
use super::provider::TokenFuture;
use super::{AccessToken, CredentialBinding, PromptHandler, TokenProvider, TokenRequest};
use crate::config::SignIn;
use crate::{Config, Result};

/// The order in which sign-in methods are tried when none is configured. A user's session comes first, because the
/// service's pages document only delegated permissions for this operation. Then come the program's own credentials, the
/// machine's, and last a developer's.
const CHAIN_ORDER: [SignIn; 6] = [
    SignIn::Login,
    SignIn::ClientSecret,
    SignIn::Certificate,
    SignIn::WorkloadIdentity,
    SignIn::ManagedIdentity,
    SignIn::AzureCli,
];

/// Gets tokens by the configured sign-in method, or by the first available one, and stays with that.
pub(crate) struct CredentialChain {
    config: Config,
    prompt: PromptHandler,
    binding: CredentialBinding,
    chosen: OnceLock<Credential>,
    /// Held while a credential is being chosen.
    choosing: Mutex<()>,
}

impl CredentialChain {
    /// A chain that has chosen nothing yet, unless `binding` says what an earlier one chose.
    pub(crate) fn new(config: &Config, prompt: PromptHandler, binding: CredentialBinding) -> Self {
        Self { config: config.clone(), prompt, binding, chosen: OnceLock::new(), choosing: Mutex::default() }
    }

    /// A token of the chosen credential. The first call chooses it, while others wait.
    async fn obtain(&self, request: TokenRequest) -> Result<AccessToken> {
        let choosing = self.choosing.lock().await;
        if let Some(credential) = self.chosen.get() {
            drop(choosing);
            return Arc::clone(credential).token(request).await;
        }
        if self.config.authority()?.is_none() {
            return Err(auth_error(
                "no credential available; give an access token, or set the authority that issues tokens for the \
                 configured base URL",
            ));
        }
        let environment = AuthEnvironment { config: &self.config };
        let Some(method) = configured_method(&self.config).or(self.binding.method()) else {
            let (credential, token) = self.first_available(&environment, &request).await?;
            self.chosen.get_or_init(|| credential);
            return Ok(token);
        };
        let unavailable = |why| {
            let remedy = if method == SignIn::Login { "; run `personcert login`" } else { "" };
            auth_error(format!("sign-in method `{method}` is unavailable: {why}{remedy}"))
        };
        let credential = environment.credential(method, &self.prompt, &self.binding).await.map_err(unavailable)?;
        let credential = Arc::clone(self.chosen.get_or_init(|| credential));
        drop(choosing);
        credential.token(request).await
    }

    /// The first available credential, with its token. An explicitly configured credential that fails ends the chain; an
    /// ambient one is skipped.
    async fn first_available(
        &self,
        environment: &AuthEnvironment<'_>,
        request: &TokenRequest,
    ) -> Result<(Credential, AccessToken)> {
        let mut tried = Vec::new();
        for method in CHAIN_ORDER {
            let is_ambient = matches!(method, SignIn::ManagedIdentity | SignIn::AzureCli);
            let why = match environment.credential(method, &self.prompt, &self.binding).await {
                Err(why) => why,
                Ok(credential) => match Arc::clone(&credential).token(request.clone()).await {
                    Err(error) if is_ambient => error.message,
                    token => {
                        tracing::debug!(method = method.as_str(), "signed in");
                        self.binding.bind_method(method);
                        return token.map(|token| (credential, token));
                    }
                },
            };
            tried.push(format!("{method} ({why})"));
        }
        let tried = tried.join(", ");
        Err(auth_error(format!("no credential available; run `personcert login`. Tried: {tried}")))
    }
}

impl TokenProvider for CredentialChain {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move { self.obtain(request).await })
    }

    fn is_interactive(&self) -> bool {
        matches!(self.config.sign_in, Some(SignIn::Browser | SignIn::DeviceCode))
    }

    fn is_current(&self) -> bool {
        self.chosen.get().is_none_or(|credential| credential.is_current())
    }
}

/// The sign-in method that the settings name or imply.
fn configured_method(config: &Config) -> Option<SignIn> {
    let implied = |given: bool, method| given.then_some(method);
    config
        .sign_in
        .or(implied(config.client_secret.is_some(), SignIn::ClientSecret))
        .or(implied(config.certificate_file.is_some(), SignIn::Certificate))
        .or(implied(config.federated_token_file.is_some(), SignIn::WorkloadIdentity))
}
