//! The client: five operations over one request loop.

mod execute;
mod limiter;
mod pages;
mod response;
mod transport;

pub use pages::{ListQuery, Pages};
pub(crate) use response::error_of;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::attempt::{Attempt, CallState, Hook};
use crate::auth::{Prompt, Show, TokenCache, TokenCommand, TokenProvider, Ways};
use crate::doctor;
use crate::host::{Call, Operation, Output};
use crate::retry::RetryPolicy;
use crate::update::changes;
use crate::{
    CertificationPatch, Config, Error, Finding, Outcome, PersonCertification, Result, Target, UpdateResult, User,
};
use execute::{CallContext, Request, Shared};
use response::Response;
use transport::Transport;

/// Carries out the operations. Cheap to clone; clones share connections, pace and quota.
///
/// What fails and may end otherwise is tried again: what was not sent, 408, 429, 500, 502, 503, 504, lost connections and
/// attempts that took too long; `create` only where it surely was not applied. A client belongs to the async runtime it is
/// first used on; [`Client::for_new_runtime`] makes one for another.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<Transport>,
    shared: Arc<Shared>,
    credential: Arc<TokenCache>,
    patience: CallContext,
    unknown_audiences: bool,
}

impl Client {
    /// A client with these settings. Nothing is sent yet.
    pub fn new(config: &Config) -> Result<Self> {
        let provider = provider(config, Show::default());
        let policy = RetryPolicy {
            max_attempts: u32::try_from(config.max_attempts).unwrap_or(u32::MAX),
            base_delay: config.retry_delay,
        };
        let patience = CallContext {
            policy,
            total: config.timeout,
            attempt: config.attempt_timeout,
            traceparent: None,
            progress: CallState::default(),
            hook: None,
        };
        Ok(Self {
            transport: Arc::new(Transport::new(config)?),
            shared: Shared::new(),
            credential: TokenCache::new(provider, config.scope(), Arc::new(SystemTime::now)),
            patience,
            unknown_audiences: config.unknown_audiences,
        })
    }

    /// The same client, pace and quota included, with connections of its own.
    pub fn for_new_runtime(&self) -> Result<Self> {
        Ok(Self { transport: Arc::new(self.transport.again()?), ..self.clone() })
    }

    /// The same client, getting its tokens from `provider` instead of the settings.
    #[must_use]
    pub fn with_credential(&self, provider: impl TokenProvider + 'static) -> Self {
        Self { credential: self.credential.with_provider(Arc::new(provider)), ..self.clone() }
    }

    /// The same client, calling `show` with what a person has to do, where the settings want one to sign in; otherwise that
    /// goes to standard error. The client gets its tokens as the settings say; a credential is given afterwards.
    #[must_use]
    pub fn on_prompt(&self, show: impl Fn(&Prompt) + Send + Sync + 'static) -> Self {
        let provider = provider(self.transport.config(), Show(Arc::new(show)));
        Self { credential: self.credential.with_provider(provider), ..self.clone() }
    }

    /// The same client, judging by `clock` when a token has to be renewed: for tests that can't wait for the night to
    /// pass.
    #[must_use]
    pub fn with_clock(&self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { credential: self.credential.with_clock(Arc::new(clock)), ..self.clone() }
    }

