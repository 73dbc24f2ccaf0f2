//! Files of a job: readable by their owner alone, and never seen half written.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use personcert::{Error, ErrorKind, Outcome, Result};

/// A file that gets its name once it is complete.
pub struct NewFile {
    file: Option<File>,
    temporary: PathBuf,
    path: PathBuf,
}

impl NewFile {
    /// Creates a file beside `path`, which it will replace.
    pub fn create(path: &Path) -> Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let temporary = path.with_file_name(name);
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file_error(&temporary, error)),
            _ => {}
        }
        let file = create_private(&temporary).map_err(|error| file_error(&temporary, error))?;
        Ok(Self { file: Some(file), temporary, path: path.to_owned() })
    }

    /// The file, to write to.
    pub fn file(&self) -> Result<&File> {
        self.file.as_ref().ok_or_else(|| file_error(&self.path, "is closed"))
    }

    /// Puts the file on disk, then in its place.
    pub fn commit(mut self) -> Result<File> {
        let at_path = |error| file_error(&self.path, error);
        let file = self.file.take().ok_or_else(|| file_error(&self.path, "is closed"))?;
        file.sync_all().map_err(at_path)?;
        std::fs::rename(&self.temporary, &self.path).map_err(at_path)?;
        sync_folder(&self.path).map_err(at_path)?;
        Ok(file)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// An error about a file of the job.
pub fn file_error(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidInput, Outcome::NotSent, format!("{}: {why}", path.display()))
}

/// Creates a file that must not exist yet; it also refuses a link put in its place.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Puts the name of a new file on disk. Windows does so by itself.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
