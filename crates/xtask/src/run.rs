//! Runs programs inside the checkout.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What a step gives: nothing, or one line that says what failed.
pub type Result<T = ()> = std::result::Result<T, String>;

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

/// A Python that finds the package in the checkout.
pub fn from_source(python: impl AsRef<Path>, arguments: &[&str]) -> Command {
    let mut command = command(python, arguments);
    command.env("PYTHONPATH", root().join("python")).env("MYPYPATH", root().join("python"));
    command
}

/// Runs a command and fails when it does.
pub fn run(command: &mut Command) -> Result {
    let line = display(command);
    println!("  $ {line}");
    let status = command.status().map_err(|error| format!("`{line}` did not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed ({status})")) }
}

/// Runs a command and gives its standard output, which is printed only when the command fails.
pub fn output(command: &mut Command) -> Result<String> {
    let line = display(command);
    println!("  $ {line}");
    let started = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
    let output = started.and_then(Child::wait_with_output).map_err(|error| format!("`{line}` did not run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(text.into_owned());
    }
    println!("{text}");
    Err(format!("`{line}` failed ({})", output.status))
}

/// Runs a checker over a file with mistakes, and fails unless it finds exactly this number of them.
pub fn expect_mistakes(command: &mut Command, mistakes: usize) -> Result {
    let line = display(command);
    println!("  $ {line}   (must find {mistakes} mistakes)");
    let output = command.output().map_err(|error| format!("`{line}` did not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.lines().filter(|line| line.contains("error:") || line.contains("error TS")).count();
    if found == mistakes { Ok(()) } else { Err(format!("`{line}` found {found} mistakes:\n{text}")) }
}

fn display(command: &Command) -> String {
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
