//! A person's sign-in: what is kept of it, how it is renewed, and how it begins.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::authority::{Authority, Grant, failure};
use super::store::{Kept, Store};
use super::token::TokenFuture;
use super::{AccessToken, Show, TokenProvider, TokenRequest, browser, device};
use crate::config::SignIn;
use crate::schema::output;
use crate::{Error, Result};

/// A kept access token that ends sooner is as if it weren't there.
const SOON: Duration = Duration::from_mins(5);

output! {
    /// Who is signed in.
    pub struct Account {
        username = "username": Option<String>, "The user principal name.";
        name = "name": Option<String>, "The name shown to others.";
        object_id = "objectId": Option<String>, "The user's id in the directory.";
        tenant_id = "tenantId": String, "The tenant that the person signed in to.";
        client_id = "clientId": String, "The application that the person signed in with.";
        authority = "authority": String, "Where the tokens are issued.";
        stored_in = "storedIn": String, "Where the sign-in is kept: the keyring, or a file.";
    }
}

impl Account {
    pub(super) fn new(kept: &Kept, place: String) -> Self {
        let claim = |names: &[&str]| {
            let found = names.iter().find_map(|name| kept.person.get(*name)?.as_str());
            found.map(str::to_owned)
        };
        Self {
            username: claim(&["preferred_username", "upn", "email", "sub"]),
            name: claim(&["name"]),
            object_id: claim(&["oid"]),
            tenant_id: claim(&["tid"]).unwrap_or_else(|| kept.tenant.clone()),
            client_id: kept.client.clone(),
            authority: kept.authority.clone(),
            stored_in: place,
        }
    }
}

/// What a person is asked for, and by whom.
pub(super) struct Asked<'a> {
    pub(super) authority: &'a Authority,
    pub(super) client: &'a str,
    pub(super) request: &'a TokenRequest,
    /// The scopes, with those about the person.
    pub(super) scope: &'a str,
    pub(super) show: &'a Show,
}

/// A person's sign-in with an application.
#[derive(Debug)]
pub(super) struct Session {
    authority: Authority,
    client: String,
    store: Store,
    /// How a person is asked when nothing is kept; none where nobody is to be asked.
    ask: Option<SignIn>,
    show: Show,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether it was looked for what is kept.
    looked: bool,
    kept: Option<Kept>,
    /// Whether there was a token before: then the end of the session is for the person to know of, and nobody is asked in
    /// the middle of a job.
    served: bool,
}

impl Session {
    pub(super) fn new(authority: Authority, client: String, store: Store, ask: Option<SignIn>, show: Show) -> Self {
        Self { authority, client, store, ask, show, state: Mutex::default() }
    }

    /// Asks a person now, whatever is kept.
    pub(super) async fn sign_in(&self, request: &TokenRequest) -> Result<Account> {
        let grant = self.ask_person(request).await?;
        let kept = self.kept(&grant, None);
        let place = self.store.save(&kept).await?;
        Ok(Account::new(&kept, place))
    }

    async fn obtain(&self, request: &TokenRequest) -> Result<AccessToken> {
        let mut state = self.state.lock().await;
        let State { looked, kept, served } = &mut *state;
        if !*looked {
            *kept = self.store.load().await?.map(|(kept, _)| kept).filter(|kept| self.is_ours(kept));
            *looked = true;
            if let Some(token) = kept.as_ref().and_then(|kept| held(kept, request)) {
                *served = true;
                return Ok(token);
            }
        }
        if let Some(kept) = kept {
            match self.renew(kept, request).await {
                Err(error) if is_over(&error) && self.ask.is_some() && !*served => {}
                renewed => {
                    *served |= renewed.is_ok();
                    return renewed;
                }
            }
        }
        let grant = self.ask_person(request).await?;
        self.keep(kept.insert(self.kept(&grant, None))).await;
        *served = true;
        Ok(grant.access)
    }

