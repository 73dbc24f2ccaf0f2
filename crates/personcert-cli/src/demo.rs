//! `personcert demo`: the example of Graph's documentation on a temporary local Graph.

use std::fmt::Write;

use personcert::{CertificationPatch, Change, Client, Config, Result, Target, UpdateOptions, UpdateResult, User};
use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::output::{self, Warnings};

const USER: &str = "innocenty.popov@contoso.com";
const ID: &str = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";

/// Makes the change and returns a report: the requests, the changes and the stored certification.
pub(crate) fn demo(runtime: &Runtime, as_json: bool) -> Result<String> {
    let graph = LocalGraph::start(Options::default())?;
    let update = runtime.block_on(update(&graph))?;
    let requests = graph.command("requests", &Value::Null)?;
    let stored = graph.command("certifications", &json!({"user": USER}))?;
    if as_json {
        return Ok(output::json(&json!({"requests": requests, "updated": update, "stored": stored})));
    }
    let mut report = "On a temporary local Graph; nothing leaves this machine.\n\n".to_owned();
    for request in requests.as_array().into_iter().flatten() {
        let part = |name: &str| request[name].as_str().unwrap_or_default();
        let line = format!("{} {} {}", part("method"), part("path"), part("body"));
        report.push_str(line.trim_end());
        report.push('\n');
    }
    let _ = write!(report, "\n{}", output::update(&json!(update), &Warnings::default()));
    let _ = write!(report, "\nstored now:\n{}", output::card(&stored[0]));
    Ok(report)
}

async fn update(graph: &LocalGraph) -> Result<UpdateResult> {
    let token = graph.command("token", &json!({"user": USER}))?;
    let config =
        Config { base_url: Some(graph.url().to_owned()), token: token.as_str().map(Into::into), ..Config::default() };
    let client = Client::new(&config)?;
    let target = Target::new(User::Named(USER.into()), ID)?;
    let current = client.get(&target, &[]).await?;
    let academy = || Change::Set("International Academy of Marketing Excellence".to_owned());
    let patch = CertificationPatch {
        issuing_authority: academy(),
        issuing_company: academy(),
        ..CertificationPatch::default()
    };
    let options = UpdateOptions { current: Some(&current), ..UpdateOptions::default() };
    client.update(&target, &patch, &options).await
}
