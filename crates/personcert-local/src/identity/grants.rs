//! The token endpoint.

use axum::body::Body;
use axum::http::{HeaderMap, Response, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::apps::App;
use super::denial::{Denial, answer};
use super::keys::Keys;
use super::people::Person;
use super::{Form, Identity, Issue, MOST, TENANT, assertion, form};
use crate::graph::{Graph, State};
use crate::reply::Ids;
use crate::store::Store;
use crate::work::Asked;

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

impl Graph {
    /// Answers the token endpoint.
    pub fn token(&self, asked: &Asked, tenant: &str, base: &str, ids: &Ids) -> Response<Body> {
        let mut sent = form(&asked.body);
        if let Some((id, secret)) = basic(&asked.headers) {
            sent.insert("client_id".into(), id);
            sent.insert("client_secret".into(), secret);
        }
        let mut state = self.state();
        let State { identity, store, clock, .. } = &mut *state;
        let now = clock.now().as_second();
        let endpoint = format!("{base}/{tenant}/oauth2/v2.0/token");
        let issuer = format!("{base}/{TENANT}/v2.0");
        let mut desk = Desk { identity, store, keys: &self.keys, form: &sent, now, endpoint, issuer };
        let ended = desk.grant();
        let text = |name: &str| sent.get(name);
        let mut entry =
            json!({"grant": text("grant_type"), "clientId": text("client_id"), "at": now, "ok": ended.is_ok()});
        match &ended {
            Ok(granted) => entry["user"] = json!(granted.user),
            Err(denial) => entry["error"] = json!(denial.description()),
        }
        desk.identity.note(entry);
        match ended {
            Ok(granted) => answer(200, &granted.answer),
            Err(denial) => denial.answer(ids),
        }
    }
}

/// The id and the secret of an application in the `Authorization` header.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(BASE64_STANDARD.decode(header).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decode(id), decode(secret)))
}

struct Granted {
    answer: Value,
    user: Option<String>,
}

/// A question to the token endpoint, and what answers it.
struct Desk<'a> {
    identity: &'a mut Identity,
    store: &'a Store,
    keys: &'a Keys,
    form: &'a Form,
    now: i64,
    endpoint: String,
    issuer: String,
}

impl Desk<'_> {
    fn value(&self, name: &str) -> Result<&str, Denial> {
        self.form.get(name).map(String::as_str).ok_or_else(|| Denial::missing(name))
    }

    fn grant(&mut self) -> Result<Granted, Denial> {
        let grant = self.value("grant_type")?.to_owned();
        let app = self.app()?;
        let id = app.client_id.clone();
        let (user, scope, family, nonce) = match grant.as_str() {
            "client_credentials" => return self.by_itself(&app),
            "authorization_code" => {
                let code = self.value("code")?.to_owned();
                // It is gone, whoever brings it: a code serves once.
                let code = self.identity.codes.remove(&code);
                let code =
                    code.ok_or_else(|| Denial::new("invalid_grant", 70_008, "The code is expired or was redeemed."))?;
                code.fits(&id, self.form.get("redirect_uri"), self.form.get("code_verifier"), self.now)?;
                (code.user, code.scope, None, code.nonce)
            }
            "refresh_token" => {
                let token = self.value("refresh_token")?.to_owned();
                let (user, scope, family) = self.identity.take_refresh(&token, &id, self.now)?;
                let scope = self.form.get("scope").cloned().unwrap_or(scope);
                (user, scope, Some(family), None)
            }
            // Older clients write it short, and the service takes it.
            DEVICE | "device_code" => {
                let code = self.form.get("device_code").or_else(|| self.form.get("code"));
                let code = code.ok_or_else(|| Denial::missing("device_code"))?.clone();
                let (device, user) = self.identity.take_device(&code, &id, self.now)?;
                (user, device.scope, None, None)
            }
            other => {
                let text = format!("The app requested an unsupported grant type '{other}'.");
                return Err(Denial::new("unsupported_grant_type", 70_003, text));
            }
        };
        let unknown = || Denial::new("invalid_grant", 50_034, "The user account does not exist.");
        let user = self.store.user(&user)?.ok_or_else(unknown)?;
        let person = Person {
            user: &user,
            app: &id,
            scope: &scope,
            nonce: nonce.as_deref(),
            family,
            claims: self.claims(),
            issuer: self.issuer.clone(),
            now: self.now,
        };
        let mut answer = self.identity.grant_person(self.keys, person);
        if self.form.contains_key("client_info") {
            answer["client_info"] = json!(BASE64.encode(json!({"uid": user.id, "utid": TENANT}).to_string()));
        }
        Ok(Granted { answer, user: Some(user.upn) })
    }

    /// An application that signs in by itself.
    fn by_itself(&self, app: &App) -> Result<Granted, Denial> {
        if app.public {
            return Err(Denial::new("unauthorized_client", 7_000_218, "A public client can't sign in by itself."));
        }
        let scope = self.value("scope")?;
        if !scope.ends_with("/.default") {
            let text = format!("The provided value for scope {scope} is not valid. It must end with /.default.");
            return Err(Denial::new("invalid_scope", 1_002_012, text));
        }
        let claims = self.claims();
        let issue = Issue { app: &app.client_id, scopes: &app.roles, claims, now: self.now, ..Issue::default() };
        let lifetime = self.identity.lifetime;
        let answer = json!({
            "token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime,
            "access_token": self.identity.issue(self.keys, &issue),
        });
        Ok(Granted { answer, user: None })
    }

    /// The application that asks, when it is who it says.
    fn app(&mut self) -> Result<App, Denial> {
        let id = self.value("client_id")?;
        let app = self.identity.apps.find(id).ok_or_else(|| Denial::unknown_app(id))?.clone();
        if let Some(text) = self.form.get("client_assertion") {
            let used = assertion::check(text, &app, &self.endpoint, self.keys, self.now)?;
            if self.identity.used.len() >= MOST {
                self.identity.used.pop_first();
            }
            if used.is_some_and(|id| !self.identity.used.insert(id)) {
                return Err(Denial::new("invalid_client", 700_027, "The client assertion was used before."));
            }
            return Ok(app);
        }
        match (self.form.get("client_secret"), app.public) {
            (None, true) => Ok(app),
            (Some(secret), false) if app.secret.as_ref() == Some(secret) => Ok(app),
            (Some(_), _) => {
                let text = "Invalid client secret provided. Ensure the secret being sent in the request is the client \
                            secret value, not the client secret ID.";
                Err(Denial::new("invalid_client", 7_000_215, text))
            }
            (None, false) => {
                let text =
                    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
                Err(Denial::new("invalid_client", 7_000_218, text))
            }
        }
    }

    /// The claims that the request asks for, without what it only says of the client.
    fn claims(&self) -> Map<String, Value> {
        let asked = self.form.get("claims").and_then(|claims| serde_json::from_str(claims).ok());
        let mut asked: Map<String, Value> = asked.unwrap_or_default();
        if let Some(Value::Object(members)) = asked.get_mut("access_token") {
            members.remove("xms_cc");
        }
        asked
    }
}
