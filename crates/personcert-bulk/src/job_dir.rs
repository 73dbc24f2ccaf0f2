//! The folder of a job: its journal, its before-images, and the lock that keeps a second process out.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use personcert::{Error, ErrorKind, Outcome, Result};

use crate::disk::{Disk, FileDisk, private};

const JOURNAL: &str = "journal";
const BEFORE: &str = "before";
const LOCK: &str = "lock";

/// Where the files of a job are.
pub trait Storage: Send {
    /// The journal.
    fn journal(&self) -> io::Result<Box<dyn Disk>>;

    /// The certifications before their changes.
    fn before(&self) -> io::Result<Box<dyn Disk>>;
}

/// A folder of the file system, locked for this process.
#[derive(Debug)]
pub struct JobDir {
    path: PathBuf,
    /// The system unlocks it when it is closed.
    _lock: File,
}

impl JobDir {
    /// Opens the folder of a job, or creates it, for its owner alone.
    ///
    /// # Errors
    /// `conflict` when another process has the job open.
    pub fn open(path: &Path) -> Result<Self> {
        let at = |error: io::Error| {
            let why = format!("the folder of the job, {}, can't be used: {error}", path.display());
            Error::new(ErrorKind::InvalidInput, Outcome::NotSent, why)
        };
        create_private(path).map_err(at)?;
        let lock = private().write(true).create(true).truncate(false).open(path.join(LOCK)).map_err(at)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                let why = format!("another process runs the job in {}; wait for its end or stop it", path.display());
                Err(Error::new(ErrorKind::Conflict, Outcome::NotSent, why))
            }
            Err(TryLockError::Error(error)) => Err(at(error)),
        }
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the journal in a job's folder.
    pub fn journal_path(path: &Path) -> PathBuf {
        path.join(JOURNAL)
    }

    /// The path of the before-images in a job's folder.
    pub fn before_path(path: &Path) -> PathBuf {
        path.join(BEFORE)
    }
}

impl Storage for JobDir {
    fn journal(&self) -> io::Result<Box<dyn Disk>> {
        Ok(Box::new(FileDisk::open(&Self::journal_path(&self.path))?))
    }

    fn before(&self) -> io::Result<Box<dyn Disk>> {
        Ok(Box::new(FileDisk::open(&Self::before_path(&self.path))?))
    }
}

#[cfg(unix)]
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}
