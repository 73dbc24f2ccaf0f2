//! The client: five operations over one request loop.

mod pages;
mod reply;
mod transport;

pub use pages::{ListQuery, Pages};

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Operation;
use crate::updated::changes;
use crate::{Answer, Call, CertificationPatch, Config, Error, PersonCertification, Result, Target, Updated, User};
use reply::Reply;
use transport::Transport;

/// Carries out the operations. Cheap to clone; clones share connections.
///
/// A client belongs to the async runtime it is first used on.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<Transport>,
    timeout: Duration,
    unknown_audiences: bool,
}

impl Client {
    /// A client with these settings. Nothing is sent yet.
    pub fn new(config: &Config) -> Result<Self> {
        let (timeout, unknown_audiences) = (config.timeout, config.unknown_audiences);
        Ok(Self { transport: Arc::new(Transport::new(config)?), timeout, unknown_audiences })
    }

    /// The same client with another limit on the time a call may take.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// Changes a certification: sends what `patch` sets or clears, nothing else. With `current`, the certification
    /// as it was read before, only what differs from it is sent, and nothing when nothing differs.
    /// Source: Graph's "Update personCertification" (beta).
    pub async fn update(
        &self,
        target: &Target,
        patch: &CertificationPatch,
        current: Option<&PersonCertification>,
    ) -> Result<Updated> {
        patch.check(self.unknown_audiences).map_err(|error| error.within("changes"))?;
        let warnings = patch.warnings(current);
        let difference = current.map(|current| patch.difference(current));
        let patch = difference.as_ref().unwrap_or(patch);
        if patch.is_empty() {
            return Ok(Updated {
                certification: current.cloned(),
                changed: Some(Vec::new()),
                warnings: Some(warnings),
                attempts: Some(0),
                ..Updated::default()
            });
        }
        let reply = self.send(Method::PATCH, &target.path(), Some(patch)).await?;
        let certification = match reply.status {
            204 => None,
            _ => Some(reply.certification()?),
        };
        Ok(Updated {
            changed: Some(changes(patch, current, certification.as_ref())),
            certification,
            warnings: Some(warnings),
            status: Some(u32::from(reply.status)),
            request_id: reply.request_id.clone(),
            client_request_id: Some(reply.client_request_id.clone()),
            attempts: Some(1),
            ..Updated::default()
        })
    }

    /// Reads a certification: all of it, or the members named in `select` (Graph's names).
    /// Source: Graph's "Get personCertification" (beta).
    pub async fn get(&self, target: &Target, select: &[String]) -> Result<PersonCertification> {
        let query = if select.is_empty() { String::new() } else { format!("?$select={}", select.join(",")) };
        self.send(Method::GET, &(target.path() + &query), NO_BODY).await?.json()
    }

    /// The certifications of a user, page by page; nothing is sent before the first page is asked for.
    /// Source: Graph's "List certifications" (beta).
    pub fn list(&self, user: &User, query: &ListQuery) -> Result<Pages> {
        user.check()?;
        Ok(Pages::new(self.clone(), user.path().into_owned() + &query.text()))
    }

    /// Adds a certification to a user's profile. Not repeatable: sent twice, it is there twice.
    /// Source: Graph's "Create personCertification" (beta).
    pub async fn create(&self, user: &User, values: &CertificationPatch) -> Result<PersonCertification> {
        user.check()?;
        values.check(self.unknown_audiences).map_err(|error| error.within("values"))?;
        self.send(Method::POST, &user.path(), Some(values)).await?.certification()
    }

    /// Removes a certification.
    /// Source: Graph's "Delete personCertification" (beta).
    pub async fn delete(&self, target: &Target) -> Result<()> {
        self.send(Method::DELETE, &target.path(), NO_BODY).await.map(|_| ())
    }

    /// Carries out an operation that was read with [`Call::read`].
    pub async fn call(&self, call: Call) -> Result<Answer> {
        let client = call.timeout.map_or_else(|| self.clone(), |timeout| self.with_timeout(timeout));
        let answer = match &call.operation {
            Operation::Update { target, patch, current } => {
                let updated = client.update(target, patch, current.as_deref()).await;
                updated.map(|updated| Answer::Updated(Box::new(updated)))
            }
            Operation::Get { target, select } => {
                client.get(target, select).await.map(|read| Answer::Certification(Box::new(read)))
            }
            Operation::List { user, query } => client.list(user, query).map(Answer::Pages),
            Operation::Create { user, values } => {
                client.create(user, values).await.map(|made| Answer::Certification(Box::new(made)))
            }
            Operation::Delete { target } => client.delete(target).await.map(|()| Answer::Deleted),
        };
        answer.map_err(|error| error.respelt(&PersonCertification::RECORD, call.dialect))
    }

    async fn send(&self, method: Method, path: &str, body: Option<&impl Serialize>) -> Result<Reply> {
        let body = match body {
            None => None,
            Some(body) => Some(serde_json::to_vec(body).map_err(|error| Error::value(error.to_string()))?),
        };
        self.transport.send(method, path, body, self.timeout).await
    }

    async fn fetch<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.transport.send(Method::GET, path, None, self.timeout).await?.json()
    }
}

const NO_BODY: Option<&()> = None;
