//! The token endpoint.

use axum::body::Body;
use axum::http::{HeaderMap, Response, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::applications::Application;
use super::assertion;
use super::discovery::issuer;
use super::form::{Form, parse_form};
use super::keys::Keys;
use super::state::{Identity, MAX_ENTRIES, TENANT, TokenParameters};
use super::token_error::{TokenError, json_response};
use super::user_grant::UserGrant;
use crate::graph::{Graph, State};
use crate::request::ApiRequest;
use crate::response::RequestIds;
use crate::store::Store;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

impl Graph {
    /// Handles a request to the token endpoint.
    pub fn token(&self, request: &ApiRequest, tenant: &str, ids: &RequestIds) -> Response<Body> {
        let mut form = parse_form(&request.body);
        if let Some((id, secret)) = basic_credentials(&request.headers) {
            form.insert("client_id".into(), id);
            form.insert("client_secret".into(), secret);
        }
        let mut state = self.state();
        let State { identity, store, clock, .. } = &mut *state;
        let now = clock.now().as_second();
        let endpoint = format!("{}/{tenant}/oauth2/v2.0/token", request.base);
        let issuer = issuer(&request.base);
        let mut token_request = TokenRequest { identity, store, keys: &self.keys, form: &form, now, endpoint, issuer };
        let result = token_request.grant();
        let text = |name: &str| form.get(name);
        let mut entry =
            json!({"grant": text("grant_type"), "clientId": text("client_id"), "at": now, "ok": result.is_ok()});
        match &result {
            Ok(grant) => entry["user"] = json!(grant.user),
            Err(error) => entry["error"] = json!(error.description()),
        }
        identity.log(entry);
        match result {
            Ok(grant) => json_response(200, &grant.response),
            Err(error) => error.response(ids),
        }
    }
}

/// The id and the secret of an application in the `Authorization` header.
fn basic_credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(BASE64_STANDARD.decode(header).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decode(id), decode(secret)))
}

struct Grant {
    response: Value,
    user: Option<String>,
}

/// A request to the token endpoint, and what it is checked against.
struct TokenRequest<'a> {
    identity: &'a mut Identity,
    store: &'a Store,
    keys: &'a Keys,
    form: &'a Form,
    now: i64,
    endpoint: String,
    issuer: String,
}

/// The user who signed in, and for what.
#[derive(Default)]
struct SignIn {
    user: String,
    scope: String,
    family: Option<String>,
    nonce: Option<String>,
}

