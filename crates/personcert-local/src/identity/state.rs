//! The state of the identity side, and the access tokens it issues.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::applications::Applications;
use super::authorization_code::AuthorizationCode;
use super::device_sign_in::{DeviceDecision, DeviceSignIn};
use super::keys::Keys;
use super::refresh_token::RefreshToken;
use crate::store::User;

/// The tenant of all users.
pub const TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
/// The lifetime of an access token, in seconds.
const TOKEN_LIFETIME: i64 = 3600;
/// How many logged sign-ins, codes, tokens and assertions are kept of each kind.
pub const MAX_ENTRIES: usize = 10_000;

/// The state of the identity side.
#[derive(Debug)]
pub struct Identity {
    /// The registered applications.
    pub applications: Applications,
    /// The lifetime of new access tokens, in seconds.
    pub lifetime: i64,
    /// Authorization codes that are not redeemed yet.
    pub codes: BTreeMap<String, AuthorizationCode>,
    /// Device sign-ins by device code.
    pub devices: BTreeMap<String, DeviceSignIn>,
    /// The decision on new device sign-ins.
    pub device_decision: DeviceDecision,
    /// Refresh tokens.
    pub refresh_tokens: BTreeMap<String, RefreshToken>,
    /// The ids of used client assertions: each is accepted once.
    pub used_assertions: BTreeSet<String>,
    /// How often each user's sessions were revoked.
    revocations: BTreeMap<String, u64>,
    /// The claims that tokens must have been requested with.
    required_claims: Vec<RequiredClaims>,
    log: Vec<Value>,
}

#[derive(Debug)]
struct RequiredClaims {
    /// The user whose tokens need them; none for all users.
    user: Option<String>,
    claims: Map<String, Value>,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            applications: Applications::default(),
            lifetime: TOKEN_LIFETIME,
            codes: BTreeMap::new(),
            devices: BTreeMap::new(),
            device_decision: DeviceDecision::Pending,
            refresh_tokens: BTreeMap::new(),
            used_assertions: BTreeSet::new(),
            revocations: BTreeMap::new(),
            required_claims: Vec::new(),
            log: Vec::new(),
        }
    }
}

/// What an access token is issued for.
#[derive(Debug, Default)]
pub struct TokenParameters<'a> {
    /// The signed-in user; none for an application.
    pub user: Option<&'a User>,
    /// The application.
    pub app: &'a str,
    /// The permissions.
    pub scopes: &'a [String],
    /// Whether the user has a personal account.
    pub personal: bool,
    /// The claims that the request asked for.
    pub claims: Map<String, Value>,
    /// The current time, in seconds since 1970.
    pub now: i64,
}

impl Identity {
    /// A new access token for Graph.
    pub fn issue(&self, keys: &Keys, parameters: &TokenParameters<'_>) -> String {
        let now = parameters.now;
        let mut claims = json!({
            "aud": "https://graph.microsoft.com", "iss": format!("https://sts.windows.net/{TENANT}/"), "tid": TENANT,
            "iat": now, "nbf": now, "exp": now + self.lifetime, "ver": "1.0", "appid": parameters.app,
            "uti": uuid::Uuid::new_v4().to_string(), "local_claims": parameters.claims,
        });
        match parameters.user {
            Some(user) => {
                claims["oid"] = json!(user.id);
                claims["upn"] = json!(user.upn);
                claims["name"] = json!(user.name);
                claims["scp"] = json!(parameters.scopes.join(" "));
                claims["idtyp"] = json!("user");
                claims["local_session"] = json!(self.session(&user.id));
            }
            None => {
                claims["roles"] = json!(parameters.scopes);
                claims["idtyp"] = json!("app");
            }
        }
        if parameters.personal {
            claims["acct"] = json!("personal");
        }
        keys.sign(&claims)
    }

    /// The number of a user's current session; sessions with smaller numbers were revoked.
    pub fn session(&self, user: &str) -> u64 {
        self.revocations.get(user).copied().unwrap_or_default()
    }

    /// Revokes a user's sessions: their earlier tokens are refused.
    pub fn revoke(&mut self, user: &str) {
        *self.revocations.entry(user.to_owned()).or_default() += 1;
    }

    /// Requires that tokens, of one user or of all, were requested with these claims.
    pub fn require_claims(&mut self, user: Option<String>, claims: Map<String, Value>) {
        self.required_claims.push(RequiredClaims { user, claims });
    }

    /// The claims that a token lacks.
    pub fn missing_claims(&self, claims: &Value) -> Option<Value> {
        let user = claims["oid"].as_str();
        if let Some(user) = user
            && claims["local_session"].as_u64() < Some(self.session(user))
        {
            let since = json!({"essential": true, "value": claims["iat"].as_i64().unwrap_or_default().to_string()});
            return Some(json!({"access_token": {"nbf": since}}));
        }
        let applies = |required: &&RequiredClaims| required.user.is_none() || required.user.as_deref() == user;
        let mut required = self.required_claims.iter().filter(applies);
        let missing = required.find(|required| !contains(&claims["local_claims"], &required.claims))?;
        Some(json!(missing.claims))
    }

    /// Logs a request to the token endpoint.
    pub fn log(&mut self, entry: Value) {
        if self.log.len() < MAX_ENTRIES {
            self.log.push(entry);
        }
    }

    /// The logged requests to the token endpoint.
    pub fn sign_ins(&self) -> Value {
        json!(self.log)
    }
}

/// Whether requested claims contain all required ones, which are grouped by section.
fn contains(requested: &Value, required: &Map<String, Value>) -> bool {
    let holds = |(section, members): (&String, &Value)| {
        let requested = &requested[section];
        members.as_object().is_none_or(|members| members.iter().all(|(name, value)| requested.get(name) == Some(value)))
    };
    required.iter().all(holds)
}

/// Makes room for one more entry.
pub fn evict_one<T>(map: &mut BTreeMap<String, T>) {
    if map.len() >= MAX_ENTRIES {
        map.pop_first();
    }
}
