//! Runs `tests/cases/*.json` through the Rust crate and through the `personcert` command. Each case is one test per front
//! end, named `rust: <case>` and `cli: <case>`.

mod api;
mod batch;
mod case;
mod check;
mod command;
mod contract;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};
use personcert_local::{LocalGraph, Options};

use case::Case;

const FRONT_ENDS: [&str; 2] = ["rust", "cli"];

/// What all tests share. Each test resets the local Graph, so they run one after the other.
struct Fixture {
    graph: LocalGraph,
    api: api::Api,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    // Cargo passes its own --quiet to the standard test harness alone.
    arguments.quiet |= arguments.format.is_none() && arguments.filter.is_none() && !arguments.list;
    match run_all(&arguments) {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run_all(arguments: &Arguments) -> Result<ExitCode, String> {
    let cases: Vec<_> = case::load()?.into_iter().map(Arc::new).collect();
    let graph = LocalGraph::start(Options::default()).map_err(|error| error.to_string())?;
    let fixture = Arc::new(Mutex::new(Fixture { graph, api: api::Api::new()? }));
    let passed = FRONT_ENDS.map(|_| Arc::new(AtomicUsize::new(0)));
    let mut trials = contract::trials(&cases);
    for (front_end, passed) in FRONT_ENDS.into_iter().zip(&passed) {
        trials.extend(cases.iter().map(|case| trial(front_end, Arc::clone(case), &fixture, passed)));
    }
    let conclusion = libtest_mimic::run(arguments, trials);
    if !arguments.list && conclusion.num_filtered_out == 0 {
        for (front_end, passed) in FRONT_ENDS.into_iter().zip(&passed) {
            let excluded = cases.iter().filter(|case| case.exclude.contains_key(front_end)).count();
            println!("{front_end}: {} cases passed, {excluded} excluded", passed.load(Ordering::Relaxed));
        }
    }
    Ok(conclusion.exit_code())
}

fn trial(front_end: &'static str, case: Arc<Case>, fixture: &Arc<Mutex<Fixture>>, passed: &Arc<AtomicUsize>) -> Trial {
    let (fixture, passed) = (Arc::clone(fixture), Arc::clone(passed));
    let excluded = case.exclude.contains_key(front_end);
    let name = format!("{front_end}: {}", case.name);
    let run = move || {
        run(front_end, &case, &fixture)?;
        passed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(excluded)
}

fn run(front_end: &str, case: &Case, fixture: &Mutex<Fixture>) -> Result<(), Failed> {
    // A test that panicked leaves nothing that the next one's reset does not remove.
    let fixture = fixture.lock().unwrap_or_else(PoisonError::into_inner);
    let problems = check::run(case, &fixture.graph, |settings| match front_end {
        "cli" => command::call(case, settings),
        _ => fixture.api.call(case, settings),
    })?;
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}
