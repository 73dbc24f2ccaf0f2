//! The subcommands that are operations of the client, from the core's table of operations and arguments.

use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, Subcommand};
use personcert::host::{OPERATIONS, OperationSpec, Role};
use personcert::schema::PROPERTIES;
use personcert::schema::{Kind, Property};
use personcert::{Error, Result};
use serde_json::{Map, Value, json};

use crate::file::{self, MAX_CERTIFICATION_BYTES};
use crate::flags::{self, Arguments};

/// An operation with its arguments as they were typed.
pub(crate) struct Operation {
    pub(crate) spec: &'static OperationSpec,
    /// What stands in files is still to be read.
    arguments: Arguments,
    changes: Changes,
}

/// The members of a certification.
struct Changes {
    set: Vec<String>,
    clear: Vec<String>,
}

impl Subcommand for Operation {
    fn augment_subcommands(command: Command) -> Command {
        OPERATIONS.iter().fold(command, |command, operation| command.subcommand(subcommand(operation)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        OPERATIONS.iter().any(|operation| operation.name == name)
    }
}

fn subcommand(operation: &'static OperationSpec) -> Command {
    let command = Command::new(operation.name).about(operation.doc);
    operation.arguments().fold(command, |command, argument| {
        let property = &argument.property;
        match argument.role {
            Role::Positional => {
                let id = Arg::new(property.name).value_name(property.snake.to_uppercase()).help(property.doc);
                command.arg(id.required(true).allow_hyphen_values(true))
            }
            Role::Members => command
                .arg(members("set", "NAME=VALUE").allow_hyphen_values(true).help(
                    "Set a property, by Graph's name. `inference` takes JSON, and so does a list for `allowedAudiences`",
                ))
                .arg(members("clear", "NAME").help("Clear a property, by Graph's name")),
            Role::Option => command.arg(flags::flag(property)),
        }
    })
}

fn members(name: &'static str, value: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).action(ArgAction::Append)
}

impl FromArgMatches for Operation {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let found = matches.subcommand().and_then(|(name, matches)| Some((OperationSpec::find(name).ok()?, matches)));
        let (spec, matches) = found.ok_or_else(|| clap::Error::new(clap::error::ErrorKind::MissingSubcommand))?;
        let mut arguments = Map::new();
        let mut changes = Changes { set: Vec::new(), clear: Vec::new() };
        for argument in spec.arguments() {
            if argument.role == Role::Members {
                let all = |name| matches.get_many::<String>(name).into_iter().flatten().cloned().collect();
                changes = Changes { set: all("set"), clear: all("clear") };
                arguments.insert(argument.property.name.into(), Value::Null);
            } else {
                let value = flags::value(&argument.property, matches);
                arguments.extend(value.map(|value| (argument.property.name.to_owned(), value)));
            }
        }
        Ok(Self { spec, arguments, changes })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        Self::from_arg_matches(matches).map(|operation| *self = operation)
    }
}

impl Operation {
    /// The arguments, for [`personcert::host::Call::read`].
    pub(crate) async fn arguments(&self) -> Result<Arguments> {
        let mut arguments = self.arguments.clone();
        for argument in self.spec.arguments() {
            let Some(value) = arguments.get_mut(argument.property.name) else { continue };
            match (argument.role, argument.property.kind) {
                (Role::Members, _) => *value = self.changes.read()?,
                (_, Kind::Record(_)) => {
                    let path = value.as_str().unwrap_or_default().to_owned();
                    *value = document(&argument.property, Path::new(&path)).await?;
                }
                _ => {}
            }
        }
        Ok(arguments)
    }
}

impl Changes {
    fn read(&self) -> Result<Value> {
        let mut changes = Map::new();
        for pair in &self.set {
            let (name, text) = pair
                .split_once('=')
                .ok_or_else(|| Error::input("--set", format!("{pair:?} has no `=`; use NAME=VALUE")))?;
            insert_once(&mut changes, name, value(name, text))?;
        }
        for name in &self.clear {
            insert_once(&mut changes, name, Value::Null)?;
        }
        Ok(Value::Object(changes))
    }
}

fn insert_once(changes: &mut Arguments, name: &str, value: Value) -> Result<()> {
    match changes.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(Error::input(name, "set or cleared twice; name each property once")),
    }
}

/// Text as it is, or JSON where the property needs it.
fn value(name: &str, text: &str) -> Value {
    let property = PROPERTIES.iter().find(|property| property.name == name);
    let takes_json = match property.map(|property| property.kind) {
        Some(Kind::Record(_) | Kind::List(_) | Kind::Boolean | Kind::Number | Kind::Integer) => true,
        Some(Kind::Audiences) => text.starts_with('['),
        _ => false,
    };
    // Invalid JSON stays text, which the core refuses.
    let json = takes_json.then(|| serde_json::from_str(text).ok()).flatten();
    json.unwrap_or_else(|| json!(text))
}

async fn document(property: &Property, path: &Path) -> Result<Value> {
    let option = format!("--{}", property.snake.replace('_', "-"));
    let text = file::read(&option, path, MAX_CERTIFICATION_BYTES).await?;
    serde_json::from_str(&text).map_err(|error| {
        let problem = format!("{}: not JSON ({error}); use the output of `personcert --json get`", path.display());
        Error::input(option, problem)
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use personcert::host::{Call, Dialect, OPERATIONS, Role};
    use personcert::schema::Kind;

    use crate::arguments::{Cli, Command};

    #[tokio::test]
    async fn every_option_of_every_operation_is_read() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "{}").expect("written");
        let path = file.path().display().to_string();
        for operation in OPERATIONS {
            let mut words = vec!["personcert".to_owned(), operation.name.to_owned()];
            for argument in operation.arguments() {
                let option = format!("--{}", argument.property.snake.replace('_', "-"));
                match (argument.role, argument.property.kind) {
                    (Role::Positional, _) => words.push("0fb4c1e3".into()),
                    (Role::Members, _) => {
                        words.extend(["--set", "displayName=a", "--clear", "webUrl"].map(str::to_owned));
                    }
                    (_, Kind::Boolean) => words.push(option),
                    (_, Kind::Duration | Kind::Integer | Kind::Number) => words.extend([option, "5".into()]),
                    (_, Kind::Record(_)) => words.extend([option, path.clone()]),
                    (_, Kind::List(_)) => words.extend([option, "id, endDate".into()]),
                    _ if argument.property.name == "traceparent" => {
                        words.extend([option, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()]);
                    }
                    _ => words.extend([option, "a".into()]),
                }
            }
            let Command::Call(typed) = Cli::try_parse_from(&words).expect("valid options").command else {
                panic!("{words:?} is no operation")
            };
            let arguments = typed.arguments().await.expect("readable files");
            assert_eq!(arguments.len(), operation.arguments().count(), "{arguments:?}");
            Call::read(operation.name, &arguments, Dialect::GRAPH).expect("valid arguments");
        }
    }
}
