//! The project's automation: set up, demonstrate, test, generate.

mod bench;
mod cross;
mod demo;
mod example_types;
mod examples;
mod fuzz;
mod run;
mod setup;
mod shape;
mod size;
mod stubs;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask COMMAND

  demo               build everything and make the specification's change from three front ends
  test               set up and run every test in every language
  fuzz --minutes N   run each fuzz target for N minutes, guided by coverage (needs a C++ compiler)
  stubs [--check]    write the files that are generated from the core's tables, or check that they are up to date
  shape [--check]    measure the structure of the Rust code, or fail when a bound is exceeded
  bench              measure what an update costs, compared with other clients (needs nginx)
  cross [TARGET]     build for windows, linux-arm64 and linux-musl, and try each here (needs Debian 12)
  package            build the wheel and the npm tarball into dist/, and try both in empty environments
";

fn package() -> run::Result {
    let packages = setup::package()?;
    test::try_packages(&packages)?;
    size::check(&packages)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["demo"] => demo::demo(),
        ["test"] => test::test(),
        ["bench"] => bench::bench(),
        ["fuzz", "--minutes", minutes] => fuzz::fuzz(minutes),
        ["stubs"] => stubs::write(),
        ["stubs", "--check"] => stubs::check(),
        ["shape"] => shape::report(),
        ["shape", "--check"] => shape::check(),
        ["cross"] => cross::cross(None),
        ["cross", target] => cross::cross(Some(target)),
        ["package"] => package(),
        ["help" | "--help"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(format!("unknown command\n\n{HELP}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}
