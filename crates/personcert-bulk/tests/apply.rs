//! Whole jobs against the local Graph: apply, apply again, plan, drift, revert, cancellation, refusals.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;
use std::path::Path;

use personcert::{Client, Config};
use personcert_bulk::source;
use personcert_bulk::spool::Spool;
use personcert_bulk::{BulkOptions, DriftPolicy, InputRules, Job, JobEnd, Plan, RowStatus};
use personcert_local::{LocalGraph, Options};
use serde_json::{Value, json};

/// A local Graph with users, and the folder of a job.
struct Setup {
    graph: LocalGraph,
    client: Client,
    folder: tempfile::TempDir,
}

impl Setup {
    fn new(users: u32, certifications: u32) -> Self {
        let options = Options { users, certifications, ..Options::default() };
        let graph = LocalGraph::start(options).expect("a local Graph");
        let token = graph.command("token", &json!({})).expect("a token");
        let config = Config {
            base_url: Some(graph.url().to_owned()),
            token: Some(token.as_str().expect("text").into()),
            ..Config::default()
        };
        let client = Client::new(&config).expect("a client");
        Self { graph, client, folder: tempfile::tempdir().expect("a folder") }
    }

    fn job(&self, options: BulkOptions) -> Job {
        Job::new(&self.client, options).with_initial_rate(2000.0).with_seed(7)
    }

