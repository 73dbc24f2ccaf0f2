//! The `personcert` command as a library, so that the Python and Node packages include it.

mod arguments;
mod bulk;
mod demo;
mod exit_code;
mod failure;
mod file;
mod flags;
mod operation;
mod output;
mod serve;
mod settings;
mod sign_in;
mod signal;

use std::cell::OnceCell;
use std::ffi::OsString;
use std::sync::Arc;

use clap::Parser;
use personcert::doctor::Finding;
use personcert::hooks::Attempt;
use personcert::host::CallState;
use personcert::host::{Call, Dialect, Output};
use personcert::{Client, Error, ErrorKind, Hooks, Outcome};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use arguments::{Cli, Command};
use failure::Failure;
use output::Warnings;

pub use exit_code::ExitCode;

/// Runs the command with its arguments, the program's name first, and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> i32 {
    output::reserve_standard_streams();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error, arguments.iter().any(|argument| argument == "--json")).number(),
    };
    let code = run_command(&cli).unwrap_or_else(|failure| {
        let operation = cli.command.operation();
        output::failure(&failure, operation, cli.json);
        failure.exit_code(operation)
    });
    code.number()
}

/// Runs the command until it ends or is asked to stop; returns the exit code.
fn run_command(cli: &Cli) -> Result<ExitCode, Failure> {
    let runtime = signal::check_descriptors().and_then(|()| Builder::new_current_thread().enable_all().build());
    let runtime = runtime.map_err(|error| {
        Error::new(ErrorKind::Service, Outcome::NotSent, format!("cannot start the async runtime: {error}"))
    })?;
    let ended = match &cli.command {
        Command::Serve(options) => serve::serve(&runtime, options, cli.json),
        Command::Bulk(command) => bulk::run(&runtime, cli, command),
        Command::Demo => demo::demo(&runtime, cli.json).map_err(Failure::from).and_then(|shown| output::print(&shown)),
        _ => run_until_stopped(&runtime, cli),
    };
    // A system call may still block a thread, such as a name lookup; the process must not wait for it.
    runtime.shutdown_background();
    ended
}

fn run_until_stopped(runtime: &Runtime, cli: &Cli) -> Result<ExitCode, Failure> {
    let stopped = signal::stop_requested(runtime);
    let state = OnceCell::new();
    runtime.block_on(async {
        tokio::select! {
            ended = execute(cli, &state) => ended,
            () = stopped => Err(cancelled(state.get()).into()),
        }
    })
}

/// The error of a stopped command; without a call, nothing was sent.
fn cancelled(state: Option<&CallState>) -> Error {
    let before_call = || Error::new(ErrorKind::Cancelled, Outcome::NotSent, "the command was cancelled");
    state.map_or_else(before_call, CallState::cancelled)
}

/// Executes the command; `state` receives the call's state once there is a call.
async fn execute(cli: &Cli, state: &OnceCell<CallState>) -> Result<ExitCode, Failure> {
    let Command::Call(operation) = &cli.command else {
        return output::print(&sign_in::execute(&cli.command, &cli.settings.config().await?, cli.json).await?);
    };
    let call = Call::read(operation.spec.name, &operation.arguments().await?, Dialect::GRAPH)?;
    let warnings = Arc::new(Warnings::default());
    let on_attempt = cli.verbose.then(|| {
        let warnings = Arc::clone(&warnings);
        Arc::new(move |attempt: &Attempt| output::attempt(attempt, &warnings)) as _
    });
    let client = Client::with(&cli.settings.config().await?, Hooks { on_attempt, ..Hooks::default() })?;
    let _ = state.set(call.state());
    let (shown, code) = match client.call(call).await? {
        Output::Pages(mut pages) => {
            let mut all = Vec::new();
            while let Some(page) = pages.next().await? {
                all.extend(page.iter().map(|item| serde_json::to_value(item).unwrap_or_default()));
            }
            (if cli.json { output::json(&Value::Array(all)) } else { output::table(&all) }, ExitCode::Done)
        }
        output => {
            let code = match &output {
                Output::Findings(findings) => health(findings),
                _ => ExitCode::Done,
            };
            let value = output.to_value();
            let shown = match operation.spec.name {
                _ if cli.json => output::json(&value),
                "update" => output::update(&value, &warnings),
                "doctor" => output::findings(&value),
                "delete" => "deleted\n".to_owned(),
                _ => output::card(&value),
            };
            (shown, code)
        }
    };
    output::print(&shown).map(|_| code)
}

/// The exit code of `doctor`: that of the first check that failed.
fn health(findings: &[Finding]) -> ExitCode {
    match findings.iter().find(|finding| !finding.ok).map(|finding| finding.name.as_str()) {
        None => ExitCode::Done,
        Some("network" | "host" | "clock") => ExitCode::Unavailable,
        Some(_) => ExitCode::NoAccess,
    }
}

/// Compiles and runs the Rust examples of the README, which use this crate's dependencies.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
