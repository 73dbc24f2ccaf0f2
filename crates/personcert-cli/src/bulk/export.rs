//! Writing current certifications in the form that `apply` reads.

use std::io::BufWriter;

use personcert::{Error, ListQuery, Result, User};
use personcert_bulk::export::Exporter;

use super::arguments::ExportArgs;
use super::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::file;

/// The largest list of users, in bytes.
const MAX_USERS_BYTES: u64 = 64 << 20;

/// Writes the certifications of the users to standard output.
pub(crate) fn export(context: &Context<'_>, arguments: &ExportArgs) -> Result<ExitCode, Failure> {
    let users = context.runtime.block_on(users(arguments))?;
    let out = BufWriter::new(std::io::stdout().lock());
    let exporter = if arguments.jsonl { Ok(Exporter::json_lines(out)) } else { Exporter::csv(out) };
    let mut exporter = exporter.map_err(Failure::Output)?;
    for user in users {
        let mut pages = context.client.list(&named(&user), &ListQuery::default())?;
        while let Some(page) = context.runtime.block_on(pages.next())? {
            for certification in &page {
                exporter.write(&user, certification).map_err(Failure::Output)?;
            }
        }
    }
    exporter.flush().map_err(Failure::Output)?;
    Ok(ExitCode::Done)
}

async fn users(arguments: &ExportArgs) -> Result<Vec<String>> {
    let mut users = arguments.user.clone();
    if let Some(path) = &arguments.users {
        let text = file::read("--users", path, MAX_USERS_BYTES).await?;
        users.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
        if users.is_empty() {
            return Err(Error::input("--users", "the file names no user; write one on each line"));
        }
    }
    if users.is_empty() {
        users.push("me".to_owned());
    }
    Ok(users)
}

fn named(user: &str) -> User {
    if user == "me" { User::Me } else { User::Named(user.to_owned()) }
}
