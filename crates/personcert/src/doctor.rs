//! What can be checked before a first write: the token, read without trusting it, the network, and the service's clock.
//! Nothing is changed.
//!
//! An access token is meant for the service, and its format may change; where it is a JWT, its claims explain most refusals
//! before they happen: the wrong cloud, an expired token, a missing permission, an application's token for `/me`. The checks
//! inform and never block a call.
//!
//! ```
//! use personcert::{Client, User};
//!
//! async fn check_setup(client: &Client) -> bool {
//!     let findings = client.doctor(&User::Me).await;
//!     for finding in findings.iter().filter(|finding| !finding.ok) {
//!         eprintln!("{}: {}", finding.name, finding.message);
//!     }
//!     findings.iter().all(|finding| finding.ok)
//! }
//! ```
//!
//! Source: Graph's "Update personCertification", permissions; "Access tokens in the Microsoft identity platform".

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde_json::Value;

use crate::auth::provider::claims;
use crate::cloud::Cloud;
use crate::display::escape;
use crate::schema::output;
use crate::{Config, Error, ErrorKind, User};

output! {
    /// One thing that was checked.
    pub struct Finding {
        name = "name": String, "What was checked: `token`, `user`, `application`, `tenant`, `audience`, `lifetime`, `permissions`, `network`, `host` or `clock`.";
        ok = "ok": bool, "Whether calls can succeed with it.";
        message = "message": String, "What was found and how to fix it, in one line.";
    }
}

/// Graph's application id, which may replace its address as the audience of a token.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
/// The clock error that identity services tolerate.
const MAX_CLOCK_SKEW: Duration = Duration::from_mins(5);

impl Finding {
    /// A finding whose message is made safe to print.
    pub(crate) fn new(name: &str, ok: bool, message: impl Into<String>) -> Self {
        Self { name: name.into(), ok, message: escape(&message.into()).into_owned() }
    }
}

/// What the token of a first write probably lacks, as a notice for the caller; nothing where nothing is wrong. Costs no
/// request.
pub(crate) fn warning(token_text: &str, cloud: Cloud, user: &User, now: SystemTime) -> Option<String> {
    let failed = token(token_text, cloud, user, now).into_iter().filter(|finding| !finding.ok);
    let failed: Vec<_> = failed.map(|finding| format!("{}: {}", finding.name, finding.message)).collect();
    (!failed.is_empty()).then(|| format!("this change may be refused; {}", failed.join("; ")))
}

/// What the claims of a token say. A token that is no JWT gives one finding: only the service can read it.
pub(crate) fn token(token: &str, cloud: Cloud, user: &User, now: SystemTime) -> Vec<Finding> {
    let Some(claims) = claims(token) else {
        return vec![Finding::new("token", true, "opaque token; only the service can validate it")];
    };
    let text = |name: &str| claims[name].as_str().unwrap_or_default();
    let named = |names: &[&str]| {
        let shown = |name: &&str| text(name).chars().take(100).collect::<String>();
        let found = names.iter().map(shown).find(|text| !text.trim().is_empty());
        found.unwrap_or_else(|| "not named".to_owned())
    };
    let delegated = claims.get("scp").is_some();
    let user_is = if delegated { named(&["upn", "unique_name", "preferred_username", "oid"]) } else { "none".into() };
    vec![
        Finding::new("user", true, user_is),
        Finding::new("application", true, named(&["app_displayname", "appid", "azp"])),
        Finding::new("tenant", true, named(&["tid"])),
        audience(text("aud"), cloud),
        lifetime(&claims, now),
        permissions(&claims, user),
    ]
}

/// Whether the token is for Graph, and for the configured cloud.
fn audience(audience: &str, cloud: Cloud) -> Finding {
    let is_of = |cloud: Cloud| audience.trim_end_matches('/') == cloud.root();
    if audience == GRAPH || is_of(cloud) {
        return Finding::new("audience", true, "Graph");
    }
    let why = match Cloud::ALL.iter().find(|(other, ..)| is_of(*other)) {
        Some((name, ..)) => {
            format!("the token is for the cloud {name}; set `cloud` to it, or sign in to the configured cloud")
        }
        None => format!("the token is for {audience:?} and not for Graph; ask for the scope {}/.default", cloud.root()),
    };
    Finding::new("audience", false, why)
}

/// Whether the token is valid now, by the client's clock.
fn lifetime(claims: &Value, now: SystemTime) -> Finding {
    let moment = |name: &str| claims[name].as_u64().and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)));
    let minutes = |time: Duration| time.as_secs() / 60;
    match (moment("nbf"), moment("exp")) {
        (Some(start), _) if start.duration_since(now).is_ok_and(|early| early > MAX_CLOCK_SKEW) => {
            Finding::new("lifetime", false, "not valid yet; check the clock of this machine")
        }
        (_, Some(end)) => match end.duration_since(now) {
            Ok(left) => Finding::new("lifetime", true, format!("expires in {} minutes", minutes(left))),
            Err(past) => {
                let ago = minutes(past.duration());
                Finding::new("lifetime", false, format!("expired {ago} minutes ago; sign in again"))
            }
        },
        _ => Finding::new("lifetime", true, "the token does not say when it expires"),
    }
}

