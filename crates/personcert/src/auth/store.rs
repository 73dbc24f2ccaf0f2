//! What a sign-in leaves: in the operating system's keyring, or in a file that its owner alone reads.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::authority::failure;
use crate::{Config, Result};

/// Its name in the keyring.
const SERVICE: &str = "personcert";
/// A keyring that wants to ask somebody something has so long; then it is as if there were none.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest file that is read.
const LONGEST: u64 = 1 << 20;

/// A person's sign-in.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) authority: String,
    pub(super) tenant: String,
    pub(super) client: String,
    pub(super) refresh: String,
    /// The access token, and when it ends in seconds since 1970.
    pub(super) access: Option<(String, u64)>,
    /// The claims of the id token that say who it is.
    pub(super) person: Map<String, Value>,
}

/// The place for the sign-in to one Graph.
#[derive(Clone, Debug)]
pub(super) struct Store {
    /// The scope: a sign-in is for one Graph.
    key: String,
    file: PathBuf,
    keyring: bool,
}

impl Store {
    /// The place that the settings name.
    pub(super) fn new(config: &Config) -> Result<Self> {
        let usual = || Some(dirs::state_dir().or_else(dirs::data_local_dir)?.join("personcert").join("sign-in.json"));
        let none =
            || failure("there is no place for the sign-in: this user has no home; name a file for the token cache");
        let file = config.token_cache_file.as_ref().map(PathBuf::from).or_else(usual).ok_or_else(none)?;
        Ok(Self { key: config.scope(), file, keyring: config.token_cache_file.is_none() })
    }

    /// What is kept, and where it was found. The file comes first: asking a keyring takes longer.
    pub(super) async fn load(&self) -> Result<Option<(Kept, String)>> {
        let store = self.clone();
        let found = blocking(move || store.read().map(|mut all| all.remove(&store.key))).await?;
        if let Some(kept) = found.and_then(|kept| serde_json::from_value(kept).ok()) {
            return Ok(Some((kept, self.file.display().to_string())));
        }
        let kept = self.in_keyring(keyring::Entry::get_password).await;
        Ok(kept.and_then(|kept| Some((serde_json::from_str(&kept).ok()?, "the keyring".to_owned()))))
    }

    /// Keeps a sign-in and says where.
    pub(super) async fn save(&self, kept: &Kept) -> Result<String> {
        let text = serde_json::to_string(kept).map_err(|error| failure(error.to_string()))?;
        let keep = text.clone();
        if self.in_keyring(move |entry| entry.set_password(&keep)).await.is_some() {
            // What an earlier sign-in left in the file would be found before it.
            self.remove_from_file().await?;
            return Ok("the keyring".to_owned());
        }
        let store = self.clone();
        blocking(move || {
            let mut all = store.read()?;
            all.insert(store.key.clone(), serde_json::from_str(&text).map_err(|error| failure(error.to_string()))?);
            store.write(&all)
        })
        .await?;
        Ok(self.file.display().to_string())
    }

    /// Forgets a sign-in; false when there was none.
    pub(super) async fn remove(&self) -> Result<bool> {
        let from_keyring = self.in_keyring(keyring::Entry::delete_credential).await.is_some();
        Ok(self.remove_from_file().await? || from_keyring)
    }

    async fn remove_from_file(&self) -> Result<bool> {
        let store = self.clone();
        let removed = blocking(move || {
            let mut all = store.read()?;
            let was = all.remove(&store.key).is_some();
            if was { store.write(&all).map(|()| true) } else { Ok(false) }
        });
        removed.await
    }

    /// Does something with the entry in the keyring; none when that fails or there is no keyring.
    async fn in_keyring<T: Send + 'static>(
        &self,
        act: impl FnOnce(&keyring::Entry) -> keyring::Result<T> + Send + 'static,
    ) -> Option<T> {
        if !self.keyring {
            return None;
        }
        let key = self.key.clone();
        let asked = blocking(move || Ok(keyring::Entry::new(SERVICE, &key).and_then(|entry| act(&entry)).ok()));
        tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?
    }

    fn read(&self) -> Result<Map<String, Value>> {
        let wrong = |why: String| failure(format!("{}: {why}", self.file.display()));
        let file = match open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Map::new()),
            Err(error) => return Err(wrong(error.to_string())),
        };
        private(&file).map_err(wrong)?;
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
        serde_json::from_str(&text)
            .map_err(|_| wrong("this is not what a sign-in left; remove it and sign in again".into()))
    }

    /// A new file takes the place of the old one, so that nobody ever reads half of it, or anything before it is
    /// private.
    fn write(&self, all: &Map<String, Value>) -> Result<()> {
        let wrong = |error: std::io::Error| failure(format!("{}: {error}", self.file.display()));
        if self.file.is_symlink() {
            return Err(wrong(std::io::Error::other(
                "this is a symbolic link, and the sign-in isn't written through one",
            )));
        }
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        make(folder).map_err(wrong)?;
        // Such a file is made with mode 0600.
        let mut fresh = tempfile::Builder::new().prefix(".sign-in").tempfile_in(folder).map_err(wrong)?;
        fresh.write_all(Value::Object(all.clone()).to_string().as_bytes()).map_err(wrong)?;
        fresh.as_file().sync_all().map_err(wrong)?;
        fresh.persist(&self.file).map(drop).map_err(|error| wrong(error.error))
    }
}

/// Runs what waits for disks or other programs on a thread of its own: a runtime that ends waits for its own threads, and
/// a keyring may ask somebody who isn't there.
async fn blocking<T: Send + 'static>(act: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (done, ended) = tokio::sync::oneshot::channel();
    let work = move || drop(done.send(act()));
    std::thread::Builder::new().spawn(work).map_err(|error| failure(error.to_string()))?;
    ended.await.map_err(|_| failure("the place for the sign-in could not be read"))?
}

#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let opened = File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    opened.map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => std::io::Error::other("this is a symbolic link, and no sign-in is read through one"),
        _ => error,
    })
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<File> {
    if path.is_symlink() {
        return Err(std::io::Error::other("this is a symbolic link, and no sign-in is read through one"));
    }
    File::open(path)
}

/// Refuses what others could have read or written.
#[cfg(unix)]
fn private(file: &File) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let about = file.metadata().map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("this is not a file".into());
    }
    if about.mode() & 0o077 != 0 {
        return Err("others may read it; `chmod 600` it, or remove it and sign in again".into());
    }
    Ok(())
}

/// Elsewhere the user's own folders are closed to others.
#[cfg(not(unix))]
fn private(_: &File) -> Result<(), String> {
    Ok(())
}

#[cfg(unix)]
fn make(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("tenant", &self.tenant).field("client", &self.client).finish_non_exhaustive()
    }
}
