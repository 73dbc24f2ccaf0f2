//! The five operations of Graph, and the doctor.
//!
//! Each public operation starts a call context and hands it to a private twin (`update_in`, `get_in`, …), which calls by name
//! use too, with a context of their own.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Map, Value};

use super::context::{CallContext, traceparent};
use super::execute::{first_token, with_retries};
use super::service::ApiRequest;
use super::{Client, ListQuery, Pages};
use crate::doctor;
use crate::doctor::Finding;
use crate::retry::RetryPolicy;
use crate::schema::Verb;
use crate::update::changes;
use crate::{CertificationPatch, Error, ErrorKind, Outcome, PersonCertification, Result, Target, UpdateResult, User};

/// How an update is made. The default sends the whole patch and reads nothing.
///
/// ```
/// use std::time::Duration;
///
/// use personcert::{CertificationPatch, Client, Target, UpdateOptions};
///
/// async fn apply(client: &Client, target: &Target, patch: &CertificationPatch) -> personcert::Result<()> {
///     let current = client.get(target, &[]).await?;
///     let options = UpdateOptions {
///         current: Some(&current),
///         verify: true,
///         timeout: Some(Duration::from_secs(30)),
///         ..UpdateOptions::default()
///     };
///     let result = client.update(target, patch, &options).await?;
///     println!("{} properties changed in {} attempts", result.changed.len(), result.attempts);
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct UpdateOptions<'a> {
    /// The certification as it was read before: only properties that differ from it are sent, and nothing when none differs.
    /// It also makes [`UpdateResult::changed`] complete. Graph recommends not to send values that haven't changed.
    pub current: Option<&'a PersonCertification>,
    /// Reads the certification when the outcome stays unknown: the update succeeded if everything that was sent is there.
    pub verify: bool,
    /// The longest the call may take. Default: the client's.
    pub timeout: Option<Duration>,
    /// A W3C trace context to send along.
    pub traceparent: Option<&'a str>,
}

impl Client {
    /// Changes a certification: sends the properties that `patch` sets or clears, and no others. Applied twice the result is
    /// the same, so that failed attempts are repeated.
    /// Source: Graph's "Update personCertification" (beta).
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use personcert::http::{MemoryTransport, Response};
    /// use personcert::{CertificationPatch, Change, Client, Config, Hooks, Target, UpdateOptions, User};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> personcert::Result<()> {
    /// let graph = MemoryTransport::new(|request| {
    ///     assert_eq!((request.method.as_str(), &request.body[..]), ("PATCH", &br#"{"description":null}"#[..]));
    ///     Ok(Response { status: 200, body: r#"{"id": "0fb4c1e3", "description": null}"#.into(), ..Response::default() })
    /// });
    /// let config = Config { token: Some("eyJ0eXAi".into()), ..Config::default() };
    /// let client = Client::with(&config, Hooks { transport: Some(Arc::new(graph)), ..Hooks::default() })?;
    ///
    /// let patch = CertificationPatch { description: Change::Clear, ..CertificationPatch::default() };
    /// let result = client.update(&Target::new(User::Me, "0fb4c1e3")?, &patch, &UpdateOptions::default()).await?;
    /// assert_eq!((result.status, result.attempts, result.changed.len()), (Some(200), 1, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Every kind. [`Error::outcome`](crate::Error::outcome) says whether the change was applied.
    pub async fn update(
        &self,
        target: &Target,
        patch: &CertificationPatch,
        options: &UpdateOptions<'_>,
    ) -> Result<UpdateResult> {
        let mut context = self.defaults.begin(options.timeout);
        if let Some(text) = options.traceparent {
            context.traceparent = Some(traceparent(text)?);
        }
        self.update_in(&mut context, target, patch, options.current, options.verify).await
    }

    pub(super) async fn update_in(
        &self,
        context: &mut CallContext,
        target: &Target,
        patch: &CertificationPatch,
        current: Option<&PersonCertification>,
        verify: bool,
    ) -> Result<UpdateResult> {
        patch.check(Verb::Update, self.service.config.unknown_audiences).map_err(|error| error.at("changes"))?;
        let warnings = patch.warnings(current);
        let difference = current.map(|current| patch.difference(current));
        let patch = difference.as_ref().unwrap_or(patch);
        if patch.is_empty() {
            return Ok(UpdateResult {
                certification: current.cloned().map(Box::new),
                warnings,
                ..UpdateResult::default()
            });
        }
        let sent = self.send_update(context, target, patch, current).await;
        let mut updated = match sent {
            Err(error) if verify && error.outcome == Outcome::Unknown => {
                // Boxed, as it is rare and large.
                Box::pin(self.verify(context, target, patch, current, error)).await?
            }
            sent => sent?,
        };
        updated.warnings.splice(0..0, warnings);
        Ok(updated)
    }

