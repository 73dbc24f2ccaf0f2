//! The commands for many certifications, against a real local Graph.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};

use super::client;

const ROWS: &str = "user,certificationId,displayName,issuedDate\n\
    innocenty.popov@contoso.com,AZ-900,Azure Fundamentals,2024-05-01\n\
    innocenty.popov@contoso.com,AZ-104,Azure Administrator,2024-13-01\n\
    innocenty.popov@contoso.com,KB-1235466333663322,Marketing Blackbelt,\n";

fn run(graph: &LocalGraph, folder: &Path, arguments: &[&str]) -> Output {
    client(graph, arguments).current_dir(folder).output().expect("the command runs")
}

fn printed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn setup() -> (LocalGraph, tempfile::TempDir) {
    let graph = LocalGraph::start(Options::default()).expect("a local Graph");
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("rows.csv"), ROWS).expect("written");
    (graph, folder)
}

fn titles(graph: &LocalGraph, folder: &Path) -> Vec<String> {
    let listed = printed(&run(graph, folder, &["list", "--user", "innocenty.popov@contoso.com", "--json"]));
    let mut titles: Vec<_> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item["displayName"].as_str().expect("text").to_owned())
        .collect();
    titles.sort();
    titles
}

#[test]
fn rows_are_planned_applied_and_verified_and_a_second_run_changes_nothing() {
    let (graph, folder) = setup();
    let folder = folder.path();
    let planned = run(&graph, folder, &["plan", "rows.csv", "--detailed-exitcode", "--json"]);
    assert_eq!(planned.status.code(), Some(2), "{planned:?}");
    let counts = printed(&planned);
    assert_eq!((&counts["create"], &counts["update"], &counts["failed"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(titles(&graph, folder), ["Marketing Blackbelt - Brand Management"], "a plan changes nothing");

    let applied = run(&graph, folder, &["apply", "rows.csv", "--yes", "--json"]);
    assert_eq!(applied.status.code(), Some(1), "one row is invalid: {applied:?}");
    let report = printed(&applied);
    assert_eq!((&report["created"], &report["updated"], &report["failed"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(titles(&graph, folder), ["Azure Fundamentals", "Marketing Blackbelt"]);
    let job = folder.join(report["job"].as_str().expect("a folder"));
    let failed = fs::read_to_string(job.join("failed.csv")).expect("the failed rows");
    assert!(failed.contains("AZ-104") && failed.contains("issuedDate") && !failed.contains("AZ-900"), "{failed}");
    assert!(fs::read_to_string(job.join("done.csv")).expect("the other rows").contains("AZ-900"));
    assert!(job.join("report.html").is_file());
    let about: Value = serde_json::from_slice(&fs::read(job.join("report.json")).expect("a report")).expect("JSON");
    assert!(about["requests"].as_u64().is_some_and(|requests| requests >= 2), "a read and a write: {about}");

    let again = printed(&run(&graph, folder, &["apply", "rows.csv", "--yes", "--json"]));
    assert_eq!((&again["unchanged"], &again["created"]), (&json!(2), &json!(0)));
    let verified = run(&graph, folder, &["verify", "rows.csv"]);
    assert_eq!(verified.status.code(), Some(7), "the invalid row is a difference: {verified:?}");
}

#[test]
fn a_plan_is_applied_twice_without_a_second_change_and_reverted() {
    let (graph, folder) = setup();
    let folder = folder.path();
    run(&graph, folder, &["plan", "rows.csv", "--out", "changes"]);
    let shown = printed(&run(&graph, folder, &["show-plan", "changes", "--json"]));
    assert_eq!(shown["create"], 1);
    let dry = printed(&run(&graph, folder, &["apply", "changes", "--dry-run", "--json"]));
    assert_eq!(dry["sha256"], shown["sha256"]);
    assert_eq!(titles(&graph, folder).len(), 1, "a dry run changes nothing");
    for _ in 0..2 {
        run(&graph, folder, &["apply", "changes", "--yes"]);
        assert_eq!(titles(&graph, folder), ["Azure Fundamentals", "Marketing Blackbelt"]);
    }
    run(&graph, folder, &["revert", "changes.job", "--out", "back"]);
    run(&graph, folder, &["apply", "back", "--yes"]);
    assert_eq!(titles(&graph, folder), ["Marketing Blackbelt - Brand Management"]);
}

#[test]
fn changes_need_a_confirmation_and_a_refused_one_leaves_nothing_behind() {
    let (graph, folder) = setup();
    let refused = run(&graph, folder.path(), &["apply", "rows.csv"]);
    assert_eq!(refused.status.code(), Some(6), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--yes"), "{refused:?}");
    assert_eq!(titles(&graph, folder.path()).len(), 1);
    let jobs: Vec<PathBuf> = fs::read_dir(folder.path().join("rows.csv.jobs"))
        .map(|jobs| jobs.map(|job| job.expect("an entry").path()).collect())
        .unwrap_or_default();
    assert!(jobs.is_empty(), "{jobs:?}");
}

#[test]
fn an_export_is_an_input_that_changes_nothing() {
    let (graph, folder) = setup();
    let exported = run(&graph, folder.path(), &["export", "--user", "innocenty.popov@contoso.com"]);
    fs::write(folder.path().join("export.csv"), &exported.stdout).expect("written");
    let verified = run(&graph, folder.path(), &["verify", "export.csv"]);
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
}
