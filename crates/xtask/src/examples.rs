//! The examples in README.md and docs/, run as they stand there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::demo::LocalGraph;
use crate::run::{Result, command, root, run};
use crate::setup;

/// The documents whose examples are run.
pub const DOCUMENTS: &[&str] = &["README.md", "docs/cli.md", "docs/local-graph.md", "docs/sign-in.md"];

/// Runs every `python`, `js` and `sh` block, but the blocks that are about the checkout itself. Each has a local Graph of
/// its own in the environment.
pub fn run_all() -> Result {
    let place = packages()?;
    let mut ran = 0;
    for document in DOCUMENTS {
        let text = fs::read_to_string(root().join(document)).map_err(|error| format!("{document}: {error}"))?;
        for (language, code) in blocks(&text) {
            let (name, program, arguments): (_, _, &[&str]) = match language {
                "python" => ("example.py", "python3", &["example.py"]),
                "js" => ("example.mjs", "node", &["example.mjs"]),
                "sh" if !code.contains("cargo xtask") && !code.contains("install") => {
                    ("example.sh", "bash", &["-eu", "example.sh"])
                }
                _ => continue,
            };
            println!("  {document}: {language}");
            fs::write(place.join(name), code).map_err(|error| error.to_string())?;
            let graph = LocalGraph::start(&[])?;
            let mut example = command(program, arguments);
            example.current_dir(&place).env("PYTHONPATH", root().join("python"));
            example.env("PERSONCERT_BASE_URL", &graph.url).env("PERSONCERT_TOKEN", &graph.token);
            let mut path = setup::cli().parent().unwrap_or(&place).as_os_str().to_owned();
            path.push(":");
            path.push(std::env::var_os("PATH").unwrap_or_default());
            run(example.env("PATH", path).stdout(std::process::Stdio::null()))?;
            graph.stop()?;
            ran += 1;
        }
    }
    if ran == 0 { Err("the documents hold no example".into()) } else { Ok(()) }
}

/// The folder of the examples, where Node finds the package of the checkout.
pub fn packages() -> Result<PathBuf> {
    let folder = root().join("target/examples");
    let packages = folder.join("node_modules");
    fs::create_dir_all(&packages).map_err(|error| format!("{}: {error}", packages.display()))?;
    if !packages.join("personcert").exists() {
        symlink(root().join("node"), packages.join("personcert")).map_err(|error| error.to_string())?;
    }
    Ok(folder)
}

/// The fenced blocks of a document: language and text.
pub fn blocks(document: &str) -> impl Iterator<Item = (&str, &str)> {
    let fenced = document.split("\n```").skip(1).step_by(2);
    fenced.filter_map(|block| block.split_once('\n'))
}
