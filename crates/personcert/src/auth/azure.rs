//! What Microsoft's own identity crate does well: managed identities and Azure's command line. It gets our connections,
//! so that proxy, certificate authorities and limits hold for it too.

use std::ffi::OsStr;
use std::io;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

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

use super::authority::failure;
use super::token::TokenFuture;
use super::{AccessToken, TokenProvider, TokenRequest};
use crate::http::{build_client, classify_transport_error, read_bounded};
use crate::{Config, Result};

/// Where a virtual machine answers about itself.
pub(super) const METADATA: &str = "http://169.254.169.254";
/// The longest that Azure's command line may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// The longest answer that is read.
const LONGEST: usize = 1 << 20;

/// The identity of the Azure machine or app service that this runs on.
#[derive(Debug)]
pub(super) struct Managed {
    pub(super) config: Config,
    pub(super) client: Option<String>,
    /// Where the machine answers about itself, when it is not [`METADATA`].
    pub(super) metadata: Option<Url>,
}

impl TokenProvider for Managed {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move {
            let client_options = ClientOptions {
                transport: Some(Transport::new(Arc::<Self>::clone(&self))),
                ..ClientOptions::default()
            };
            let user_assigned_id = self.client.clone().map(UserAssignedId::ClientId);
            let options = ManagedIdentityCredentialOptions { client_options, user_assigned_id };
            // A new one each time: it would give the same token again, and here that one has served its time.
            let credential = ManagedIdentityCredential::new(Some(options)).map_err(failed)?;
            obtain(&*credential, &request).await
        })
    }
}

#[async_trait]
impl HttpClient for Managed {
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
        let (body, _) = read_bounded(response, LONGEST).await.map_err(failed)?;
        Ok(AsyncRawResponse::from_bytes(status.into(), headers, body))
    }
}

/// Whoever is signed in with Azure's command line.
#[derive(Debug)]
pub(super) struct Cli {
    pub(super) tenant: Option<String>,
}

impl TokenProvider for Cli {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        let options = AzureCliCredentialOptions {
            tenant_id: self.tenant.clone(),
            executor: Some(Arc::new(Patient)),
            ..Default::default()
        };
        Box::pin(async move {
            let credential = AzureCliCredential::new(Some(options)).map_err(failed)?;
            obtain(&*credential, &request).await
        })
    }
}

/// Runs the command line and ends it when it takes too long or nobody waits any more.
#[derive(Debug)]
struct Patient;

#[async_trait]
impl Executor for Patient {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let mut command = tokio::process::Command::new(program);
        for secret in super::SECRETS {
            command.env_remove(secret);
        }
        let output = command.args(args).stdin(Stdio::null()).kill_on_drop(true).output();
        tokio::time::timeout(PATIENCE, output).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

async fn obtain(credential: &dyn TokenCredential, request: &TokenRequest) -> Result<AccessToken> {
    let token = credential.get_token(&[&request.scope], None).await.map_err(failed)?;
    Ok(AccessToken::new(token.token.secret(), Some(token.expires_on.into())))
}

fn failed(error: azure_core::Error) -> crate::Error {
    failure(error.to_string().chars().take(400).collect::<String>())
}
