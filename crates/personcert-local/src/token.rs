//! What a token allows.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::identity::{Identity, Keys};
use crate::options::Permissions;
use crate::reply::Refusal;

/// Whom tokens for Graph are for.
const AUDIENCE: &str = "https://graph.microsoft.com";

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

impl Caller {
    /// Checks the `Authorization` header of a request to the server at `base`.
    pub fn of(
        authorization: Option<&str>,
        keys: &Keys,
        identity: &Identity,
        base: &str,
        now: i64,
    ) -> Result<Self, Refusal> {
        let place = format!("realm=\"\", authorization_uri=\"{base}/common/oauth2/v2.0/authorize\"");
        let refuse = |message: &str| {
            let error = Refusal::new(401, "InvalidAuthenticationToken", message);
            error.challenge(format!("Bearer {place}, error=\"invalid_token\""))
        };
        let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim).unwrap_or_default();
        if token.is_empty() {
            return Err(refuse("Access token is empty."));
        }
        let (claims, own) =
            keys.claims(token).ok_or_else(|| refuse("CompactToken parsing failed with error code: 80049217"))?;
        if !own {
            return Err(refuse("Access token validation failure. Invalid signature."));
        }
        if claims["aud"] != AUDIENCE {
            return Err(refuse("Access token validation failure. Invalid audience."));
        }
        if claims["exp"].as_i64().is_none_or(|end| end <= now) {
            return Err(refuse("Lifetime validation failed, the token is expired."));
        }
        if let Some(lacking) = identity.lacks(&claims) {
            let claims = BASE64_STANDARD.encode(lacking.to_string());
            let message = "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp";
            let challenge = format!("Bearer {place}, error=\"insufficient_claims\", claims=\"{claims}\"");
            return Err(Refusal::new(401, "TokenNotFound", message).challenge(challenge));
        }
        let delegated = claims["scp"].as_str().map(|scopes| scopes.split_whitespace().map(str::to_owned).collect());
        let app = || {
            claims["roles"]
                .as_array()
                .map(|roles| roles.iter().filter_map(|role| role.as_str().map(str::to_owned)).collect())
        };
        Ok(Self {
            user: claims["oid"].as_str().map(str::to_owned),
            app: claims["appid"].as_str().unwrap_or_default().to_owned(),
            personal: claims["acct"] == "personal",
            scopes: delegated.or_else(app).unwrap_or_default(),
        })
    }

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
