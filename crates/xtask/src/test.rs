//! Every test in every language.

use std::process::Command;
use std::time::Instant;

use crate::examples;
use crate::run::{Done, command, refuse, root, run};
use crate::setup::{self, Packages};
use crate::stubs;

/// How many mistakes each of the `misspelt` files makes.
const MISTAKES: usize = 7;

type Step = (&'static str, fn() -> Done);

const STEPS: &[Step] = &[
    ("formatting", || run(&mut command("cargo", &["fmt", "--all", "--check"]))),
    ("lints", || run(&mut command("cargo", &["clippy", "--quiet", "--workspace", "--all-targets"]))),
    ("generated types are fresh", stubs::check),
    ("build", setup::build),
    ("Rust, the command, and the examples in the docs", || run(&mut command("cargo", &["test", "--quiet"]))),
    ("Python: cases and traps", python),
    ("Node: cases and traps", node),
    ("the examples in the documents", examples::run_all),
    ("sign-in with others' libraries, a browser, another provider", identity),
    ("Python types and uvloop", python_types),
    ("TypeScript types", node_types),
];

/// Sets up and runs everything.
pub fn test() -> Done {
    let started = Instant::now();
    for (name, step) in STEPS {
        let began = Instant::now();
        println!("== {name}");
        step()?;
        println!("   {:.0} s", began.elapsed().as_secs_f64());
    }
    println!("all {} steps passed in {:.0} s", STEPS.len(), started.elapsed().as_secs_f64());
    println!("{} passed, 0 failed", STEPS.len());
    Ok(())
}

fn python() -> Done {
    run(&mut from_source("python3", &["tests/python/run_cases.py"]))?;
    run(&mut from_source("python3", &["-m", "unittest", "discover", "--quiet", "--start-directory", "tests/python"]))
}

fn node() -> Done {
    run(&mut command("node", &["tests/node/run_cases.mjs"]))?;
    let tests = ["tests/node/traps.test.mjs", "tests/node/sign_in.test.mjs"];
    run(command("node", &["--test", "--test-reporter=spec"]).args(tests))
}

fn identity() -> Done {
    let chromium = setup::identity_peers()?;
    run(&mut from_source(setup::python(), &["tests/identity/peers.py", "--quiet"]))?;
    let node = ["--test", "--test-reporter=spec"];
    let suites = ["peers", "people", "pages"].map(|suite| format!("tests/identity/{suite}.test.mjs"));
    run(command("node", &node).args(suites).env("CHROMIUM", chromium))
}

fn python_types() -> Done {
    setup::python_tools()?;
    let mypy = ["-m", "mypy", "--strict"];
    let pyright = ["-m", "pyright", "--pythonpath", ".venv/bin/python"];
    run(from_source(setup::python(), &mypy).args(["python/personcert", "tests/python/usage.py"]))?;
    refuse(from_source(setup::python(), &mypy).arg("tests/python/misspelt.py"), MISTAKES)?;
    run(&mut from_source(setup::python(), &["tests/python/uvloop_loops.py"]))?;
    run(from_source(setup::python(), &pyright).arg("tests/python/usage.py"))?;
    refuse(from_source(setup::python(), &pyright).arg("tests/python/misspelt.py"), MISTAKES)
}

fn node_types() -> Done {
    setup::node_tools()?;
    let tsc = ["node_modules/typescript/bin/tsc", "--strict", "--noEmit", "--module", "nodenext", "--target", "es2022"];
    let lib = ["--lib", "es2022,esnext.disposable", "--types", "node"];
    run(command("node", &tsc).args(lib).arg("tests/node/usage.mts"))?;
    refuse(command("node", &tsc).args(lib).arg("tests/node/misspelt.mts"), MISTAKES)
}

/// A Python that finds the package in the checkout.
pub fn from_source(python: impl AsRef<std::path::Path>, arguments: &[&str]) -> Command {
    let mut command = command(python, arguments);
    command.env("PYTHONPATH", root().join("python")).env("MYPYPATH", root().join("python"));
    command
}

const PYTHON_TRIAL: &str = "\
from personcert import Client, LocalGraph
with LocalGraph() as graph, Client(base_url=graph.url, token=graph.token()) as client:
    updated = client.update('0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f', issuing_company='Academy')
    assert updated.certification.issuing_company == 'Academy', updated
    print('Python:', updated.certification.issuing_company)
";
const NODE_TRIAL: &str = "\
import { Client, LocalGraph } from 'personcert'
const graph = await LocalGraph.start()
const client = new Client({ baseUrl: graph.url, token: await graph.token() })
const updated = await client.update('0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f', { issuingCompany: 'Academy' })
if (updated.certification.issuingCompany !== 'Academy') throw new Error(JSON.stringify(updated))
console.log('Node:', updated.certification.issuingCompany)
await graph.close()
";

/// Installs both packages into empty environments without the checkout, and runs a script and the command there.
pub fn try_packages(packages: &Packages) -> Done {
    let place = root().join("target/trial");
    if place.exists() {
        std::fs::remove_dir_all(&place).map_err(|error| format!("the last trial can't be removed: {error}"))?;
    }
    let npm = place.join("npm");
    std::fs::create_dir_all(&npm).map_err(|error| format!("the trial can't be made: {error}"))?;
    let write = |path: std::path::PathBuf, text: &str| std::fs::write(path, text).map_err(|error| error.to_string());
    write(place.join("trial.py"), PYTHON_TRIAL)?;
    write(npm.join("trial.mjs"), NODE_TRIAL)?;
    write(npm.join("package.json"), "{\"private\": true}")?;

    let venv = place.join("venv");
    run(command("python3", &["-m", "venv"]).arg(&venv))?;
    let bin = venv.join("bin");
    run(command(bin.join("python"), &["-m", "pip", "install", "--quiet", "--no-deps", "--no-index"])
        .arg(&packages.wheel))?;
    run(command(bin.join("python"), &["trial.py"]).current_dir(&place))?;
    run(&mut command(bin.join("personcert"), &["--version"]))?;

    let install = ["install", "--silent", "--offline", "--no-audit", "--no-fund"];
    run(command("npm", &install).arg(&packages.tarball).current_dir(&npm))?;
    run(command("node", &["trial.mjs"]).current_dir(&npm))?;
    run(command("npx", &["--no-install", "personcert", "--version"]).current_dir(&npm))?;
    for path in [&packages.wheel, &packages.tarball] {
        let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
        let tenths = size / 100_000;
        println!("{}: {}.{} MB", path.file_name().unwrap_or_default().display(), tenths / 10, tenths % 10);
    }
    Ok(())
}
