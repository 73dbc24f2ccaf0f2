//! What is generated from the core's tables: the Python and TypeScript types, the asyncio client, and the tables of the
//! documents.

mod commands;
mod docs;
mod python;
mod python_client;
mod tables;
mod typescript;

use std::fs;

use crate::run::{Result, root};

/// A generated part of a file.
struct Part {
    file: &'static str,
    /// The name in the part's marks; a file without marks is generated as a whole.
    mark: Option<&'static str>,
    generate: fn() -> Result<String>,
}

const PARTS: &[Part] = &[
    Part { file: "python/personcert/_models.py", mark: None, generate: || Ok(python::models()) },
    Part {
        file: "python/personcert/_client.py",
        mark: Some("operations"),
        generate: || Ok(python_client::operations()),
    },
    Part { file: "python/personcert/_async_client.py", mark: None, generate: async_client },
    Part { file: "python/personcert/_local.py", mark: Some("options"), generate: || Ok(python_client::local_graph()) },
    Part { file: "python/personcert/_local.py", mark: Some("commands"), generate: || Ok(commands::python()) },
    Part { file: "node/index.js", mark: Some("commands"), generate: || Ok(commands::javascript()) },
    Part { file: "node/index.d.ts", mark: Some("commands"), generate: || Ok(commands::typescript()) },
    Part {
        file: "python/personcert/_errors.py",
        mark: Some("attributes"),
        generate: || Ok(python_client::error_attributes()),
    },
    Part { file: "node/types.d.ts", mark: None, generate: || Ok(typescript::types()) },
    Part { file: "docs/settings.md", mark: Some("client settings"), generate: || Ok(docs::client_settings()) },
    Part { file: "docs/settings.md", mark: Some("call options"), generate: || Ok(docs::call_options()) },
    Part { file: "docs/errors.md", mark: Some("kinds"), generate: || Ok(docs::error_kinds()) },
    Part { file: "docs/errors.md", mark: Some("attributes"), generate: || Ok(docs::error_attributes()) },
    Part { file: "docs/cli.md", mark: Some("exit codes"), generate: || Ok(docs::exit_codes()) },
    Part { file: "docs/local-graph.md", mark: Some("options"), generate: || Ok(docs::local_graph()) },
    Part { file: "docs/local-graph.md", mark: Some("commands"), generate: || Ok(docs::commands()) },
    Part { file: "docs/local-graph.md", mark: Some("arguments"), generate: || Ok(docs::command_arguments()) },
    Part { file: "docs/local-graph.md", mark: Some("inputs"), generate: || Ok(docs::command_inputs()) },
    Part { file: "docs/local-graph.md", mark: Some("actions"), generate: || Ok(docs::fault_actions()) },
];

fn async_client() -> Result<String> {
    python_client::async_client(&read("python/personcert/_client.py")?)
}

impl Part {
    /// The file as it must be.
    fn file_text(&self) -> Result<String> {
        let generated = (self.generate)()?;
        let Some(mark) = self.mark else { return Ok(generated) };
        let text = read(self.file)?;
        let (start, end) = (format!("generated: {mark}"), format!("end of generated: {mark}"));
        let missing = || format!("{} has no marks for the generated part {mark:?}", self.file);
        let from = text.find(&start).and_then(|at| Some(at + text[at..].find('\n')? + 1)).ok_or_else(missing)?;
        let to = text.find(&end).and_then(|at| text[..at].rfind('\n')).ok_or_else(missing)? + 1;
        Ok(format!("{}{generated}{}", &text[..from], text.get(to..).unwrap_or_default()))
    }
}

/// Writes the generated parts.
pub fn write() -> Result {
    for part in PARTS {
        let text = part.file_text()?;
        fs::write(root().join(part.file), text).map_err(|error| format!("cannot write {}: {error}", part.file))?;
        println!("wrote {}{}", part.file, part.name());
    }
    Ok(())
}

/// Fails if a generated part is out of date.
pub fn check() -> Result {
    for part in PARTS {
        if read(part.file)? != part.file_text()? {
            return Err(format!("{}{} is out of date; run `cargo xtask stubs`", part.file, part.name()));
        }
        println!("  {}{} is up to date", part.file, part.name());
    }
    Ok(())
}

impl Part {
    fn name(&self) -> String {
        self.mark.map(|mark| format!(" ({mark})")).unwrap_or_default()
    }
}

fn read(file: &str) -> Result<String> {
    fs::read_to_string(root().join(file)).map_err(|error| format!("cannot read {file}: {error}"))
}
