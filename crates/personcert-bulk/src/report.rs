//! How a job ended, and the outcome of each row, read from the journal.

use std::path::{Path, PathBuf};

use personcert::{Error, ErrorKind, Outcome, Result, string_enum};

use crate::disk::FileDisk;
use crate::job_dir::JobDir;
use crate::journal::{RecordReader, Replay};
use crate::outcome::{Counts, RowError, RowOutcome, RowStatus};

string_enum! {
    /// How a run of a job ended.
    JobEnd {
        Complete = "complete", "Every row has a final state.";
        Cancelled = "cancelled", "The caller cancelled the run. The job can be resumed.";
        Stopped = "stopped", "The run stopped by itself; the message says why. The job can be resumed.";
    }
}

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    /// How many rows have each final state, over all runs of the job.
    pub counts: Counts,
    /// How the run ended.
    pub end: JobEnd,
    /// Why the run stopped.
    pub message: Option<String>,
    /// The error behind the message.
    pub error: Option<Error>,
    /// The folder of the job; none where nothing was written.
    pub dir: Option<PathBuf>,
    /// How many bytes of an incomplete record an earlier run left at the end of the journal.
    pub cut_bytes: u64,
}

impl Report {
    /// The outcomes of the rows that have one, in the order of the rows; first, as row 0, the deletions by `prune`. The rows
    /// that are left were not attempted.
    pub fn outcomes(&self) -> Result<Outcomes> {
        let dir = self.dir.as_deref().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, Outcome::NotSent, "the run wrote no journal; it has no outcomes")
        })?;
        Outcomes::read(dir)
    }
}

/// The outcomes in the journal of a job, in the order of the rows. Memory holds the place of each in the file.
pub struct Outcomes {
    reader: RecordReader<FileDisk>,
    /// The row and the position of its last record, from the last row to the first.
    places: Vec<(u64, Option<u64>)>,
}

impl Outcomes {
    /// Reads the journal in a job's folder. The job may be running.
    pub fn read(dir: &Path) -> Result<Self> {
        let open = || {
            FileDisk::read_only(&JobDir::journal_path(dir)).map_err(|error| {
                let why = format!("the journal in {} can't be read: {error}", dir.display());
                Error::new(ErrorKind::InvalidInput, Outcome::NotSent, why)
            })
        };
        let replay = Replay::read(&mut open()?)?;
        let mut reader = RecordReader::new(open()?)?;
        let mut places = Vec::new();
        while let Some((offset, outcome)) = reader.next_outcome()? {
            let is_settled_later = |row: &u64| outcome.status == RowStatus::Unknown && replay.done.contains(*row);
            places.extend(outcome.rows.iter().filter(|row| !is_settled_later(row)).map(|row| (*row, Some(offset))));
            if outcome.rows.is_empty() {
                places.push((0, Some(offset)));
            }
        }
        places.extend(replay.doubts.keys().map(|row| (*row, None)));
        places.sort_unstable_by(|one, other| other.cmp(one));
        // Of several records about a row that stayed unknown the last one counts, and any counts more than none.
        places.dedup_by(|later, first| later.0 == first.0 && first.0 != 0);
        Ok(Self { reader, places })
    }
}

impl Iterator for Outcomes {
    type Item = Result<RowOutcome>;

    fn next(&mut self) -> Option<Self::Item> {
        let (row, place) = self.places.pop()?;
        let Some(offset) = place else { return Some(Ok(lost(row))) };
        let read = self.reader.outcome_at(offset);
        Some(read.map(|outcome| RowOutcome {
            row,
            status: outcome.status,
            id: outcome.id,
            attempts: outcome.attempts,
            error: outcome.error,
        }))
    }
}

/// The outcome of a row whose run ended before the response came.
fn lost(row: u64) -> RowOutcome {
    let message = "the run ended before the response came; resume the job to settle it";
    let error = RowError::new(&Error::new(ErrorKind::Cancelled, Outcome::Unknown, message), true);
    RowOutcome { row, status: RowStatus::Unknown, id: None, attempts: 1, error: Some(Box::new(error)) }
}
