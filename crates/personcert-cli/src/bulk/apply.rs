//! Applying rows and plans, and what a run leaves behind.

use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use personcert::{ErrorKind, Result};
use personcert_bulk::results::{RunEnd, RunSummary, write_results};
use personcert_bulk::spool::RowStore as _;
use personcert_bulk::{BulkOptions, Job, JobEnd, JobInput, Plan, Report};

use super::context::{Context, with_suffix};
use super::display;
use super::progress::Steered;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;

/// Applies the rows of an input and writes the result files.
pub(crate) fn rows(
    context: &Context<'_>,
    mut input: JobInput,
    options: BulkOptions,
    command: &str,
    file: &Path,
) -> Result<ExitCode, Failure> {
    if input.is_resumed {
        output::note(format_args!("continuing the job in {}", input.dir.display()));
    }
    let (began, started) = (Instant::now(), Timestamp::now());
    let hash = input.hash();
    let mut job = Job::new(&context.client, options);
    let steered = Steered::new(context.runtime, job.control(), input.spool.len());
    let report = steered.run(job.apply(&mut input.spool, &hash, &input.dir))?;
    let resume = (report.end != JobEnd::Complete || report.counts.unknown > 0)
        .then(|| format!("personcert resume {}", input.dir.display()));
    let summary = RunSummary {
        job: input.dir.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        command: command.to_owned(),
        account: None,
        service: context.service.clone(),
        input: file.display().to_string(),
        input_hash: hash,
        started: started.to_string(),
        seconds: began.elapsed().as_secs_f64(),
        end: match report.end {
            JobEnd::Complete => RunEnd::Finished,
            JobEnd::Cancelled => RunEnd::Cancelled,
            JobEnd::Stopped => RunEnd::Stopped,
        },
        reason: report.message.clone(),
        resume: resume.clone(),
        requests: steered.progress().requests,
        throttled: steered.progress().throttled,
        timeline: steered.timeline(),
    };
    write_results(&input.dir, &input.spool, report.outcomes()?, &summary)?;
    output::print(&display::report(&report, resume.as_deref(), context.is_json))?;
    Ok(exit_code(&report))
}

/// Applies a plan. Its job has the plan's name, so that a second run continues the first.
pub(crate) fn plan(context: &Context<'_>, plan: &Plan, file: &Path, options: BulkOptions) -> Result<ExitCode, Failure> {
    let dir = options.job_dir.clone().unwrap_or_else(|| with_suffix(file, ".job"));
    let mut job = Job::new(&context.client, options);
    let steered = Steered::new(context.runtime, job.control(), plan.counts().rows);
    let report = steered.run(job.apply_plan(plan, &dir))?;
    let resume = (report.end != JobEnd::Complete).then(|| format!("personcert apply {}", file.display()));
    output::print(&display::report(&report, resume.as_deref(), context.is_json))?;
    Ok(exit_code(&report))
}

/// The exit code of a run.
fn exit_code(report: &Report) -> ExitCode {
    match report.end {
        JobEnd::Cancelled => ExitCode::Interrupted,
        JobEnd::Stopped => report.error.as_ref().map_or(ExitCode::TooManyErrors, |error| match error.kind {
            ErrorKind::Cancelled => ExitCode::Interrupted,
            kind => ExitCode::of(kind, false),
        }),
        JobEnd::Complete if report.counts.unknown > 0 => ExitCode::Unknown,
        JobEnd::Complete if report.counts.failed > 0 => ExitCode::Failed,
        JobEnd::Complete => ExitCode::Done,
    }
}
