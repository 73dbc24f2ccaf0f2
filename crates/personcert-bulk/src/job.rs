//! A job: its client, its options, and the runs that apply, plan, verify and revert.

use std::path::Path;

use personcert::limiter::LimiterOptions;
use personcert::{Client, Error, ErrorKind, Outcome, Result};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::control::Control;
use crate::decide::{Doubts, Rules};
use crate::engine::{Engine, Files, OutcomeSender, RunEnd};
use crate::feed::{Feed, PlanFeed, RowFeed};
use crate::job_dir::{JobDir, Storage};
use crate::journal::{Header, Journal, Replay, Rows};
use crate::meter::Meter;
use crate::options::BulkOptions;
use crate::outcome::{Counts, RowOutcome};
use crate::plan::{Plan, PlanCounts, PlanHeader, PlanWriter};
use crate::report::{JobEnd, Report};
use crate::revert;
use crate::scheduler::{Scheduler, SchedulerOptions, StopReason};
use crate::spool::RowStore;

/// Rows a second that a job starts with. It finds the service's limit from there.
const INITIAL_RATE: f64 = 10.0;
/// The most batches in flight.
const MAX_IN_FLIGHT: usize = 32;

/// A bulk job.
#[derive(Debug)]
pub struct Job {
    client: Client,
    options: BulkOptions,
    control: Control,
    outcomes: Option<OutcomeSender>,
    seed: u64,
}

/// What a run starts with.
#[derive(Default)]
struct Opened {
    files: Option<Files>,
    plan: Option<PlanWriter>,
    done: Rows,
    doubts: Doubts,
    counts: Counts,
    cut_bytes: u64,
}

impl Job {
    /// A job that sends through `client`, with a limiter of its own that finds the service's limit from a low rate upwards.
    /// The client's limits of rate and concurrency hold for the job.
    pub fn new(client: &Client, options: BulkOptions) -> Self {
        let limits = client.limiter().options();
        let initial_rate = limits.initial_rate.or(limits.max_rate).unwrap_or(INITIAL_RATE);
        let limits = LimiterOptions { max_per_user: 1, initial_rate: Some(initial_rate), ..limits };
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        Self { client: client.with_limiter(limits), options, control: Control::default(), outcomes: None, seed }
    }

    /// The same job with the rows a second that it starts with.
    #[must_use]
    pub fn with_initial_rate(mut self, rate: f64) -> Self {
        let limits = LimiterOptions { initial_rate: Some(rate), ..self.client.limiter().options() };
        self.client = self.client.with_limiter(limits);
        self
    }

    /// The same job with a seed for its jitter, so that a run can be repeated.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The handle that steers the job while it runs.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// The outcomes as they become final, in chunks. The job waits while `chunks` chunks are not received; a dropped
    /// receiver stops nothing.
    pub fn outcomes(&mut self, chunks: usize) -> mpsc::Receiver<Vec<RowOutcome>> {
        let (sender, receiver) = mpsc::channel(chunks.max(1));
        self.outcomes = Some(sender);
        receiver
    }

    /// Plans and applies the rows in one run. `input` identifies them, such as by their hash. In a folder with the journal
    /// of the same input the job goes on where it ended; a complete one changes nothing.
    ///
    /// # Errors
    /// When the input or the folder of the job can't be used. What the service refuses is part of the report.
    pub async fn apply(&mut self, rows: &mut dyn RowStore, input: &str, dir: &Path) -> Result<Report> {
        let dir = JobDir::open(dir)?;
        let mut report = self.apply_in(rows, input, &dir).await?;
        report.dir = Some(dir.path().to_owned());
        Ok(report)
    }

    /// Does what [`Job::apply`] does, with files that a test chooses.
    #[doc(hidden)]
    pub async fn apply_in(&mut self, rows: &mut dyn RowStore, input: &str, storage: &dyn Storage) -> Result<Report> {
        self.refuse_dry_run()?;
        let opened = open(storage, input, rows.len())?;
        let mut feed = RowFeed::new(rows, opened.done.clone());
        self.run(&mut feed, opened, false).await.map(|(report, _)| report)
    }

    /// Reads the current values and writes what the rows would change to a plan file. Nothing is changed.
    ///
    /// # Errors
    /// When the plan can't be completed. No file is left then.
    pub async fn plan(&mut self, rows: &mut dyn RowStore, input: &str, file: &Path) -> Result<Plan> {
        self.plan_into(rows, input, Some(file)).await?;
        Plan::open(file)
    }

    /// Reads the current values and counts what the rows would change. All is well when that is nothing.
    ///
    /// # Errors
    /// When not everything can be read.
    pub async fn verify(&mut self, rows: &mut dyn RowStore) -> Result<PlanCounts> {
        self.plan_into(rows, "", None).await
    }

    async fn plan_into(&mut self, rows: &mut dyn RowStore, input: &str, file: Option<&Path>) -> Result<PlanCounts> {
        let header = PlanHeader::new(input, rows.len(), &self.options.key);
        let plan = PlanWriter::new(file, &header)?;
        let counts = Counts { rows: rows.len(), ..Counts::default() };
        let opened = Opened { plan: Some(plan), counts, ..Opened::default() };
        let mut feed = RowFeed::new(rows, Rows::default());
        let (report, plan) = self.run(&mut feed, opened, true).await?;
        match (report.end, plan) {
            (JobEnd::Complete, Some(plan)) => plan.finish(),
            _ => Err(report.error.unwrap_or_else(|| {
                let why = report.message.unwrap_or_else(|| "the plan was cancelled".to_owned());
                Error::new(ErrorKind::Cancelled, Outcome::NotSent, why)
            })),
        }
    }

