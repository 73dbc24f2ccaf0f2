//! `personcert login`, `logout` and `whoami`.

use personcert::auth::{account, login, logout};
use personcert::{Config, Error, ErrorKind, Outcome, Result};
use serde_json::json;

use crate::arguments::Command;
use crate::output;

/// Executes the command and returns the text to print.
pub(crate) async fn execute(command: &Command, config: &Config, as_json: bool) -> Result<String> {
    let account = match command {
        Command::Login => login(config, output::prompt).await?,
        Command::Logout => {
            let signed_out = logout(config).await?;
            let text = if signed_out { "signed out\n" } else { "not signed in\n" };
            return Ok(if as_json { output::json(&json!({"signedOut": signed_out})) } else { text.to_owned() });
        }
        _ => account(config)
            .await?
            .ok_or_else(|| Error::new(ErrorKind::Auth, Outcome::NotSent, "not signed in; run `personcert login`"))?,
    };
    let value = serde_json::to_value(&account).unwrap_or_default();
    Ok(if as_json { output::json(&value) } else { output::account(&value) })
}
