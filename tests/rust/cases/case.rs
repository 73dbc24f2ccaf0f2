//! The format of a case, and the values that stand in for its placeholders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What differs from the expectation, one line each.
pub type Problems = Vec<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    #[serde(default)]
    pub given: Given,
    pub call: Call,
    #[serde(default)]
    pub server: Vec<Value>,
    pub requests: Option<Value>,
    #[serde(rename = "signIns")]
    pub sign_ins: Option<Value>,
    #[serde(default)]
    pub result: Value,
    pub error: Option<Map<String, Value>>,
    pub stored: Option<Value>,
    #[serde(default)]
    pub exclude: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    config: Map<String, Value>,
    /// None when the case leaves it out, null when the client is to have no token.
    #[serde(deserialize_with = "present")]
    token: Option<Value>,
    pub certifications: Vec<Value>,
    pub faults: Vec<Value>,
    /// Commands of the local Graph with their arguments.
    pub commands: Vec<(String, Value)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub operation: String,
    pub arguments: Map<String, Value>,
}

pub enum CallResult {
    Value(Value),
    /// The error's attributes and its `message`.
    Error(Value),
}

/// Keeps null apart from absence.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The folder `tests` of the checkout.
pub fn tests_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

/// The case files, sorted. Anything else in their folder is an error: no runner would read it.
pub fn files() -> Result<Vec<PathBuf>, String> {
    let folder = tests_dir().join("cases");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.is_dir() || path.extension().is_none_or(|extension| extension != "json") {
            return Err(format!("{} is not a case file", path.display()));
        }
        paths.push(path);
    }
    paths.sort();
    Ok(paths)
}

/// Every case of every file.
pub fn load() -> Result<Vec<Case>, String> {
    let mut cases: Vec<Case> = Vec::new();
    for path in files()? {
        let read = || -> Result<Vec<Case>, Box<dyn std::error::Error>> {
            Ok(serde_json::from_str(&std::fs::read_to_string(&path)?)?)
        };
        cases.extend(read().map_err(|error| format!("{}: {error}", path.display()))?);
    }
    Ok(cases)
}

impl Case {
    /// The settings of the case's client; the local Graph's address and a token are defaults.
    pub fn settings(&self, url: &str, placeholders: &Placeholders, command: GraphCommand<'_>) -> Result<Value, String> {
        let mut settings = Value::Object(self.given.config.clone());
        placeholders.fill(&mut settings, url, command)?;
        let Value::Object(mut settings) = settings else { return Err("the settings are not an object".into()) };
        settings.entry("baseUrl").or_insert(json!(url));
        settings.entry("retryDelay").or_insert(json!(0.001));
        let token = match self.given.token.clone() {
            Some(Value::Null) => None,
            Some(Value::String(text)) => Some(json!(text)),
            Some(options) => Some(command("token", options)?),
            None => Some(command("token", json!({}))?),
        };
        if let Some(token) = token {
            settings.entry("token").or_insert(token);
        }
        Ok(Value::Object(settings))
    }
}

/// The values that must not appear in logs, errors or output. An access token from a sign-in starts with `eyJ`, as every
/// JSON web token does.
pub fn secrets(settings: &Value) -> impl Iterator<Item = &str> {
    let names = ["token", "clientSecret", "certificatePassword"].into_iter();
    let given = names.filter_map(|name| settings[name].as_str()).filter(|secret| secret.len() > 8);
    given.chain(["eyJ"])
}

/// Sends a command to the local Graph.
pub type GraphCommand<'a> = &'a dyn Fn(&str, Value) -> Result<Value, String>;

/// Replaces `{…}` in a case; holds the folder for the files among the replacements.
pub struct Placeholders(tempfile::TempDir);

impl Placeholders {
    pub fn new() -> Result<Self, String> {
        tempfile::tempdir().map(Self).map_err(|error| error.to_string())
    }

    /// Replaces every text `{…}` inside the value.
    pub fn fill(&self, value: &mut Value, url: &str, command: GraphCommand<'_>) -> Result<(), String> {
        match value {
            Value::Object(members) => members.values_mut().try_for_each(|value| self.fill(value, url, command))?,
            Value::Array(items) => items.iter_mut().try_for_each(|value| self.fill(value, url, command))?,
            Value::String(text) => {
                if let Some(name) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
                    *value = self.resolve(name, url, command)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn resolve(&self, name: &str, url: &str, command: GraphCommand<'_>) -> Result<Value, String> {
        let identity = |name: &str| tests_dir().join("identity").join(name);
        let temporary = |name: &str| self.0.path().join(name);
        let text = |error: std::io::Error| error.to_string();
        Ok(match name {
            "local" => json!(url),
            "ca" => command("caFile", Value::Null)?,
            "certificate" => json!(std::fs::read_to_string(identity("client.pem")).map_err(text)?),
            "cache" => json!(temporary("sign-in.json")),
            "federated" => {
                let token = command("federated", Value::Null)?;
                let token = token.as_str().ok_or("the local Graph gave no federated token")?;
                std::fs::write(temporary("federated"), token).map_err(text)?;
                json!(temporary("federated"))
            }
            file if file.contains('.') => json!(identity(file)),
            address => command("addresses", Value::Null)?
                .get_mut(address)
                .map(Value::take)
                .ok_or_else(|| format!("unknown placeholder {{{address}}}"))?,
        })
    }
}
