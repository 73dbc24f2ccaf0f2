//! A program that prints a token.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::token::TokenFuture;
use super::{AccessToken, TokenProvider, TokenRequest};
use crate::{Error, ErrorKind, Outcome, Result};

/// The longest a command may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// The most that is read of what it prints.
const LONGEST: u64 = 256 << 10;

/// Runs a command line in the shell for each token. It prints the token alone, or JSON as Azure's CLI does:
/// `{"accessToken": …, "expires_on": …}`. What it says on standard error goes to ours.
#[derive(Debug)]
pub(crate) struct TokenCommand(pub(crate) String);

impl TokenProvider for TokenCommand {
    fn token(self: Arc<Self>, request: TokenRequest) -> TokenFuture {
        let line = self.0.clone();
        Box::pin(async move {
            let refuse =
                |why: String| Error::new(ErrorKind::Auth, Outcome::NotSent, format!("the token command {why}"));
            let said = tokio::time::timeout(PATIENCE, run(&line, &request)).await;
            let said = said.map_err(|_| refuse(format!("took longer than {} s", PATIENCE.as_secs())))?;
            read(&said.map_err(refuse)?).ok_or_else(|| refuse("printed neither a token nor JSON with one".into()))
        })
    }
}

async fn run(line: &str, request: &TokenRequest) -> Result<String, String> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", line])
        .env("PERSONCERT_SCOPE", &request.scope)
        .env("PERSONCERT_CLAIMS", request.claims.as_deref().unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("did not start: {error}"))?;
    let mut said = String::new();
    let mut out = child.stdout.take().ok_or("has no output")?.take(LONGEST);
    out.read_to_string(&mut said).await.map_err(|error| format!("could not be read: {error}"))?;
    drop(out);
    let status = child.wait().await.map_err(|error| format!("was lost: {error}"))?;
    if status.success() { Ok(said) } else { Err(format!("failed ({status})")) }
}

fn read(said: &str) -> Option<AccessToken> {
    let said = said.trim();
    if !said.starts_with('{') {
        return (!said.is_empty()).then(|| AccessToken::new(said, None));
    }
    let answer: Value = serde_json::from_str(said).ok()?;
    let token = ["accessToken", "access_token", "token"].iter().find_map(|name| answer[name].as_str())?;
    let end = answer["expires_on"].as_u64().or_else(|| answer["expires_on"].as_str()?.parse().ok());
    Some(AccessToken::new(token, end.and_then(|end| UNIX_EPOCH.checked_add(Duration::from_secs(end)))))
}
