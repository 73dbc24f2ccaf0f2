//! Access tokens: who calls, and what the token permits.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::identity::keys::Keys;
use crate::identity::state::Identity;
use crate::options::Permissions;
use crate::response::ErrorResponse;

/// The audience of tokens for Graph.
const AUDIENCE: &str = "https://graph.microsoft.com";

/// The caller of a request and their permissions.
#[derive(Debug)]
pub struct Caller {
    /// The signed-in user's object id; none for an application.
    pub user: Option<String>,
    /// The application's id.
    pub app: String,
    personal: bool,
    scopes: Vec<String>,
}

impl Caller {
    /// Reads the `Authorization` header of a request to the server at `base`.
    pub fn authenticate(
        authorization: Option<&str>,
        keys: &Keys,
        identity: &Identity,
        base: &str,
        now: i64,
    ) -> Result<Self, ErrorResponse> {
        let realm = format!("realm=\"\", authorization_uri=\"{base}/common/oauth2/v2.0/authorize\"");
        let claims = verified_claims(authorization, keys, now).map_err(|message| {
            let error = ErrorResponse::new(401, "InvalidAuthenticationToken", message);
            error.with_challenge(format!("Bearer {realm}, error=\"invalid_token\""))
        })?;
        if let Some(missing) = identity.missing_claims(&claims) {
            let missing = BASE64_STANDARD.encode(missing.to_string());
            let message = "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp";
            let challenge = format!("Bearer {realm}, error=\"insufficient_claims\", claims=\"{missing}\"");
            return Err(ErrorResponse::new(401, "TokenNotFound", message).with_challenge(challenge));
        }
        let text = |name: &str| claims[name].as_str().map(str::to_owned);
        let delegated = || claims["scp"].as_str().map(|scopes| scopes.split_whitespace().map(str::to_owned).collect());
        let roles = || {
            let roles = claims["roles"].as_array()?;
            Some(roles.iter().filter_map(|role| role.as_str().map(str::to_owned)).collect())
        };
        Ok(Self {
            user: text("oid"),
            app: text("appid").unwrap_or_default(),
            personal: claims["acct"] == "personal",
            scopes: delegated().or_else(roles).unwrap_or_default(),
        })
    }

    /// Refuses access that the token does not permit.
    pub fn require(&self, access: Access, permissions: Permissions) -> Result<(), ErrorResponse> {
        if self.user.is_none() && permissions == Permissions::Current {
            return Err(denied("Application permissions are not supported here."));
        }
        if self.scopes.is_empty() {
            let message = "Either scp or roles claim need to be present in the token.";
            return Err(ErrorResponse::new(403, "AccessDenied", message));
        }
        let is_sufficient = |scope: &String| self.grants(scope, access, permissions);
        if self.scopes.iter().any(is_sufficient) {
            return Ok(());
        }
        Err(denied("Insufficient privileges to complete the operation."))
    }

    /// Whether one permission is sufficient.
    fn grants(&self, scope: &str, access: Access, permissions: Permissions) -> bool {
        let Some(scope) = SCOPES.iter().find(|known| known.name == scope) else { return false };
        let is_listed = match (&self.user, self.personal) {
            (None, _) => scope.application,
            // Personal accounts have no directory, and thus no other users.
            (Some(_), true) => access.own && scope.personal.contains(&permissions),
            (Some(_), false) => scope.work.contains(&permissions),
        };
        is_listed && (scope.write || !access.write) && (scope.all || access.own)
    }
}

/// The claims of the bearer token, or why Graph refuses it.
fn verified_claims(authorization: Option<&str>, keys: &Keys, now: i64) -> Result<Value, &'static str> {
    let bearer = authorization.and_then(|value| value.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let token = bearer.map(|(_, token)| token.trim()).unwrap_or_default();
    if token.is_empty() {
        return Err("Access token is empty.");
    }
    let (claims, is_own) = keys.claims(token).ok_or("CompactToken parsing failed with error code: 80049217")?;
    if !is_own {
        return Err("Access token validation failure. Invalid signature.");
    }
    if claims["aud"] != AUDIENCE {
        return Err("Access token validation failure. Invalid audience.");
    }
    if claims["exp"].as_i64().is_none_or(|end| end <= now) {
        return Err("Lifetime validation failed, the token is expired.");
    }
    Ok(claims)
}

/// The access that a request needs.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Whether it changes something.
    pub write: bool,
    /// Whether the profile is the signed-in user's own, however it is named.
    pub own: bool,
}

/// A permission as the "Permissions" tables of Graph's certification pages list it.
struct Scope {
    name: &'static str,
    /// Whether it allows changes.
    write: bool,
    /// Whether it names other users.
    all: bool,
    /// The tables that list it for work accounts.
    work: &'static [Permissions],
    /// The tables that list it for personal accounts.
    personal: &'static [Permissions],
    /// Whether an application may have it, where applications are supported.
    application: bool,
}

const BOTH: &[Permissions] = &[Permissions::Spec, Permissions::Current];
const SPEC: &[Permissions] = &[Permissions::Spec];
const CURRENT: &[Permissions] = &[Permissions::Current];

const fn scope(name: &'static str, write: bool, all: bool, work: &'static [Permissions]) -> Scope {
    Scope { name, write, all, work, personal: &[], application: false }
}

const SCOPES: [Scope; 7] = [
    Scope { personal: BOTH, ..scope("User.Read", false, false, BOTH) },
    scope("User.ReadBasic.All", false, true, BOTH),
    Scope { application: true, ..scope("User.Read.All", false, true, BOTH) },
    Scope { personal: BOTH, ..scope("User.ReadWrite", true, false, BOTH) },
    Scope { personal: SPEC, application: true, ..scope("User.ReadWrite.All", true, true, BOTH) },
    scope("AgentIdUser.ReadWrite.All", true, true, CURRENT),
    scope("AgentIdUser.ReadWrite.IdentityParentedBy", true, false, CURRENT),
];

fn denied(message: &str) -> ErrorResponse {
    ErrorResponse::new(403, "Authorization_RequestDenied", message)
}
