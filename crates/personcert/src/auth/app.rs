//! An application that signs in by itself.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use url::Url;

use super::authority::{Authority, answered, failure};
use super::certificate::Certificate;
use super::token::TokenFuture;
use super::{AccessToken, TokenProvider, TokenRequest};
use crate::http::build_client;
use crate::{Error, Result, Secret};

const JWT: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Whom the token of another issuer has to be for.
const EXCHANGE: &str = "api://AzureADTokenExchange";
/// The longest token of another issuer.
const LONGEST: u64 = 256 << 10;

/// How an application shows who it is.
#[derive(Debug)]
pub(super) enum Proof {
    /// By a secret.
    Secret(Secret),
    /// By a certificate.
    Certificate(Certificate),
    /// By the token in a file, which another issuer that is trusted keeps fresh.
    File(PathBuf),
    /// By the token that GitHub gives to a job.
    GitHub(GitHub),
}

/// Where a job of GitHub Actions gets its token.
/// Source: GitHub's "OpenID Connect reference".
#[derive(Debug)]
pub(super) struct GitHub {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub(super) address: Url,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub(super) token: Secret,
}

/// An application that signs in by itself (client credentials).
/// Source: "Microsoft identity platform and the OAuth 2.0 client credentials flow".
#[derive(Debug)]
pub(super) struct App {
    pub(super) authority: Authority,
    pub(super) client: String,
    pub(super) proof: Proof,
}

impl TokenProvider for App {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move { self.sign_in(&request).await })
    }
}

impl App {
    async fn sign_in(&self, request: &TokenRequest) -> Result<AccessToken> {
        let mut form =
            vec![("client_id", self.client.as_str()), ("grant_type", "client_credentials"), ("scope", &request.scope)];
        let assertion = match &self.proof {
            Proof::Secret(secret) => {
                form.push(("client_secret", secret.expose()));
                None
            }
            Proof::Certificate(certificate) => {
                let audience = self.authority.endpoint("token");
                Some(certificate.assertion(&self.client, &audience, request.now).map_err(failure)?.into())
            }
            Proof::File(path) => {
                let read = super::read_text(path, LONGEST);
                Some(
                    read.map_err(|error| failure(format!("the federated token can't be read: {error}")))?.trim().into(),
                )
            }
            Proof::GitHub(github) => Some(self.ask(github).await?),
        };
        let assertion: Option<Secret> = assertion;
        if let Some(assertion) = &assertion {
            form.extend([("client_assertion_type", JWT), ("client_assertion", assertion.expose())]);
        }
        Ok(self.authority.grant(request, form).await?.access)
    }

    async fn ask(&self, github: &GitHub) -> Result<Secret> {
        let config = self.authority.config();
        let mut address = github.address.clone();
        address.query_pairs_mut().append_pair("audience", EXCHANGE);
        let http = build_client(config, &address)?;
        let request = http.get(address).bearer_auth(github.token.expose());
        let refuse = |error: Error| failure(format!("GitHub gave no token to this job: {}", error.message));
        let answer = answered(request, config.attempt_timeout).await.map_err(refuse)?;
        let token = answer.get("value").and_then(Value::as_str);
        token.map(Secret::from).ok_or_else(|| failure("GitHub gave no token to this job"))
    }
}
