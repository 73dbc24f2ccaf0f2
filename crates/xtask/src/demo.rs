//! The demonstration: one change, three front ends, one local Graph.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::run::{Done, command, root, run};
use crate::setup;

const CERTIFICATION: &str = "0fb4c1e3-c1e3-0fb4-e3c1-b40fe3c1b40f";
const USER: &str = "innocenty.popov@contoso.com";

/// Builds everything, starts a local Graph, makes the specification's change from the command line, from Python and
/// from Node, and lists the final state.
pub fn demo() -> Done {
    println!("== building (the first time takes minutes)");
    setup::build()?;
    println!("== a local Graph");
    let mut server = command(setup::cli(), &["serve", "--until-eof", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the local Graph did not start: {error}"))?;
    let done = started(&mut server).and_then(|(url, token)| front_ends(&url, &token));
    // The server ends with its standard input.
    drop(server.stdin.take());
    let ended = server.wait().map_err(|error| format!("the local Graph did not end: {error}"));
    done.and(ended.map(|_| ()))
}

/// The address and the token that the server prints on its first line.
fn started(server: &mut std::process::Child) -> Done<(String, String)> {
    let out = server.stdout.as_mut().ok_or("the local Graph has no output")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).map_err(|error| error.to_string())?;
    let ready: Value = serde_json::from_str(&line).map_err(|_| format!("the local Graph said {line:?}"))?;
    let text = |name: &str| ready[name].as_str().map(str::to_owned).ok_or(format!("the local Graph gave no {name}"));
    Ok((text("url")?, text("token")?))
}

fn front_ends(url: &str, token: &str) -> Done {
    let authority = "issuingAuthority=International Academy of Marketing Excellence";
    let company = "issuingCompany=International Academy of Marketing Excellence";
    let update = vec!["update", CERTIFICATION, "--user", USER, "--set", authority, "--set", company];
    let demos = [
        ("the command line: before", setup::cli(), vec!["get", CERTIFICATION, "--user", USER]),
        ("the command line", setup::cli(), update),
        ("Python", "python3".into(), vec!["tests/python/demo.py"]),
        ("Node", "node".into(), vec!["tests/node/demo.mjs"]),
        ("the final state", setup::cli(), vec!["get", CERTIFICATION, "--user", USER]),
    ];
    for (name, program, arguments) in demos {
        println!("\n== {name}");
        let mut command = command(program, &arguments);
        command.env("PYTHONPATH", root().join("python"));
        run(command.env("PERSONCERT_BASE_URL", url).env("PERSONCERT_TOKEN", token))?;
    }
    Ok(())
}
