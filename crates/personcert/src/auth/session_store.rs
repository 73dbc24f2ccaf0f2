//! Where sessions are stored: in the operating system's keyring, or in a file that only its owner can read.
//!
//! The configured file is used when there is one; otherwise the keyring, and a file in the user's state directory on machines
//! without one. Keyrings may block until a user unlocks them, so each access runs on a thread of its own with a time limit.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::authority::auth_error;
use super::session_file::{FileLock, FileVersion, SessionFile};
use crate::{Config, Result};

/// The name of the entries in the keyring.
const SERVICE: &str = "personcert";
/// How long to wait for a keyring. One that waits for a user to unlock it counts as absent.
const KEYRING_TIMEOUT: Duration = Duration::from_secs(5);

/// A user's session with one application.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredSession {
    pub(super) authority: String,
    pub(super) tenant: String,
    pub(super) client: String,
    pub(super) refresh: String,
    /// The access token, and when it expires in seconds since 1970.
    pub(super) access: Option<(String, u64)>,
    /// The claims of the id token that identify the user.
    pub(super) claims: Map<String, Value>,
}

impl fmt::Debug for StoredSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSession")
            .field("tenant", &self.tenant)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// Who signed in to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccountId {
    application: [String; 3],
    directory: Option<String>,
    user: Option<String>,
}

impl StoredSession {
    /// The account that signed in, by which two sessions are compared.
    pub(super) fn account_id(&self) -> AccountId {
        AccountId {
            application: [self.authority.clone(), self.tenant.clone(), self.client.clone()],
            directory: self.claim(&["tid"]),
            user: self.claim(&["oid", "sub"]),
        }
    }

    /// Stores the session with `set_secret`, and without the access token where the keyring finds it too long: Windows'
    /// takes 2,560 bytes. The next program gets an access token with the refresh token.
    fn store_in(&self, set_secret: impl Fn(&[u8]) -> keyring::Result<()>) -> keyring::Result<()> {
        let store = |session: &Self| {
            let invalid = |error: serde_json::Error| keyring::Error::Invalid("session".to_owned(), error.to_string());
            set_secret(&serde_json::to_vec(session).map_err(invalid)?)
        };
        match store(self) {
            Err(keyring::Error::TooLong(..)) => store(&Self { access: None, ..self.clone() }),
            stored => stored,
        }
    }

    /// The first of these claims that the id token has.
    pub(super) fn claim(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.claims.get(*name)?.as_str()).map(str::to_owned)
    }
}

/// Where a session was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Location {
    Keyring,
    File,
}

/// What became of a session that was to be saved.
pub(super) enum Saved {
    Stored(Location),
    /// The store holds another session, or none any more, which the caller does not replace.
    Refused,
}

/// The store of the session for one Graph.
#[derive(Clone, Debug)]
pub(super) struct SessionStore {
    /// The scope: a session is for one Graph.
    key: String,
    file: SessionFile,
    /// Opens the entry of a key in the keyring; none where the settings name a file.
    keyring: Option<fn(&str) -> keyring::Result<keyring::Entry>>,
}

impl SessionStore {
    /// The store that the settings name.
    pub(super) fn new(config: &Config) -> Result<Self> {
        let default = || Some(dirs::state_dir().or_else(dirs::data_local_dir)?.join("personcert").join("sign-in.json"));
        let missing = || auth_error("no state directory for this user; set `token_cache_file`");
        let file = config.token_cache_file.as_ref().map(PathBuf::from).or_else(default).ok_or_else(missing)?;
        let keyring = config.token_cache_file.is_none().then_some(open_keyring as _);
        Ok(Self { key: config.scope(), file: SessionFile(file), keyring })
    }

    /// The stored session and its location. The file comes first, because a keyring takes longer.
    pub(super) async fn load(&self) -> Result<Option<(StoredSession, Location)>> {
        let store = self.clone();
        if let Some(session) = blocking(move || store.in_file()).await? {
            return Ok(Some((session, Location::File)));
        }
        let secret = self.in_keyring(None, keyring::Entry::get_secret).await;
        Ok(secret.and_then(|secret| Some((serde_json::from_slice(&secret).ok()?, Location::Keyring))))
    }

    /// The session in the file, read on this thread.
    pub(super) fn in_file(&self) -> Result<Option<StoredSession>> {
        let session = self.file.read()?.remove(&self.key);
        Ok(session.and_then(|session| serde_json::from_value(session).ok()))
    }

    /// The version of the file.
    pub(super) fn file_version(&self) -> Option<FileVersion> {
        self.file.version()
    }

