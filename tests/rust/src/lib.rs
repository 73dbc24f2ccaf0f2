//! What the tests share.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// Builds the `personcert` command, where it isn't fresh, and tells where it is.
pub fn command() -> Result<PathBuf, String> {
    let arguments = ["build", "--quiet", "--package", "personcert-cli", "--message-format", "json"];
    let built = Command::new(env!("CARGO")).args(arguments).output().map_err(|error| error.to_string())?;
    let messages = String::from_utf8_lossy(&built.stdout);
    let program = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    program.ok_or_else(|| "the command could not be built".to_owned())
}