    async fn send_update(
        &self,
        context: &mut CallContext,
        target: &Target,
        patch: &CertificationPatch,
        current: Option<&PersonCertification>,
    ) -> Result<UpdateResult> {
        let request = ApiRequest::write(Method::PATCH, target.user(), target.path(), target.template(), Some(patch))?;
        let response = with_retries(self, context, &request).await?;
        let certification = match response.status {
            204 => None,
            _ => Some(response.certification(Some(target.id()))?),
        };
        Ok(UpdateResult {
            changed: changes(patch, current, certification.as_deref()),
            certification,
            warnings: response.notice.clone().into_iter().collect(),
            status: Some(u32::from(response.status)),
            request_id: response.headers.request_id.clone(),
            client_request_id: Some(response.client_request_id.clone()),
            attempts: response.attempts,
            ..UpdateResult::default()
        })
    }

    /// Settles an unknown outcome by a read. Everything that was sent is there: the update was applied. Anything else proves
    /// nothing, because the service may still apply it, or return it in another form.
    async fn verify(
        &self,
        context: &mut CallContext,
        target: &Target,
        patch: &CertificationPatch,
        current: Option<&PersonCertification>,
        mut error: Error,
    ) -> Result<UpdateResult> {
        let Ok(read) = self.get_in(context, target, &[]).await else { return Err(error) };
        if !patch.is_applied_in(&read) {
            error.message.push_str("; a read afterwards does not show the change");
            return Err(error);
        }
        Ok(UpdateResult {
            changed: changes(patch, current, Some(&read)),
            certification: Some(read),
            client_request_id: error.details.client_request_id,
            attempts: error.details.attempts.unwrap_or_default(),
            verified: true,
            ..UpdateResult::default()
        })
    }

    /// Reads a certification: all of it, or the members named in `select` (Graph's names). Members that are left out are
    /// `None` in the result, and neither null nor unknown.
    /// Source: Graph's "Get personCertification" (beta).
    ///
    /// # Errors
    /// Every kind. Nothing was changed, whatever the outcome says.
    pub async fn get(&self, target: &Target, select: &[String]) -> Result<PersonCertification> {
        self.get_in(&mut self.defaults.begin(None), target, select).await.map(|read| *read)
    }

    pub(super) async fn get_in(
        &self,
        context: &mut CallContext,
        target: &Target,
        select: &[String],
    ) -> Result<Box<PersonCertification>> {
        let query = ListQuery { select: select.to_vec(), ..ListQuery::default() };
        let request = ApiRequest::read(target.user(), target.path() + &query.text(), target.template());
        let response = with_retries(self, context, &request).await?;
        let asks_for_id = select.is_empty() || select.iter().any(|name| name == "id");
        if asks_for_id { response.certification(Some(target.id())) } else { response.json() }
    }

    /// Reads all certifications of a user, a page at a time. Nothing is sent before [`Pages::next`].
    /// Source: Graph's "List certifications" (beta).
    ///
    /// ```
    /// use personcert::{Client, ListQuery, User};
    ///
    /// async fn expiring(client: &Client) -> personcert::Result<Vec<String>> {
    ///     let query = ListQuery { filter: Some("endDate lt 2030-01-01".into()), ..ListQuery::default() };
    ///     let mut pages = client.list(&User::Me, &query)?;
    ///     let mut names = Vec::new();
    ///     while let Some(page) = pages.next().await? {
    ///         names.extend(page.into_iter().filter_map(|certification| certification.display_name));
    ///     }
    ///     Ok(names)
    /// }
    /// ```
    ///
    /// # Errors
    /// `invalid_input` when the user's name can't stand in a request.
    pub fn list(&self, user: &User, query: &ListQuery) -> Result<Pages> {
        user.check()?;
        let path = user.path().into_owned() + &query.text();
        Ok(Pages::new(self.clone(), user.clone(), path))
    }

