//! Managed identities and Azure's command line, by Microsoft's own identity crate. It sends its requests through this
//! crate's HTTP client, so that proxy, certificate authorities and limits apply to it too.

use std::ffi::OsStr;
use std::io;
use std::process::{Output, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core::http::headers::Headers;
use azure_core::http::request::Body;
use azure_core::http::{AsyncRawResponse, ClientOptions, HttpClient, Request, Transport};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, Executor, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId,
};
use url::Url;

use super::authority::auth_error;
use super::provider::TokenFuture;
use super::{AccessToken, TokenProvider, TokenRequest, command};
use crate::http::{build_client, classify_transport_error, read_bounded};
use crate::{Config, Result};

/// The metadata endpoint of an Azure machine.
pub(super) const METADATA: &str = "http://169.254.169.254";
/// Size limit of a response.
const MAX_RESPONSE_BYTES: usize = 1 << 20;

/// The managed identity of this Azure machine or app service.
#[derive(Debug)]
pub(super) struct ManagedIdentity {
    pub(super) config: Config,
    pub(super) client_id: Option<String>,
    /// The metadata endpoint, where it is not [`METADATA`].
    pub(super) metadata: Option<Url>,
}

impl TokenProvider for ManagedIdentity {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move {
            let client_options = ClientOptions {
                transport: Some(Transport::new(Arc::<Self>::clone(&self))),
                ..ClientOptions::default()
            };
            let user_assigned_id = self.client_id.clone().map(UserAssignedId::ClientId);
            let options = ManagedIdentityCredentialOptions { client_options, user_assigned_id };
            // A new credential each time, because it caches its token, and here that token is spent.
            let credential = ManagedIdentityCredential::new(Some(options)).map_err(failed)?;
            get_token(&*credential, &request).await
        })
    }
}

#[async_trait]
impl HttpClient for ManagedIdentity {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let io = |error: String| azure_core::Error::with_message(azure_core::error::ErrorKind::Io, error);
        let mut address = request.url().clone();
        if let Some(metadata) = self.metadata.as_ref().filter(|_| address.as_str().starts_with(METADATA)) {
            let (path, query) = (address.path().to_owned(), address.query().map(str::to_owned));
            address = metadata.clone();
            address.set_path(&path);
            address.set_query(query.as_deref());
        }
        let http = build_client(&self.config, &address).map_err(|error| io(error.message))?;
        let method =
            reqwest::Method::from_bytes(request.method().as_ref().as_bytes()).map_err(|error| io(error.to_string()))?;
        let mut sent = http.request(method, address).timeout(self.config.attempt_timeout);
        for (name, value) in request.headers().iter() {
            sent = sent.header(name.as_str(), value.as_str());
        }
        if let Body::Bytes(bytes) = request.body() {
            sent = sent.body(bytes.clone());
        }
        let failed = |error: reqwest::Error| io(classify_transport_error(error).message);
        let response = sent.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let mut headers = Headers::new();
        for (name, value) in response.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        let (body, _) = read_bounded(response, MAX_RESPONSE_BYTES).await.map_err(failed)?;
        Ok(AsyncRawResponse::from_bytes(status.into(), headers, body))
    }
}

/// The account that is signed in to Azure's command line.
#[derive(Debug)]
pub(super) struct AzureCli {
    pub(super) tenant: Option<String>,
}

impl TokenProvider for AzureCli {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        let options = AzureCliCredentialOptions {
            tenant_id: self.tenant.clone(),
            executor: Some(Arc::new(TimedExecutor)),
            ..Default::default()
        };
        Box::pin(async move {
            let credential = AzureCliCredential::new(Some(options)).map_err(failed)?;
            get_token(&*credential, &request).await
        })
    }
}

/// Runs the command line and ends it when it takes too long or the call ends.
#[derive(Debug)]
struct TimedExecutor;

#[async_trait]
impl Executor for TimedExecutor {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let mut az = command::without_secrets(program);
        az.args(args).stderr(Stdio::piped());
        let (status, stdout, stderr) = command::run(az, command::COMMAND_TIMEOUT).await?;
        Ok(Output { status, stdout, stderr })
    }
}

/// Gets a token from a credential of Microsoft's crate, with the claims of the request.
async fn get_token(credential: &dyn TokenCredential, request: &TokenRequest) -> Result<AccessToken> {
    let token = credential.get_token(&[&request.scope], None).await.map_err(failed)?;
    Ok(AccessToken::new(token.token.secret(), Some(token.expires_on.into())))
}

/// The error of such a credential, with as much of its text as fits a line or two.
fn failed(error: azure_core::Error) -> crate::Error {
    auth_error(error.to_string().chars().take(400).collect::<String>())
}