    /// The same client with another limit on the time a call may take.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        let patience = CallContext { total: timeout, ..self.patience.clone() };
        Self { patience, ..self.clone() }
    }

    /// The same client, calling `hook` with every attempt as it ends, on the thread where it ends.
    #[must_use]
    pub fn on_attempt(&self, hook: impl Fn(&Attempt) + Send + Sync + 'static) -> Self {
        let patience = CallContext { hook: Some(Hook(Arc::new(hook))), ..self.patience.clone() };
        Self { patience, ..self.clone() }
    }

    /// Changes a certification: sends what `patch` sets or clears, nothing else. With `current`, the certification
    /// as it was read before, only what differs from it is sent, and nothing when nothing differs.
    /// Source: Graph's "Update personCertification" (beta).
    pub async fn update(
        &self,
        target: &Target,
        patch: &CertificationPatch,
        current: Option<&PersonCertification>,
    ) -> Result<UpdateResult> {
        patch.check(self.unknown_audiences).map_err(|error| error.at("changes"))?;
        let mut warnings = patch.warnings(current);
        let difference = current.map(|current| patch.difference(current));
        let patch = difference.as_ref().unwrap_or(patch);
        if patch.is_empty() {
            return Ok(UpdateResult {
                certification: current.cloned(),
                changed: Vec::new(),
                warnings,
                attempts: 0,
                ..UpdateResult::default()
            });
        }
        let request = Self::request(Method::PATCH, target.path(), target.template(), Some(patch))?;
        let response = self.send(Request { repeatable: true, ..request }).await?;
        let certification = match response.status {
            204 => None,
            _ => Some(response.certification()?),
        };
        warnings.extend(response.notice);
        Ok(UpdateResult {
            changed: changes(patch, current, certification.as_ref()),
            certification,
            warnings,
            status: Some(u32::from(response.status)),
            request_id: response.request_id,
            client_request_id: Some(response.client_request_id),
            attempts: response.attempts,
            ..UpdateResult::default()
        })
    }

    /// [`Client::update`] that settles an unknown outcome by reading the certification afterwards: the update succeeded
    /// when all that was sent is there; otherwise its error says that it was refused. When the read fails too the error
    /// of the update stays as it is.
    pub async fn update_verified(
        &self,
        target: &Target,
        patch: &CertificationPatch,
        current: Option<&PersonCertification>,
    ) -> Result<UpdateResult> {
        let mut error = match self.update(target, patch, current).await {
            Err(error) if error.outcome == Outcome::Unknown => error,
            ended => return ended,
        };
        let Ok(read) = self.get(target, &[]).await else { return Err(error) };
        if !patch.difference(&read).is_empty() {
            error.outcome = Outcome::Refused;
            error.message.push_str("; a read afterwards shows that it was not applied");
            return Err(error);
        }
        Ok(UpdateResult {
            changed: changes(patch, current, Some(&read)),
            certification: Some(read),
            warnings: patch.warnings(current),
            client_request_id: error.details.client_request_id,
            attempts: error.details.attempts.unwrap_or_default(),
            verified: true,
            ..UpdateResult::default()
        })
    }

    /// Reads a certification: all of it, or the members named in `select` (Graph's names).
    /// Source: Graph's "Get personCertification" (beta).
    pub async fn get(&self, target: &Target, select: &[String]) -> Result<PersonCertification> {
        let query = if select.is_empty() { String::new() } else { format!("?$select={}", select.join(",")) };
        let request = Request::read(target.path() + &query, target.template());
        let response = self.send(request).await?;
        if select.is_empty() { response.certification() } else { response.json() }
    }

    /// The certifications of a user, page by page; nothing is sent before the first page is asked for.
    /// Source: Graph's "List certifications" (beta).
    pub fn list(&self, user: &User, query: &ListQuery) -> Result<Pages> {
        user.check()?;
        Ok(Pages::new(self.clone(), user.template(), user.path().into_owned() + &query.text()))
    }

    /// Adds a certification to a user's profile. Sent twice it would be there twice, so it is not
    /// tried again after an attempt that was perhaps applied.
    /// Source: Graph's "Create personCertification" (beta).
    pub async fn create(&self, user: &User, values: &CertificationPatch) -> Result<PersonCertification> {
        user.check()?;
        values.check(self.unknown_audiences).map_err(|error| error.at("values"))?;
        let request = Self::request(Method::POST, user.path().into_owned(), user.template(), Some(values))?;
        self.send(request).await?.certification()
    }

    /// Removes a certification.
    /// Source: Graph's "Delete personCertification" (beta).
    pub async fn delete(&self, target: &Target) -> Result<()> {
        let request = Self::request(Method::DELETE, target.path(), target.template(), None::<&()>)?;
        match self.send(Request { repeatable: true, ..request }).await {
            // An earlier attempt had been applied, and now it isn't there.
            Err(error) if error.details.status == Some(404) && error.outcome == Outcome::Unknown => Ok(()),
            Err(error) => Err(error),
            Ok(response) if response.body.is_empty() || response.json::<Map<String, Value>>().is_ok() => Ok(()),
            Ok(response) => Err(response.unusable("the answer is not what Graph sends; is there a proxy on the way?")),
        }
    }

    /// What can be known before a first write: about the token, the way to the service, and its clock. Sends one read of
    /// `user`'s certifications at the most, and changes nothing.
    pub async fn check(&self, user: &User) -> Vec<Finding> {
        let mut findings = Vec::new();
        let bearer = self.credential.bearer().await;
        match &bearer {
            Ok(bearer) => {
                let cloud = self.transport.config().cloud;
                findings.extend(doctor::token(bearer.token(), cloud, user, self.credential.now()));
            }
            Err(error) => findings.push(Finding::new("token", false, error.message.clone())),
        }
        findings.push(doctor::network(self.transport.config()));
        if bearer.is_ok() {
            let path = user.path().into_owned() + "?$select=id&$top=1";
            let once = RetryPolicy { max_attempts: 1, ..self.patience.policy };
            let client = Self { patience: CallContext { policy: once, ..self.patience.clone() }, ..self.clone() };
            let read = client.send(Request::read(path, user.template())).await;
            let read = read.map(|response| response.date().map(str::to_owned));
            findings.extend(doctor::host(self.transport.root(), read, jiff::Timestamp::now()));
        }
        findings
    }

    /// Carries out an operation that was read with [`Call::read`].
    pub async fn call(&self, call: Call) -> Result<Output> {
        let patience = CallContext {
            total: call.timeout.unwrap_or(self.patience.total),
            traceparent: call.traceparent,
            progress: call.progress,
            ..self.patience.clone()
        };
        let client = Self { patience, ..self.clone() };
        let answer = match &call.operation {
            Operation::Update { target, patch, current, verify } => {
                let updated = match verify {
                    true => client.update_verified(target, patch, current.as_deref()).await,
                    false => client.update(target, patch, current.as_deref()).await,
                };
                updated.map(|updated| Output::Update(Box::new(updated)))
            }
            Operation::Get { target, select } => {
                client.get(target, select).await.map(|read| Output::Certification(Box::new(read)))
            }
            Operation::List { user, query } => client.list(user, query).map(|pages| Output::Pages(Box::new(pages))),
            Operation::Create { user, values } => {
                client.create(user, values).await.map(|made| Output::Certification(Box::new(made)))
            }
            Operation::Delete { target } => client.delete(target).await.map(|()| Output::Deleted),
            Operation::Check { user } => Ok(Output::Findings(client.check(user).await)),
        };
        answer.map_err(|error| error.rename_parameter(&PersonCertification::RECORD, call.dialect))
    }

    /// A request that isn't repeated after it was perhaps applied.
    fn request(method: Method, path: String, template: &'static str, body: Option<&impl Serialize>) -> Result<Request> {
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| Error::value(error.to_string()))?;
        Ok(Request { method, path, template, body, repeatable: false })
    }

    async fn send(&self, request: Request) -> Result<Response> {
        execute::send(&self.transport, &self.shared, &self.credential, &self.patience, request).await
    }
}

/// Where tokens come from by the settings.
fn provider(config: &Config, show: Show) -> Arc<dyn TokenProvider> {
    match &config.token_command {
        Some(line) => Arc::new(TokenCommand(line.clone())),
        None if config.token.is_some() => Arc::new(config.token.clone()),
        None => Arc::new(Ways::new(config, show)),
    }
}
