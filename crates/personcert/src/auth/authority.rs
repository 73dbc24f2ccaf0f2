//! The issuer of tokens: one tenant of the identity platform, reached over HTTP.
//!
//! All grants post a form to the token endpoint and read the same responses. Failures of the platform are repeated like calls
//! to Graph; refusals are explained by their AADSTS code, because its texts are long and name no remedy.
//! Source: "Microsoft identity platform and OAuth 2.0 authorization code flow" and its siblings; RFC 6749, 5.

use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, RETRY_AFTER};
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::provider::claims;
use super::{AccessToken, TokenRequest};
use crate::hooks::system_random;
use crate::http::{build_client, classify_transport_error, read_bounded, retry_after};
use crate::retry::RetryPolicy;
use crate::{Config, Error, ErrorKind, Outcome, Result, Secret};

/// Size limit of a response.
const MAX_RESPONSE_BYTES: usize = 1 << 20;

/// Names and values of a form.
pub(super) type Form<'a> = Vec<(&'a str, &'a str)>;

/// One tenant of the identity platform.
#[derive(Debug)]
pub(super) struct Authority {
    config: Config,
    root: Url,
    tenant: String,
}

impl Authority {
    /// The authority of `tenant` at the URL `root`.
    pub(super) const fn new(config: Config, root: Url, tenant: String) -> Self {
        Self { config, root, tenant }
    }

    /// The settings, for the limits and the proxy of requests.
    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    /// The id or the domain of the tenant.
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

    /// Requests a token from the token endpoint, by the grant in `form`.
    pub(super) async fn grant(&self, request: &TokenRequest, mut form: Form<'_>) -> Result<Grant> {
        let claims = requested_claims(request.claims.as_deref());
        form.push(("claims", &claims));
        let started = Instant::now();
        let response = self.post_form("token", &form).await?;
        Grant::parse(&response, request.now.checked_add(started.elapsed()).unwrap_or(request.now))
    }

    /// Posts a form to an endpoint and returns its JSON. Retries like a call to Graph.
    pub(super) async fn post_form(&self, endpoint: &str, form: &Form<'_>) -> Result<Map<String, Value>> {
        let address = self.endpoint(endpoint);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let started = Instant::now();
        let attempts = u32::try_from(self.config.max_attempts).unwrap_or(u32::MAX);
        let policy = RetryPolicy { max_attempts: attempts, base_delay: self.config.retry_delay };
        let mut attempt = 0;
        loop {
            attempt += 1;
            // New build_client each time: sign-in is rare, and the next one may be on another runtime.
            let http = build_client(&self.config, &self.root)?;
            let post = http.post(&address).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.clone());
            let mut error = match send_token_request(post, self.config.attempt_timeout).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if error.kind == ErrorKind::Network {
                // Otherwise the error seems to be about Graph.
                error.message = format!("signing in at {}: {}", self.root(), error.message);
            }
            // The call that needs the token was not sent.
            error.outcome = Outcome::NotSent;
            error.details.target = Some(format!("POST {address}"));
            error.details.attempts = Some(attempt);
            let left = self.config.timeout.saturating_sub(started.elapsed());
            match policy.next_delay(&error, true, attempt, left, system_random()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }
}

/// A sign-in error: nothing was sent to Graph.
pub(super) fn auth_error(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Auth, Outcome::NotSent, why)
}

/// Sends a request to an identity platform and returns the JSON of its response.
pub(super) async fn send_token_request(
    request: reqwest::RequestBuilder,
    limit: Duration,
) -> Result<Map<String, Value>> {
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
        let (body, _) = read_bounded(response, MAX_RESPONSE_BYTES).await.map_err(classify_transport_error)?;
        parse_token_response(status, wait, &body)
    };
    let limited = tokio::time::timeout(limit, exchange).await;
    limited.unwrap_or_else(|_| {
        let why = format!("the identity platform did not respond within {} s", limit.as_secs_f64());
        Err(Error::new(ErrorKind::Timeout, Outcome::NotSent, why))
    })
}

/// The JSON of a success, or the error that a response describes.
fn parse_token_response(status: u16, wait: Option<f64>, body: &[u8]) -> Result<Map<String, Value>> {
    match serde_json::from_slice(body).ok() {
        Some(response) if status == 200 => Ok(response),
        body => Err(response_error(status, wait, body)),
    }
}

/// The token in a response of the token endpoint.
pub(crate) fn parse_grant(status: u16, body: &[u8]) -> Result<AccessToken> {
    let response = parse_token_response(status, None, body)?;
    Grant::parse(&response, SystemTime::UNIX_EPOCH).map(|grant| grant.access)
}

