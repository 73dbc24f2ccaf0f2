//! The plan that restores what a job changed, from the values that the job recorded before its changes.

use std::collections::HashMap;
use std::path::Path;

use personcert::schema::PROPERTIES;
use personcert::{Error, ErrorKind, Outcome, Result};
use serde_json::{Map, Value};

use crate::disk::FileDisk;
use crate::item::Verb;
use crate::job_dir::JobDir;
use crate::journal::{Change, RecordReader, Replay, Rows};
use crate::outcome::RowStatus;
use crate::plan::{Plan, PlanHeader, PlanWriter};

/// What a job did.
struct Done {
    /// The rows whose change was applied.
    applied: Rows,
    /// The ids of the certifications that were created, by the first row.
    created: HashMap<u64, String>,
    /// The ids of the certifications that `prune` deleted.
    deleted: Vec<String>,
}

/// Writes the plan that reverts a job.
pub fn plan(dir: &JobDir, file: &Path) -> Result<Plan> {
    let open = |path| FileDisk::read_only(path).map_err(|error| unreadable(dir.path(), &error));
    let (journal, before) = (JobDir::journal_path(dir.path()), JobDir::before_path(dir.path()));
    let header = Replay::read(&mut open(&journal)?)?.header.ok_or_else(|| nothing(dir.path()))?;
    let done = read_outcomes(RecordReader::new(open(&journal)?)?)?;
    let mut writer = PlanWriter::new(Some(file), &PlanHeader::new(&header.job, header.rows, &[]))?;
    let mut changes = RecordReader::new(open(&before)?)?;
    let mut seen = Rows::default();
    let mut seen_deletions = Vec::new();
    while let Some(change) = changes.next_change()? {
        // Of several attempts the first one shows the values before the job.
        let is_first = match (change.rows.first(), &change.id) {
            (Some(row), _) => done.applied.contains(*row) && seen.insert(*row),
            (None, Some(id)) => {
                let is_first = done.deleted.contains(id) && !seen_deletions.contains(id);
                seen_deletions.push(id.clone());
                is_first
            }
            (None, None) => false,
        };
        if is_first && let Some(change) = reverse(change, &done) {
            writer.add_change(change)?;
        }
    }
    writer.finish()?;
    Plan::open(file)
}

fn read_outcomes(mut journal: RecordReader<FileDisk>) -> Result<Done> {
    let mut done = Done { applied: Rows::default(), created: HashMap::new(), deleted: Vec::new() };
    while let Some((_, outcome)) = journal.next_outcome()? {
        if !matches!(outcome.status, RowStatus::Created | RowStatus::Updated | RowStatus::Deleted) {
            continue;
        }
        match (outcome.rows.first(), outcome.id) {
            (None, Some(id)) => done.deleted.push(id),
            (Some(row), Some(id)) if outcome.status == RowStatus::Created => {
                done.created.insert(*row, id);
            }
            _ => {}
        }
        for row in outcome.rows {
            done.applied.insert(row);
        }
    }
    Ok(done)
}

/// The change that undoes a change.
fn reverse(change: Change, done: &Done) -> Option<Change> {
    let created = change.rows.first().and_then(|row| done.created.get(row));
    Some(match (change.op, created) {
        (Verb::Create, id) => {
            Change { op: Verb::Delete, id: Some(id?.clone()), before: change.patch, patch: Map::new(), ..change }
        }
        (Verb::Update, _) => Change { before: change.patch, patch: change.before, ..change },
        (Verb::Delete, _) => {
            let is_kept = |name: &str, value: &Value| {
                !value.is_null() && PROPERTIES.iter().any(|property| property.name == name && property.updatable)
            };
            let patch = change.before.into_iter().filter(|(name, value)| is_kept(name, value)).collect();
            Change { op: Verb::Create, id: None, before: Map::new(), patch, ..change }
        }
    })
}

fn nothing(dir: &Path) -> Error {
    let why = format!("{} holds no job; give the folder of a job", dir.display());
    Error::new(ErrorKind::InvalidInput, Outcome::NotSent, why)
}

fn unreadable(dir: &Path, error: &std::io::Error) -> Error {
    let why = format!("the job in {} can't be read: {error}", dir.display());
    Error::new(ErrorKind::InvalidInput, Outcome::NotSent, why)
}