/// Delegated permissions to change every user's certifications. The second one is for agent users.
const ALL_USERS: [&str; 2] = ["User.ReadWrite.All", "AgentIdUser.ReadWrite.All"];
/// Delegated permissions to change the signed-in user's own certifications.
const OWN_PROFILE: [&str; 2] = ["User.ReadWrite", "AgentIdUser.ReadWrite.IdentityParentedBy"];

/// Whether the token has a permission that allows changes: by the permission table of the specification, and of the service's
/// current pages where it differs. Delegated permissions are scopes (`scp`), an application's are roles.
/// Source: Graph's "Update personCertification", permissions.
fn permissions(claims: &Value, user: &User) -> Finding {
    let list = |name: &str| match &claims[name] {
        Value::String(names) => names.split(' ').map(str::to_owned).collect(),
        Value::Array(names) => names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => Vec::<String>::new(),
    };
    let finding = |ok, why: &str| Finding::new("permissions", ok, why);
    let (scopes, roles) = (list("scp"), list("roles"));
    let first_of = |known: [&'static str; 2]| known.into_iter().find(|name| scopes.iter().any(|scope| scope == name));
    match user {
        User::Me if scopes.is_empty() => {
            finding(false, "an application's token has no signed-in user, so /me is refused; name the user")
        }
        User::Named(_) if scopes.is_empty() && roles.iter().any(|name| name == "User.ReadWrite.All") => finding(
            false,
            "application permission User.ReadWrite.All: the specification allows it, the service's current pages do not; \
             a delegated sign-in is safe",
        ),
        User::Named(_) if scopes.is_empty() => finding(false, "the application lacks User.ReadWrite.All"),
        _ => match (first_of(ALL_USERS), first_of(OWN_PROFILE)) {
            (Some(name), _) => finding(true, &format!("{name}, delegated: all users' certifications")),
            (None, Some(name)) if is_self(claims, user) => {
                finding(true, &format!("{name}, delegated: the signed-in user's certifications"))
            }
            _ if is_self(claims, user) => finding(false, "the token lacks User.ReadWrite; sign in with that scope"),
            _ => finding(false, "the token lacks User.ReadWrite.All, which other users' profiles need"),
        },
    }
}

/// Whether `user` is the signed-in user, by `/me` or by a name that the token has.
fn is_self(claims: &Value, user: &User) -> bool {
    let User::Named(given) = user else { return true };
    let names = ["oid", "upn", "preferred_username", "unique_name"].map(|name| claims[name].as_str());
    names.into_iter().flatten().any(|name| name.to_lowercase() == given.to_lowercase())
}

/// The proxy and the trusted certificate authorities, from the settings and the environment. It never fails: it shows what
/// applies.
pub(crate) fn network(config: &Config) -> Finding {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let proxy = match (&config.proxy, variable("HTTPS_PROXY").or_else(|| variable("https_proxy"))) {
        (Some(_), _) => "the configured proxy".to_owned(),
        // The address may contain a password.
        (None, Some(_)) => "the proxy of HTTPS_PROXY, except for the hosts in NO_PROXY".to_owned(),
        (None, None) => "no proxy".to_owned(),
    };
    let trust = config.ca_file.as_ref().map(|file| format!("the machine's authorities and {file}"));
    let trust = trust.or_else(|| variable("SSL_CERT_FILE").map(|file| format!("the authorities in {file}")));
    let trust = trust.unwrap_or_else(|| "the machine's certificate authorities".into());
    Finding::new("network", true, format!("{proxy}; {trust}"))
}

/// What a read says about the host and the clocks. `read` is the `Date` header of its response, or its error.
pub(crate) fn host(root: &str, read: Result<Option<String>, Error>, now: Timestamp) -> Vec<Finding> {
    let (finding, date) = match read {
        Ok(date) => (Finding::new("host", true, format!("{root} answers")), date),
        Err(error) => {
            let refused = matches!(error.kind, ErrorKind::Auth | ErrorKind::Permission);
            let reached = error.details.status.is_some() && error.kind != ErrorKind::Protocol;
            let why = if reached && !refused { format!("{root} answers") } else { error.message.clone() };
            (Finding::new("host", reached && !refused, why), error.details.date.clone())
        }
    };
    let theirs = date.as_deref().and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
    let clock = theirs.map(|theirs| {
        let off = now.duration_since(theirs).unsigned_abs();
        let ok = off <= MAX_CLOCK_SKEW;
        let why = format!("{} s off the service's clock", off.as_secs());
        Finding::new("clock", ok, if ok { why } else { why + "; set the clock of this machine" })
    });
    [finding].into_iter().chain(clock).collect()
}