/// What an error of the identity platform means.
/// Source: "Microsoft identity platform and the OAuth 2.0 device authorization grant flow", error responses.
fn response_error(status: u16, wait: Option<f64>, body: Option<Map<String, Value>>) -> Error {
    let text = |name: &str| {
        let text = body.as_ref()?.get(name)?.as_str()?;
        Some(text.chars().take(2000).collect::<String>())
    };
    let (kind, message) = match (status, text("error")) {
        (429, _) => (ErrorKind::Throttled, "the identity platform is throttling sign-ins; try again later".to_owned()),
        (500.., _) => (ErrorKind::Service, "the identity platform failed; try again later".to_owned()),
        (_, None) => {
            let why = "unexpected response from the identity platform; check the authority, and whether a proxy intercepts it";
            (ErrorKind::Protocol, why.to_owned())
        }
        (_, Some(code)) => {
            let described = text("error_description").unwrap_or_default();
            // The ids that follow are details of the error.
            let described = described.split(" Trace ID").next().unwrap_or_default().trim();
            let described = described.chars().take(300).collect::<String>();
            let message = match remedy(&described) {
                Some(remedy) => format!("sign-in refused: {remedy} ({code}: {described})"),
                None => format!("sign-in refused ({code}): {described}"),
            };
            (ErrorKind::Auth, message)
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

/// What to do about the most frequent errors.
/// Source: "Microsoft Entra authentication and authorization error codes".
fn remedy(described: &str) -> Option<&'static str> {
    const KNOWN: &[(&str, &str)] = &[
        ("AADSTS50034", "this tenant has no such account; check the user name and the tenant"),
        ("AADSTS50057", "the account is disabled; ask an administrator to enable it"),
        ("AADSTS50059", "set the tenant id"),
        ("AADSTS50076", "more authentication is required; run `personcert login`"),
        ("AADSTS50079", "more authentication is required; run `personcert login`"),
        ("AADSTS50158", "more authentication is required; run `personcert login`"),
        ("AADSTS50173", "the session was revoked; run `personcert login`"),
        ("AADSTS53003", "a policy forbids this sign-in method; the browser may be allowed where a device code is not"),
        ("AADSTS65001", "the application lacks consent; an administrator has to grant its permissions"),
        ("AADSTS700016", "this tenant does not know the application; check the client id and the tenant"),
        ("AADSTS700027", "the application does not know this certificate; upload it to the registration"),
        ("AADSTS70008", "the session expired; run `personcert login`"),
        ("AADSTS700082", "the session was unused for too long; run `personcert login`"),
        ("AADSTS70021", "the application does not trust this federated token; check its federated credentials"),
        ("AADSTS7000215", "wrong client secret; use the secret's value, not its id"),
        ("AADSTS7000218", "allow public client flows in the registration"),
        ("AADSTS7000222", "the client secret expired; create a new one"),
        ("AADSTS90002", "this cloud has no such tenant; check the tenant id and the cloud"),
    ];
    let code = described.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
    KNOWN.iter().find(|(known, _)| *known == code).map(|(_, remedy)| *remedy)
}

/// The claims of a token request: those that the service requires, and this client's ability to handle challenges.
/// Source: "Claims challenges, claims requests and client capabilities".
fn requested_claims(claims: Option<&str>) -> String {
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
    /// The refresh token, where a user signed in.
    pub(super) refresh: Option<Secret>,
    /// The claims of the id token, where a user signed in. It comes directly from the issuer, so its signature is not
    /// checked.
    pub(super) id_token: Option<Value>,
}

impl Grant {
    /// Reads the tokens of a response; `now` turns lifetimes into times.
    fn parse(response: &Map<String, Value>, now: SystemTime) -> Result<Self> {
        let text = |name: &str| response.get(name).and_then(Value::as_str);
        let Some(token) = text("access_token") else {
            return Err(auth_error("the identity platform sent no access token; check the authority"));
        };
        let seconds = response.get("expires_in").and_then(|end| end.as_u64().or_else(|| end.as_str()?.parse().ok()));
        let expires = seconds.and_then(|seconds| now.checked_add(Duration::from_secs(seconds)));
        Ok(Self {
            access: AccessToken::new(token, expires),
            refresh: text("refresh_token").map(Secret::from),
            id_token: text("id_token").and_then(claims),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn required_claims_are_merged_with_those_of_the_client() {
        let merged =
            super::requested_claims(Some(r#"{"access_token":{"nbf":{"essential":true}},"id_token":{"a":null}}"#));
        let merged: Value = serde_json::from_str(&merged).unwrap();
        let expected = json!({
            "access_token": {"xms_cc": {"values": ["cp1"]}, "nbf": {"essential": true}}, "id_token": {"a": null},
        });
        assert_eq!(merged, expected);
        assert_eq!(super::requested_claims(None), r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#);
    }

    #[test]
    fn remedies_match_the_whole_code() {
        assert!(super::remedy("AADSTS7000215: Invalid client secret provided.").unwrap().contains("value"));
        assert_eq!(super::remedy("AADSTS700021: something else"), None);
    }
}
