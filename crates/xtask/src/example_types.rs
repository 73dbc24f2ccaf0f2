//! The examples in README.md and docs/, checked by strict type checkers as they stand there.

use std::fs;
use std::path::PathBuf;

use crate::examples::{DOCUMENTS, blocks, packages};
use crate::run::{Result, command, from_source, root, run};
use crate::setup;

/// Checks every `python` block with mypy, and every `js` and `ts` block with the TypeScript compiler.
pub fn check() -> Result {
    setup::python_tools()?;
    setup::node_tools()?;
    packages()?;
    let python = write(&["python"], "py")?;
    run(from_source(setup::python(), &["-m", "mypy", "--strict"]).args(python))?;
    let tsc = ["node_modules/typescript/bin/tsc", "--strict", "--noEmit", "--module", "nodenext", "--target", "es2022"];
    let lib = ["--lib", "es2022,esnext.disposable", "--types", "node"];
    run(command("node", &tsc).args(lib).args(write(&["js", "ts"], "mts")?))
}

/// Writes the blocks of these languages into files below the folder that knows the Node package.
fn write(languages: &[&str], extension: &str) -> Result<Vec<PathBuf>> {
    let folder = root().join("target/examples/types");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files = Vec::new();
    for document in DOCUMENTS {
        let text = fs::read_to_string(root().join(document)).map_err(|error| format!("{document}: {error}"))?;
        let stem = document.replace(['/', '.', '-'], "_");
        for (at, (_, code)) in blocks(&text).enumerate().filter(|(_, (language, _))| languages.contains(language)) {
            let file = folder.join(format!("{stem}_{at}.{extension}"));
            fs::write(&file, code).map_err(|error| format!("{}: {error}", file.display()))?;
            files.push(file);
        }
    }
    if files.is_empty() { Err(format!("the documents hold no {} example", languages[0])) } else { Ok(files) }
}
