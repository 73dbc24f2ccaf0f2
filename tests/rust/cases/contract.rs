//! Tests about the case files themselves.

use std::collections::BTreeSet;
use std::sync::Arc;

use libtest_mimic::Trial;

use crate::case::{self, Case};

/// The front ends that run the cases, in every language.
const RUNNERS: [&str; 4] = ["rust", "cli", "python", "node"];

pub fn trials(cases: &[Arc<Case>]) -> Vec<Trial> {
    let cases: Arc<[_]> = cases.into();
    let excluded = Arc::clone(&cases);
    vec![
        Trial::test("contract: each case has a name of its own", {
            let cases = Arc::clone(&cases);
            move || unique_names(&cases).map_err(Into::into)
        }),
        Trial::test(
            "contract: each case runs in at least one front end and at most 5 % are excluded from each",
            move || exclusions(&excluded).map_err(Into::into),
        ),
        Trial::test("contract: tests/README.md describes each case file", || described_files().map_err(Into::into)),
    ]
}

fn unique_names(cases: &[Arc<Case>]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    match cases.iter().find(|case| !names.insert(&case.name)) {
        Some(case) => Err(format!("two cases are called {:?}", case.name)),
        None => Ok(()),
    }
}

fn exclusions(cases: &[Arc<Case>]) -> Result<(), String> {
    for case in cases {
        if let Some(unknown) = case.exclude.keys().find(|name| !RUNNERS.contains(&name.as_str())) {
            return Err(format!("{:?} excludes the unknown front end {unknown}", case.name));
        }
        if case.exclude.len() == RUNNERS.len() {
            return Err(format!("{:?} is excluded from every front end", case.name));
        }
    }
    for runner in RUNNERS {
        let excluded = cases.iter().filter(|case| case.exclude.contains_key(runner)).count();
        if excluded * 20 > cases.len() {
            return Err(format!("{excluded} of {} cases are excluded from {runner}", cases.len()));
        }
    }
    Ok(())
}

/// Compares the table in `tests/README.md` with the files.
fn described_files() -> Result<(), String> {
    let readme = case::tests_dir().join("README.md");
    let text = std::fs::read_to_string(&readme).map_err(|error| format!("{}: {error}", readme.display()))?;
    let described: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once(".json` |"))
        .map(|(topic, _)| format!("{topic}.json"))
        .collect();
    let files: BTreeSet<_> =
        case::files()?.iter().filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect();
    if files == described {
        return Ok(());
    }
    let missing: Vec<_> = files.difference(&described).collect();
    let stale: Vec<_> = described.difference(&files).collect();
    Err(format!("missing from tests/README.md: {missing:?}; described, but not in tests/cases: {stale:?}"))
}
