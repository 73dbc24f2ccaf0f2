//! `personcert demo`: the documented example, on a local Graph that lives as long as the command.

use std::fmt::Write;

use personcert::{CertificationPatch, Change, Client, Config, Result, Target, UpdateOptions, User};
use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};

use crate::output;

const USER: &str = "innocenty.popov@contoso.com";
const ID: &str = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";

/// Makes the change, and tells what was sent, what changed, and what is there now.
pub(crate) async fn demo(as_json: bool) -> Result<String> {
    let graph = LocalGraph::start(Options::default())?;
    let token = graph.command("token", &json!({"user": USER}))?;
    let config =
        Config { base_url: Some(graph.url().to_owned()), token: token.as_str().map(Into::into), ..Config::default() };
    let client = Client::new(&config)?;
    let target = Target::new(User::Named(USER.into()), ID)?;
    let current = client.get(&target, &[]).await?;
    let excellence = || Change::Set("International Academy of Marketing Excellence".to_owned());
    let patch = CertificationPatch {
        issuing_authority: excellence(),
        issuing_company: excellence(),
        ..CertificationPatch::default()
    };
    let updated =
        client.update(&target, &patch, &UpdateOptions { current: Some(&current), ..UpdateOptions::default() }).await?;
    let requests = graph.command("requests", &Value::Null)?;
    let stored = graph.command("certifications", &json!({"user": USER}))?;
    if as_json {
        return Ok(output::json(&json!({"requests": requests, "updated": updated, "stored": stored})));
    }
    let mut told = "On a local Graph; nothing leaves this machine.\n\n".to_owned();
    for request in requests.as_array().into_iter().flatten() {
        let part = |name: &str| request[name].as_str().unwrap_or_default();
        let _ = writeln!(told, "{} {} {}", part("method"), part("path"), part("body"));
    }
    let _ = write!(told, "\n{}", output::updated(&json!(updated)));
    let _ = write!(told, "\nstored now:\n{}", output::card(&stored[0]));
    Ok(told)
}
