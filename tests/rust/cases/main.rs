//! Runs tests/cases/*.json through the Rust crate and through the `personcert` command.

mod api;
mod case;
mod command;

use std::process::ExitCode;

use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};

use case::{Case, Ended, Problems, differences};

/// How a front end carries a case out: the values it gave, or the attributes of its error.
type CarryOut<'a> = &'a dyn Fn(&Case, &Value) -> Result<Ended, String>;

fn main() -> ExitCode {
    match run_all() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run_all() -> Result<bool, String> {
    let cases = case::load()?;
    let graph = LocalGraph::start(Options::default()).map_err(|error| error.to_string())?;
    let api = api::Api::new()?;
    let rust = run("rust", &cases, &graph, &|case, settings| api.carry_out(case, settings));
    let cli = run("cli", &cases, &graph, &command::carry_out);
    Ok(rust && cli)
}

/// Runs all cases through a front end; true when none failed and enough ran.
fn run(name: &str, cases: &[Case], graph: &LocalGraph, carry_out: CarryOut<'_>) -> bool {
    let (mut passed, mut excluded, mut failed) = (0_usize, 0_usize, 0_usize);
    for case in cases {
        if case.exclude.contains_key(name) {
            excluded += 1;
            continue;
        }
        let problems = check(case, graph, carry_out).unwrap_or_else(|why| vec![why]);
        for problem in &problems {
            println!("FAILED {name}: {}: {problem}", case.name);
        }
        if problems.is_empty() { passed += 1 } else { failed += 1 }
    }
    println!("{name}: {passed} cases passed, {excluded} excluded, {failed} failed");
    failed == 0 && passed >= 150 && excluded * 20 <= cases.len()
}

fn check(case: &Case, graph: &LocalGraph, carry_out: CarryOut<'_>) -> Result<Problems, String> {
    let tell = |name: &str, arguments: Value| graph.command(name, &arguments).map_err(|error| error.to_string());
    tell("reset", Value::Null)?;
    for added in &case.given.certifications {
        tell("add", added.clone())?;
    }
    tell("script", json!({"answers": case.server}))?;
    tell("faults", json!({"faults": case.given.faults}))?;
    let places = case::Places::new()?;
    for (name, arguments) in &case.given.commands {
        let mut arguments = arguments.clone();
        places.fill(&mut arguments, graph.url(), &tell)?;
        tell(name, arguments)?;
    }
    let settings = case.settings(graph.url(), &places, &tell)?;
    let ended = carry_out(case, &settings)?;
    let mut problems = Vec::new();
    let all = tell("requests", Value::Null)?;
    if all.as_array().into_iter().flatten().any(|seen| seen["elsewhere"] == true && seen["authorization"] == true) {
        problems.push("another server got the token".into());
    }
    match (ended, &case.error) {
        (Ended::Error(error), Some(expected)) => case::check_error(expected, &error, &mut problems),
        (Ended::Error(error), None) => problems.push(format!("ended with {error}")),
        (Ended::Value(_), Some(_)) => problems.push("there was no error".into()),
        (Ended::Value(value), None) => differences(&case.result, &value, "result", &mut problems),
    }
    if let Some(expected) = &case.requests {
        differences(expected, &all, "requests", &mut problems);
    }
    if let Some(expected) = &case.sign_ins {
        differences(expected, &tell("signIns", Value::Null)?, "signIns", &mut problems);
    }
    if let Some(stored) = &case.stored {
        let all = tell("certifications", json!({"user": stored["user"]}))?;
        let found = all.as_array().into_iter().flatten().find(|found| found["id"] == stored["id"]);
        differences(&stored["certification"], found.unwrap_or(&Value::Null), "stored", &mut problems);
    }
    Ok(problems)
}
