//! Where tokens are issued: one tenant of the identity platform, asked over HTTP.

use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, RETRY_AFTER};
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use super::token::claims;
use super::{AccessToken, TokenRequest};
use crate::client::system_random;
use crate::http::{build_client, classify_transport_error, read_bounded, retry_after};
use crate::retry::RetryPolicy;
use crate::{Config, Error, ErrorKind, Outcome, Result, Secret};

/// The longest answer that is read.
const LONGEST: usize = 1 << 20;

/// A form's names and values.
pub(super) type Form<'a> = Vec<(&'a str, &'a str)>;

/// One tenant of the identity platform.
#[derive(Debug)]
pub(super) struct Authority {
    config: Config,
    root: Url,
    tenant: String,
}

impl Authority {
    /// The tenant, with the ways to it that the settings name.
    pub(super) const fn new(config: Config, root: Url, tenant: String) -> Self {
        Self { config, root, tenant }
    }

    /// The settings.
    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    /// The tenant's id or domain.
    pub(super) fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The address without the tenant.
    pub(super) fn root(&self) -> &str {
        self.root.as_str().trim_end_matches('/')
    }

    /// The address of an endpoint: `authorize`, `token` or `devicecode`.
    pub(super) fn endpoint(&self, name: &str) -> String {
        format!("{}/{}/oauth2/v2.0/{name}", self.root(), self.tenant)
    }

    /// Asks the token endpoint for what `request` wants, by the grant in `form`.
    pub(super) async fn grant(&self, request: &TokenRequest, mut form: Form<'_>) -> Result<Grant> {
        let demanded = demanded(request.claims.as_deref());
        form.push(("claims", &demanded));
        let began = Instant::now();
        let answer = self.ask("token", &form).await?;
        Grant::read(answer, request.now + began.elapsed())
    }

    /// Sends a form to an endpoint and reads the JSON it answers with; what may end otherwise is tried again.
    pub(super) async fn ask(&self, endpoint: &str, form: &Form<'_>) -> Result<Map<String, Value>> {
        let address = self.endpoint(endpoint);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let began = Instant::now();
        let attempts = u32::try_from(self.config.max_attempts).unwrap_or(u32::MAX);
        let policy = RetryPolicy { max_attempts: attempts, base_delay: self.config.retry_delay };
        let mut attempt = 0;
        loop {
            attempt += 1;
            // Its own connections each time: it is rare, and the next time may be on another runtime.
            let http = build_client(&self.config, &self.root)?;
            let post = http.post(&address).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.clone());
            let mut error = match answered(post, self.config.attempt_timeout).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if error.kind == ErrorKind::Network {
                // It would read as if Graph were meant.
                error.message = format!("signing in at {}: {}", self.root(), error.message);
            }
            // Whatever happened here, the call that wants the token was not sent.
            error.outcome = Outcome::NotSent;
            error.details.target = Some(format!("POST {address}"));
            error.details.attempts = Some(attempt);
            let left = self.config.timeout.saturating_sub(began.elapsed());
            match policy.next_delay(&error, true, attempt, left, system_random()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }
}

/// An error of signing in: nothing was sent to Graph.
pub(super) fn failure(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Auth, Outcome::NotSent, why)
}

/// Sends a request to an identity platform and reads the JSON it answers with.
pub(super) async fn answered(request: reqwest::RequestBuilder, limit: Duration) -> Result<Map<String, Value>> {
    let exchange = async {
        let id = uuid::Uuid::new_v4().to_string();
        let sent = request.header(ACCEPT, "application/json").header("client-request-id", id);
        let response = sent.send().await.map_err(classify_transport_error)?;
        let status = response.status().as_u16();
        let wait = retry_after(
            response.headers().get_all(RETRY_AFTER).iter().filter_map(|value| value.to_str().ok()),
            response.headers().get(DATE).and_then(|date| date.to_str().ok()),
            jiff::Timestamp::now(),
        );
        let (body, _) = read_bounded(response, LONGEST).await.map_err(classify_transport_error)?;
        said(status, wait, &body)
    };
    let limited = tokio::time::timeout(limit, exchange).await;
    limited.unwrap_or_else(|_| {
        let why = format!("the identity platform did not answer within {} s", limit.as_secs_f64());
        Err(Error::new(ErrorKind::Timeout, Outcome::NotSent, why))
    })
}

/// What an answer says: the JSON of success, or why there is none.
fn said(status: u16, wait: Option<f64>, body: &[u8]) -> Result<Map<String, Value>> {
    match serde_json::from_slice(body).ok() {
        Some(answer) if status == 200 => Ok(answer),
        said => Err(error(status, wait, said)),
    }
}

/// The token in an answer of the token endpoint.
pub(crate) fn granted(status: u16, body: &[u8]) -> Result<AccessToken> {
    said(status, None, body).and_then(|answer| Grant::read(answer, SystemTime::UNIX_EPOCH)).map(|grant| grant.access)
}

