//! The reference tables of the documents.

use std::fmt::Write as _;

use personcert::host::{ARGUMENTS, ERROR_ATTRIBUTES, Role};
use personcert::schema::{Kind, Property};
use personcert::{Config, ErrorKind};
use personcert_cli::ExitCode;
use personcert_local::{COMMANDS, NamedAction, Options};

use super::tables::plain;

/// The client's settings.
pub(super) fn client_settings() -> String {
    table("setting", Config::RECORD.properties)
}

/// The options of calls, with the operations that take them.
pub(super) fn call_options() -> String {
    let mut out = "| option | operations | type | meaning |\n|---|---|---|---|\n".to_owned();
    for argument in ARGUMENTS.iter().filter(|argument| argument.role == Role::Option) {
        let operations: Vec<_> = argument.operations.iter().map(|name| format!("`{name}`")).collect();
        let (name, kind, doc) = row(&argument.property);
        let _ = writeln!(out, "| {name} | {} | {kind} | {doc} |", operations.join(", "));
    }
    out
}

/// The options of a local Graph.
pub(super) fn local_graph() -> String {
    table("option", Options::RECORD.properties)
}

/// The commands of a local Graph.
pub(super) fn commands() -> String {
    let mut out = "| command | arguments | what it does |\n|---|---|---|\n".to_owned();
    for command in COMMANDS {
        let names: Vec<_> =
            command.arguments.properties.iter().map(|property| format!("`{}`", property.name)).collect();
        let _ = writeln!(out, "| `{}` | {} | {} |", command.name, names.join(", "), cell(command.doc));
    }
    out
}

/// The arguments of the commands.
pub(super) fn command_arguments() -> String {
    let mut out = "| command | argument | type | meaning |\n|---|---|---|---|\n".to_owned();
    for command in COMMANDS {
        for property in command.arguments.properties {
            let (_, kind, doc) = row(property);
            let _ = writeln!(out, "| `{}` | `{}` | {kind} | {doc} |", command.name, property.name);
        }
    }
    out
}

/// The objects that commands take.
pub(super) fn command_inputs() -> String {
    let mut out = "| object | member | type | meaning |\n|---|---|---|---|\n".to_owned();
    for record in super::tables::command_inputs() {
        for property in record.properties {
            let (_, kind, doc) = row(property);
            let _ = writeln!(out, "| {} | `{}` | {kind} | {doc} |", record.name, property.name);
        }
    }
    out
}

/// The fault actions that only need their name.
pub(super) fn fault_actions() -> String {
    let mut out = "| act | what happens |\n|---|---|\n".to_owned();
    for (_, name, doc) in NamedAction::ALL {
        let _ = writeln!(out, "| `{name}` | {} |", cell(doc));
    }
    out
}

/// The exit codes of the command.
pub(super) fn exit_codes() -> String {
    let mut out = "| exit code | meaning |\n|---|---|\n".to_owned();
    for (code, doc) in ExitCode::ALL {
        let _ = writeln!(out, "| {} | {} |", code.number(), cell(doc));
    }
    out
}

/// The kinds of errors.
pub(super) fn error_kinds() -> String {
    let mut out = "| kind | meaning |\n|---|---|\n".to_owned();
    for (_, name, doc) in ErrorKind::ALL {
        let _ = writeln!(out, "| `{name}` | {} |", cell(doc));
    }
    out
}

/// The attributes of errors.
pub(super) fn error_attributes() -> String {
    table("attribute", ERROR_ATTRIBUTES)
}

fn table(what: &str, properties: &[Property]) -> String {
    let mut out = format!("| {what} | type | meaning |\n|---|---|---|\n");
    for property in properties {
        let (name, kind, doc) = row(property);
        let _ = writeln!(out, "| {name} | {kind} | {doc} |");
    }
    out
}

fn row(property: &Property) -> (String, String, String) {
    (format!("`{}`", property.snake), kind(property.kind), cell(&property.meaning()))
}

/// A text that doesn't end its cell.
fn cell(doc: &str) -> String {
    plain(doc).replace('|', "\\|")
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Url | Kind::Date | Kind::DateTime | Kind::Audiences | Kind::Name => "text".into(),
        Kind::Boolean => "boolean".into(),
        Kind::Number => "number".into(),
        Kind::Integer => "whole number".into(),
        Kind::Duration => "duration".into(),
        Kind::Path => "file".into(),
        Kind::Object => "object".into(),
        Kind::TextMap => "object of texts".into(),
        Kind::Headers => "headers".into(),
        Kind::Any => "any".into(),
        Kind::Choice(choices) => choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", "),
        Kind::Record(record) => record.name.into(),
        Kind::List(item) => format!("list of {}", self::kind(*item)),
        Kind::OneOf(kinds) => kinds.iter().map(|kind| self::kind(*kind)).collect::<Vec<_>>().join(" or "),
    }
}