    /// How a user calls the location.
    pub(super) fn describe(&self, location: Location) -> String {
        match location {
            Location::Keyring => "the keyring".to_owned(),
            Location::File => self.file.0.display().to_string(),
        }
    }

    /// Stores a session if `may_replace` allows it to replace what is stored. No other process changes the store meanwhile.
    pub(super) async fn save(
        &self,
        session: &StoredSession,
        may_replace: impl Fn(Option<&StoredSession>) -> bool,
    ) -> Result<Saved> {
        let lock = self.lock().await?;
        let current = self.load().await?;
        if !may_replace(current.as_ref().map(|(session, _)| session)) {
            return Ok(Saved::Refused);
        }
        let kept = session.clone();
        let write = move |entry: &keyring::Entry| kept.store_in(|secret| entry.set_secret(secret));
        if self.has_keyring().await && self.in_keyring(lock.clone(), write).await.is_some() {
            // A session in the file would be found first.
            self.remove_from_file(lock).await?;
            return Ok(Saved::Stored(Location::Keyring));
        }
        let (store, value) =
            (self.clone(), serde_json::to_value(session).map_err(|error| auth_error(error.to_string()))?);
        let written = blocking(move || {
            let mut all = store.file.read()?;
            all.insert(store.key.clone(), value);
            let written = store.file.write(&all);
            drop(lock);
            written
        });
        written.await?;
        Ok(Saved::Stored(Location::File))
    }

    /// Removes the session; false when there was none.
    pub(super) async fn remove(&self) -> Result<bool> {
        let lock = if self.file.directory().exists() { self.lock().await? } else { None };
        let delete = keyring::Entry::delete_credential;
        let from_keyring = self.has_keyring().await && self.in_keyring(lock.clone(), delete).await.is_some();
        Ok(self.remove_from_file(lock).await? || from_keyring)
    }

    /// Removes the session from the file. The lock is released afterwards, even when the caller stops waiting.
    async fn remove_from_file(&self, lock: Option<Arc<FileLock>>) -> Result<bool> {
        let store = self.clone();
        let removed = blocking(move || {
            let mut all = store.file.read()?;
            let removed = all.remove(&store.key).is_some();
            if removed {
                store.file.write(&all)?;
            }
            drop(lock);
            Ok(removed)
        });
        removed.await
    }

    /// Locks the store. A keyring needs no directory for a file, so there the lock may fail.
    async fn lock(&self) -> Result<Option<Arc<FileLock>>> {
        let file = self.file.clone();
        match blocking(move || file.lock()).await {
            Ok(lock) => Ok(Some(Arc::new(lock))),
            Err(_) if self.keyring.is_some() && !self.file.directory().exists() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the keyring answers. One that waits for a user must not keep the lock.
    async fn has_keyring(&self) -> bool {
        use keyring::Error::{NoDefaultStore, NoStorageAccess, PlatformFailure};
        let probe = |entry: &keyring::Entry| match entry.get_secret() {
            Err(error @ (NoDefaultStore | NoStorageAccess(_) | PlatformFailure(_))) => Err(error),
            _ => Ok(()),
        };
        self.in_keyring(None, probe).await.is_some()
    }

    /// Does something with the entry in the keyring; `None` when that fails or the machine has no keyring. The lock is
    /// released afterwards, even when the caller stops waiting.
    async fn in_keyring<T: Send + 'static>(
        &self,
        lock: Option<Arc<FileLock>>,
        act: impl FnOnce(&keyring::Entry) -> keyring::Result<T> + Send + 'static,
    ) -> Option<T> {
        let open = self.keyring?;
        let key = self.key.clone();
        let done = blocking(move || {
            let done = open(&key).and_then(|entry| act(&entry)).ok();
            drop(lock);
            Ok(done)
        });
        tokio::time::timeout(KEYRING_TIMEOUT, done).await.ok()?.ok()?
    }
}

fn open_keyring(key: &str) -> keyring::Result<keyring::Entry> {
    keyring::Entry::new(SERVICE, key)
}

/// Runs blocking work on a thread of its own. A runtime that ends would wait for its own threads, and a keyring may wait
/// for a user.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (result_tx, result_rx) = tokio::sync::oneshot::channel();
    let work = move || drop(result_tx.send(work()));
    std::thread::Builder::new().spawn(work).map_err(|error| auth_error(error.to_string()))?;
    result_rx.await.map_err(|_| auth_error("cannot access the stored session"))?
}

#[cfg(test)]
mod tests {
    use std::any::Any;
    use std::cell::RefCell;
    use std::sync::{Condvar, Mutex};

