//! The methods of the local Graph in Python, JavaScript and TypeScript: one for each command.

use std::fmt::Write as _;

use personcert::schema::{Kind, Property};
use personcert_local::{COMMANDS, CommandSpec};

use super::python_client::{LINE, dict, docstring};
use super::tables::arguments;
use super::{python, typescript};

/// The methods of `python/personcert/_local.py`.
pub(super) fn python() -> String {
    COMMANDS.iter().map(python_method).collect::<Vec<_>>().join("\n")
}

fn python_method(command: &CommandSpec) -> String {
    let (positional, options) = arguments(command);
    let mut parameters = vec!["self".to_owned()];
    parameters.extend(positional.iter().map(|property| {
        if property.required {
            format!("{}: {}", property.snake, python_argument(property.kind))
        } else {
            parameter(property)
        }
    }));
    if !options.is_empty() {
        parameters.push("*".to_owned());
    }
    parameters.extend(options.iter().map(parameter));
    let result = command.result.map_or("None".to_owned(), python_result);
    let mut out = format!("    def {}({}) -> {result}:\n", command.snake, parameters.join(", "));
    if out.len() > LINE {
        out = format!("    def {}(\n        {},\n    ) -> {result}:\n", command.snake, parameters.join(",\n        "));
    }
    let properties = command.arguments.properties;
    if properties.is_empty() {
        let _ = writeln!(out, "        \"\"\"{}\"\"\"", command.doc);
    } else {
        docstring(&mut out, command.doc, properties.iter());
    }
    let names: Vec<_> = properties.iter().map(|property| format!("\"{0}\": {0}", property.snake)).collect();
    let call = if names.is_empty() {
        format!("self._native.command(\"{}\", {{}})", command.name)
    } else {
        out.push_str(&dict("arguments", &names));
        format!("self._native.command(\"{}\", arguments)", command.name)
    };
    let _ = match command.result {
        Some(_) => writeln!(out, "        return cast(\"{result}\", {call})"),
        None => writeln!(out, "        {call}"),
    };
    out
}

/// An argument that may be left out. None leaves a flag as it is, which is not the same as false.
fn parameter(property: &Property) -> String {
    format!("{}: {} | None = None", property.snake, python::write_type(property.kind))
}

/// A certification may also be a dict in Graph's names.
fn python_argument(kind: Kind) -> String {
    match kind {
        Kind::Record(record) if record.open => format!("{} | Mapping[str, Any]", record.name),
        kind => python::write_type(kind),
    }
}

/// Objects come as dicts in Graph's names.
fn python_result(kind: Kind) -> String {
    match kind {
        Kind::Record(_) => "dict[str, Any]".into(),
        Kind::List(item) => format!("list[{}]", python_result(*item)),
        kind => python::read(kind),
    }
}

/// The methods of the class in `node/index.js`.
pub(super) fn javascript() -> String {
    COMMANDS.iter().map(javascript_method).collect::<Vec<_>>().join("\n")
}

fn javascript_method(command: &CommandSpec) -> String {
    let (positional, options) = arguments(command);
    let names: Vec<_> = positional.iter().map(|property| property.name).collect();
    let mut parameters = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut given: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    if !options.is_empty() {
        parameters.push("options = {}".to_owned());
        given.insert(0, "...options".to_owned());
    }
    let given = if positional.is_empty() && !options.is_empty() {
        ", options".to_owned()
    } else if given.is_empty() {
        String::new()
    } else {
        format!(", {{ {} }}", given.join(", "))
    };
    let call = format!("this.#command('{}'{given})", command.name);
    let (prefix, body) = match command.result {
        Some(_) => ("", format!("return {call}")),
        None => ("async ", format!("await {call}")),
    };
    format!("  {prefix}{}({}) {{\n    {body}\n  }}\n", command.name, parameters.join(", "))
}

/// The methods of the class in `node/index.d.ts`.
pub(super) fn typescript() -> String {
    COMMANDS.iter().map(typescript_method).collect()
}

fn typescript_method(command: &CommandSpec) -> String {
    let (positional, options) = arguments(command);
    let optional = |required| if required { "" } else { "?" };
    let parameter = |property: &Property| {
        format!("{}{}: {}", property.name, optional(property.required), typescript::write_type(property.kind))
    };
    let mut parameters: Vec<_> = positional.iter().map(parameter).collect();
    if !options.is_empty() {
        parameters.push(format!("options?: {}", command.arguments.name));
    }
    let result = command.result.map_or("void".to_owned(), typescript::read);
    format!("  /** {} */\n  {}({}): Promise<{result}>\n", command.doc, command.name, parameters.join(", "))
}
