//! A user's session: stored, renewed, and started by a sign-in.
//!
//! Several programs share one stored session. Each reads it before it renews, writes it only over the version it has read,
//! and stops issuing tokens when the session was signed out or replaced by another account: a job that began as one user must
//! not end as another.

use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::authority::{Authority, Grant, auth_error};
use super::interaction::Interaction;
use super::provider::{TokenFuture, from_unix};
use super::session_file::FileVersion;
use super::session_store::{AccountId, Location, Saved, SessionStore, StoredSession};
use super::{AccessToken, CredentialBinding, PromptHandler, TokenProvider, TokenRequest, browser, device_code};
use crate::config::SignIn;
use crate::schema::output;
use crate::{Error, Result, Secret};

/// A stored access token that expires sooner is not used.
const MIN_REMAINING: Duration = Duration::from_mins(5);
/// The error of a session that does not exist, or no longer does.
const NOT_SIGNED_IN: &str = "not signed in; run `personcert login`";
/// The error of a program whose session was replaced.
const OTHER_ACCOUNT: &str = "another account signed in, and this program keeps to the one it started with; sign that in again, or restart the \
     program";

output! {
    /// Who is signed in.
    pub struct Account {
        username = "username": Option<String>, "The user principal name.";
        name = "name": Option<String>, "The display name.";
        object_id = "objectId": Option<String>, "The user's id in the directory.";
        tenant_id = "tenantId": String, "The tenant that the user signed in to.";
        client_id = "clientId": String, "The application that the user signed in with.";
        authority = "authority": String, "The issuer of the tokens.";
        stored_in = "storedIn": String, "Where the session is stored: the keyring, or a file.";
    }
}

impl Account {
    pub(super) fn new(session: &StoredSession, stored_in: String) -> Self {
        Self {
            username: session.claim(&["preferred_username", "upn", "email", "sub"]),
            name: session.claim(&["name"]),
            object_id: session.claim(&["oid"]),
            tenant_id: session.claim(&["tid"]).unwrap_or_else(|| session.tenant.clone()),
            client_id: session.client.clone(),
            authority: session.authority.clone(),
            stored_in,
        }
    }
}

/// A user's session with an application.
#[derive(Debug)]
pub(super) struct Session {
    authority: Authority,
    client_id: String,
    store: SessionStore,
    /// How to sign a user in when no session is stored; none where prompting is not allowed.
    method: Option<SignIn>,
    prompt: PromptHandler,
    /// Tokens of another account are never issued, and once it is bound no user is prompted any more.
    binding: CredentialBinding,
    state: Mutex<State>,
    /// The account of the issued tokens, with the version of the file that held its session.
    watched: SyncMutex<Option<(AccountId, Option<FileVersion>)>>,
}

#[derive(Debug, Default)]
struct State {
    session: Option<StoredSession>,
    /// Where the store holds the session. Without it the session lives in this process alone.
    location: Option<Location>,
    /// The last token that was issued.
    issued: Option<Secret>,
}

impl Session {
    pub(super) fn new(
        authority: Authority,
        client_id: String,
        store: SessionStore,
        method: Option<SignIn>,
        prompt: PromptHandler,
        binding: CredentialBinding,
    ) -> Self {
        let (state, watched) = (Mutex::default(), SyncMutex::default());
        Self { authority, client_id, store, method, prompt, binding, state, watched }
    }

    /// Signs a user in now, whatever is stored.
    pub(super) async fn sign_in(&self, request: &TokenRequest) -> Result<Account> {
        let grant = self.prompt_user(request).await?;
        let session = self.session_of(&grant, None);
        match self.store.save(&session, |_| true).await? {
            Saved::Stored(location) => Ok(Account::new(&session, self.store.describe(location))),
            Saved::Refused => Err(auth_error(NOT_SIGNED_IN)),
        }
    }

    /// A token of the session; where prompting is allowed, a user signs in when there is no session any more.
    async fn obtain(&self, request: &TokenRequest) -> Result<AccessToken> {
        let mut state = self.state.lock().await;
        let version = self.store.file_version();
        self.reload(&mut state).await?;
        let token = match self.current_token(&mut state, request).await? {
            Some(token) => token,
            None => {
                let grant = self.prompt_user(request).await?;
                let session = self.session_of(&grant, None);
                if !self.binding.accepts(&session) {
                    return Err(auth_error(OTHER_ACCOUNT));
                }
                self.keep(&mut state, session, |_| true).await?;
                grant.access
            }
        };
        let State { session, location, issued } = &mut *state;
        *issued = Some(token.secret.clone());
        if let Some(session) = session {
            let account = self.binding.bind_account(session.account_id()).clone();
            // A version from before the reload: a change in between is found by the next look.
            let version = if location == &Some(Location::File) { version } else { None };
            *self.watched() = Some((account, version));
        }
        Ok(token)
    }

    /// Takes over what the store holds now: another program may have renewed the session, or signed out.
    async fn reload(&self, state: &mut State) -> Result<()> {
        let is_bound = self.binding.account().is_some();
        match self.store.load().await? {
            Some((stored, location)) if self.is_ours(&stored) && self.binding.accepts(&stored) => {
                (state.session, state.location) = (Some(stored), Some(location));
            }
            // A session that could not be stored goes on in this process.
            _ if state.session.is_some() && state.location.is_none() => {}
            Some(_) if is_bound => return Err(auth_error(OTHER_ACCOUNT)),
            None if is_bound => return Err(auth_error(NOT_SIGNED_IN)),
            _ => (state.session, state.location) = (None, None),
        }
        Ok(())
    }

