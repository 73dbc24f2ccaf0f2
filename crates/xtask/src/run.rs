//! Running programs inside the checkout.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a step gives: nothing, or one line that says what is wrong.
pub type Done<T = ()> = Result<T, String>;

/// The root of the checkout.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_owned()
}

/// A program with arguments, started at the root of the checkout.
pub fn command(program: impl AsRef<Path>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program.as_ref());
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs a command and fails when it does.
pub fn run(command: &mut Command) -> Done {
    let shown = shown(command);
    println!("  $ {shown}");
    let status = command.status().map_err(|error| format!("`{shown}` did not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed ({status})")) }
}

/// Runs a checker over a file with mistakes, and fails when it doesn't find so many of them.
pub fn refuse(command: &mut Command, mistakes: usize) -> Done {
    let shown = shown(command);
    println!("  $ {shown}   (must find {mistakes} mistakes)");
    let output = command.output().map_err(|error| format!("`{shown}` did not start: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let found = said.lines().filter(|line| line.contains("error:") || line.contains("error TS")).count();
    if found == mistakes { Ok(()) } else { Err(format!("`{shown}` found {found} mistakes:\n{said}")) }
}

fn shown(command: &Command) -> String {
    let root = root();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words
        .map(|word| {
            let path = Path::new(word);
            path.strip_prefix(&root).unwrap_or(path).display().to_string()
        })
        .collect();
    words.join(" ")
}
