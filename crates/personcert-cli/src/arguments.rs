//! The command line, turned into the core's call and settings. The core checks all values.

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use personcert::host::Dialect;
use personcert::{Error, Result};
use personcert_local::Options;

use crate::bulk::BulkCommand;
use crate::flags::Arguments;
use crate::operation::Operation;
use crate::settings::Settings;
use crate::{exit_code, flags};

/// Change the certifications (training, not TLS) on people's Microsoft 365 profiles.
#[derive(Parser)]
#[command(name = "personcert", version, after_help = exit_code::help())]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Report each attempt on standard error
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Call(Operation),
    #[command(flatten)]
    Bulk(BulkCommand),
    /// Sign in with the browser, or with `--sign-in device-code`. Later commands and programs of this user share it
    Login,
    /// Sign out
    Logout,
    /// Show the signed-in account
    Whoami,
    /// Run a local Graph for tests and experiments
    Serve(Serve),
    /// Make the example change from Graph's documentation on a temporary local Graph
    Demo,
}

impl Command {
    /// The name of the operation that the command makes; empty for the others.
    pub(crate) fn operation(&self) -> &'static str {
        match self {
            Self::Call(operation) => operation.spec.name,
            _ => "",
        }
    }
}

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) options: GraphOptions,
    /// The user whose token to print
    #[arg(long, value_name = "USER")]
    pub(crate) token_for: Option<String>,
    /// Stop when standard input ends
    #[arg(long)]
    pub(crate) until_eof: bool,
}

/// The options of a local Graph.
pub(crate) struct GraphOptions(Arguments);

impl GraphOptions {
    pub(crate) fn read(&self) -> Result<Options> {
        Options::read(&self.0, Dialect::GRAPH)
    }
}

impl Args for GraphOptions {
    fn augment_args(command: clap::Command) -> clap::Command {
        Options::RECORD.properties.iter().fold(command, |command, property| command.arg(flags::flag(property)))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for GraphOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = Options::RECORD
            .properties
            .iter()
            .filter_map(|property| flags::value(property, matches).map(|value| (property.name.to_owned(), value)));
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        Self::from_arg_matches(matches).map(|options| *self = options)
    }
}

/// The error with its parameter as the command line spells it: `--ca-file` rather than `caFile`, `endDate` rather than
/// `changes.endDate`.
pub(crate) fn rename_parameter(mut error: Error) -> Error {
    error.details.parameter = error.details.parameter.map(|parameter| {
        if let Some(property) = ["changes.", "values."].iter().find_map(|object| parameter.strip_prefix(object)) {
            return property.to_owned();
        }
        let (name, rest) = parameter.split_at(parameter.find(['.', '[']).unwrap_or(parameter.len()));
        match name {
            "id" => format!("ID{rest}"),
            "changes" | "values" => format!("--set{rest}"),
            _ => option(name).map_or(parameter.clone(), |option| format!("--{option}{rest}")),
        }
    });
    error
}

/// The option that carries the argument or setting `name`.
fn option(name: &str) -> Option<String> {
    let command = Cli::command();
    let all = command.get_subcommands().chain([&command]).flat_map(clap::Command::get_arguments);
    let option = all.filter(|argument| argument.get_id() == name).find_map(clap::Arg::get_long);
    option.map(str::to_owned)
}
