//! Every test in every language.

use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::run::{Result, command, expect_mistakes, from_source, output, root, run};
use crate::setup::{self, Packages};
use crate::{example_types, examples};
use crate::{shape, stubs};

/// Number of mistakes in each of the `misspelt` files.
const MISTAKES: usize = 7;

type Step = (&'static str, fn() -> Result);

const STEPS: &[Step] = &[
    ("formatting", || run(&mut command("cargo", &["fmt", "--all", "--check"]))),
    ("lints", || run(&mut command("cargo", &["clippy", "--quiet", "--workspace", "--all-targets"]))),
    ("generated files are up to date", stubs::check),
    ("structure of the Rust code", shape::check),
    ("build", setup::build),
    ("Rust and the command", rust),
    ("Python", python),
    ("Node", node),
    ("examples in the documents", examples::run_all),
    ("types of the examples in the documents", example_types::check),
    ("sign-in with Microsoft's libraries, a browser and another provider", identity),
    ("other Graph clients and the local Graph", interop),
    ("Python types and uvloop", python_types),
    ("TypeScript types", node_types),
];

/// Sets up and runs everything.
pub fn test() -> Result {
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

/// The crates' tests and the examples in their docs; the cases are among them.
fn rust() -> Result {
    let report = output(&mut command("cargo", &["test", "--quiet"]))?;
    check_case_counts(&report, &["rust", "cli"])
}

fn python() -> Result {
    let discover = ["-m", "unittest", "discover", "--quiet", "--start-directory", "tests/python"];
    let report = output(&mut from_source("python3", &discover))?;
    check_case_counts(&report, &["python", "python (asyncio)"])
}

fn node() -> Result {
    let report = output(node_test().args(test_files("tests/node")?))?;
    check_case_counts(&report, &["node"])
}

fn identity() -> Result {
    let chromium = setup::identity_peers()?;
    run(&mut from_source(setup::python(), &["tests/identity/peers.py", "--quiet"]))?;
    output(node_test().args(test_files("tests/identity")?).env("CHROMIUM", chromium)).map(drop)
}

fn interop() -> Result {
    setup::interop_clients()?;
    output(node_test().args(test_files("tests/interop")?)).map(drop)
}

fn node_test() -> Command {
    command("node", &["--test", "--test-reporter=spec"])
}

/// The `*.test.mjs` files of a folder, sorted.
fn test_files(folder: &str) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(root().join(folder)).map_err(|error| format!("{folder}: {error}"))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut files: Vec<_> =
        names.filter(|name| name.ends_with(".test.mjs")).map(|name| format!("{folder}/{name}")).collect();
    files.sort();
    Ok(files)
}

/// Fails unless each front end reports that it ran or excluded every case in `tests/cases`.
fn check_case_counts(report: &str, front_ends: &[&str]) -> Result {
    let total = count_cases()?;
    for front_end in front_ends {
        let counts = report.lines().find_map(|line| read_counts(line, front_end));
        let (passed, excluded) = counts.ok_or_else(|| format!("{front_end} reported no cases"))?;
        if passed + excluded != total {
            return Err(format!("{front_end}: {passed} cases passed and {excluded} are excluded, of {total}"));
        }
        println!("  {front_end}: {passed} cases passed, {excluded} excluded");
    }
    Ok(())
}

/// Reads `<front end>: N cases passed, M excluded`; a test runner may put something before it.
fn read_counts(line: &str, front_end: &str) -> Option<(usize, usize)> {
    let (before, counts) = line.split_once(&format!("{front_end}: "))?;
    if before.ends_with(char::is_alphanumeric) {
        return None;
    }
    let (passed, excluded) = counts.trim_end().strip_suffix(" excluded")?.split_once(" cases passed, ")?;
    Some((passed.parse().ok()?, excluded.parse().ok()?))
}

fn count_cases() -> Result<usize> {
    let folder = root().join("tests/cases");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut total = 0;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let cases: Vec<Value> = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        total += cases.len();
    }
    Ok(total)
}

fn python_types() -> Result {
    setup::python_tools()?;
    let mypy = ["-m", "mypy", "--strict"];
    let pyright = ["-m", "pyright", "--pythonpath", ".venv/bin/python"];
    run(from_source(setup::python(), &mypy).args(["python/personcert", "tests/python/usage.py"]))?;
    expect_mistakes(from_source(setup::python(), &mypy).arg("tests/python/misspelt.py"), MISTAKES)?;
    run(&mut from_source(setup::python(), &["tests/python/uvloop_loops.py"]))?;
    run(from_source(setup::python(), &pyright).arg("tests/python/usage.py"))?;
    expect_mistakes(from_source(setup::python(), &pyright).arg("tests/python/misspelt.py"), MISTAKES)
}

fn node_types() -> Result {
    setup::node_tools()?;
    let tsc = ["node_modules/typescript/bin/tsc", "--strict", "--noEmit", "--module", "nodenext", "--target", "es2022"];
    let lib = ["--lib", "es2022,esnext.disposable", "--types", "node"];
    run(command("node", &tsc).args(lib).arg("tests/node/usage.mts"))?;
    expect_mistakes(command("node", &tsc).args(lib).arg("tests/node/misspelt.mts"), MISTAKES)
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
pub fn try_packages(packages: &Packages) -> Result {
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
    Ok(())
}
