//! The commands for many certifications.

mod apply;
mod arguments;
mod context;
mod display;
mod export;
mod progress;

use std::path::Path;

use personcert::{Client, Error, ErrorKind, Outcome, Result};
use personcert_bulk::spool::RowStore as _;
use personcert_bulk::{BulkOptions, InputRules, Job, JobInput, Plan};
use tokio::runtime::Runtime;

use crate::arguments::Cli;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
pub(crate) use arguments::BulkCommand;
use arguments::{ApplyArgs, PlanArgs};
use context::{Context, with_suffix};
use progress::Steered;

/// Runs a command for many certifications.
pub(crate) fn run(runtime: &Runtime, cli: &Cli, command: &BulkCommand) -> Result<ExitCode, Failure> {
    // These read files only, so that they work without a sign-in.
    match command {
        BulkCommand::ShowPlan { plan } => return output::print(&display::plan(&Plan::open(plan)?, cli.json)),
        BulkCommand::Revert { job, out } => {
            return output::print(&display::plan(&Job::revert(job, out)?, cli.json));
        }
        _ => {}
    }
    let config = runtime.block_on(cli.settings.config())?;
    let client = Client::new(&config)?;
    let service = config.base_url.clone().unwrap_or_else(|| format!("the cloud `{}`", config.cloud));
    let unknown_audiences = config.unknown_audiences;
    let context = Context { runtime, client, service, unknown_audiences, is_json: cli.json };
    match command {
        BulkCommand::Plan(arguments) => plan(&context, arguments),
        BulkCommand::Apply(arguments) | BulkCommand::Retry(arguments) => apply(&context, arguments),
        BulkCommand::Resume { job } => {
            apply::rows(&context, JobInput::open(job)?, BulkOptions::default(), "resume", job)
        }
        BulkCommand::Verify { file, options } => verify(&context, file, options.read()?),
        BulkCommand::Export(arguments) => export::export(&context, arguments),
        BulkCommand::ShowPlan { .. } | BulkCommand::Revert { .. } => Ok(ExitCode::Done),
    }
}

fn plan(context: &Context<'_>, arguments: &PlanArgs) -> Result<ExitCode, Failure> {
    let out = arguments.out.clone().unwrap_or_else(|| with_suffix(&arguments.file, ".plan"));
    let mut options = arguments.options.read()?;
    let (mut input, _folder) = temporary_input(context, &arguments.file, &mut options)?;
    let hash = input.hash();
    let mut job = Job::new(&context.client, options);
    let steered = Steered::new(context.runtime, job.control(), input.spool.len());
    let plan = steered.run(job.plan(&mut input.spool, &hash, &out))?;
    output::print(&display::plan(&plan, context.is_json))?;
    let differs = arguments.detailed_exitcode && plan.counts().changes() > 0;
    Ok(if differs { ExitCode::Differs } else { ExitCode::Done })
}

fn verify(context: &Context<'_>, file: &Path, mut options: BulkOptions) -> Result<ExitCode, Failure> {
    let (mut input, _folder) = temporary_input(context, file, &mut options)?;
    let mut job = Job::new(&context.client, options);
    let steered = Steered::new(context.runtime, job.control(), input.spool.len());
    let counts = steered.run(job.verify(&mut input.spool))?;
    output::print(&display::verification(counts, context.is_json))?;
    Ok(if counts.is_empty() { ExitCode::Done } else { ExitCode::Mismatch })
}

fn apply(context: &Context<'_>, arguments: &ApplyArgs) -> Result<ExitCode, Failure> {
    let mut options = arguments.options.read()?;
    let is_plan = arguments.file.is_file() && Plan::open(&arguments.file).is_ok();
    if is_plan {
        let plan = Plan::open(&arguments.file)?;
        if options.dry_run {
            return output::print(&display::plan(&plan, context.is_json));
        }
        confirm(arguments.yes, &display::plan(&plan, false))?;
        return apply::plan(context, &plan, &arguments.file, options);
    }
    if options.dry_run {
        let (mut input, folder) = temporary_input(context, &arguments.file, &mut options)?;
        let hash = input.hash();
        let mut job = Job::new(&context.client, options);
        let steered = Steered::new(context.runtime, job.control(), input.spool.len());
        let plan = steered.run(job.plan(&mut input.spool, &hash, &folder.path().join("plan")))?;
        return output::print(&display::plan(&plan, context.is_json));
    }
    let input = read(context, &arguments.file, &options)?;
    if let Err(error) = confirm(arguments.yes, &display::input(&input)) {
        if !input.is_resumed {
            input.discard();
        }
        return Err(error.into());
    }
    apply::rows(context, input, options, "apply", &arguments.file)
}

/// Copies and checks the rows of the input.
fn read(context: &Context<'_>, file: &Path, options: &BulkOptions) -> Result<JobInput> {
    let rules = InputRules::new(options, context.unknown_audiences);
    let counting = progress::Counting::new();
    JobInput::read(file, options, rules, &mut |rows| {
        counting.show(rows);
        Ok(())
    })
}

/// The rows of the input in a folder that lasts as long as the command.
fn temporary_input(
    context: &Context<'_>,
    file: &Path,
    options: &mut BulkOptions,
) -> Result<(JobInput, tempfile::TempDir)> {
    let folder = tempfile::tempdir().map_err(|error| {
        Error::new(ErrorKind::InvalidInput, Outcome::NotSent, format!("cannot create a temporary folder: {error}"))
    })?;
    options.job_dir = Some(folder.path().join("job"));
    Ok((read(context, file, options)?, folder))
}

/// Asks whether to go on. Without a terminal, `--yes` is the answer.
fn confirm(is_confirmed: bool, about: &str) -> Result<()> {
    use std::io::IsTerminal as _;
    if is_confirmed {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Error::input(
            "yes",
            "the changes need a confirmation; add --yes, or look at them first with `plan`",
        ));
    }
    output::note(about.trim_end());
    if output::ask("Apply? [y/N] ") {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Cancelled, Outcome::NotSent, "not confirmed"))
}
