//! A job whose process is killed again and again ends as if it never was.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Cursor};
use std::path::Path;
use std::process::{Command, Stdio};

use personcert::{Client, Config};
use personcert_bulk::source;
use personcert_bulk::spool::{FILE_NAME, Spool};
use personcert_bulk::{BulkOptions, InputRules, Job, JobEnd};
use personcert_local::{LocalGraph, Options};
use serde_json::json;

const USERS: u32 = 60;
const CERTIFICATIONS: u32 = 5;
const KILLS: u32 = 8;
/// Tells the child process where Graph is, and its job.
const URL: &str = "PERSONCERT_CRASH_URL";
const TOKEN: &str = "PERSONCERT_CRASH_TOKEN";
const FOLDER: &str = "PERSONCERT_CRASH_FOLDER";

/// Runs or resumes the job, and prints how many rows each chunk of outcomes has. Does nothing unless a test starts it.
#[tokio::test]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let variable = |name| std::env::var(name).expect("the test sets it");
    let config =
        Config { base_url: Some(variable(URL)), token: Some(variable(TOKEN).as_str().into()), ..Config::default() };
    let client = Client::new(&config).expect("a client");
    let mut job = Job::new(&client, BulkOptions::default()).with_initial_rate(2000.0).with_seed(1);
    let mut outcomes = job.outcomes(1);
    let print = tokio::spawn(async move {
        while let Some(chunk) = outcomes.recv().await {
            println!("ended {}", chunk.len());
        }
    });
    let folder = Path::new(&folder);
    let mut rows = Spool::open(folder).expect("the rows");
    let report = job.apply(&mut rows, "input", folder).await.expect("a report");
    print.await.expect("the task");
    assert_eq!((report.end, report.counts.failed, report.counts.unknown), (JobEnd::Complete, 0, 0));
    println!("complete {}", report.counts.created + report.counts.updated + report.counts.unchanged);
}

fn table() -> String {
    let mut table = "user,certificationId,displayName\n".to_owned();
    for user in 0..USERS {
        for certification in 0..CERTIFICATIONS {
            writeln!(table, "user{user}@contoso.com,C-{certification},Certification {certification}").expect("text");
        }
    }
    table
}

/// Faults of every step: refusals, and answers that are lost after the change was applied.
fn faults() -> serde_json::Value {
    let of_step = |step: u32| {
        [
            json!({"step": step, "probability": 0.05, "act": {"answer": {"status": 429, "headers": {"Retry-After": "0"}}}}),
            json!({"step": step, "probability": 0.03, "act": {"answer": {"status": 500}}}),
            json!({"step": step, "method": "POST", "probability": 0.003, "act": "resetAfterApplying"}),
            json!({"step": step, "method": "POST", "probability": 0.003, "act": "missingBatchId"}),
        ]
    };
    json!({"faults": (0..20).flat_map(of_step).collect::<Vec<_>>()})
}

/// Starts the job and kills it after so many chunks of outcomes, or lets it end. True if it ended.
fn run(graph: &LocalGraph, token: &str, folder: &Path, kill_after: Option<usize>) -> bool {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["child", "--exact", "--nocapture"])
        .env(URL, graph.url())
        .env(TOKEN, token)
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut chunks = 0;
    let mut is_complete = false;
    for line in lines {
        let line = line.expect("text");
        is_complete |= line.starts_with("complete ");
        chunks += usize::from(line.starts_with("ended "));
        if Some(chunks) == kill_after {
            child.kill().expect("it runs");
            break;
        }
    }
    child.wait().expect("its end");
    is_complete
}

#[test]
fn a_job_that_is_killed_again_and_again_creates_everything_once() {
    let options = Options { users: USERS, random_seed: Some(11), ..Options::default() };
    let graph = LocalGraph::start(options).expect("a local Graph");
    let token = graph.command("token", &json!({})).expect("a token");
    let token = token.as_str().expect("text");
    graph.command("faults", &faults()).expect("faults");
    let folder = tempfile::tempdir().expect("a folder");
    let options = BulkOptions::default();
    let mut source = source::read(Box::new(Cursor::new(table().into_bytes())), &options).expect("a source");
    Spool::create(folder.path(), source.as_mut(), InputRules::new(&options, false), &mut |_| Ok(())).expect("rows");
    assert!(folder.path().join(FILE_NAME).exists());
    let kill = |kill: u32| {
        let kill_after = usize::try_from(kill % 4).expect("small") + 1;
        u32::from(!run(&graph, token, folder.path(), Some(kill_after)))
    };
    let killed: u32 = (0..KILLS).map(kill).sum();
    assert!(killed >= 4, "{killed} runs were killed before their end");
    assert!(run(&graph, token, folder.path(), None), "the last run completes the job");
    for user in 0..USERS {
        let stored = graph.command("certifications", &json!({"user": format!("user{user}@contoso.com")}));
        let stored = stored.expect("certifications");
        let stored = stored.as_array().expect("a list");
        let keys: BTreeSet<_> = stored.iter().filter_map(|one| one["certificationId"].as_str()).collect();
        assert_eq!((stored.len(), keys.len()), (5, 5), "user{user} has each certification once");
    }
}