impl TokenRequest<'_> {
    fn value(&self, name: &str) -> Result<&str, TokenError> {
        self.form.get(name).map(String::as_str).ok_or_else(|| TokenError::missing(name))
    }

    fn grant(&mut self) -> Result<Grant, TokenError> {
        let grant_type = self.value("grant_type")?.to_owned();
        let app = self.application()?;
        let id = app.client_id.clone();
        let sign_in = match grant_type.as_str() {
            "client_credentials" => return self.client_credentials(&app),
            "authorization_code" => self.authorization_code(&id)?,
            "refresh_token" => self.refresh_token(&id)?,
            // Older clients use the short name, and the service accepts it.
            DEVICE_CODE | "device_code" => self.device_code(&id)?,
            other => {
                let text = format!("The app requested an unsupported grant type '{other}'.");
                return Err(TokenError::new("unsupported_grant_type", 70_003, text));
            }
        };
        let unknown = || TokenError::new("invalid_grant", 50_034, "The user account does not exist.");
        let user = self.store.user(&sign_in.user)?.ok_or_else(unknown)?;
        let grant = UserGrant {
            user: &user,
            app: &id,
            scope: &sign_in.scope,
            nonce: sign_in.nonce.as_deref(),
            family: sign_in.family,
            claims: self.claims(),
            issuer: self.issuer.clone(),
            now: self.now,
        };
        let mut response = self.identity.grant_user(self.keys, grant);
        if self.form.contains_key("client_info") {
            response["client_info"] = json!(BASE64.encode(json!({"uid": user.id, "utid": TENANT}).to_string()));
        }
        Ok(Grant { response, user: Some(user.upn) })
    }

    fn authorization_code(&mut self, app: &str) -> Result<SignIn, TokenError> {
        let code = self.value("code")?.to_owned();
        // A code is used up by the first request, whether that succeeds or not.
        let code = self.identity.codes.remove(&code);
        let code =
            code.ok_or_else(|| TokenError::new("invalid_grant", 70_008, "The code is expired or was redeemed."))?;
        code.check(app, self.form, self.now)?;
        Ok(SignIn { user: code.user, scope: code.scope, nonce: code.nonce, family: None })
    }

    fn refresh_token(&mut self, app: &str) -> Result<SignIn, TokenError> {
        let token = self.value("refresh_token")?.to_owned();
        let used = self.identity.use_refresh_token(&token, app, self.now)?;
        let scope = self.form.get("scope").cloned().unwrap_or(used.scope);
        Ok(SignIn { user: used.user, scope, family: Some(used.family), nonce: None })
    }

    fn device_code(&mut self, app: &str) -> Result<SignIn, TokenError> {
        let code = self.form.get("device_code").or_else(|| self.form.get("code"));
        let code = code.ok_or_else(|| TokenError::missing("device_code"))?;
        let (scope, user) = self.identity.poll_device(code, app, self.now)?;
        Ok(SignIn { user, scope, ..SignIn::default() })
    }

    /// A token for the application itself.
    fn client_credentials(&self, app: &Application) -> Result<Grant, TokenError> {
        if app.public {
            let text = "A public client can't use the client credentials grant.";
            return Err(TokenError::new("unauthorized_client", 7_000_218, text));
        }
        let scope = self.value("scope")?;
        if !scope.ends_with("/.default") {
            let text = format!("The provided value for scope {scope} is not valid. It must end with /.default.");
            return Err(TokenError::new("invalid_scope", 1_002_012, text));
        }
        let claims = self.claims();
        let parameters = TokenParameters {
            app: &app.client_id,
            scopes: &app.roles,
            claims,
            now: self.now,
            ..TokenParameters::default()
        };
        let lifetime = self.identity.lifetime;
        let response = json!({
            "token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime,
            "access_token": self.identity.issue(self.keys, &parameters),
        });
        Ok(Grant { response, user: None })
    }

    /// The application, once it is authenticated.
    fn application(&mut self) -> Result<Application, TokenError> {
        let id = self.value("client_id")?;
        let app = self.identity.applications.find(id).ok_or_else(|| TokenError::unknown_application(id))?.clone();
        if let Some(text) = self.form.get("client_assertion") {
            let id = assertion::verify(text, &app, &self.endpoint, self.keys, self.now)?;
            let used = &mut self.identity.used_assertions;
            if used.len() >= MAX_ENTRIES {
                used.pop_first();
            }
            if id.is_some_and(|id| !used.insert(id)) {
                return Err(TokenError::new("invalid_client", 700_027, "The client assertion was used before."));
            }
            return Ok(app);
        }
        match (self.form.get("client_secret"), app.public) {
            (None, true) => Ok(app),
            (None, false) => Err(TokenError::missing_client_credential()),
            (Some(secret), false) if app.secret.as_ref() == Some(secret) => Ok(app),
            (Some(_), _) => {
                let text = "Invalid client secret provided. Ensure the secret being sent in the request is the client \
                            secret value, not the client secret ID.";
                Err(TokenError::new("invalid_client", 7_000_215, text))
            }
        }
    }

    /// The claims that the request asks for, without those that describe the client.
    fn claims(&self) -> Map<String, Value> {
        let claims = self.form.get("claims").and_then(|claims| serde_json::from_str(claims).ok());
        let mut claims: Map<String, Value> = claims.unwrap_or_default();
        if let Some(Value::Object(members)) = claims.get_mut("access_token") {
            members.remove("xms_cc");
        }
        claims
    }
}