    fn is_ours(&self, kept: &Kept) -> bool {
        kept.client == self.client && kept.authority == self.authority.root() && kept.tenant == self.authority.tenant()
    }

    /// Gets a token with the refresh token, unless another process got one meanwhile.
    async fn renew(&self, kept: &mut Kept, request: &TokenRequest) -> Result<AccessToken> {
        let other = self.store.load().await.ok().flatten().map(|(other, _)| other);
        if let Some(other) = other.filter(|other| self.is_ours(other) && other.refresh != kept.refresh) {
            // The platform may have taken back what was kept here.
            *kept = other;
            if let Some(token) = held(kept, request) {
                return Ok(token);
            }
        }
        let scope = scope(request);
        let form = vec![
            ("client_id", self.client.as_str()),
            ("grant_type", "refresh_token"),
            ("refresh_token", &kept.refresh),
            ("scope", &scope),
        ];
        let grant = self.authority.grant(request, form).await?;
        *kept = self.kept(&grant, Some(kept));
        self.keep(kept).await;
        Ok(grant.access)
    }

    async fn ask_person(&self, request: &TokenRequest) -> Result<Grant> {
        let Self { authority, client, show, .. } = self;
        let scope = scope(request);
        let asked = Asked { authority, client, request, scope: &scope, show };
        match self.ask {
            Some(SignIn::DeviceCode) => device::sign_in(&asked).await,
            Some(_) => browser::sign_in(&asked).await,
            None => Err(failure("nobody is signed in; run `personcert login`")),
        }
    }

    fn kept(&self, grant: &Grant, before: Option<&Kept>) -> Kept {
        const SHOWN: [&str; 7] = ["preferred_username", "upn", "email", "sub", "name", "oid", "tid"];
        let text = |secret: &crate::Secret| secret.expose().to_owned();
        let end = grant.access.expires.and_then(|end| end.duration_since(UNIX_EPOCH).ok());
        let said = grant.person.as_ref().and_then(Value::as_object);
        let claims = said.map(|claims| {
            let shown = claims.iter().filter(|(name, _)| SHOWN.contains(&name.as_str()));
            shown.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>()
        });
        Kept {
            authority: self.authority.root().to_owned(),
            tenant: self.authority.tenant().to_owned(),
            client: self.client.clone(),
            // The platform may leave it out when the old one goes on serving.
            refresh: grant.refresh.as_ref().map(text).or_else(|| Some(before?.refresh.clone())).unwrap_or_default(),
            access: end.map(|end| (text(&grant.access.secret), end.as_secs())),
            person: claims.or_else(|| Some(before?.person.clone())).unwrap_or_default(),
        }
    }

    /// What can't be kept serves this process all the same.
    async fn keep(&self, kept: &Kept) {
        if let Err(error) = self.store.save(kept).await {
            tracing::warn!(why = %error, "the sign-in can't be kept; the next program has to sign in again");
        }
    }
}

/// The access token that is kept, when it serves for a while and nothing more is demanded of it.
fn held(kept: &Kept, request: &TokenRequest) -> Option<AccessToken> {
    let (token, end) = kept.access.as_ref().filter(|_| request.claims.is_none())?;
    let end = UNIX_EPOCH.checked_add(Duration::from_secs(*end))?;
    (end > request.now + SOON).then(|| AccessToken::new(token.as_str(), Some(end)))
}

/// Whether the platform says that a person has to sign in again.
fn is_over(error: &Error) -> bool {
    let over = ["invalid_grant", "interaction_required", "login_required", "consent_required"];
    error.details.code.as_deref().is_some_and(|code| over.contains(&code))
}

/// What a person's sign-in asks for: the token, the means to get the next one, and who it is.
fn scope(request: &TokenRequest) -> String {
    format!("{} offline_access openid profile", request.scope)
}

impl TokenProvider for Session {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move { self.obtain(&request).await })
    }
}