    /// A token of the session: the stored one, or a new one. None when a user has to sign in and may be prompted.
    async fn current_token(&self, state: &mut State, request: &TokenRequest) -> Result<Option<AccessToken>> {
        let Some(session) = &state.session else { return Ok(None) };
        let issued = state.issued.as_ref().map(Secret::expose);
        if let Some(token) = stored_token(session, request).filter(|token| Some(token.secret.expose()) != issued) {
            return Ok(Some(token));
        }
        let scope = scope(request);
        let form = vec![
            ("client_id", self.client_id.as_str()),
            ("grant_type", "refresh_token"),
            ("refresh_token", &session.refresh),
            ("scope", &scope),
        ];
        let grant = match self.authority.grant(request, form).await {
            Err(error) if requires_sign_in(&error) && self.method.is_some() && self.binding.account().is_none() => {
                return Ok(None);
            }
            grant => grant?,
        };
        let (account, is_stored) = (session.account_id(), state.location.is_some());
        let renewed = self.session_of(&grant, Some(session));
        // After a logout, or another account's sign-in, the renewed session is not written back.
        let may_replace = |stored: Option<&StoredSession>| match stored {
            Some(stored) => stored.account_id() == account,
            None => !is_stored,
        };
        self.keep(state, renewed, may_replace).await?;
        Ok(Some(grant.access))
    }

    /// Stores a session. One that can't be stored serves this process all the same.
    async fn keep(
        &self,
        state: &mut State,
        session: StoredSession,
        may_replace: impl Fn(Option<&StoredSession>) -> bool,
    ) -> Result<()> {
        match self.store.save(&session, may_replace).await {
            Ok(Saved::Stored(location)) => state.location = Some(location),
            Ok(Saved::Refused) if state.location.is_some() => {
                let gone = matches!(self.store.load().await, Ok(None));
                return Err(auth_error(if gone { NOT_SIGNED_IN } else { OTHER_ACCOUNT }));
            }
            Ok(Saved::Refused) => {}
            Err(error) => {
                tracing::warn!(why = %error, "the session can't be stored; the next program has to sign in again");
            }
        }
        state.session = Some(session);
        Ok(())
    }

    /// Signs a user in, by the method that the settings name.
    async fn prompt_user(&self, request: &TokenRequest) -> Result<Grant> {
        let Self { authority, client_id, prompt, .. } = self;
        let scope = scope(request);
        let interaction = Interaction { authority, client_id, request, scope: &scope, prompt };
        match self.method {
            Some(SignIn::DeviceCode) => device_code::sign_in(&interaction).await,
            Some(_) => browser::sign_in(&interaction).await,
            None => Err(auth_error(NOT_SIGNED_IN)),
        }
    }

    fn is_ours(&self, session: &StoredSession) -> bool {
        session.client == self.client_id
            && session.authority == self.authority.root()
            && session.tenant == self.authority.tenant()
    }

    /// The session that a grant starts, or continues.
    fn session_of(&self, grant: &Grant, previous: Option<&StoredSession>) -> StoredSession {
        const STORED_CLAIMS: [&str; 7] = ["preferred_username", "upn", "email", "sub", "name", "oid", "tid"];
        let text = |secret: &Secret| secret.expose().to_owned();
        let end = grant.access.expires.and_then(|end| end.duration_since(UNIX_EPOCH).ok());
        let claims = grant.id_token.as_ref().and_then(Value::as_object).map(|claims| {
            let stored = claims.iter().filter(|(name, _)| STORED_CLAIMS.contains(&name.as_str()));
            stored.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>()
        });
        StoredSession {
            authority: self.authority.root().to_owned(),
            tenant: self.authority.tenant().to_owned(),
            client: self.client_id.clone(),
            // Without a new refresh token the old one remains valid.
            refresh: grant.refresh.as_ref().map(text).or_else(|| Some(previous?.refresh.clone())).unwrap_or_default(),
            access: end.map(|end| (text(&grant.access.secret), end.as_secs())),
            claims: claims.or_else(|| Some(previous?.claims.clone())).unwrap_or_default(),
        }
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, Option<(AccountId, Option<FileVersion>)>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenProvider for Session {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move { self.obtain(&request).await })
    }

    /// Looks whether the file still holds the session, where it is in a file. A keyring is too slow for every request.
    fn is_current(&self) -> bool {
        let mut watched = self.watched();
        let Some((account, Some(version))) = &mut *watched else { return true };
        let now = self.store.file_version();
        if now == Some(*version) {
            return true;
        }
        let is_there = matches!(self.store.in_file(), Ok(Some(stored)) if stored.account_id() == *account);
        if let Some(now) = now.filter(|_| is_there) {
            *version = now;
        }
        is_there
    }
}

/// The stored access token, if it lasts for a while and the service requires no claims.
fn stored_token(session: &StoredSession, request: &TokenRequest) -> Option<AccessToken> {
    let (token, end) = session.access.as_ref().filter(|_| request.claims.is_none())?;
    let end = from_unix(*end)?;
    let needed = request.now.checked_add(MIN_REMAINING)?;
    (end > needed).then(|| AccessToken::new(token.as_str(), Some(end)))
}

/// Whether the platform requires the user to sign in again.
fn requires_sign_in(error: &Error) -> bool {
    let codes = ["invalid_grant", "interaction_required", "login_required", "consent_required"];
    error.details.code.as_deref().is_some_and(|code| codes.contains(&code))
}

/// The scopes of a user's sign-in: the token, a refresh token, and who the user is.
fn scope(request: &TokenRequest) -> String {
    format!("{} offline_access openid profile", request.scope)
}
