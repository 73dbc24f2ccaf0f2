//! The settings of sign-in, completed by environment variables, and the credentials they make.
//!
//! The variables are those of Azure's SDKs (`AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, …), so that an environment that is set up
//! for other tools works here too. A setting wins over its variable; an empty variable counts as unset.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::authority::{Authority, auth_error};
use super::azure::{AzureCli, METADATA, ManagedIdentity};
use super::certificate::Certificate;
use super::client_credential::{ClientAuthentication, ClientCredential, GitHubJob};
use super::session::Session;
use super::session_store::SessionStore;
use super::{CredentialBinding, PromptHandler, TokenProvider};
use crate::config::{SignIn, is_loopback};
use crate::http::build_client;
use crate::{Config, Result, Secret};

/// The tenant that stands for the one of the user's account.
pub(super) const DEFAULT_TENANT: &str = "organizations";
/// How long to wait for the metadata endpoint: an Azure machine answers at once, elsewhere nothing answers.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// A provider that one sign-in method made.
pub(super) type Credential = Arc<dyn TokenProvider>;

/// The settings, completed by environment variables.
pub(super) struct AuthEnvironment<'a> {
    pub(super) config: &'a Config,
}

impl AuthEnvironment<'_> {
    /// The credential of a sign-in method, or why it is unavailable.
    pub(super) async fn credential(
        &self,
        method: SignIn,
        prompt: &PromptHandler,
        binding: &CredentialBinding,
    ) -> Result<Credential, String> {
        let credential: Credential = match method {
            SignIn::Login => Arc::new(self.stored_session(prompt, binding).await?),
            SignIn::Browser | SignIn::DeviceCode => {
                let authority = self.authority(DEFAULT_TENANT).map_err(message)?;
                let store = SessionStore::new(self.config).map_err(message)?;
                let binding = binding.clone();
                Arc::new(Session::new(authority, self.client_id()?, store, Some(method), prompt.clone(), binding))
            }
            SignIn::ClientSecret => {
                let secret = self.config.client_secret.clone();
                let secret = secret.or_else(|| Some(variable("AZURE_CLIENT_SECRET")?.into()));
                self.application(ClientAuthentication::Secret(secret.ok_or("AZURE_CLIENT_SECRET is not set")?))?
            }
            SignIn::Certificate => self.application(ClientAuthentication::Certificate(self.certificate()?))?,
            SignIn::WorkloadIdentity => self.application(self.federated_token()?)?,
            SignIn::ManagedIdentity => {
                let metadata = metadata_address()?;
                if variable("IDENTITY_ENDPOINT").is_none() {
                    self.probe_metadata(metadata.as_ref()).await?;
                }
                let client_id = setting(self.config.client_id.as_ref(), "AZURE_CLIENT_ID");
                Arc::new(ManagedIdentity { config: self.config.clone(), client_id, metadata })
            }
            SignIn::AzureCli if !is_on_path(&["az", "az.cmd"]) => return Err("`az` was not found on PATH".into()),
            SignIn::AzureCli => {
                Arc::new(AzureCli { tenant: setting(self.config.tenant_id.as_ref(), "AZURE_TENANT_ID") })
            }
        };
        Ok(credential)
    }

    /// The session that an earlier sign-in stored, if it fits the settings.
    async fn stored_session(&self, prompt: &PromptHandler, binding: &CredentialBinding) -> Result<Session, String> {
        let store = SessionStore::new(self.config).map_err(message)?;
        let (stored, _) = store.load().await.map_err(message)?.ok_or("not signed in")?;
        let differs = |given: &Option<String>, stored: &String| given.as_ref().is_some_and(|given| given != stored);
        if differs(&self.config.client_id, &stored.client) || differs(&self.config.tenant_id, &stored.tenant) {
            return Err("the stored session is for another application or tenant".into());
        }
        let root = self.root().map_err(message)?;
        let authority = Authority::new(self.config.clone(), root, stored.tenant);
        Ok(Session::new(authority, stored.client, store, None, prompt.clone(), binding.clone()))
    }

    /// The application's certificate, from the file of the settings or of the environment.
    fn certificate(&self) -> Result<Certificate, String> {
        let file = setting(self.config.certificate_file.as_ref(), "AZURE_CLIENT_CERTIFICATE_PATH");
        let file = file.ok_or("AZURE_CLIENT_CERTIFICATE_PATH is not set")?;
        let password = self.config.certificate_password.clone();
        let password = password.or_else(|| Some(variable("AZURE_CLIENT_CERTIFICATE_PASSWORD")?.into()));
        let read = Certificate::read(Path::new(&file), password.as_ref().map(Secret::expose));
        read.map_err(|why| format!("{file}: {why}"))
    }

    /// Where the token of another issuer comes from: a file, or the job of GitHub Actions that this is.
    fn federated_token(&self) -> Result<ClientAuthentication, String> {
        if let Some(file) = setting(self.config.federated_token_file.as_ref(), "AZURE_FEDERATED_TOKEN_FILE") {
            return Ok(ClientAuthentication::File(PathBuf::from(file)));
        }
        let job = variable("ACTIONS_ID_TOKEN_REQUEST_URL").zip(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
        let (address, token) = job.ok_or(
            "AZURE_FEDERATED_TOKEN_FILE is not set, and this is not a GitHub Actions job with `id-token: write`",
        )?;
        let address = Url::parse(&address).ok().filter(|url| url.scheme() == "https" || is_loopback(url));
        let address = address.ok_or("ACTIONS_ID_TOKEN_REQUEST_URL must be an https address")?;
        Ok(ClientAuthentication::GitHubJob(GitHubJob { address, token: token.into() }))
    }

    /// The credential of an application, which needs a tenant and a client id.
    fn application(&self, authentication: ClientAuthentication) -> Result<Credential, String> {
        let tenant = setting(self.config.tenant_id.as_ref(), "AZURE_TENANT_ID");
        let tenant = tenant.ok_or("the tenant is missing; set the tenant id (AZURE_TENANT_ID)")?;
        let authority = self.authority(&tenant).map_err(message)?;
        Ok(Arc::new(ClientCredential { authority, client_id: self.client_id()?, authentication }))
    }

    /// Tells an Azure machine from others: its metadata endpoint refuses a request without the header that only local
    /// programs can set. Other clouds answer at the same address, but differently.
    async fn probe_metadata(&self, metadata: Option<&Url>) -> Result<(), String> {
        let default = Url::parse(METADATA).map_err(|error| error.to_string())?;
        let mut url = metadata.unwrap_or(&default).clone();
        url.set_path("/metadata/identity/oauth2/token");
        let http = build_client(self.config, &url).map_err(message)?;
        match tokio::time::timeout(PROBE_TIMEOUT, http.get(url).send()).await {
            Ok(Ok(response)) if response.status() == 400 => Ok(()),
            _ => Err("no managed identity endpoint found".into()),
        }
    }

    /// The id of the registered application, or that none is set.
    pub(super) fn client_id(&self) -> Result<String, String> {
        let client_id = setting(self.config.client_id.as_ref(), "AZURE_CLIENT_ID");
        client_id
            .ok_or_else(|| "the client id is missing; set that of your registered application (AZURE_CLIENT_ID)".into())
    }

    /// The authority of the configured tenant, or of `default_tenant`.
    pub(super) fn authority(&self, default_tenant: &str) -> Result<Authority> {
        let tenant = setting(self.config.tenant_id.as_ref(), "AZURE_TENANT_ID");
        let tenant = tenant.unwrap_or_else(|| default_tenant.to_owned());
        Ok(Authority::new(self.config.clone(), self.root()?, tenant))
    }

    /// The URL of the authority without a tenant.
    fn root(&self) -> Result<Url> {
        self.config
            .authority()?
            .ok_or_else(|| auth_error("the authority is missing; set the issuer of the service's tokens"))
    }
}

/// The address of the metadata endpoint, where it is not the default.
fn metadata_address() -> Result<Option<Url>, String> {
    let Some(text) = variable("AZURE_POD_IDENTITY_AUTHORITY_HOST") else { return Ok(None) };
    Url::parse(&text).map(Some).map_err(|error| format!("AZURE_POD_IDENTITY_AUTHORITY_HOST: {error}"))
}

fn is_on_path(programs: &[&str]) -> bool {
    let has = |folder: PathBuf| programs.iter().any(|program| folder.join(program).is_file());
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(has))
}

/// A setting, or the variable that stands in for it.
fn setting(given: Option<&String>, name: &str) -> Option<String> {
    given.cloned().or_else(|| variable(name))
}

/// An environment variable; an empty one counts as unset.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn message(error: crate::Error) -> String {
    error.message
}