    /// Adds a certification to a user's profile and returns it as the service stored it, with its id. It is not repeated
    /// after an attempt that was perhaps applied: sent twice, the certification would be there twice.
    /// Source: Graph's "Create personCertification" (beta).
    ///
    /// # Errors
    /// Every kind. After [`Outcome::Unknown`] list the user's certifications before creating it again.
    pub async fn create(&self, user: &User, values: &CertificationPatch) -> Result<PersonCertification> {
        self.create_in(&mut self.defaults.begin(None), user, values).await.map(|made| *made)
    }

    pub(super) async fn create_in(
        &self,
        context: &mut CallContext,
        user: &User,
        values: &CertificationPatch,
    ) -> Result<Box<PersonCertification>> {
        user.check()?;
        values.check(Verb::Create, self.service.config.unknown_audiences).map_err(|error| error.at("values"))?;
        let request = ApiRequest::write(Method::POST, user, user.path().into_owned(), user.template(), Some(values))?;
        with_retries(self, context, &request).await?.certification(None)
    }

    /// Removes a certification. A deletion that was perhaps applied and is then not found any more has succeeded.
    /// Source: Graph's "Delete personCertification" (beta).
    ///
    /// # Errors
    /// Every kind; `not_found` when the certification didn't exist, or can't be deleted because another source owns it.
    pub async fn delete(&self, target: &Target) -> Result<()> {
        self.delete_in(&mut self.defaults.begin(None), target).await
    }

    pub(super) async fn delete_in(&self, context: &mut CallContext, target: &Target) -> Result<()> {
        let (user, path, template) = (target.user(), target.path(), target.template());
        let request = ApiRequest::write(Method::DELETE, user, path, template, None::<&()>)?;
        match with_retries(self, context, &request).await {
            Err(error) if error.kind == ErrorKind::NotFound && error.outcome == Outcome::Unknown => {
                self.settle_delete(context, target, error).await
            }
            Err(error) => Err(error),
            Ok(response) if response.body.is_empty() || response.json::<Map<String, Value>>().is_ok() => Ok(()),
            Ok(response) => Err(response.unusable("unexpected response body; is a proxy intercepting the request?")),
        }
    }

    /// Settles a deletion that was perhaps applied and then not found. Graph answers 404 also for certifications that can't
    /// be edited, so that a read has to tell.
    async fn settle_delete(&self, context: &mut CallContext, target: &Target, mut error: Error) -> Result<()> {
        match self.get_in(context, target, &["id".to_owned()]).await {
            // A gateway's 404 proves nothing: Graph's own has a code and a request id.
            Err(read)
                if read.kind == ErrorKind::NotFound
                    && read.details.code.is_some()
                    && read.details.request_id.is_some() =>
            {
                Ok(())
            }
            Err(_) => Err(error),
            Ok(_) => {
                error.outcome = Outcome::Refused;
                error.message.push_str("; a read afterwards shows that the certification is still there");
                Err(error)
            }
        }
    }

    /// Checks what can be known before a first write: the token, the network and the service's clock. Sends at most one read of
    /// `user`'s certifications and changes nothing. A failed check is a [`Finding`] with `ok: false` and a remedy, not an error.
    pub async fn doctor(&self, user: &User) -> Vec<Finding> {
        self.doctor_in(&mut self.defaults.begin(None), user).await
    }

    pub(super) async fn doctor_in(&self, context: &mut CallContext, user: &User) -> Vec<Finding> {
        let mut findings = Vec::new();
        let config = &self.service.config;
        let bearer = first_token(self, context).await;
        match &bearer {
            Ok(bearer) => {
                findings.extend(doctor::token(bearer.token(), config.cloud, user, self.credential.now()));
            }
            Err(error) => findings.push(Finding::new("token", false, error.message.clone())),
        }
        findings.push(doctor::network(config));
        if bearer.is_ok() {
            context.policy = RetryPolicy { max_attempts: 1, ..context.policy };
            let path = user.path().into_owned() + "?$select=id&$top=1";
            let read = with_retries(self, context, &ApiRequest::read(user, path, user.template())).await;
            let read = read.map(|response| response.headers.date.clone());
            findings.extend(doctor::host(self.service.root(), read, jiff::Timestamp::now()));
        }
        findings
    }
}