    /// Adds faults for every step of a batch.
    fn add_faults(&self, faults: &[Value]) {
        let of_step = |step: u32| {
            faults.iter().cloned().map(move |mut fault| {
                fault["step"] = json!(step);
                fault
            })
        };
        let all: Vec<_> = (0..20).flat_map(of_step).collect();
        self.graph.command("faults", &json!({"faults": all})).expect("faults");
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn certifications(&self, user: &str) -> Vec<Value> {
        let stored = self.graph.command("certifications", &json!({"user": user})).expect("certifications");
        stored.as_array().expect("a list").clone()
    }
}

/// A CSV of new certifications and changes for `users` generated users, four rows each.
fn table(users: usize) -> String {
    let mut table = "user,certificationId,displayName,issuingCompany\n".to_owned();
    for user in 0..users {
        for certification in 0..4 {
            writeln!(table, "user{user}@contoso.com,C-{certification},Certification {certification},Contoso")
                .expect("text");
        }
    }
    table
}

fn spool(folder: &Path, text: &str, options: &BulkOptions) -> Spool {
    std::fs::create_dir_all(folder).expect("a folder");
    let input = Box::new(Cursor::new(text.to_owned().into_bytes()));
    let mut source = source::read(input, options).expect("a source");
    Spool::create(folder, source.as_mut(), InputRules::new(options, false), &mut |_| Ok(())).expect("rows")
}

fn hash(spool: &Spool) -> String {
    format!("{:?}", spool.input_hash())
}

/// The certifications of a user by their match key.
fn by_key(setup: &Setup, user: &str) -> BTreeMap<String, Value> {
    let all = setup.certifications(user);
    let count = all.len();
    let by_key: BTreeMap<_, _> =
        all.into_iter().map(|one| (one["certificationId"].as_str().unwrap_or_default().to_owned(), one)).collect();
    assert_eq!(by_key.len(), count, "no certification is there twice");
    by_key
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_applied_once_and_a_second_run_changes_nothing() {
    let setup = Setup::new(30, 0);
    let options = BulkOptions::default();
    let text = table(30) + "user0@contoso.com,C-0,Renamed,\nuser1@contoso.com,,No key,\n";
    let mut rows = spool(&setup.path("job"), &text, &options);
    let hash = hash(&rows);
    let report = setup.job(options.clone()).apply(&mut rows, &hash, &setup.path("job")).await.expect("a report");
    assert_eq!((report.end, report.message.as_deref()), (JobEnd::Complete, None));
    let counts = report.counts;
    assert_eq!((counts.rows, counts.created, counts.failed, counts.not_attempted()), (122, 121, 1, 0));
    let stored = by_key(&setup, "user0@contoso.com");
    assert_eq!(stored["C-0"]["displayName"], "Renamed", "rows of one certification merge in order");
    assert_eq!(stored["C-0"]["issuingCompany"], "Contoso");
    let outcomes: Vec<_> = report.outcomes().expect("outcomes").map(|outcome| outcome.expect("an outcome")).collect();
    let numbers: Vec<_> = outcomes.iter().map(|outcome| outcome.row).collect();
    assert_eq!(numbers, (2..124).collect::<Vec<_>>(), "each row has one outcome, in order");
    assert!(outcomes.iter().all(|outcome| outcome.id.is_some() || outcome.status == RowStatus::Failed));

    let mut rows = Spool::open(&setup.path("job")).expect("the rows of the job");
    let again = setup.job(options.clone()).apply(&mut rows, &hash, &setup.path("job")).await.expect("a report");
    assert_eq!((again.end, again.counts), (JobEnd::Complete, counts), "the job is complete already");
    let mut rows = spool(&setup.path("other"), &text, &options);
    let other = setup.job(options).apply(&mut rows, &hash, &setup.path("other")).await.expect("a report");
    assert_eq!((other.counts.unchanged, other.counts.created, other.counts.updated), (121, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_is_applied_exactly_once_through_faults() {
    let setup = Setup::new(50, 0);
    setup.add_faults(&[
        json!({"probability": 0.04, "act": {"answer": {"status": 429, "headers": {"Retry-After": "1"}}}}),
        json!({"probability": 0.03, "act": {"answer": {"status": 500}}}),
        json!({"method": "POST", "probability": 0.005, "act": "resetAfterApplying"}),
        json!({"method": "POST", "probability": 0.005, "act": "missingBatchId"}),
    ]);
    let options = BulkOptions::default();
    let mut rows = spool(&setup.path("job"), &table(50), &options);
    let hash = hash(&rows);
    let report = setup.job(options).apply(&mut rows, &hash, &setup.path("job")).await.expect("a report");
    assert_eq!((report.end, report.message.as_deref()), (JobEnd::Complete, None));
    assert_eq!((report.counts.created, report.counts.rows), (200, 200), "{:?}", report.counts);
    for user in 0..50 {
        assert_eq!(by_key(&setup, &format!("user{user}@contoso.com")).len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_applied_as_it_was_shown_and_reverted() {
    let setup = Setup::new(3, 0);
    let options = BulkOptions::default();
    let first = "user,certificationId,displayName\nuser0@contoso.com,C-0,Old\nuser0@contoso.com,C-1,Kept\n";
    let mut rows = spool(&setup.path("first"), first, &options);
    setup.job(options.clone()).apply(&mut rows, "first", &setup.path("first")).await.expect("a report");

    let second = "user,certificationId,displayName\nuser0@contoso.com,C-0,New\nuser0@contoso.com,C-1,Kept\n\
                  user1@contoso.com,C-0,Fresh\nuser2@contoso.com,C-0,<clear>\n";
    let mut rows = spool(&setup.path("second"), second, &options);
    let plan = setup.job(options.clone()).plan(&mut rows, "second", &setup.path("plan")).await.expect("a plan");
    let counts = plan.counts();
    assert_eq!((counts.create, counts.update, counts.unchanged), (2, 1, 1), "{counts:?}");
    assert_eq!(by_key(&setup, "user0@contoso.com")["C-0"]["displayName"], "Old", "a plan changes nothing");

    let dry = BulkOptions { dry_run: true, ..options.clone() };
    let refused = setup.job(dry).apply_plan(&plan, &setup.path("dry")).await.expect_err("a dry run");
    assert_eq!(refused.details.parameter.as_deref(), Some("dryRun"));
    let report = setup.job(options.clone()).apply_plan(&plan, &setup.path("applied")).await.expect("a report");
    assert_eq!((report.counts.created, report.counts.updated, report.counts.unchanged), (2, 1, 1));
    let again = setup.job(options.clone()).apply_plan(&plan, &setup.path("again")).await.expect("a report");
    assert_eq!((again.counts.unchanged, again.counts.rows), (4, 4), "applied twice, a plan changes nothing");
    assert_eq!(Plan::open(&setup.path("plan")).expect("an applied plan").sha256(), plan.sha256());

    let plan = Job::revert(&setup.path("applied"), &setup.path("revert")).expect("a plan");
    assert_eq!((plan.counts().delete, plan.counts().update), (2, 1));
    let report = setup.job(options).apply_plan(&plan, &setup.path("reverted")).await.expect("a report");
    assert_eq!((report.end, report.counts.failed), (JobEnd::Complete, 0), "{:?}", report.counts);
    assert_eq!(by_key(&setup, "user0@contoso.com")["C-0"]["displayName"], "Old");
    assert!(setup.certifications("user1@contoso.com").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certification_that_changed_after_the_plan_is_treated_as_asked() {
    for (policy, name) in
        [(DriftPolicy::Fail, "Meanwhile"), (DriftPolicy::Skip, "Meanwhile"), (DriftPolicy::Rebase, "New")]
    {
        let setup = Setup::new(1, 0);
        let options = BulkOptions { on_drift: policy, ..BulkOptions::default() };
        for (job, name) in [("old", "Old"), ("meanwhile", "Meanwhile")] {
            let text = format!("user,certificationId,displayName\nuser0@contoso.com,C-0,{name}\n");
            let mut rows = spool(&setup.path(job), &text, &options);
            if job == "meanwhile" {
                let text = text.replace("Meanwhile", "New");
                let mut rows = spool(&setup.path("new"), &text, &options);
                setup.job(options.clone()).plan(&mut rows, "new", &setup.path("plan")).await.expect("a plan");
            }
            setup.job(options.clone()).apply(&mut rows, job, &setup.path(job)).await.expect("a report");
        }
        let plan = Plan::open(&setup.path("plan")).expect("the plan");
        let report = setup.job(options).apply_plan(&plan, &setup.path("applied")).await.expect("a report");
        let counts = report.counts;
        let expected = match policy {
            DriftPolicy::Fail => (1, 0, 0),
            DriftPolicy::Skip => (0, 1, 0),
            DriftPolicy::Rebase => (0, 0, 1),
        };
        assert_eq!((counts.failed, counts.unchanged, counts.updated), expected, "{policy}");
        assert_eq!(by_key(&setup, "user0@contoso.com")["C-0"]["displayName"], name, "{policy}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_plan_is_refused() {
    let setup = Setup::new(1, 0);
    let options = BulkOptions::default();
    let mut rows = spool(&setup.path("job"), &table(1), &options);
    setup.job(options).plan(&mut rows, "input", &setup.path("plan")).await.expect("a plan");
    let text = std::fs::read_to_string(setup.path("plan")).expect("the plan");
    for damaged in [text.replace("Contoso", "Fabrikam"), text.lines().next().expect("a line").to_owned() + "\n"] {
        std::fs::write(setup.path("plan"), damaged).expect("a file");
        let error = Plan::open(&setup.path("plan")).expect_err("a damaged plan");
        assert!(error.message.contains("is damaged or was changed; plan again"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_refusals_stop_the_job_and_say_the_likely_cause() {
    let setup = Setup::new(100, 0);
    setup.add_faults(&[json!({"method": "POST", "act": {"answer": {"status": 500}}})]);
    let options = BulkOptions::default();
    let mut rows = spool(&setup.path("job"), &table(100), &options);
    let report = setup.job(options.clone()).apply(&mut rows, "input", &setup.path("job")).await.expect("a report");
    assert_eq!(report.end, JobEnd::Stopped);
    let message = report.message.expect("a message");
    assert!(message.contains("permission"), "{message}");
    assert_eq!(report.counts.created, 0);
    assert!(report.counts.not_attempted() > 300, "{:?}", report.counts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_token_stops_the_job_and_leaves_the_rows() {
    let setup = Setup::new(10, 0);
    setup.add_faults(&[json!({"act": {"answer": {"status": 401}}})]);
    let options = BulkOptions::default();
    let mut rows = spool(&setup.path("job"), &table(10), &options);
    let report = setup.job(options.clone()).apply(&mut rows, "input", &setup.path("job")).await.expect("a report");
    assert_eq!((report.end, report.counts.not_attempted()), (JobEnd::Stopped, 40));
    assert!(report.message.expect("a message").contains("sign in"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_job_goes_on_where_it_ended() {
    let setup = Setup::new(40, 0);
    let options = BulkOptions::default();
    let mut rows = spool(&setup.path("job"), &table(40), &options);
    let mut job = Job::new(&setup.client, options.clone()).with_initial_rate(50.0);
    let (control, mut outcomes) = (job.control(), job.outcomes(1));
    let cancel = tokio::spawn(async move {
        let first = outcomes.recv().await.expect("an outcome");
        control.cancel();
        let mut received = first.len();
        while let Some(more) = outcomes.recv().await {
            received += more.len();
        }
        u64::try_from(received).expect("a count")
    });
    let report = job.apply(&mut rows, "input", &setup.path("job")).await.expect("a report");
    drop(job);
    let received = cancel.await.expect("the task");
    assert_eq!((report.end, report.counts.created), (JobEnd::Cancelled, received));
    assert!(report.counts.not_attempted() > 0, "{:?}", report.counts);
    let mut rows = Spool::open(&setup.path("job")).expect("the rows of the job");
    let report = setup.job(options).apply(&mut rows, "input", &setup.path("job")).await.expect("a report");
    assert_eq!((report.end, report.counts.created), (JobEnd::Complete, 160));
    for user in 0..40 {
        assert_eq!(by_key(&setup, &format!("user{user}@contoso.com")).len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_job_in_the_same_folder_is_refused() {
    let setup = Setup::new(1, 0);
    let held = personcert_bulk::JobDir::open(&setup.path("job")).expect("the folder");
    let options = BulkOptions::default();
    let mut rows = spool(&setup.path("rows"), &table(1), &options);
    let error = setup.job(options.clone()).apply(&mut rows, "input", &setup.path("job")).await.expect_err("a refusal");
    assert!(error.message.contains("another process"), "{error}");
    drop(held);
    let report = setup.job(options.clone()).apply(&mut rows, "input", &setup.path("job")).await.expect("a report");
    assert_eq!(report.counts.created, 4);
    let error = setup.job(options).apply(&mut rows, "other", &setup.path("job")).await.expect_err("a refusal");
    assert!(error.message.contains("the job of another input"), "{error}");
}
