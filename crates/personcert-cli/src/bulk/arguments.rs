//! The subcommands for many certifications. Their options come from the bulk crate's table.

use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches, Subcommand};
use personcert::Result;
use personcert::host::Dialect;
use personcert_bulk::BulkOptions;

use crate::flags::{self, Arguments};

#[derive(Subcommand)]
pub(crate) enum BulkCommand {
    /// Read the current certifications and write what a file of rows would change
    Plan(PlanArgs),
    /// Show what a plan changes
    ShowPlan {
        /// The plan
        plan: PathBuf,
    },
    /// Apply a file of rows (CSV, JSON Lines, `-` for standard input), or a plan
    #[command(visible_alias = "import")]
    Apply(ApplyArgs),
    /// Send the rows of a `failed.csv` again
    Retry(ApplyArgs),
    /// Continue a job that was interrupted
    Resume {
        /// The folder of the job
        job: PathBuf,
    },
    /// Compare a file of rows with the profiles; change nothing
    Verify {
        /// The file of rows; `-` is standard input
        file: PathBuf,
        #[command(flatten)]
        options: BulkArgs,
    },
    /// Write a plan that restores the certifications as they were before a job
    Revert {
        /// The folder of the job
        job: PathBuf,
        /// The file for the plan; apply it afterwards
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Write current certifications as CSV or JSON Lines that `apply` reads
    Export(ExportArgs),
}

#[derive(Args)]
pub(crate) struct PlanArgs {
    /// The file of rows; `-` is standard input
    pub(crate) file: PathBuf,
    /// The file for the plan. Default: the input's name with `.plan`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Exit with 2 when the plan has changes
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    #[command(flatten)]
    pub(crate) options: BulkArgs,
}

#[derive(Args)]
pub(crate) struct ApplyArgs {
    /// The file of rows; `-` is standard input
    pub(crate) file: PathBuf,
    /// Apply without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) options: BulkArgs,
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// A user whose certifications to write; may be given several times. Default: the signed-in user
    #[arg(long, value_name = "USER")]
    pub(crate) user: Vec<String>,
    /// A file with a user on each line
    #[arg(long, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,
    /// Write JSON Lines
    #[arg(long)]
    pub(crate) jsonl: bool,
}

/// The options of a run, as they were typed.
pub(crate) struct BulkArgs(Arguments);

impl BulkArgs {
    pub(crate) fn read(&self) -> Result<BulkOptions> {
        BulkOptions::read(&self.0, Dialect::GRAPH)
    }
}

impl Args for BulkArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        let properties = BulkOptions::RECORD.properties.iter();
        properties.fold(command, |command, property| command.arg(flags::flag(property).help_heading("Bulk options")))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for BulkArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let properties = BulkOptions::RECORD.properties.iter();
        let given = properties
            .filter_map(|property| flags::value(property, matches).map(|value| (property.name.to_owned(), value)));
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        Self::from_arg_matches(matches).map(|options| *self = options)
    }
}
