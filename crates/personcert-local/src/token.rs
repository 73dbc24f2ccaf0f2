//! Signed access tokens, and what they allow.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::hmac;
use serde_json::{Value, json};

use crate::options::Permissions;
use crate::reply::Refusal;
use crate::store::User;

/// Issues tokens and knows its own.
#[derive(Debug)]
pub struct Issuer(hmac::Key);

/// Who asks, and with what rights.
#[derive(Debug)]
pub struct Caller {
    /// The signed-in user's object id; none for an app.
    pub user: Option<String>,
    /// The app's id.
    pub app: String,
    personal: bool,
    scopes: Vec<String>,
}

impl Issuer {
    /// An issuer with a fresh key.
    pub fn new() -> Self {
        let key = [uuid::Uuid::new_v4().into_bytes(), uuid::Uuid::new_v4().into_bytes()].concat();
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    /// A token for a user's work or personal account, or for an app.
    pub fn issue(&self, user: Option<&User>, scopes: &[String], personal: bool, now: i64) -> String {
        let mut claims = json!({
            "aud": "https://graph.microsoft.com",
            "iss": "https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/",
            "iat": now, "nbf": now, "exp": now + 3600, "ver": "1.0",
            "appid": "00000000-1111-2222-3333-444444444444",
        });
        match user {
            Some(user) => {
                claims["oid"] = json!(user.id);
                claims["upn"] = json!(user.upn);
                claims["scp"] = json!(scopes.join(" "));
                claims["idtyp"] = json!("user");
            }
            None => {
                claims["roles"] = json!(scopes);
                claims["idtyp"] = json!("app");
            }
        }
        if personal {
            claims["acct"] = json!("personal");
        }
        let head = BASE64.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
        let signed = format!("{head}.{}", BASE64.encode(claims.to_string()));
        let signature = hmac::sign(&self.0, signed.as_bytes());
        format!("{signed}.{}", BASE64.encode(signature))
    }

    /// Checks the `Authorization` header.
    pub fn caller(&self, authorization: Option<&str>, now: i64) -> Result<Caller, Refusal> {
        let refuse = |message: &str| Refusal::new(401, "InvalidAuthenticationToken", message);
        let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim).unwrap_or_default();
        if token.is_empty() {
            return Err(refuse("Access token is empty."));
        }
        let malformed = || refuse("CompactToken parsing failed with error code: 80049217");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let signature = BASE64.decode(signature).map_err(|_| malformed())?;
        let claims = signed.split_once('.').and_then(|(_, claims)| BASE64.decode(claims).ok()).ok_or_else(malformed)?;
        hmac::verify(&self.0, signed.as_bytes(), &signature)
            .map_err(|_| refuse("Access token validation failure. Invalid signature."))?;
        let claims: Value = serde_json::from_slice(&claims).map_err(|_| malformed())?;
        if claims["exp"].as_i64().is_none_or(|end| end <= now) {
            return Err(refuse("Lifetime validation failed, the token is expired."));
        }
        let delegated = claims["scp"].as_str().map(|scopes| scopes.split_whitespace().map(str::to_owned).collect());
        let app = || {
            claims["roles"]
                .as_array()
                .map(|roles| roles.iter().filter_map(|role| role.as_str().map(str::to_owned)).collect())
        };
        Ok(Caller {
            user: claims["oid"].as_str().map(str::to_owned),
            app: claims["appid"].as_str().unwrap_or_default().to_owned(),
            personal: claims["acct"] == "personal",
            scopes: delegated.or_else(app).unwrap_or_default(),
        })
    }
}

impl Caller {
    /// Whether the caller may read or write certifications.
    pub fn may(&self, write: bool, permissions: Permissions) -> Result<(), Refusal> {
        let delegated = self.user.is_some();
        if !delegated && permissions == Permissions::Current {
            return Err(Refusal::new(
                403,
                "Authorization_RequestDenied",
                "Application permissions are not supported here.",
            ));
        }
        let enough: &[&str] = match (write, delegated, self.personal) {
            (true, true, true) if permissions == Permissions::Current => &["User.ReadWrite"],
            (true, true, _) => &["User.ReadWrite", "User.ReadWrite.All"],
            (true, false, _) => &["User.ReadWrite.All"],
            (false, true, true) => &["User.Read", "User.ReadWrite", "User.ReadWrite.All"],
            (false, true, false) => {
                &["User.Read", "User.ReadBasic.All", "User.Read.All", "User.ReadWrite", "User.ReadWrite.All"]
            }
            (false, false, _) => &["User.Read.All", "User.ReadWrite.All"],
        };
        if self.scopes.is_empty() {
            let message = "Either scp or roles claim need to be present in the token.";
            return Err(Refusal::new(403, "AccessDenied", message));
        }
        if self.scopes.iter().any(|scope| enough.contains(&scope.as_str())) {
            return Ok(());
        }
        Err(Refusal::new(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."))
    }
}
