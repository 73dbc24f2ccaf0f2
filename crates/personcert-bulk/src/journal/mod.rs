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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::item::Verb;
    use crate::outcome::RowStatus;

    /// A file in memory.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Memory {
        fn bytes(&self) -> Vec<u8> {
            self.0.lock().expect("a lock").clone()
        }

        fn of(bytes: &[u8]) -> Self {
            Self(Arc::new(Mutex::new(bytes.to_vec())))
        }
    }

    impl Disk for Memory {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.lock().expect("a lock").extend_from_slice(bytes);
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let bytes = self.bytes();
            let rest = bytes.get(usize::try_from(offset).expect("small")..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }

        fn truncate(&mut self, length: u64) -> io::Result<()> {
            self.0.lock().expect("a lock").truncate(usize::try_from(length).expect("small"));
            Ok(())
        }
    }

    /// A journal with an intent for rows 2 and 3, and an outcome of row 2; and where each record ends.
    fn journal() -> (Memory, Vec<usize>) {
        let disk = Memory::default();
        let header = Header { tool: "0.1.0".into(), job: "j".into(), input: "i".into(), rows: 3 };
        let mut journal = Journal::create(Box::new(disk.clone()), &header, *b"saltsalt").expect("a journal");
        let mut ends = vec![disk.bytes().len()];
        let rows = Cow::Owned(vec![2, 3]);
        journal.add(INTENTS, &Intents { steps: vec![Intent { rows, op: Verb::Create }] });
        journal.sync().expect("a sync");
        ends.push(disk.bytes().len());
        journal.add_outcome(&ItemOutcome::unsent(vec![2], RowStatus::Created, Some("x".into()), None));
        journal.sync().expect("a sync");
        ends.push(disk.bytes().len());
        (disk, ends)
    }

    #[test]
    fn rows_without_an_outcome_are_in_doubt() {
        let (mut disk, _) = journal();
        let replay = Replay::recover(&mut disk).expect("a replay");
        assert!(replay.done.contains(2) && !replay.done.contains(3));
        assert_eq!(replay.doubts.into_iter().collect::<Vec<_>>(), [(3, Verb::Create)]);
        assert_eq!((replay.counts.rows, replay.counts.created, replay.torn_bytes), (3, 1, 0));
    }

    #[test]
    fn a_file_that_ends_anywhere_is_cut_to_its_whole_records() {
        let (disk, ends) = journal();
        let bytes = disk.bytes();
        for length in 0..bytes.len() {
            let mut cut = Memory::of(&bytes[..length]);
            let replay = Replay::recover(&mut cut).expect("a replay");
            let whole = ends.iter().rev().find(|end| **end <= length).copied().unwrap_or(0);
            assert_eq!(cut.bytes().len(), whole, "{length} bytes");
            assert_eq!(replay.header.is_some(), length >= ends[0], "{length} bytes");
            assert_eq!(replay.doubts.len(), if length >= ends[1] { 2 } else { 0 }, "{length} bytes");
        }
    }

    #[test]
    fn damage_before_the_end_is_refused_with_its_position_and_can_be_repaired() {
        let (disk, ends) = journal();
        let bytes = disk.bytes();
        for position in ends[0]..ends[1] {
            let mut damaged = bytes.clone();
            damaged[position] ^= 0x55;
            let error = Replay::recover(&mut Memory::of(&damaged)).expect_err("damage");
            assert!(error.message.contains(&format!("damaged at byte {}", ends[0])), "{error}");
            let mut repaired = Memory::default();
            let lost = repair(&mut Memory::of(&damaged), &mut repaired).expect("a repair");
            assert_eq!(usize::try_from(lost).expect("small"), ends[1] - ends[0]);
            let replay = Replay::recover(&mut repaired).expect("a replay");
            assert!(replay.header.is_some() && replay.done.contains(2));
        }
    }

    #[test]
    fn records_of_another_file_are_no_records() {
        let (disk, ends) = journal();
        let mut bytes = disk.bytes();
        let other = frame::prefix(*b"pepperpe");
        bytes[..other.len()].copy_from_slice(&other);
        let replay = Replay::recover(&mut Memory::of(&bytes)).expect("a replay");
        assert!(replay.header.is_none(), "{ends:?}");
        let error = Replay::recover(&mut Memory::of(b"user,displayName\n")).expect_err("no journal");
        assert!(error.message.contains("is not a journal"), "{error}");
        bytes[6] = 9;
        let error = Replay::recover(&mut Memory::of(&bytes)).expect_err("a later version");
        assert!(error.message.contains("later version"), "{error}");
    }

    #[test]
    fn a_failed_write_ends_the_journal() {
        struct Full;
        impl Disk for Full {
            fn append(&mut self, _: &[u8]) -> io::Result<()> {
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }
            fn sync(&mut self) -> io::Result<()> {
                Ok(())
            }
            fn read(&mut self, _: u64, _: &mut [u8]) -> io::Result<usize> {
                Ok(0)
            }
            fn truncate(&mut self, _: u64) -> io::Result<()> {
                Ok(())
            }
        }
        let mut journal = Journal::append_to(Box::new(Full), *b"saltsalt");
        journal.add_returned(&[1]);
        for _ in 0..2 {
            let error = journal.sync().expect_err("a full disk");
            assert!(error.message.contains("free some space and resume the job"), "{error}");
        }
        assert_eq!(journal.sync_at(), None);
    }
}
