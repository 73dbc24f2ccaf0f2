//! The command line, turned into the core's call and settings. The core checks all values.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand};
use personcert::schema::Kind;
use personcert::{Error, PROPERTIES, Result};
use serde_json::{Map, Value, json};

use crate::exit_code;
use crate::file::{self, MAX_CERTIFICATION_BYTES};
use crate::settings::Settings;

/// Call arguments by their names in Graph's spelling.
pub(crate) type Arguments = Map<String, Value>;

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
    /// Change a certification. Sends only what you set or clear
    Update {
        #[command(flatten)]
        certification: CertificationArgs,
        #[command(flatten)]
        changes: Changes,
        /// A JSON file with the certification as you read it before; sends only the differences
        #[arg(long, value_name = "FILE")]
        current: Option<PathBuf>,
        /// If the outcome is unknown, read the certification to find out whether the change was applied
        #[arg(long)]
        verify: bool,
    },
    /// Show a certification
    Get {
        #[command(flatten)]
        certification: CertificationArgs,
        /// The properties to return, separated by commas
        #[arg(long, value_name = "NAMES")]
        select: Option<String>,
    },
    /// Show a user's certifications
    List {
        #[command(flatten)]
        user: UserArgs,
        /// The properties to return, separated by commas
        #[arg(long, value_name = "NAMES")]
        select: Option<String>,
        /// An OData filter
        #[arg(long)]
        filter: Option<String>,
        /// An OData sort order
        #[arg(long)]
        orderby: Option<String>,
        /// The page size
        #[arg(long, allow_hyphen_values = true)]
        top: Option<String>,
        /// The number of certifications to skip
        #[arg(long, allow_hyphen_values = true)]
        skip: Option<String>,
    },
    /// Add a certification to a profile
    Create {
        #[command(flatten)]
        user: UserArgs,
        #[command(flatten)]
        changes: Changes,
    },
    /// Remove a certification
    Delete {
        #[command(flatten)]
        certification: CertificationArgs,
    },
    /// Check token, permissions, network and clock before the first change. Changes nothing
    Doctor {
        #[command(flatten)]
        user: UserArgs,
    },
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

#[derive(Args)]
pub(crate) struct UserArgs {
    /// The user's object id or user principal name; defaults to the signed-in user
    #[arg(long, allow_hyphen_values = true)]
    user: Option<String>,
    /// Time limit for the whole call, in seconds
    #[arg(long, allow_hyphen_values = true, value_name = "SECONDS")]
    timeout: Option<String>,
    /// The W3C trace context to send
    #[arg(long, allow_hyphen_values = true)]
    traceparent: Option<String>,
}

#[derive(Args)]
pub(crate) struct CertificationArgs {
    /// The certification's id
    #[arg(allow_hyphen_values = true)]
    id: String,
    #[command(flatten)]
    user: UserArgs,
}

#[derive(Args)]
pub(crate) struct Changes {
    /// Set a property, by Graph's name. `inference` takes JSON, and so does a list for `allowedAudiences`
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Clear a property, by Graph's name
    #[arg(long, value_name = "NAME")]
    clear: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Serve {
    /// The port; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// The database file; defaults to memory
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
    /// The permission table: `spec` or `current`
    #[arg(long, default_value = "spec")]
    pub(crate) permissions: String,
    /// A .jsonl or .csv file with the initial certifications
    #[arg(long, value_name = "FILE")]
    pub(crate) seed: Option<PathBuf>,
    /// The number of users to generate
    #[arg(long, default_value_t = 0)]
    pub(crate) users: u32,
    /// The number of certifications for each generated user
    #[arg(long, default_value_t = 0)]
    pub(crate) certifications: u32,
    /// A JSON file with a list of faults
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// The seed for ids and everything else that is random
    #[arg(long, value_name = "NUMBER")]
    pub(crate) random_seed: Option<u64>,
    /// Serve https, and print the file with the certificate authority
    #[arg(long)]
    pub(crate) tls: bool,
    /// The user whose token to print
    #[arg(long, value_name = "USER")]
    pub(crate) token_for: Option<String>,
    /// Stop when standard input ends
    #[arg(long)]
    pub(crate) until_eof: bool,
}

impl Command {
    /// The operation's name and its arguments, for [`personcert::host::Call::read`].
    pub(crate) async fn call(&self) -> Result<(&'static str, Arguments)> {
        let mut arguments = Map::new();
        let operation = match self {
            Self::Update { certification, changes, current, verify } => {
                certification.add(&mut arguments);
                arguments.extend(verify.then(|| ("verify".to_owned(), json!(true))));
                arguments.insert("changes".into(), changes.read()?);
                if let Some(path) = current {
                    arguments.insert("current".into(), certification_file(path).await?);
                }
                "update"
            }
            Self::Get { certification, select } => {
                certification.add(&mut arguments);
                names(&mut arguments, select.as_deref());
                "get"
            }
            Self::List { user, select, filter, orderby, top, skip } => {
                user.add(&mut arguments);
                names(&mut arguments, select.as_deref());
                for (name, value) in [("filter", filter), ("orderby", orderby)] {
                    arguments.extend(value.as_ref().map(|value| (name.to_owned(), json!(value))));
                }
                for (name, value) in [("top", top), ("skip", skip)] {
                    arguments.extend(value.as_deref().map(|value| (name.to_owned(), number(value))));
                }
                "list"
            }
            Self::Create { user, changes } => {
                user.add(&mut arguments);
                arguments.insert("values".into(), changes.read()?);
                "create"
            }
            Self::Delete { certification } => {
                certification.add(&mut arguments);
                "delete"
            }
            Self::Doctor { user } => {
                user.add(&mut arguments);
                "doctor"
            }
            Self::Login => "login",
            Self::Logout => "logout",
            Self::Whoami => "whoami",
            Self::Serve(_) => "serve",
            Self::Demo => "demo",
        };
        Ok((operation, arguments))
    }
}

impl UserArgs {
    fn add(&self, arguments: &mut Arguments) {
        arguments.extend(self.user.as_ref().map(|user| ("user".to_owned(), json!(user))));
        arguments.extend(self.timeout.as_deref().map(|timeout| ("timeout".to_owned(), number(timeout))));
        arguments.extend(self.traceparent.as_ref().map(|context| ("traceparent".to_owned(), json!(context))));
    }
}

impl CertificationArgs {
    fn add(&self, arguments: &mut Arguments) {
        arguments.insert("id".into(), json!(self.id));
        self.user.add(arguments);
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

fn names(arguments: &mut Arguments, select: Option<&str>) {
    arguments.extend(select.map(|select| ("select".to_owned(), select.split(',').map(str::trim).collect())));
}

/// A number; other text stays text, which the core refuses.
pub(crate) fn number(text: &str) -> Value {
    serde_json::from_str::<serde_json::Number>(text).map_or_else(|_| json!(text), Value::Number)
}

async fn certification_file(path: &Path) -> Result<Value> {
    let text = file::read("--current", path, MAX_CERTIFICATION_BYTES).await?;
    serde_json::from_str(&text).map_err(|error| {
        let problem = format!("{}: not JSON ({error}); use the output of `personcert --json get`", path.display());
        Error::input("--current", problem)
    })
}
