//! The generated parts of `python/personcert/_client.py`, `_local.py` and `_errors.py`, and `_async_client.py`.

use std::fmt::Write as _;

use personcert::host::{Argument, ERROR_ATTRIBUTES, OPERATIONS, OperationSpec, ResultSpec, Role};
use personcert::schema::{Kind, Property};
use personcert::{ErrorKind, Outcome};
use personcert_local::Options;

use super::python::{read, write_type};
use super::tables::plain;

/// The width of a line of code.
pub(super) const LINE: usize = 120;

/// The methods of the blocking client.
pub(super) fn operations() -> String {
    OPERATIONS.iter().map(method).collect::<Vec<_>>().join("\n")
}

fn method(operation: &OperationSpec) -> String {
    let arguments: Vec<_> = operation.arguments().collect();
    let of = |role| arguments.iter().copied().filter(move |argument: &&Argument| argument.role == role);
    let mut out = format!("    def {}(\n        self,\n", operation.name);
    for Argument { property, .. } in of(Role::Positional) {
        let _ = writeln!(out, "        {}: {},", property.snake, write_type(property.kind));
    }
    out.push_str("        *,\n");
    for Argument { property, .. } in of(Role::Option) {
        let _ = writeln!(out, "        {},", parameter(property));
    }
    for Argument { property, .. } in of(Role::Members) {
        let members = if property.snake == "values" { "CertificationValues" } else { "CertificationChanges" };
        let _ = writeln!(out, "        **{}: Unpack[{members}],", property.snake);
    }
    let result = match operation.result {
        ResultSpec::Value(kind) => read(kind),
        ResultSpec::Pages => "Iterator[PersonCertification]".into(),
        ResultSpec::Nothing => "None".into(),
    };
    let _ = writeln!(out, "    ) -> {result}:");
    docstring(&mut out, operation.doc, arguments.iter().map(|argument| &argument.property));
    let names = arguments.iter().map(|argument| format!("\"{0}\": {0}", argument.property.snake));
    out.push_str(&dict("arguments", &names.collect::<Vec<_>>()));
    let call = format!("self._call(\"{}\", arguments)", operation.name);
    let _ = match operation.result {
        ResultSpec::Value(_) => writeln!(out, "        return cast(\"{result}\", {call})"),
        ResultSpec::Pages => writeln!(out, "        return _items({call})"),
        ResultSpec::Nothing => writeln!(out, "        {call}"),
    };
    out
}

/// The constructor of the local Graph.
pub(super) fn local_graph() -> String {
    let mut out = "    def __init__(\n        self,\n        *,\n".to_owned();
    for property in Options::RECORD.properties {
        let _ = writeln!(out, "        {},", parameter(property));
    }
    out.push_str("    ) -> None:\n");
    docstring(&mut out, "Start it; it is ready on return.", Options::RECORD.properties.iter());
    let value = |property: &Property| match property.kind {
        Kind::Path => format!("None if {0} is None else os.fspath({0})", property.snake),
        _ => property.snake.to_owned(),
    };
    let options = Options::RECORD.properties.iter();
    let names: Vec<_> = options.map(|property| format!("\"{}\": {}", property.snake, value(property))).collect();
    out.push_str(&dict("options", &names));
    out.push_str("        self._native = _Native(options)\n");
    out
}

/// The attributes of an error.
pub(super) fn error_attributes() -> String {
    let mut out = String::new();
    let closed = [
        ("kind", "What went wrong, in terms of what the caller can do about it.", ErrorKind::NAMES),
        ("outcome", "Whether the change was applied.", Outcome::NAMES),
    ];
    for (name, doc, texts) in closed {
        let texts: Vec<_> = texts.iter().map(|text| format!("\"{text}\"")).collect();
        let one_line = format!("    {name}: Literal[{}]\n", texts.join(", "));
        if one_line.len() <= LINE {
            out.push_str(&one_line);
        } else {
            let _ = writeln!(out, "    {name}: Literal[\n        {},\n    ]", texts.join(",\n        "));
        }
        let _ = writeln!(out, "    \"\"\"{doc}\"\"\"");
    }
    for property in ERROR_ATTRIBUTES {
        let kind = match property.kind {
            Kind::List(item) => format!("list[{}]", read(*item)),
            kind => read(kind),
        };
        let _ = writeln!(out, "    {}: {kind} | None\n    \"\"\"{}\"\"\"", property.snake, plain(property.doc));
    }
    out
}

