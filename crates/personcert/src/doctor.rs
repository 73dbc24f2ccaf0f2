//! What can be known before a first write: about the token, without trusting it, and about the way to the service.
//! Nothing is changed.

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
        message = "message": String, "What was found, and how to mend it, in one line.";
    }
}

/// Graph's own id, which may stand for its address as a token's audience.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
/// How wrong a clock may be: what identity services allow.
const MAX_CLOCK_SKEW: Duration = Duration::from_mins(5);

impl Finding {
    pub(crate) fn new(name: &str, good: bool, message: impl Into<String>) -> Self {
        Self { name: name.into(), ok: good, message: escape(&message.into()).into_owned() }
    }
}

/// What is wrong with a token that a first write is about to be sent with, as far as it can be told for free.
pub(crate) fn warning(token_text: &str, cloud: Cloud, user: &User, now: SystemTime) -> Option<String> {
    let bad = token(token_text, cloud, user, now).into_iter().filter(|finding| !finding.ok);
    let wrong: Vec<_> = bad.map(|finding| format!("{}: {}", finding.name, finding.message)).collect();
    (!wrong.is_empty()).then(|| format!("this change may be refused; {}", wrong.join("; ")))
}

/// What a token says of itself.
pub(crate) fn token(token: &str, cloud: Cloud, user: &User, now: SystemTime) -> Vec<Finding> {
    let Some(claims) = claims(token) else {
        return vec![Finding::new(
            "token",
            true,
            "its inside can't be read here; the service will say what it is good for",
        )];
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

fn audience(audience: &str, cloud: Cloud) -> Finding {
    let of = |cloud: Cloud| audience.trim_end_matches('/') == cloud.root();
    if audience == GRAPH || of(cloud) {
        return Finding::new("audience", true, "Graph");
    }
    let why = match Cloud::ALL.iter().find(|(other, ..)| of(*other)) {
        Some((name, ..)) => {
            format!("the token is for the cloud {name}; set it with `cloud`, or sign in to the other one")
        }
        None => format!("the token is for {audience:?} and not for Graph; ask for the scope {}/.default", cloud.root()),
    };
    Finding::new("audience", false, why)
}

fn lifetime(claims: &Value, now: SystemTime) -> Finding {
    let moment = |name: &str| claims[name].as_u64().and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)));
    let minutes = |time: Duration| time.as_secs() / 60;
    match (moment("nbf"), moment("exp")) {
        (Some(start), _) if start > now + MAX_CLOCK_SKEW => {
            Finding::new("lifetime", false, "the token is not valid yet; is the clock of this machine right?")
        }
        (_, Some(end)) => match end.duration_since(now) {
            Ok(left) => Finding::new("lifetime", true, format!("{} more minutes", minutes(left))),
            Err(past) => {
                let ago = minutes(past.duration());
                Finding::new("lifetime", false, format!("the token ended {ago} minutes ago; sign in again"))
            }
        },
        _ => Finding::new("lifetime", true, "the token doesn't say when it ends"),
    }
}

/// The permission table of the specification, and of the service's current pages where it differs.
/// Source: Graph's "Update personCertification", permissions.
fn permissions(claims: &Value, user: &User) -> Finding {
    let list = |name: &str| match &claims[name] {
        Value::String(names) => names.split(' ').map(str::to_owned).collect(),
        Value::Array(names) => names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => Vec::<String>::new(),
    };
    let of = |good, why: &str| Finding::new("permissions", good, why);
    let (scopes, roles) = (list("scp"), list("roles"));
    let all = |names: &[String]| names.iter().any(|name| name == "User.ReadWrite.All");
    let own = scopes.iter().any(|name| name == "User.ReadWrite");
    match (user, scopes.is_empty()) {
        (User::Me, true) => of(false, "an application's token has no signed-in user, so /me is refused; name the user"),
        (User::Named(_), true) if all(&roles) => of(
            false,
            "application permission User.ReadWrite.All: the specification allows it, the service's current pages do not; \
             a delegated sign-in is safe",
        ),
        (User::Named(_), true) => of(false, "the application lacks User.ReadWrite.All"),
        (_, false) if all(&scopes) => of(true, "User.ReadWrite.All, delegated: everybody's certifications"),
        (User::Me, false) if own => of(true, "User.ReadWrite, delegated: the signed-in user's certifications"),
        (User::Me, false) => of(false, "the token lacks User.ReadWrite; sign in with that scope"),
        (User::Named(_), false) => of(false, "the token lacks User.ReadWrite.All, which other users' profiles need"),
    }
}

/// Through which proxy, and whose certificates are trusted.
pub(crate) fn network(config: &Config) -> Finding {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let proxy = match (&config.proxy, variable("HTTPS_PROXY").or_else(|| variable("https_proxy"))) {
        (Some(_), _) => "the proxy that is set".to_owned(),
        // Its address may hold a password.
        (None, Some(_)) => "the proxy of HTTPS_PROXY, but for the hosts of NO_PROXY".to_owned(),
        (None, None) => "no proxy".to_owned(),
    };
    let trust = config.ca_file.as_ref().map(|file| format!("the machine's authorities and {file}"));
    let trust = trust.or_else(|| variable("SSL_CERT_FILE").map(|file| format!("the authorities in {file}")));
    let trust = trust.unwrap_or_else(|| "the machine's certificate authorities".into());
    Finding::new("network", true, format!("{proxy}; {trust}"))
}

/// What a read said of the host and of the clocks.
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
        let good = off <= MAX_CLOCK_SKEW;
        let why = format!("{} s beside the service's", off.as_secs());
        Finding::new("clock", good, if good { why } else { why + "; set the clock of this machine" })
    });
    [finding].into_iter().chain(clock).collect()
}
