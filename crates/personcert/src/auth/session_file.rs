//! The file that stores sessions: private to its owner, replaced as a whole, and locked across processes.
//!
//! A refresh token is worth a password. The file is refused when it is a symbolic link, when another user owns it or may
//! read it, or when others could replace it through its directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value};

use super::authority::auth_error;
use crate::{Error, Result};

/// Size limit of the file.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// How long to wait for another process that changes the file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a lock that is held is tried again.
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// A file with one JSON object.
#[derive(Clone, Debug)]
pub(super) struct SessionFile(pub(super) PathBuf);

/// Tells two versions of the file apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileVersion(SystemTime, u64);

/// Keeps other processes from changing the file until it is dropped.
pub(super) struct FileLock(#[expect(dead_code, reason = "closing the file releases the lock")] File);

impl SessionFile {
    /// The current version; `None` where the file doesn't exist.
    pub(super) fn version(&self) -> Option<FileVersion> {
        let about = std::fs::symlink_metadata(&self.0).ok()?;
        Some(FileVersion(about.modified().ok()?, about.len()))
    }

    /// Reads the object; a file that doesn't exist is empty.
    pub(super) fn read(&self) -> Result<Map<String, Value>> {
        let file = match open(OpenOptions::new().read(true), &self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Map::new()),
            Err(error) => return Err(self.error(error)),
        };
        check_file(&file).and_then(|()| check_directory(self.directory())).map_err(|why| self.error(why))?;
        let mut text = String::new();
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(|error| self.error(error))?;
        serde_json::from_str(&text).map_err(|_| self.error("not a session file; remove it and sign in again"))
    }

    /// Replaces the file, so that no reader sees half of it, or any of it before it is private.
    pub(super) fn write(&self, object: &Map<String, Value>) -> Result<()> {
        if self.0.is_symlink() {
            return Err(self.error(SYMBOLIC_LINK));
        }
        let directory = self.directory();
        create_directory(directory).map_err(|error| self.error(error))?;
        check_directory(directory).map_err(|why| self.error(why))?;
        let written = || {
            // Created with mode 0600.
            let mut file = tempfile::Builder::new().prefix(".sign-in").tempfile_in(directory)?;
            file.write_all(Value::Object(object.clone()).to_string().as_bytes())?;
            file.as_file().sync_all()?;
            let path = file.into_temp_path().keep()?;
            // Not `persist`, which Windows refuses while another program reads the file.
            std::fs::rename(&path, &self.0).inspect_err(|_| drop(std::fs::remove_file(&path)))
        };
        written().map_err(|error: io::Error| self.error(error))
    }

    /// Locks the file, in a file of its own beside it: the file itself is replaced by each change.
    pub(super) fn lock(&self) -> Result<FileLock> {
        create_directory(self.directory()).map_err(|error| self.error(error))?;
        let mut name = self.0.clone().into_os_string();
        name.push(".lock");
        let file = open(OpenOptions::new().write(true).create(true).truncate(false), Path::new(&name));
        let file = file.map_err(|error| self.error(error))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(FileLock(file)),
                Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_TIMEOUT => std::thread::sleep(LOCK_RETRY),
                Err(TryLockError::WouldBlock) => return Err(self.error("locked by another program; try again")),
                Err(TryLockError::Error(error)) => return Err(self.error(error)),
            }
        }
    }

    /// The directory that holds the file and its lock.
    pub(super) fn directory(&self) -> &Path {
        self.0.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// An error that names the file.
    fn error(&self, why: impl std::fmt::Display) -> Error {
        auth_error(format!("{}: {why}", self.0.display()))
    }
}

const SYMBOLIC_LINK: &str = "is a symbolic link; sessions are not stored behind links";

#[cfg(unix)]
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let opened = options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    opened.map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => io::Error::other(SYMBOLIC_LINK),
        _ => error,
    })
}

#[cfg(not(unix))]
fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    if path.is_symlink() {
        return Err(io::Error::other(SYMBOLIC_LINK));
    }
    options.open(path)
}

/// Refuses a file that other users could have read or written.
#[cfg(unix)]
fn check_file(file: &File) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let about = file.metadata().map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("not a regular file".into());
    }
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err("owned by another user; choose another token cache file".into());
    }
    if about.mode() & 0o077 != 0 {
        return Err("other users may access it; run `chmod 600` on it, or remove it and sign in again".into());
    }
    Ok(())
}

/// Refuses a directory in which other users could replace the file. In one like `/tmp`, with the sticky bit, they can't.
#[cfg(unix)]
fn check_directory(directory: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let about = std::fs::metadata(directory).map_err(|error| error.to_string())?;
    if about.uid() != rustix::process::geteuid().as_raw() && about.uid() != 0 {
        return Err(format!("{} is owned by another user; choose another token cache file", directory.display()));
    }
    if about.mode() & 0o022 != 0 && about.mode() & 0o1000 == 0 {
        return Err(format!("other users may write to {0}; run `chmod go-w {0}`", directory.display()));
    }
    Ok(())
}

/// Elsewhere the user's own directories are closed to others.
#[cfg(not(unix))]
fn check_file(_: &File) -> Result<(), String> {
    Ok(())
}

#[cfg(not(unix))]
fn check_directory(_: &Path) -> Result<(), String> {
    Ok(())
}

#[cfg(unix)]
fn create_directory(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(not(unix))]
fn create_directory(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)
}
