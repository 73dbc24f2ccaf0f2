//! The client's settings as options, generated from the core's table. Secrets are never options, because other users of
//! the machine can read a process's arguments.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use personcert::host::Dialect;
use personcert::schema::Property;
use personcert::{Config, Result};
use serde_json::json;

use crate::file::{self, MAX_TOKEN_BYTES};
use crate::flags::{self, Arguments};

/// The heading of the settings in each subcommand's help.
const HEADING: &str = "Client settings";

/// The settings given as options.
pub(crate) struct Settings {
    options: Arguments,
    token_file: Option<PathBuf>,
}

impl Settings {
    /// The client's configuration: options first, then the environment.
    pub(crate) async fn config(&self) -> Result<Config> {
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut settings = self.options.clone();
        for (name, variable) in
            [("baseUrl", "PERSONCERT_BASE_URL"), ("authority", "PERSONCERT_AUTHORITY"), ("cloud", "PERSONCERT_CLOUD")]
        {
            if let (false, Some(value)) = (settings.contains_key(name), env(variable)) {
                settings.insert(name.into(), json!(value));
            }
        }
        let token = match &self.token_file {
            Some(path) => Some(file::read("--token-file", path, MAX_TOKEN_BYTES).await?.trim().to_owned()),
            None if ["tokenCommand", "signIn"].iter().any(|name| settings.contains_key(*name)) => None,
            None => env("PERSONCERT_TOKEN"),
        };
        settings.extend(token.map(|token| ("token".to_owned(), json!(token))));
        Config::read(&settings, Dialect::GRAPH)
    }
}

/// The settings that are options. `timeout` belongs to each call.
fn options() -> impl Iterator<Item = &'static Property> {
    let excluded = ["token", "clientSecret", "certificatePassword", "timeout"];
    Config::RECORD.properties.iter().filter(move |property| !excluded.contains(&property.name))
}

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        let token = Arg::new("token-file").long("token-file").value_name("FILE").global(true);
        let token = token.value_parser(clap::value_parser!(PathBuf)).help("A file with the access token");
        let token = token.help_heading(HEADING).hide_short_help(true);
        options().fold(command.arg(token), |command, property| {
            command.arg(flags::flag(property).global(true).help_heading(HEADING).hide_short_help(true))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let given = options()
            .filter_map(|property| flags::value(property, matches).map(|value| (property.name.to_owned(), value)));
        let settings = given.collect();
        Ok(Self { options: settings, token_file: matches.get_one("token-file").cloned() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        Self::from_arg_matches(matches).map(|settings| *self = settings)
    }
}
