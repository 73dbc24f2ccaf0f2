//! Bounds on the structure of the Rust code: sizes, documentation, import circles, panics.

mod files;
mod imports;
mod measure;

use crate::run::{Result, root};
use measure::{Function, Source};

/// What is measured.
#[derive(Clone, Copy, PartialEq)]
enum Bound {
    FunctionLines,
    FileLines,
    Panics,
    ImportCircles,
    RootNames,
    Docs,
}

/// The bounds that `check` enforces; the others are reported until the code keeps them.
const ENFORCED: &[Bound] =
    &[Bound::FunctionLines, Bound::Panics, Bound::RootNames, Bound::ImportCircles, Bound::FileLines, Bound::Docs];

type Problem = (Bound, String);

const MAX_ROOT_NAMES: usize = 25;
const MAX_FUNCTION_LINES: usize = 60;
const MAX_FILE_LINES: usize = 400;
const MIN_CORE_DOC_PERCENT: usize = 20;

/// A package, and the folders below the checkout's root that hold its code: first `src`, then tests.
struct Package {
    name: &'static str,
    folders: &'static [&'static str],
}

const CORE: Package = Package { name: "personcert", folders: &["crates/personcert/src", "crates/personcert/tests"] };
const PACKAGES: &[Package] = &[
    CORE,
    Package { name: "personcert-bulk", folders: &["crates/personcert-bulk/src", "crates/personcert-bulk/tests"] },
    Package { name: "personcert-local", folders: &["crates/personcert-local/src", "crates/personcert-local/tests"] },
    Package { name: "personcert-cli", folders: &["crates/personcert-cli/src", "tests/rust"] },
    Package { name: "personcert-python", folders: &["python/src"] },
    Package { name: "personcert-node", folders: &["node/src"] },
    Package { name: "xtask", folders: &["crates/xtask/src"] },
    Package { name: "personcert-fuzz", folders: &["tests/fuzz/src", "tests/fuzz/tests"] },
    Package { name: "personcert-bench", folders: &["tests/bench"] },
];

/// Prints the measurements and the exceeded bounds.
pub fn report() -> Result {
    print(&measure()?);
    Ok(())
}

/// Prints them and fails when an enforced bound is exceeded.
pub fn check() -> Result {
    let problems = measure()?;
    print(&problems);
    let failures = problems.iter().filter(|(bound, _)| ENFORCED.contains(bound)).count();
    if failures == 0 { Ok(()) } else { Err(format!("{failures} enforced bounds on the structure are exceeded")) }
}

fn print(problems: &[Problem]) {
    for (bound, problem) in problems {
        let severity = if ENFORCED.contains(bound) { "error" } else { "note" };
        println!("  {severity}: {problem}");
    }
}

/// Prints the measurements and gives the exceeded bounds.
fn measure() -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    println!("  {:<18} {:>5}  {:<47} longest function", "package", "files", "longest file");
    for package in PACKAGES {
        let sources = package.sources()?;
        let longest_file = sources.iter().max_by_key(|source| source.lines).ok_or("a package has no source files")?;
        let functions = || sources.iter().flat_map(|source| &source.functions);
        let longest = functions().max_by_key(|function| function.lines);
        let file = format!("{} {}", longest_file.lines, longest_file.path);
        println!(
            "  {:<18} {:>5}  {file:<47} {}",
            package.name,
            sources.len(),
            longest.map_or_else(String::new, display)
        );
        problems.extend(sources.iter().filter(|source| source.lines > MAX_FILE_LINES).map(|source| {
            (Bound::FileLines, format!("{} has {} lines; the limit is {MAX_FILE_LINES}", source.path, source.lines))
        }));
        problems.extend(functions().filter(|function| function.lines > MAX_FUNCTION_LINES).map(|function| {
            (
                Bound::FunctionLines,
                format!("{} lines; the limit for a function is {MAX_FUNCTION_LINES}", display(function)),
            )
        }));
        problems.extend(sources.iter().flat_map(|source| &source.panics).map(|panic| (Bound::Panics, panic.clone())));
        let src = root().join(package.folders[0]);
        problems.extend(
            imports::circles(&src)?
                .into_iter()
                .map(|circle| (Bound::ImportCircles, format!("import circle: {circle}"))),
        );
    }
    problems.extend(core_problems()?);
    Ok(problems)
}

fn core_problems() -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let names = measure::root_names(&root().join(CORE.folders[0]).join("lib.rs"))?;
    println!("  root names of the core: {} (at most {MAX_ROOT_NAMES}): {}", names.len(), names.join(" "));
    if names.len() > MAX_ROOT_NAMES {
        problems.push((
            Bound::RootNames,
            format!("the core has {} root names; the limit is {MAX_ROOT_NAMES}", names.len()),
        ));
    }
    let src = root().join(CORE.folders[0]);
    let sources = files::find(&[src])?.iter().map(|file| Source::read(file)).collect::<Result<Vec<_>>>()?;
    let (documented, all) = sources
        .iter()
        .fold((0, 0), |(documented, all), source| (documented + source.doc_lines, all + source.filled_lines));
    let percent = documented * 100 / all.max(1);
    println!("  doc lines in the core: {percent} % (at least {MIN_CORE_DOC_PERCENT} %)");
    if percent < MIN_CORE_DOC_PERCENT {
        let message = format!("{percent} % of the core's lines are docs; the minimum is {MIN_CORE_DOC_PERCENT} %");
        problems.push((Bound::Docs, message));
    }
    Ok(problems)
}

impl Package {
    fn sources(&self) -> Result<Vec<Source>> {
        let folders: Vec<_> = self.folders.iter().map(|folder| root().join(folder)).collect();
        files::find(&folders)?.iter().map(|file| Source::read(file)).collect()
    }
}

fn display(function: &Function) -> String {
    format!("{} {}:{} {}", function.lines, function.path, function.line, function.name)
}
