//! A program that prints a token.
//!
//! The program runs with a time limit, without standard input and without the variables that hold secrets. When the limit is
//! reached or the call is dropped, it is ended together with the programs that it started.

use std::ffi::OsStr;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::process_tree::ProcessTree;
use super::provider::{TokenFuture, from_unix};
use super::{AccessToken, TokenProvider, TokenRequest};
use crate::{Error, ErrorKind, Outcome};

/// How long a command may run.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_mins(1);
/// How much of a command's output is read.
const MAX_OUTPUT_BYTES: u64 = 256 << 10;

/// Runs a command line in the shell for each token. It prints the token alone, or JSON as Azure's CLI does:
/// `{"accessToken": …, "expires_on": …}`. Its standard error goes to ours.
#[derive(Debug)]
pub(crate) struct TokenCommand(pub(crate) String);

impl TokenProvider for TokenCommand {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        Box::pin(async move {
            let failed =
                |why: String| Error::new(ErrorKind::Auth, Outcome::NotSent, format!("the token command {why}"));
            let mut command = shell(&self.0);
            command.env("PERSONCERT_SCOPE", &request.scope);
            command.env("PERSONCERT_CLAIMS", request.claims.as_deref().unwrap_or_default());
            let (status, output, _) = run(command, COMMAND_TIMEOUT).await.map_err(|error| match error.kind() {
                io::ErrorKind::TimedOut => failed(format!("took longer than {} s", COMMAND_TIMEOUT.as_secs())),
                _ => failed(format!("could not be run: {error}")),
            })?;
            if !status.success() {
                return Err(failed(format!("failed ({status})")));
            }
            let output = String::from_utf8_lossy(&output);
            parse_output(&output).ok_or_else(|| failed("printed neither a token nor JSON with one".into()))
        })
    }
}

#[cfg(not(windows))]
fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]);
    command
}

#[cfg(windows)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("cmd.exe");
    command.args(["/D", "/S", "/C"]).raw_arg(format!("\"{line}\""));
    command
}

/// Runs a program without input. Ends it, and every program it started, when it takes longer than `limit` or when the
/// caller stops waiting. Standard error is returned where the command pipes it.
pub(super) async fn run(mut command: Command, limit: Duration) -> io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut tree = ProcessTree::spawn(command)?;
    let finished = async {
        let (output, errors) = tree.take_output();
        let (output, errors) = tokio::try_join!(read(output), read(errors))?;
        Ok((tree.wait().await?, output, errors))
    };
    tokio::time::timeout(limit, finished).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Reads what a program writes, up to [`MAX_OUTPUT_BYTES`].
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(MAX_OUTPUT_BYTES).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// A command without the variables that hold secrets.
pub(super) fn without_secrets(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    for secret in super::SECRET_VARIABLES {
        command.env_remove(secret);
    }
    command
}

/// The token that a command printed, with its expiry where the output is JSON.
fn parse_output(output: &str) -> Option<AccessToken> {
    let output = output.trim();
    if !output.starts_with('{') {
        return (!output.is_empty()).then(|| AccessToken::new(output, None));
    }
    let output: Value = serde_json::from_str(output).ok()?;
    let token = ["accessToken", "access_token", "token"].iter().find_map(|name| output[name].as_str())?;
    let end = output["expires_on"].as_u64().or_else(|| output["expires_on"].as_str()?.parse().ok());
    Some(AccessToken::new(token, end.and_then(from_unix)))
}