    /// Applies exactly the changes of a plan. A change whose certification is as wanted already changes nothing, so that a
    /// plan can be applied twice; one whose certification changed otherwise is treated as the option `onDrift` says.
    ///
    /// # Errors
    /// When the plan or the folder of the job can't be used. What the service refuses is part of the report.
    pub async fn apply_plan(&mut self, plan: &Plan, dir: &Path) -> Result<Report> {
        self.refuse_dry_run()?;
        let dir = JobDir::open(dir)?;
        let opened = open(&dir, plan.sha256(), plan.header().rows)?;
        self.options.key.clone_from(&plan.header().key);
        let mut feed = PlanFeed::new(plan, opened.done.clone())?;
        let (mut report, _) = self.run(&mut feed, opened, false).await?;
        report.dir = Some(dir.path().to_owned());
        Ok(report)
    }

    /// Plans what restores the certifications that a job changed: created ones are deleted, updated ones get their values
    /// back, deleted ones are created again, with new ids. Apply the plan with [`Job::apply_plan`]: what changed since is
    /// treated as the option `onDrift` says.
    ///
    /// # Errors
    /// When another process runs the job, or its files can't be read.
    pub fn revert(dir: &Path, file: &Path) -> Result<Plan> {
        revert::plan(&JobDir::open(dir)?, file)
    }

    fn refuse_dry_run(&self) -> Result<()> {
        if self.options.dry_run {
            return Err(Error::input("dryRun", "a dry run applies nothing; call `plan` or `verify`"));
        }
        Ok(())
    }

    async fn run(
        &mut self,
        feed: &mut dyn Feed,
        opened: Opened,
        plan_only: bool,
    ) -> Result<(Report, Option<PlanWriter>)> {
        let rules = Rules::new(&self.options)?;
        let Opened { files, plan, doubts, counts, cut_bytes, .. } = opened;
        let options = SchedulerOptions { plan_only, ..SchedulerOptions::new(&self.options, rules, self.seed) };
        let max_in_flight = self.client.limiter().options().max_concurrency.unwrap_or(MAX_IN_FLIGHT);
        let mut engine = Engine {
            client: self.client.clone(),
            scheduler: Scheduler::new(options, doubts),
            feed,
            files,
            control: self.control.clone(),
            outcomes: self.outcomes.take(),
            plan,
            counts,
            max_in_flight: max_in_flight.clamp(1, MAX_IN_FLIGHT),
            meter: Meter::new(Instant::now()),
        };
        let end = engine.run().await?;
        let counts = engine.counts;
        let (end, message, error) = match end {
            RunEnd::Complete => (JobEnd::Complete, None, None),
            RunEnd::Cancelled => (JobEnd::Cancelled, None, None),
            RunEnd::JournalFailed(error) => (JobEnd::Stopped, Some(error.message.clone()), Some(error)),
            RunEnd::Stopped => {
                let (message, error) = engine.scheduler.take_stop_reason().map_or((None, None), stop_message);
                (JobEnd::Stopped, message, error)
            }
        };
        Ok((Report { counts, end, message, error, dir: None, cut_bytes }, engine.plan))
    }
}

/// Opens the files of a job that starts or goes on.
fn open(storage: &dyn Storage, input: &str, rows: u64) -> Result<Opened> {
    let unusable = |error: std::io::Error| {
        let why = format!("the journal can't be used: {error}");
        Error::new(ErrorKind::InvalidInput, Outcome::NotSent, why)
    };
    let mut disk = storage.journal().map_err(unusable)?;
    let mut before = storage.before().map_err(unusable)?;
    let replay = Replay::recover(&mut *disk)?;
    let salt = || uuid::Uuid::new_v4().as_u64_pair().0.to_le_bytes();
    let Some(header) = &replay.header else {
        let tool = env!("CARGO_PKG_VERSION").to_owned();
        let job = uuid::Uuid::new_v4().to_string();
        let header = Header { tool, job, input: input.to_owned(), rows };
        before.truncate(0).map_err(unusable)?;
        let before = Journal::create(before, &header, salt())?;
        let journal = Journal::create(disk, &header, salt())?;
        let counts = Counts { rows, ..Counts::default() };
        let files = Some(Files { journal, before });
        return Ok(Opened { files, counts, ..Opened::default() });
    };
    if header.input != input || header.rows != rows {
        let why = "the folder holds the job of another input; choose another folder";
        return Err(Error::new(ErrorKind::Conflict, Outcome::NotSent, why));
    }
    let images = Replay::recover(&mut *before)?;
    let before = match images.header {
        Some(_) => Journal::append_to(before, images.salt),
        None => Journal::create(before, header, salt())?,
    };
    let files = Some(Files { journal: Journal::append_to(disk, replay.salt), before });
    let Replay { done, doubts, counts, torn_bytes: cut_bytes, .. } = replay;
    Ok(Opened { files, done, doubts, counts, cut_bytes, plan: None })
}

fn stop_message(reason: StopReason) -> (Option<String>, Option<Error>) {
    let (message, error) = match reason {
        StopReason::Credential(error) => (
            format!("{}; the rows that are left were not sent: sign in and resume the job", error.message),
            Some(error),
        ),
        StopReason::Repeated(error, cause) => {
            let message = format!(
                "the service gave the same refusal to every row lately ({}); {cause}, then resume the job",
                error.message
            );
            (message, Some(error))
        }
        StopReason::Unavailable(error) => (
            format!("the service was out of reach for too long ({}); resume the job later", error.message),
            Some(error),
        ),
        StopReason::MaxErrors(failed) => {
            (format!("{failed} rows failed, more than `maxErrors` allows; correct them and resume the job"), None)
        }
    };
    (Some(message), error)
}
