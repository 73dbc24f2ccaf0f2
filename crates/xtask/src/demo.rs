//! `cargo xtask demo`: one change from three front ends on one local Graph, and 1,000 rows from the command.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::run::{Result, command, root, run};
use crate::setup;

const CERTIFICATION: &str = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";
const USER: &str = "innocenty.popov@contoso.com";

/// Builds everything, makes the specification's change with the command, Python and Node, and lists the final state. Then
/// plans, applies and verifies the sample of 1,000 rows, 50 of which are bad.
pub fn demo() -> Result {
    println!("== building (the first time takes minutes)");
    setup::build()?;
    println!("== a local Graph");
    let _ = fs::remove_file(root().join("target/demo.sqlite"));
    let graph = LocalGraph::start(&["--database", "target/demo.sqlite"])?;
    front_ends(&graph.url, &graph.token)?;
    graph.stop()?;
    let graph = LocalGraph::start(&["--users", "30"])?;
    bulk(&graph)?;
    graph.stop()
}

/// `personcert serve` as a process that ends with this one.
pub struct LocalGraph {
    pub url: String,
    pub token: String,
    server: Child,
}

impl LocalGraph {
    /// Starts it with further options of `serve`.
    pub fn start(options: &[&str]) -> Result<Self> {
        let mut server = command(setup::cli(), &["serve", "--until-eof", "--json"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the local Graph did not start: {error}"))?;
        let out = server.stdout.as_mut().ok_or("the local Graph's output is not piped")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).map_err(|error| error.to_string())?;
        let ready: Value =
            serde_json::from_str(&line).map_err(|_| format!("unexpected first line of the local Graph: {line:?}"))?;
        let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
        Ok(Self { url: text("url"), token: text("token"), server })
    }

    /// Stops the process and waits for it.
    pub fn stop(mut self) -> Result {
        // Closing its standard input ends it.
        drop(self.server.stdin.take());
        let ended = self.server.wait().map_err(|error| format!("the local Graph did not end: {error}"))?;
        if ended.success() { Ok(()) } else { Err(format!("the local Graph failed ({ended})")) }
    }
}

fn front_ends(url: &str, token: &str) -> Result {
    let front_end = |name: &str, program: PathBuf, arguments: &[&str]| {
        println!("\n== {name}");
        let mut command = command(program, arguments);
        command.env("PYTHONPATH", root().join("python"));
        command.env("PERSONCERT_BASE_URL", url).env("PERSONCERT_TOKEN", token);
        command
    };
    let get = ["get", CERTIFICATION, "--user", USER];
    run(&mut front_end("before", setup::cli(), &get))?;

    let mut read = front_end("the command line", setup::cli(), &[&["--json"], get.as_slice()].concat());
    let current = read.output().map_err(|error| format!("the command did not start: {error}"))?.stdout;
    let file = root().join("target/demo.json");
    fs::write(&file, current).map_err(|error| format!("{} can't be written: {error}", file.display()))?;
    let update = ["update", CERTIFICATION, "--user", USER, "--current", "target/demo.json"];
    let authority = ["--set", "issuingAuthority=International Academy of Marketing Excellence"];
    let company = ["--set", "issuingCompany=International Academy of Marketing Excellence"];
    let mut update = command(setup::cli(), &[update.as_slice(), &authority, &company].concat());
    run(update.env("PERSONCERT_BASE_URL", url).env("PERSONCERT_TOKEN", token))?;

    run(&mut front_end("Python", "python3".into(), &["tests/python/demo.py"]))?;
    run(&mut front_end("Node", "node".into(), &["tests/node/demo.mjs"]))?;
    let store = ["tests/python/demo_store.py", "target/demo.sqlite", USER];
    run(&mut front_end("the final state, read from the SQLite file", "python3".into(), &store))
}

/// Plans, applies and verifies the sample; each command ends with the exit code that its documentation gives.
fn bulk(graph: &LocalGraph) -> Result {
    const SAMPLE: &str = "crates/personcert-bulk/sample.csv";
    const PLAN: &str = "target/demo.plan";
    const JOB: &str = "target/demo.job";
    let _ = fs::remove_dir_all(root().join(JOB));
    let steps: [(&str, &[&str], i32); 4] = [
        ("plan 1,000 rows", &["plan", SAMPLE, "--out", PLAN, "--detailed-exitcode"], 2),
        ("apply them", &["apply", SAMPLE, "--yes", "--job-dir", JOB], 1),
        ("apply them again", &["apply", SAMPLE, "--yes", "--job-dir", JOB], 1),
        ("verify", &["verify", SAMPLE], 7),
    ];
    for (name, arguments, code) in steps {
        println!("\n== {name}");
        let mut command = command(setup::cli(), arguments);
        command.env("PERSONCERT_BASE_URL", &graph.url).env("PERSONCERT_TOKEN", &graph.token);
        let status = command.status().map_err(|error| format!("the command did not start: {error}"))?;
        if status.code() != Some(code) {
            return Err(format!("`personcert {}` ended with {status}, not with {code}", arguments.join(" ")));
        }
    }
    Ok(())
}
