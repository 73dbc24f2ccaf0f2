//! The sign-in of an application (client credentials): with a secret, a certificate, or another issuer's token.
//!
//! Such a token has no user. Graph's current pages document no application permission for changes, so that the service may
//! refuse it; `doctor` says so.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use url::Url;

use super::authority::{Authority, auth_error, send_token_request};
use super::certificate::Certificate;
use super::provider::TokenFuture;
use super::{AccessToken, TokenProvider, TokenRequest};
use crate::http::build_client;
use crate::{Error, Result, Secret};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The audience of a federated token.
const TOKEN_EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";
/// Size limit of a federated token.
const MAX_TOKEN_BYTES: u64 = 256 << 10;

/// How an application authenticates.
#[derive(Debug)]
pub(super) enum ClientAuthentication {
    /// With a secret.
    Secret(Secret),
    /// With a certificate.
    Certificate(Certificate),
    /// With the token in a file, which a trusted issuer renews.
    File(PathBuf),
    /// With the token of a GitHub Actions job.
    GitHubJob(GitHubJob),
}

/// Where a GitHub Actions job gets its token.
/// Source: GitHub's "OpenID Connect reference".
#[derive(Debug)]
pub(super) struct GitHubJob {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub(super) address: Url,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub(super) token: Secret,
}

/// An application with its own credentials.
/// Source: "Microsoft identity platform and the OAuth 2.0 client credentials flow".
#[derive(Debug)]
pub(super) struct ClientCredential {
    pub(super) authority: Authority,
    pub(super) client_id: String,
    pub(super) authentication: ClientAuthentication,
}

impl TokenProvider for ClientCredential {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move { self.sign_in(&request).await })
    }
}

impl ClientCredential {
    /// Gets a token with the application's proof of its identity.
    async fn sign_in(&self, request: &TokenRequest) -> Result<AccessToken> {
        let mut form = vec![
            ("client_id", self.client_id.as_str()),
            ("grant_type", "client_credentials"),
            ("scope", &request.scope),
        ];
        let assertion: Option<Secret> = match &self.authentication {
            ClientAuthentication::Secret(secret) => {
                form.push(("client_secret", secret.expose()));
                None
            }
            ClientAuthentication::Certificate(certificate) => {
                let audience = self.authority.endpoint("token");
                Some(certificate.assertion(&self.client_id, &audience, request.now).map_err(auth_error)?.into())
            }
            ClientAuthentication::File(path) => Some(read_token(path)?),
            ClientAuthentication::GitHubJob(job) => Some(self.job_token(job).await?),
        };
        if let Some(assertion) = &assertion {
            form.extend([("client_assertion_type", JWT_BEARER), ("client_assertion", assertion.expose())]);
        }
        Ok(self.authority.grant(request, form).await?.access)
    }

    /// Gets the token of the job from GitHub, for the exchange at the authority.
    async fn job_token(&self, job: &GitHubJob) -> Result<Secret> {
        let config = self.authority.config();
        let mut address = job.address.clone();
        address.query_pairs_mut().append_pair("audience", TOKEN_EXCHANGE_AUDIENCE);
        let http = build_client(config, &address)?;
        let request = http.get(address).bearer_auth(job.token.expose());
        let refused = |error: Error| auth_error(format!("GitHub issued no token for this job: {}", error.message));
        let response = send_token_request(request, config.attempt_timeout).await.map_err(refused)?;
        let token = response.get("value").and_then(Value::as_str);
        token.map(Secret::from).ok_or_else(|| auth_error("GitHub issued no token for this job"))
    }
}

/// Reads another issuer's token from a file.
fn read_token(path: &Path) -> Result<Secret> {
    let mut token = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_TOKEN_BYTES).read_to_string(&mut token));
    let unreadable = |error| auth_error(format!("cannot read the federated token {}: {error}", path.display()));
    read.map_err(unreadable)?;
    Ok(token.trim().into())
}
