//! The client's settings as options: one for each line of the core's table, and nothing known of any of them here but that
//! secrets are no options.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use personcert::schema::{Kind, Property};
use personcert::{Config, Error, Result};
use serde_json::json;

use crate::Given;
use crate::arguments::{number, read};

/// The settings given as options.
pub(crate) struct Settings {
    given: Given,
    token_file: Option<PathBuf>,
}

impl Settings {
    /// The settings of the client: options first, then the environment. A call has its own `--timeout`.
    pub(crate) fn read(&self) -> Result<Given> {
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut settings = self.given.clone();
        for (name, variable) in
            [("baseUrl", "PERSONCERT_BASE_URL"), ("authority", "PERSONCERT_AUTHORITY"), ("cloud", "PERSONCERT_CLOUD")]
        {
            if let (false, Some(value)) = (settings.contains_key(name), env(variable)) {
                settings.insert(name.into(), json!(value));
            }
        }
        let token = match &self.token_file {
            Some(path) => Some(file(path)?),
            // An option goes before the environment.
            None if ["tokenCommand", "signIn"].iter().any(|name| settings.contains_key(*name)) => None,
            None => env("PERSONCERT_TOKEN"),
        };
        settings.extend(token.map(|token| ("token".to_owned(), json!(token))));
        Ok(settings)
    }
}

fn file(path: &Path) -> Result<String> {
    let text = read(path, 1 << 20).map_err(|error| Error::input("--token-file", error))?;
    Ok(text.trim().to_owned())
}

/// The settings that are options.
fn options() -> impl Iterator<Item = &'static Property> {
    let kept_out = ["token", "clientSecret", "certificatePassword", "timeout"];
    Config::RECORD.properties.iter().filter(move |property| !kept_out.contains(&property.name))
}

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        let token = Arg::new("token-file").long("token-file").value_name("FILE").global(true);
        let token = token.value_parser(clap::value_parser!(PathBuf)).help("A file that holds the access token");
        options().fold(command.arg(token), |command, property| {
            let option = Arg::new(property.name).long(property.snake.replace('_', "-")).help(property.doc).global(true);
            command.arg(match property.kind {
                Kind::Boolean => option.action(ArgAction::SetTrue),
                Kind::Duration => option.allow_hyphen_values(true).value_name("SECONDS"),
                _ => option.allow_hyphen_values(true).value_name(property.snake.to_uppercase()),
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let mut given = Given::new();
        for Property { name, kind, .. } in options() {
            let value = match kind {
                Kind::Boolean => matches.get_flag(name).then(|| json!(true)),
                Kind::Duration | Kind::Number | Kind::Integer => {
                    matches.get_one::<String>(name).map(|text| number(text))
                }
                _ => matches.get_one::<String>(name).map(|text| json!(text)),
            };
            given.extend(value.map(|value| ((*name).to_owned(), value)));
        }
        Ok(Self { given, token_file: matches.get_one("token-file").cloned() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        Self::from_arg_matches(matches).map(|settings| *self = settings)
    }
}
