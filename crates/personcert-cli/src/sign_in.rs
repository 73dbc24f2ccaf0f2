//! `personcert login`, `logout` and `whoami`.

use personcert::{Config, Error, ErrorKind, Outcome, Result, account, login, logout};
use serde_json::json;

use crate::arguments::Command;
use crate::output;

/// Does what was asked and gives what to show.
pub(crate) async fn carry_out(command: &Command, config: &Config, as_json: bool) -> Result<String> {
    let account = match command {
        Command::Login => login(config, output::prompt).await?,
        Command::Logout => {
            let was = logout(config).await?;
            let text = if was { "signed out\n" } else { "nobody was signed in\n" };
            return Ok(if as_json { output::json(&json!({"signedOut": was})) } else { text.to_owned() });
        }
        _ => account(config).await?.ok_or_else(|| {
            Error::new(ErrorKind::Auth, Outcome::NotSent, "nobody is signed in; run `personcert login`")
        })?,
    };
    let value = serde_json::to_value(&account).unwrap_or_default();
    Ok(if as_json { output::json(&value) } else { output::account(&value) })
}
