//! The words of the command line, turned into the core's call and settings; all checks are the core's.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use personcert::schema::Kind;
use personcert::{Error, PROPERTIES, Result};
use serde_json::{Map, Value, json};

use crate::Given;
use crate::settings::Settings;

/// Change the certifications (training, not TLS) on people's Microsoft 365 profiles.
#[derive(Parser)]
#[command(
    name = "personcert",
    version,
    after_help = "\
The access token comes from `personcert login`, from PERSONCERT_TOKEN or --token-file, or from another --sign-in.
Secrets are never arguments: AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PASSWORD.

Exit codes: 0 done, 2 bad input, 3 no or bad token, 4 not allowed, 5 not found, 6 conflict, 7 throttled,
8 service, network, time or protocol, 130 cancelled."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say on standard error how each attempt ended
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Change a certification: only what is set or cleared is sent
    Update {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        changes: Changes,
        /// A JSON file with the certification as read before: only what differs is sent
        #[arg(long, value_name = "FILE")]
        current: Option<PathBuf>,
        /// When no clear answer comes, read the certification to see whether the change was applied
        #[arg(long)]
        verify: bool,
    },
    /// Show a certification
    Get {
        #[command(flatten)]
        which: Which,
        /// Names of the members wanted, separated by commas
        #[arg(long, value_name = "NAMES")]
        select: Option<String>,
    },
    /// Show a user's certifications
    List {
        #[command(flatten)]
        whose: Whose,
        /// Names of the members wanted, separated by commas
        #[arg(long, value_name = "NAMES")]
        select: Option<String>,
        /// An OData filter
        #[arg(long)]
        filter: Option<String>,
        /// An OData order
        #[arg(long)]
        orderby: Option<String>,
        /// How many a page holds
        #[arg(long, allow_hyphen_values = true)]
        top: Option<String>,
        /// How many to leave out
        #[arg(long, allow_hyphen_values = true)]
        skip: Option<String>,
    },
    /// Add a certification to a profile
    Create {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        changes: Changes,
    },
    /// Remove a certification
    Delete {
        #[command(flatten)]
        which: Which,
    },
    /// Say what can be known before a first change: about the token and the way to the service. Changes nothing
    Doctor {
        #[command(flatten)]
        whose: Whose,
    },
    /// Sign in, for every later command and program of this user: in the browser, or with `--sign-in device-code`
    Login,
    /// Forget the sign-in
    Logout,
    /// Say who is signed in
    Whoami,
    /// Run a local Graph for tests and trials
    Serve(Serve),
    /// Make the documentation's example change on a local Graph of its own, and show it
    Demo,
}

#[derive(Args)]
pub(crate) struct Whose {
    /// The user's object id or user principal name; left out: the signed-in user
    #[arg(long, allow_hyphen_values = true)]
    user: Option<String>,
    /// The longest the call may take, in seconds
    #[arg(long, allow_hyphen_values = true, value_name = "SECONDS")]
    timeout: Option<String>,
    /// A W3C trace context to send along
    #[arg(long, allow_hyphen_values = true)]
    traceparent: Option<String>,
}

