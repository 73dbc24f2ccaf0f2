//! The identity side: who signs in, and what tokens they get.

mod apps;
mod assertion;
mod commands;
mod denial;
mod device;
mod discovery;
mod grants;
mod keys;
mod machine;
mod pages;
mod people;

pub use apps::PUBLIC;
pub use keys::Keys;

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::{Method, Response};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::graph::Graph;
use crate::path::path_of;
use crate::reply::{Ids, Refusal};
use crate::store::User;
use crate::work::Asked;
use apps::Apps;
use denial::answer;
use device::{Decided, Device};
use people::{Code, Refresh};

/// The tenant of everybody here.
pub const TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// How long an access token lives, in seconds.
const LIFETIME: i64 = 3600;
/// How many sign-ins are remembered, and how many codes and refresh tokens there may be.
const MOST: usize = 10_000;

/// Who has signed in, and may.
#[derive(Debug)]
pub struct Identity {
    /// The registered applications.
    pub apps: Apps,
    /// How long access tokens live from now on, in seconds.
    pub lifetime: i64,
    /// Codes that a browser brought back, not redeemed yet.
    codes: BTreeMap<String, Code>,
    devices: BTreeMap<String, Device>,
    /// What becomes of every device's code from now on.
    decided: Decided,
    refresh: BTreeMap<String, Refresh>,
    /// Assertions that were used: none serves twice.
    used: BTreeSet<String>,
    /// How often each user's sessions were revoked.
    revoked: BTreeMap<String, u64>,
    /// The claims that tokens must have been asked for, for one user or for all.
    demanded: Vec<(Option<String>, Map<String, Value>)>,
    log: Vec<Value>,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            apps: Apps::default(),
            lifetime: LIFETIME,
            codes: BTreeMap::new(),
            devices: BTreeMap::new(),
            decided: Decided::Pending,
            refresh: BTreeMap::new(),
            used: BTreeSet::new(),
            revoked: BTreeMap::new(),
            demanded: Vec::new(),
            log: Vec::new(),
        }
    }
}

/// What a token is issued for.
#[derive(Debug, Default)]
pub struct Issue<'a> {
    /// Who signed in; an application by itself if nobody.
    pub user: Option<&'a User>,
    /// The application.
    pub app: &'a str,
    /// The permissions.
    pub scopes: &'a [String],
    /// Whether the user has a personal account.
    pub personal: bool,
    /// The claims that the request asked for.
    pub claims: Map<String, Value>,
    /// Now, in seconds since 1970.
    pub now: i64,
}

impl Identity {
    /// A new access token for Graph.
    pub fn issue(&self, keys: &Keys, issue: &Issue<'_>) -> String {
        let now = issue.now;
        let mut claims = json!({
            "aud": "https://graph.microsoft.com", "iss": format!("https://sts.windows.net/{TENANT}/"), "tid": TENANT,
            "iat": now, "nbf": now, "exp": now + self.lifetime, "ver": "1.0", "appid": issue.app,
            "uti": uuid::Uuid::new_v4().to_string(), "local_claims": issue.claims,
        });
        match issue.user {
            Some(user) => {
                claims["oid"] = json!(user.id);
                claims["upn"] = json!(user.upn);
                claims["name"] = json!(user.name);
                claims["scp"] = json!(issue.scopes.join(" "));
                claims["idtyp"] = json!("user");
                claims["local_session"] = json!(self.session(&user.id));
            }
            None => {
                claims["roles"] = json!(issue.scopes);
                claims["idtyp"] = json!("app");
            }
        }
        if issue.personal {
            claims["acct"] = json!("personal");
        }
        keys.sign(&claims)
    }

    /// The number of a user's sessions: those with a smaller one were revoked.
    fn session(&self, user: &str) -> u64 {
        self.revoked.get(user).copied().unwrap_or_default()
    }

    /// Ends a user's sessions: tokens of before are refused.
    pub fn revoke(&mut self, user: &str) {
        *self.revoked.entry(user.to_owned()).or_default() += 1;
    }

    /// From now on tokens, of that user or of all, must have been asked for with these claims.
    pub fn demand(&mut self, user: Option<String>, claims: Map<String, Value>) {
        self.demanded.push((user, claims));
    }

    /// The claims that a token lacks, or none.
    pub fn lacks(&self, claims: &Value) -> Option<Value> {
        let user = claims["oid"].as_str();
        if let Some(user) = user
            && claims["local_session"].as_u64() < Some(self.session(user))
        {
            let since = json!({"essential": true, "value": claims["iat"].as_i64().unwrap_or_default().to_string()});
            return Some(json!({"access_token": {"nbf": since}}));
        }
        let mut demands =
            self.demanded.iter().filter(|(whose, _)| whose.as_deref().is_none_or(|whose| Some(whose) == user));
        let (_, lacking) = demands.find(|(_, wanted)| {
            !wanted.iter().all(|(section, members)| {
                let had = &claims["local_claims"][section];
                members
                    .as_object()
                    .is_none_or(|members| members.iter().all(|(name, value)| had.get(name) == Some(value)))
            })
        })?;
        Some(json!(lacking))
    }

    /// Notes that somebody tried to sign in.
    fn note(&mut self, entry: Value) {
        if self.log.len() < MOST {
            self.log.push(entry);
        }
    }

    /// Who tried to sign in, since the start.
    pub fn sign_ins(&self) -> Value {
        json!(self.log)
    }
}

/// The names and values of a form or a query.
pub type Form = BTreeMap<String, String>;

fn form(text: &[u8]) -> Form {
    form_urlencoded::parse(text).into_owned().collect()
}

impl Graph {
    /// Answers a request to the identity side.
    pub fn identity(&self, asked: &Asked, ids: &Ids) -> Response<Body> {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let path = path_of(path);
        let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
        let (query, post) = (form(query.as_bytes()), asked.method == Method::POST);
        let base = asked.base.clone();
        let sent = || form(&asked.body);
        match parts.as_slice() {
            [tenant, "v2.0", ".well-known", "openid-configuration"] => answer(200, &discovery::document(&base, tenant)),
            [_, "discovery", "v2.0", "keys"] => answer(200, &self.keys.set()),
            ["common", "discovery", "instance"] => answer(200, &discovery::instance(&base)),
            [tenant, "oauth2", "v2.0", "token"] if post => self.token(asked, tenant, &base, ids),
            [tenant, "oauth2", "v2.0", "devicecode"] if post => self.device_code(tenant, &base, &sent(), ids),
            [_, "oauth2", "v2.0", "authorize"] if post => self.picked(&sent()),
            [_, "oauth2", "v2.0", "authorize"] => self.authorize(&query),
            [_, "devicelogin"] if post => self.entered(&sent()),
            [_, "devicelogin"] => self.enter(),
            ["metadata", "identity", ..] => self.machine(asked, &query),
            ["msi", "token"] => self.app_service(asked, &query),
            ["_identity", "github"] => self.github(asked, &query),
            _ => Refusal::new(405, "Request_BadRequest", "This address takes another method.").answer(ids),
        }
    }
}