/// A parameter that may be left out.
fn parameter(property: &Property) -> String {
    match property.kind {
        Kind::Boolean => format!("{}: bool = False", property.snake),
        kind => format!("{}: {} | None = None", property.snake, write_type(kind)),
    }
}

pub(super) fn docstring<'a>(out: &mut String, doc: &str, arguments: impl Iterator<Item = &'a Property>) {
    let _ = writeln!(out, "        \"\"\"{doc}\n\n        Args:");
    for property in arguments {
        let _ = writeln!(out, "            {}: {}", property.snake, property.meaning());
    }
    out.push_str("        \"\"\"\n");
}

/// The assignment of a dict, on one line where it fits.
pub(super) fn dict(name: &str, items: &[String]) -> String {
    let one_line = format!("        {name} = {{{}}}\n", items.join(", "));
    if one_line.len() <= LINE {
        return one_line;
    }
    let lines = items.iter().map(|item| format!("            {item},\n")).collect::<Vec<_>>().concat();
    format!("        {name} = {{\n{lines}        }}\n")
}

/// How the asyncio client differs from the blocking one. Each text on the left must occur.
const ASYNC: &[(&str, &str)] = &[
    (
        "\"\"\"The client for blocking calls.\"\"\"\n",
        "# Generated by `cargo xtask stubs` from `_client.py`. Do not edit.\n\"\"\"The client for asyncio.\"\"\"\n",
    ),
    ("\nfrom ._credential", "\nfrom ._completions import completion\nfrom ._credential"),
    ("from ._native import Client as _Native\n", "from ._native import AsyncClient as _Native\n"),
    ("    from ._native import Pages\n", ""),
    ("class Client:\n", "class AsyncClient:\n"),
    (
        "One client serves any number of threads, and forked children.",
        "One client serves any number of event loops, one after the other or at once.",
    ),
    (" Iterator,", " AsyncIterator,"),
    ("-> Iterator[", "-> AsyncIterator["),
    ("    def update(", "    async def update("),
    ("    def get(", "    async def get("),
    ("    def list(", "    async def list("),
    ("    def create(", "    async def create("),
    ("    def delete(", "    async def delete("),
    ("    def doctor(", "    async def doctor("),
    (
        "        return _items(self._call(\"list\", arguments))\n",
        "        pages = self._call(\"list\", arguments)\n        while (page := await completion(pages.next)) is not None:\n            \
         for certification in page:\n                yield certification\n",
    ),
    ("self._call(", "await self._call("),
    ("    def close(", "    async def close("),
    ("        self.close()", "        await self.close()"),
    ("    def __enter__(", "    async def __aenter__("),
    ("    def __exit__(", "    async def __aexit__("),
    ("    def _call(", "    async def _call("),
    (
        "        return self._native.call(operation, arguments)\n",
        "        if self._fetcher is not None:\n            \
         # Not at the top: asyncio takes several times as long to import as the rest of this package.\n            \
         from asyncio import get_running_loop\n\n            \
         self._fetcher.event_loop = get_running_loop()\n        \
         return await completion(self._native.call, operation, arguments)\n",
    ),
    (
        "\n\ndef _items(pages: Pages) -> AsyncIterator[PersonCertification]:\n    \
         while (page := pages.next()) is not None:\n        yield from page\n",
        "",
    ),
];

/// The asyncio client, from the text of the blocking one.
pub(super) fn async_client(blocking: &str) -> crate::run::Result<String> {
    ASYNC.iter().try_fold(blocking.to_owned(), |text, (from, to)| {
        if text.contains(from) {
            Ok(text.replace(from, to))
        } else {
            Err(format!("_client.py doesn't contain {from:?}, which the asyncio client replaces"))
        }
    })
}
