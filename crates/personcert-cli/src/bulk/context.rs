//! What every command for many certifications works with.

use std::path::{Path, PathBuf};

use personcert::Client;
use tokio::runtime::Runtime;

/// What every command for many certifications works with.
pub(crate) struct Context<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(crate) client: Client,
    /// The service, as reports name it.
    pub(crate) service: String,
    pub(crate) unknown_audiences: bool,
    pub(crate) is_json: bool,
}

/// The path with `suffix` after its name; that of standard input begins with the command's name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    if path.as_os_str() == "-" {
        return PathBuf::from(format!("personcert{suffix}"));
    }
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