/// What a error of the identity platform means.
/// Source: "Microsoft identity platform and the OAuth 2.0 device authorization grant flow", error responses.
fn error(status: u16, wait: Option<f64>, said: Option<Map<String, Value>>) -> Error {
    let text = |name: &str| {
        let text = said.as_ref()?.get(name)?.as_str()?;
        Some(text.chars().take(2000).collect::<String>())
    };
    let (kind, message) = match (status, text("error")) {
        (429, _) => (ErrorKind::Throttled, "the identity platform has too many requests".to_owned()),
        (500.., _) => (ErrorKind::Service, "the identity platform failed".to_owned()),
        (_, None) => {
            let why =
                "the answer is not that of an identity platform; check the authority, and whether there is a proxy";
            (ErrorKind::Protocol, why.to_owned())
        }
        (_, Some(code)) => {
            let described = text("error_description").unwrap_or_default();
            // What follows are ids, which the error has as details.
            let described = described.split(" Trace ID").next().unwrap_or_default().trim();
            let described = described.chars().take(300).collect::<String>();
            let advice = advice(&described).map(|advice| format!("; {advice}")).unwrap_or_default();
            (ErrorKind::Auth, format!("the sign-in was refused ({code}): {described}{advice}"))
        }
    };
    let mut error = Error::new(kind, Outcome::NotSent, message);
    error.details.status = Some(status);
    error.details.code = text("error");
    error.details.service_message = text("error_description");
    error.details.request_id = text("trace_id");
    error.details.client_request_id = text("correlation_id");
    error.details.retry_after = wait;
    error
}

/// How to mend what people meet most often.
/// Source: "Microsoft Entra authentication and authorization error codes".
fn advice(described: &str) -> Option<&'static str> {
    const KNOWN: &[(&str, &str)] = &[
        ("AADSTS50034", "there is no such account in this tenant"),
        ("AADSTS50057", "the account is disabled"),
        ("AADSTS50059", "name the tenant"),
        ("AADSTS50076", "more proof is needed: sign in again with `personcert login`"),
        ("AADSTS50079", "more proof is needed: sign in again with `personcert login`"),
        ("AADSTS50158", "more proof is needed: sign in again with `personcert login`"),
        ("AADSTS50173", "the session was revoked: sign in again with `personcert login`"),
        (
            "AADSTS53003",
            "a policy forbids this way of signing in; the browser may be allowed where the device code is not",
        ),
        ("AADSTS65001", "the application lacks consent: an administrator has to grant its permissions"),
        ("AADSTS700016", "the tenant doesn't know this application: check the client id and the tenant"),
        ("AADSTS700027", "the application doesn't know this certificate: upload it to the registration"),
        ("AADSTS70008", "it is too old: sign in again"),
        ("AADSTS700082", "the session was not used for too long: sign in again with `personcert login`"),
        ("AADSTS70021", "the application trusts no issuer with this subject: check its federated credentials"),
        ("AADSTS7000215", "give the secret's value, not its id"),
        ("AADSTS7000218", "in the registration, allow public client flows"),
        ("AADSTS7000222", "the secret has expired: make a new one"),
        ("AADSTS90002", "there is no such tenant in this cloud"),
    ];
    let code = described.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
    KNOWN.iter().find(|(known, _)| *known == code).map(|(_, advice)| *advice)
}

/// The claims of a token request: those that the service demands, and that this client answers such demands.
/// Source: "Claims challenges, claims requests and client capabilities".
fn demanded(claims: Option<&str>) -> String {
    let mut all = json!({"access_token": {"xms_cc": {"values": ["cp1"]}}});
    let more = claims.and_then(|claims| serde_json::from_str::<Map<String, Value>>(claims).ok());
    for (section, members) in more.unwrap_or_default() {
        match (all[&section].as_object_mut(), members) {
            (Some(own), Value::Object(members)) => own.extend(members),
            (_, members) => all[&section] = members,
        }
    }
    all.to_string()
}

/// What the token endpoint granted.
pub(super) struct Grant {
    /// The access token.
    pub(super) access: AccessToken,
    /// What gets the next one, where a person has signed in.
    pub(super) refresh: Option<Secret>,
    /// Who signed in, by the claims of the id token. It came straight from the issuer, so nobody else made it.
    pub(super) person: Option<Value>,
}

impl Grant {
    fn read(answer: Map<String, Value>, now: SystemTime) -> Result<Self> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let Some(token) = text("access_token") else {
            return Err(failure("the identity platform answered without an access token; check the authority"));
        };
        let seconds = answer.get("expires_in").and_then(|end| end.as_u64().or_else(|| end.as_str()?.parse().ok()));
        let expires = seconds.and_then(|seconds| now.checked_add(Duration::from_secs(seconds)));
        Ok(Self {
            access: AccessToken::new(token, expires),
            refresh: text("refresh_token").map(Secret::from),
            person: text("id_token").and_then(claims),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn demanded_claims_join_those_of_the_client() {
        let merged = super::demanded(Some(r#"{"access_token":{"nbf":{"essential":true}},"id_token":{"a":null}}"#));
        let merged: Value = serde_json::from_str(&merged).unwrap();
        let expected = json!({
            "access_token": {"xms_cc": {"values": ["cp1"]}, "nbf": {"essential": true}}, "id_token": {"a": null},
        });
        assert_eq!(merged, expected);
        assert_eq!(super::demanded(None), r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#);
    }

    #[test]
    fn advice_goes_by_the_whole_code() {
        assert!(super::advice("AADSTS7000215: Invalid client secret provided.").unwrap().contains("value"));
        assert_eq!(super::advice("AADSTS700021: something else"), None);
    }
}
