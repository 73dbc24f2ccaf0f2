//! Command-line options from the descriptions of the core and the local Graph: an option for each line of a table.

use clap::{Arg, ArgAction, ArgMatches};
use personcert::schema::{Kind, Property};
use serde_json::{Map, Value, json};

/// Arguments and settings by their names in Graph's spelling.
pub(crate) type Arguments = Map<String, Value>;

/// The option for a property, under its name in kebab case.
pub(crate) fn flag(property: &'static Property) -> Arg {
    let option = Arg::new(property.name).long(property.snake.replace('_', "-")).help(property.meaning());
    match property.kind {
        Kind::Boolean => option.action(ArgAction::SetTrue),
        Kind::Duration => option.allow_hyphen_values(true).value_name("SECONDS"),
        Kind::Number | Kind::Integer => option.allow_hyphen_values(true).value_name("NUMBER"),
        Kind::Path | Kind::Record(_) => option.value_name("FILE"),
        Kind::List(_) => option.value_name("NAMES"),
        Kind::TextMap => option.action(ArgAction::Append).value_name("NAME=VALUE"),
        _ => option.allow_hyphen_values(true).value_name(property.snake.to_uppercase()),
    }
}

/// The value that was given for a property; for an object, the name of its file.
pub(crate) fn value(property: &Property, matches: &ArgMatches) -> Option<Value> {
    let text = || matches.get_one::<String>(property.name);
    match property.kind {
        Kind::Boolean => matches.get_flag(property.name).then(|| json!(true)),
        Kind::Duration | Kind::Number | Kind::Integer => text().map(|text| number(text)),
        Kind::TextMap => matches.get_many::<String>(property.name).map(|pairs| pairs.map(|pair| entry(pair)).collect()),
        Kind::List(_) => text().map(|text| text.split(',').map(str::trim).collect()),
        _ => text().map(|text| json!(text)),
    }
}

/// A name and its value, around the first equals sign.
fn entry(pair: &str) -> (String, Value) {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    (name.trim().to_owned(), json!(value))
}

/// A number; other text stays text, which the core refuses.
fn number(text: &str) -> Value {
    serde_json::from_str::<serde_json::Number>(text).map_or_else(|_| json!(text), Value::Number)
}
