//! The long run of the fuzz targets, guided by coverage.

use std::fs;

use crate::run::{Result, command, root, run};

/// The compiler's instrumentation for libFuzzer, which the stable compiler has too.
const INSTRUMENTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions";
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Runs every target for this number of minutes; an input that breaks one is left in `target/fuzz`.
pub fn fuzz(minutes: &str) -> Result {
    let minutes: u32 = minutes.parse().ok().filter(|minutes| *minutes > 0).ok_or("give a number of minutes")?;
    let place = root().join("target/fuzz");
    // With the target named the flags don't apply to build scripts and macros.
    let build = ["build", "--quiet", "--release", "--package", "personcert-fuzz", "--features", "libfuzzer"];
    let mut build = command("cargo", &build);
    run(build.args(["--target", TARGET, "--target-dir"]).arg(&place).env("RUSTFLAGS", INSTRUMENTED))?;
    let corpus = root().join("tests/fuzz/corpus");
    let targets = fs::read_dir(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
    let mut targets: Vec<_> = targets.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    targets.sort();
    for target in targets {
        let found = place.join(format!("{target}-corpus"));
        fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
        let log = place.join(format!("{target}.log"));
        let file = fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut fuzzer = command(place.join(TARGET).join("release/fuzz"), &["-print_final_stats=1", "-max_len=65536"]);
        fuzzer.arg(format!("-max_total_time={}", minutes * 60)).arg("-rss_limit_mb=1024").arg("-timeout=10");
        fuzzer.arg(format!("-artifact_prefix={}/{target}-", place.display()));
        fuzzer.arg(&found).arg(corpus.join(&target)).env("FUZZ_TARGET", &target).stderr(file);
        let status = fuzzer.status().map_err(|error| format!("{target} did not start: {error}"))?;
        let said = fs::read_to_string(&log).unwrap_or_default();
        let last = |word: &str| said.lines().rfind(|line| line.contains(word)).unwrap_or_default().to_owned();
        println!("{target}: {} | {}", last("number_of_executed_units"), last("cov: "));
        if !status.success() {
            return Err(format!("{target} broke ({status}); see {}", log.display()));
        }
    }
    Ok(())
}
