//! The case format, and the comparison of what was expected with what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What isn't as expected, one line each.
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
    /// None where the case says nothing; null where it wants no token.
    #[serde(deserialize_with = "some")]
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

/// How a call ended.
pub enum Ended {
    Value(Value),
    /// The error's attributes and its `message`.
    Error(Value),
}

fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Every case of every file; a name may be used once.
pub fn load() -> Result<Vec<Case>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let mut cases: Vec<Case> = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
        let read = || -> Result<Vec<Case>, Box<dyn std::error::Error>> {
            Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
        };
        cases.extend(read().map_err(|error| format!("{}: {error}", path.display()))?);
    }
    let mut names = BTreeSet::new();
    match cases.iter().find(|case| !names.insert(&case.name)) {
        Some(case) => Err(format!("two cases are called {:?}", case.name)),
        None => Ok(cases),
    }
}

impl Case {
    /// The settings of the case's client, with the local Graph's address and a token where it has none of its own.
    pub fn settings(&self, url: &str, places: &Places, tell: Tell<'_>) -> Result<Value, String> {
        let mut settings = Value::Object(self.given.config.clone());
        places.fill(&mut settings, url, tell)?;
        let Value::Object(mut settings) = settings else { return Err("the settings are no object".into()) };
        settings.entry("baseUrl").or_insert(json!(url));
        settings.entry("retryDelay").or_insert(json!(0.001));
        let token = match self.given.token.clone() {
            Some(Value::Null) => None,
            Some(Value::String(text)) => Some(json!(text)),
            Some(wanted) => Some(tell("token", wanted)?),
            None => Some(tell("token", json!({}))?),
        };
        if let Some(token) = token {
            settings.entry("token").or_insert(token);
        }
        Ok(Value::Object(settings))
    }
}

/// What nobody may see.
pub fn secrets(settings: &Value) -> impl Iterator<Item = &str> {
    let secrets = ["token", "clientSecret", "certificatePassword"].into_iter();
    secrets.filter_map(|name| settings[name].as_str()).filter(|secret| secret.len() > 8)
}

/// Sends a command to the local Graph.
pub type Tell<'a> = &'a dyn Fn(&str, Value) -> Result<Value, String>;

/// What stands for `{…}` in a case, where that isn't an address of the local Graph.
pub struct Places(tempfile::TempDir);

impl Places {
    pub fn new() -> Result<Self, String> {
        tempfile::tempdir().map(Self).map_err(|error| error.to_string())
    }

    /// Puts what they stand for into the place of all `{…}`.
    pub fn fill(&self, value: &mut Value, url: &str, tell: Tell<'_>) -> Result<(), String> {
        match value {
            Value::Object(members) => members.values_mut().try_for_each(|value| self.fill(value, url, tell))?,
            Value::Array(items) => items.iter_mut().try_for_each(|value| self.fill(value, url, tell))?,
            Value::String(text) => {
                if let Some(name) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
                    *value = self.find(name, url, tell)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn find(&self, name: &str, url: &str, tell: Tell<'_>) -> Result<Value, String> {
        let fixed = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/identity").join(name);
        let own = |name: &str| self.0.path().join(name);
        let text = |error: std::io::Error| error.to_string();
        Ok(match name {
            "local" => json!(url),
            "ca" => tell("ca", Value::Null)?,
            "certificate" => json!(std::fs::read_to_string(fixed("client.pem")).map_err(text)?),
            "cache" => {
                let cache = own("sign-in.json");
                let _ = std::fs::remove_file(&cache);
                json!(cache)
            }
            "federated" => {
                let token = tell("federated", Value::Null)?;
                std::fs::write(own("federated"), token.as_str().unwrap_or_default()).map_err(text)?;
                json!(own("federated"))
            }
            file if file.contains('.') => json!(fixed(file)),
            name => tell("addresses", Value::Null)?[name].take(),
        })
    }
}

/// Where an error isn't what was expected; of its message a part is enough.
pub fn check_error(expected: &Map<String, Value>, found: &Value, problems: &mut Problems) {
    for (name, value) in expected {
        let (found, text) = (&found[name], found["message"].as_str().unwrap_or_default());
        if name != "message" {
            differences(value, found, &format!("error ({text}).{name}"), problems);
        } else if !value.as_str().is_some_and(|part| text.contains(part)) {
            problems.push(format!("error says {text}, not {value}"));
        }
    }
}

/// Where `found` isn't what was expected: objects as subsets, lists one by one, `1` and `1.0` the same number.
pub fn differences(expected: &Value, found: &Value, place: &str, problems: &mut Problems) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (name, value) in expected {
                let place = format!("{place}.{name}");
                match found.get(name) {
                    Some(found) => differences(value, found, &place, problems),
                    None => problems.push(format!("{place} is missing")),
                }
            }
        }
        (Value::Array(expected), Value::Array(found)) => {
            if expected.len() != found.len() {
                problems.push(format!("{place} has {} items, not {}", found.len(), expected.len()));
            }
            for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
                differences(expected, found, &format!("{place}[{at}]"), problems);
            }
        }
        (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => {}
        (expected, found) if expected == found => {}
        (expected, found) => problems.push(format!("{place} is {found}, not {expected}")),
    }
}
