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
        let bearer = authorization.and_then(|value| value.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let token = bearer.map(|(_, token)| token.trim()).unwrap_or_default();
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

    /// Whether the caller may do this under a permission table.
    pub fn may(&self, access: Access, permissions: Permissions) -> Result<(), Refusal> {
        if self.user.is_none() && permissions == Permissions::Current {
            return Err(denied("Application permissions are not supported here."));
        }
        if self.scopes.is_empty() {
            let message = "Either scp or roles claim need to be present in the token.";
            return Err(Refusal::new(403, "AccessDenied", message));
        }
        let is_enough = |scope: &String| self.grants(scope, access, permissions);
        if self.scopes.iter().any(is_enough) {
            return Ok(());
        }
        Err(denied("Insufficient privileges to complete the operation."))
    }

    /// Whether one permission is enough.
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

/// What is done, and on whose profile.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Whether something changes.
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

fn denied(message: &str) -> Refusal {
    Refusal::new(403, "Authorization_RequestDenied", message)
}