    use keyring_core::api::CredentialApi;

    use super::*;

    #[test]
    fn a_keyring_with_little_room_gets_the_session_without_its_access_token() {
        let text = str::to_owned;
        let session = StoredSession {
            authority: text("https://login.example"),
            tenant: text("organizations"),
            client: text("an application"),
            refresh: "r".repeat(1500),
            access: Some(("a".repeat(2500), 4_000_000_000)),
            claims: Map::new(),
        };
        let stored = |max_bytes: usize| {
            let secret = RefCell::new(None);
            let result = session.store_in(|bytes| {
                if bytes.len() > max_bytes {
                    return Err(keyring::Error::TooLong(text("secret"), 2560));
                }
                *secret.borrow_mut() = Some(serde_json::from_slice::<StoredSession>(bytes).expect("a session"));
                Ok(())
            });
            (result.is_ok(), secret.into_inner())
        };
        let (ok, whole) = stored(10_000);
        assert!(ok && whole.is_some_and(|stored| stored.access == session.access));
        let (ok, shortened) = stored(2560);
        assert!(ok && shortened.is_some_and(|stored| stored.access.is_none() && stored.refresh == session.refresh));
        assert!(matches!(stored(1000), (false, None)));
    }

    /// A keyring with one entry, whose writes can be held back.
    static KEYRING: Mutex<Held> = Mutex::new(Held { entry: None, holds: false, waits: false });
    static CHANGED: Condvar = Condvar::new();

    struct Held {
        entry: Option<Vec<u8>>,
        /// Whether writes are held back, and whether one waits.
        holds: bool,
        waits: bool,
    }

    #[derive(Debug)]
    struct Entry;

    impl CredentialApi for Entry {
        fn set_secret(&self, secret: &[u8]) -> keyring::Result<()> {
            let mut keyring = KEYRING.lock().unwrap();
            keyring.waits = true;
            CHANGED.notify_all();
            keyring = CHANGED.wait_while(keyring, |keyring| keyring.holds).unwrap();
            keyring.entry = Some(secret.to_vec());
            Ok(())
        }

        fn get_secret(&self) -> keyring::Result<Vec<u8>> {
            KEYRING.lock().unwrap().entry.clone().ok_or(keyring::Error::NoEntry)
        }

        fn delete_credential(&self) -> keyring::Result<()> {
            KEYRING.lock().unwrap().entry.take().map(drop).ok_or(keyring::Error::NoEntry)
        }

        fn get_credential(&self) -> keyring::Result<Option<Arc<keyring_core::Credential>>> {
            Ok(None)
        }

        fn get_specifiers(&self) -> Option<(String, String)> {
            None
        }

        fn as_any(&self) -> &dyn Any {
            self
        }
    }

    fn hold(holds: bool) {
        let mut keyring = KEYRING.lock().unwrap();
        (keyring.holds, keyring.waits) = (holds, false);
        CHANGED.notify_all();
    }

    #[tokio::test]
    async fn a_write_to_the_keyring_that_outlives_its_save_does_not_undo_a_logout() {
        let folder = tempfile::tempdir().unwrap();
        let open = |_: &str| {
            let inner = keyring_core::Entry::new_with_credential(Arc::new(Entry));
            Ok(keyring::Entry { inner })
        };
        let file = SessionFile(folder.path().join("sign-in.json"));
        let store = SessionStore { key: "graph".into(), file, keyring: Some(open) };
        let session = StoredSession {
            authority: String::new(),
            tenant: String::new(),
            client: String::new(),
            refresh: "one".into(),
            access: None,
            claims: Map::new(),
        };
        assert!(matches!(store.save(&session, |_| true).await, Ok(Saved::Stored(Location::Keyring))));
        hold(true);
        let (saver, renewed) = (store.clone(), StoredSession { refresh: "two".into(), ..session });
        let save = tokio::spawn(async move { drop(saver.save(&renewed, |_| true).await) });
        let wait = || drop(CHANGED.wait_while(KEYRING.lock().unwrap(), |keyring| !keyring.waits).unwrap());
        tokio::task::spawn_blocking(wait).await.unwrap();
        save.abort();
        drop(save.await);
        let mut logout = std::pin::pin!(store.remove());
        // A logout that did not wait for the write would end before it.
        let early = tokio::time::timeout(Duration::from_millis(300), &mut logout).await;
        hold(false);
        let removed = if let Ok(removed) = early { removed } else { logout.await };
        assert!(removed.unwrap());
        assert!(store.load().await.unwrap().is_none(), "the session is not restored");
    }
}
