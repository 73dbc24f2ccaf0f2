//! The journal of a job: what was about to be sent, and what became of it. Append-only.
//!
//! The intents of a batch are written before it is sent, its outcomes after it was answered. A write survives the end of
//! the process; against a power failure the file is synced, at most 100 ms later, and before a batch that creates
//! something, because a creation that is repeated would be there twice.

mod frame;
mod record;
mod replay;

use std::borrow::Cow;
use std::time::Duration;

use personcert::{Error, ErrorKind, Outcome, Result};
use serde::Serialize;
use tokio::time::Instant;

pub use record::{Change, Header, OutcomeRecord};
pub use replay::{RecordReader, Replay, Rows, repair};

use crate::disk::Disk;
use crate::item::{Item, ItemOutcome};
use frame::Salt;
use record::{CHANGE, HEADER, INTENTS, Intent, Intents, OUTCOME, RETURNED, Returned};

/// How long written records wait for the next sync.
const MAX_UNSYNCED: Duration = Duration::from_millis(100);

/// A journal that is written.
pub struct Journal {
    disk: Box<dyn Disk>,
    salt: Salt,
    /// Records that are not written yet.
    pending: Vec<u8>,
    /// Since when written records wait for a sync.
    unsynced_since: Option<Instant>,
    is_dead: bool,
}

impl Journal {
    /// Starts a journal in an empty file.
    pub fn create(disk: Box<dyn Disk>, header: &Header, salt: [u8; 8]) -> Result<Self> {
        let mut journal = Self::append_to(disk, salt);
        journal.pending = frame::prefix(salt);
        journal.add(HEADER, header);
        journal.sync()?;
        Ok(journal)
    }

    /// Continues a journal whose records were replayed.
    pub fn append_to(disk: Box<dyn Disk>, salt: [u8; 8]) -> Self {
        Self { disk, salt, pending: Vec::new(), unsynced_since: None, is_dead: false }
    }

    /// Records the changes that are about to be sent.
    pub fn add_intents<'a>(&mut self, items: impl Iterator<Item = &'a Item>) {
        let intent = |item: &'a Item| Intent { rows: Cow::Borrowed(&item.rows), op: item.operation.verb() };
        let steps: Vec<_> = items.map(intent).collect();
        if !steps.is_empty() {
            self.add(INTENTS, &Intents { steps });
        }
    }

    /// Records a final state.
    pub fn add_outcome(&mut self, outcome: &ItemOutcome) {
        self.add(OUTCOME, &OutcomeRecord::new(outcome));
    }

    /// Records rows that were sent, surely not applied, and have no outcome.
    pub fn add_returned(&mut self, rows: &[u64]) {
        self.add(RETURNED, &Returned { rows: Cow::Borrowed(rows) });
    }

    /// Records a change with the values that it replaces.
    pub fn add_change(&mut self, change: &Change) {
        self.add(CHANGE, change);
    }

    fn add(&mut self, kind: u8, payload: &impl Serialize) {
        // These types are always written.
        let payload = serde_json::to_vec(payload).unwrap_or_default();
        frame::write(&mut self.pending, self.salt, kind, &payload);
    }

    /// Writes what was recorded, and syncs it if earlier records have waited long enough.
    pub fn write(&mut self, now: Instant) -> Result<()> {
        if !self.pending.is_empty() {
            self.check(|disk, pending| disk.append(pending))?;
            self.pending.clear();
            self.unsynced_since.get_or_insert(now);
        }
        if self.sync_at().is_some_and(|at| at <= now) { self.sync() } else { Ok(()) }
    }

    /// Writes what was recorded and syncs it.
    pub fn sync(&mut self) -> Result<()> {
        self.check(|disk, pending| {
            if !pending.is_empty() {
                disk.append(pending)?;
            }
            disk.sync()
        })?;
        self.pending.clear();
        self.unsynced_since = None;
        Ok(())
    }

    /// When the next sync is due.
    pub fn sync_at(&self) -> Option<Instant> {
        self.unsynced_since.filter(|_| !self.is_dead).map(|since| since + MAX_UNSYNCED)
    }

    /// After a failure nothing more is written: a later sync that succeeds would prove nothing about this one.
    fn check(&mut self, act: impl FnOnce(&mut dyn Disk, &[u8]) -> std::io::Result<()>) -> Result<()> {
        let dead = |why: String| Error::new(ErrorKind::InvalidInput, Outcome::NotSent, why);
        if self.is_dead {
            return Err(dead("the journal could not be written; free some space and resume the job".to_owned()));
        }
        act(&mut *self.disk, &self.pending).map_err(|error| {
            self.is_dead = true;
            dead(format!("the journal can't be written: {error}; free some space and resume the job"))
        })
    }
}
