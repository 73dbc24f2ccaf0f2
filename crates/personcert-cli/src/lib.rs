//! The `personcert` command as a library, so that the Python and Node packages bring it along.

mod arguments;
mod demo;
mod output;
mod serve;
mod settings;
mod sign_in;

use std::ffi::OsString;
use std::sync::Arc;

use clap::Parser;
use personcert::host::{Call, Dialect, Output};
use personcert::{Client, Config, Error, ErrorKind, Hooks, Outcome, Result};
use serde_json::{Map, Value};

use arguments::{Arguments, Command};

/// Runs the command with its arguments, the program's name first, and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> i32 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return error.exit_code();
        }
    };
    let json = arguments.json;
    match carry_out(arguments) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error, json);
            exit_code(error.kind)
        }
    }
}

/// What a shell script learns of an error.
fn exit_code(kind: ErrorKind) -> i32 {
    match kind {
        ErrorKind::InvalidInput => 2,
        ErrorKind::Auth => 3,
        ErrorKind::Permission => 4,
        ErrorKind::NotFound => 5,
        ErrorKind::Conflict => 6,
        ErrorKind::Throttled => 7,
        ErrorKind::Service | ErrorKind::Network | ErrorKind::Timeout | ErrorKind::Protocol => 8,
        ErrorKind::Cancelled => 130,
    }
}

/// What a doctor ends with who found something bad.
const UNWELL: i32 = 4;

/// Does what was asked; gives the exit code.
fn carry_out(arguments: Arguments) -> Result<i32> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Error::new(ErrorKind::Service, Outcome::NotSent, format!("the runtime can't be set up: {error}"))
    })?;
    if let Command::Serve(options) = &arguments.command {
        return runtime.block_on(serve::serve(options, arguments.json)).map(|()| 0);
    }
    if matches!(arguments.command, Command::Demo) {
        return runtime.block_on(demo::demo(arguments.json)).map(|shown| output::print(&shown)).map(|()| 0);
    }
    if matches!(arguments.command, Command::Login | Command::Logout | Command::Whoami) {
        let config = Config::read(&arguments.settings.read()?, Dialect::GRAPH)?;
        let shown = runtime.block_on(async {
            tokio::select! {
                shown = sign_in::carry_out(&arguments.command, &config, arguments.json) => shown,
                _ = tokio::signal::ctrl_c() => {
                    Err(Error::new(ErrorKind::Cancelled, Outcome::NotSent, "the sign-in was cancelled"))
                }
            }
        })?;
        output::print(&shown);
        return Ok(0);
    }
    let (operation, given) = arguments.command.call()?;
    let call = Call::read(operation, &given, Dialect::GRAPH)?;
    let on_attempt = arguments.verbose.then(|| Arc::new(output::attempt) as _);
    let hooks = Hooks { on_attempt, ..Hooks::default() };
    let client = Client::with(&Config::read(&arguments.settings.read()?, Dialect::GRAPH)?, hooks)?;
    let state = call.state();
    runtime.block_on(async {
        tokio::select! {
            done = perform(&client, call, operation, arguments.json) => done,
            _ = tokio::signal::ctrl_c() => Err(state.cancelled()),
        }
    })
}

async fn perform(client: &Client, call: Call, operation: &str, json: bool) -> Result<i32> {
    let mut code = 0;
    let shown = match client.call(call).await? {
        Output::Pages(mut pages) => {
            let mut all = Vec::new();
            while let Some(page) = pages.next().await? {
                all.extend(page.iter().map(|item| serde_json::to_value(item).unwrap_or_default()));
            }
            if json { output::json(&Value::Array(all)) } else { output::table(&all) }
        }
        answer => {
            let value = answer.to_value();
            if matches!(&answer, Output::Findings(found) if found.iter().any(|finding| !finding.ok)) {
                code = UNWELL;
            }
            match (json, operation) {
                (true, _) => output::json(&value),
                (false, "update") => output::updated(&value),
                (false, "doctor") => output::findings(&value),
                (false, "delete") => "deleted\n".to_owned(),
                (false, _) => output::card(&value),
            }
        }
    };
    output::print(&shown);
    Ok(code)
}

type Given = Map<String, Value>;