#[derive(Args)]
pub(crate) struct Which {
    /// The certification's id
    #[arg(allow_hyphen_values = true)]
    id: String,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
pub(crate) struct Changes {
    /// Set a property (Graph's name); objects, numbers and lists as JSON
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Clear a property
    #[arg(long, value_name = "NAME")]
    clear: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Serve {
    /// The port; 0 for a free one
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// The file of the database; left out: memory
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
    /// Which permission table holds: spec or current
    #[arg(long, default_value = "spec")]
    pub(crate) permissions: String,
    /// A .jsonl or .csv file with certifications to begin with
    #[arg(long, value_name = "FILE")]
    pub(crate) seed: Option<PathBuf>,
    /// How many users to generate
    #[arg(long, default_value_t = 0)]
    pub(crate) users: u32,
    /// How many certifications each generated user has
    #[arg(long, default_value_t = 0)]
    pub(crate) certifications: u32,
    /// A JSON file with a list of faults
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// Makes ids and everything that is random the same each time
    #[arg(long, value_name = "NUMBER")]
    pub(crate) random_seed: Option<u64>,
    /// Serve https; the file with its certificate authority is printed
    #[arg(long)]
    pub(crate) tls: bool,
    /// Whose token to print
    #[arg(long, value_name = "USER")]
    pub(crate) token_for: Option<String>,
    /// Stop when standard input ends
    #[arg(long)]
    pub(crate) until_eof: bool,
}

impl Command {
    /// The operation's name and its arguments, as the core reads them.
    pub(crate) fn call(&self) -> Result<(&'static str, Given)> {
        let mut given = Map::new();
        let operation = match self {
            Self::Update { which, changes, current, verify } => {
                which.add(&mut given);
                given.extend(verify.then(|| ("verify".to_owned(), json!(true))));
                given.insert("changes".into(), changes.read()?);
                if let Some(path) = current {
                    given.insert("current".into(), document(path)?);
                }
                "update"
            }
            Self::Get { which, select } => {
                which.add(&mut given);
                names(&mut given, select.as_deref());
                "get"
            }
            Self::List { whose, select, filter, orderby, top, skip } => {
                whose.add(&mut given);
                names(&mut given, select.as_deref());
                for (name, value) in [("filter", filter), ("orderby", orderby)] {
                    given.extend(value.as_ref().map(|value| (name.to_owned(), json!(value))));
                }
                for (name, value) in [("top", top), ("skip", skip)] {
                    given.extend(value.as_deref().map(|value| (name.to_owned(), number(value))));
                }
                "list"
            }
            Self::Create { whose, changes } => {
                whose.add(&mut given);
                given.insert("values".into(), changes.read()?);
                "create"
            }
            Self::Delete { which } => {
                which.add(&mut given);
                "delete"
            }
            Self::Doctor { whose } => {
                whose.add(&mut given);
                "doctor"
            }
            Self::Login => "login",
            Self::Logout => "logout",
            Self::Whoami => "whoami",
            Self::Serve(_) => "serve",
            Self::Demo => "demo",
        };
        Ok((operation, given))
    }
}

impl Whose {
    fn add(&self, given: &mut Given) {
        given.extend(self.user.as_ref().map(|user| ("user".to_owned(), json!(user))));
        given.extend(self.timeout.as_deref().map(|timeout| ("timeout".to_owned(), number(timeout))));
        given.extend(self.traceparent.as_ref().map(|context| ("traceparent".to_owned(), json!(context))));
    }
}

impl Which {
    fn add(&self, given: &mut Given) {
        given.insert("id".into(), json!(self.id));
        self.whose.add(given);
    }
}

impl Changes {
    fn read(&self) -> Result<Value> {
        let mut changes = Map::new();
        for pair in &self.set {
            let (name, text) = pair
                .split_once('=')
                .ok_or_else(|| Error::input("--set", format!("{pair:?} has no `=`; write NAME=VALUE")))?;
            once(&mut changes, name, value(name, text))?;
        }
        for name in &self.clear {
            once(&mut changes, name, Value::Null)?;
        }
        Ok(Value::Object(changes))
    }
}

fn once(changes: &mut Given, name: &str, value: Value) -> Result<()> {
    match changes.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(Error::input(name, "this property is given twice")),
    }
}

/// Text as it is, except where the property can hold something that is no text and JSON was given.
fn value(name: &str, text: &str) -> Value {
    let property = PROPERTIES.iter().find(|property| property.name == name);
    let json = match property.map(|property| property.kind) {
        Some(Kind::Record(_) | Kind::List(_) | Kind::Boolean | Kind::Number | Kind::Integer) => true,
        Some(Kind::Audiences) => text.starts_with('['),
        _ => false,
    };
    // What isn't JSON stays text, for the core to refuse.
    let read = json.then(|| serde_json::from_str(text).ok()).flatten();
    read.unwrap_or_else(|| json!(text))
}

fn names(given: &mut Given, select: Option<&str>) {
    given.extend(select.map(|select| ("select".to_owned(), select.split(',').map(str::trim).collect())));
}

/// A number where it is one; what isn't stays text, for the core to refuse.
pub(crate) fn number(text: &str) -> Value {
    serde_json::from_str::<serde_json::Number>(text).map_or_else(|_| json!(text), Value::Number)
}

fn document(path: &Path) -> Result<Value> {
    let text = read(path, 4 << 20).map_err(|error| Error::input("--current", error))?;
    serde_json::from_str(&text).map_err(|error| Error::input("--current", format!("{}: {error}", path.display())))
}

pub(crate) fn read(path: &Path, longest: u64) -> Result<String, String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    file.take(longest).read_to_string(&mut text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text)
}
