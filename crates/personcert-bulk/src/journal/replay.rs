//! Reading a journal again: which rows are done, which may have been sent.

use std::io;

use personcert::{Error, ErrorKind, Outcome, Result};
use serde::de::DeserializeOwned;

use super::frame::{self, End, Frames, PREFIX_BYTES, Salt, Start};
use super::record::{CHANGE, Change, HEADER, Header, INTENTS, Intents, OUTCOME, OutcomeRecord, RETURNED, Returned};
use crate::decide::Doubts;
use crate::disk::Disk;
use crate::item::ItemOutcome;
use crate::outcome::{Counts, RowStatus};

/// A set of row numbers: a bit for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows(Vec<u64>);

impl Rows {
    /// Adds a row. False if it was there.
    pub fn insert(&mut self, row: u64) -> bool {
        let Ok(word) = usize::try_from(row / 64) else { return false };
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let bit = 1 << (row % 64);
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    /// Whether a row is in the set.
    pub fn contains(&self, row: u64) -> bool {
        usize::try_from(row / 64)
            .ok()
            .and_then(|word| self.0.get(word))
            .is_some_and(|bits| bits & (1 << (row % 64)) != 0)
    }
}

/// What a journal says about a job.
#[derive(Debug)]
pub struct Replay {
    /// What the journal belongs to; none in an empty file.
    pub header: Option<Header>,
    /// The salt of the file.
    pub salt: [u8; 8],
    /// The rows that have a final state other than unknown.
    pub done: Rows,
    /// The rows that may have been sent and have no final state, with what was sent.
    pub doubts: Doubts,
    /// The final states.
    pub counts: Counts,
    /// The length of the complete records and what comes before them; 0 where the first is not complete.
    pub valid_bytes: u64,
    /// How many bytes of an incomplete record are at the end.
    pub torn_bytes: u64,
}

impl Replay {
    /// Reads a journal that may be growing.
    ///
    /// # Errors
    /// When the file is not a journal, is written by a later version, or is damaged before its end.
    pub fn read(disk: &mut dyn Disk) -> Result<Self> {
        let salt = match frame::start(disk).map_err(unreadable)? {
            Start::Salt(salt) => salt,
            Start::Empty => return Ok(Self::new([0; 8])),
            other => return Err(wrong_start(&other)),
        };
        let mut replay = Self::new(salt);
        let mut frames = Frames::new(&mut *disk, salt);
        while let Some(kind) = frames.next().map_err(unreadable)? {
            replay.apply(kind, frames.payload())?;
        }
        let offset = frames.offset();
        match frames.end().map_err(unreadable)? {
            End::Clean => {}
            End::Torn => replay.torn_bytes = frames.offset_of_end().map_err(unreadable)? - offset,
            End::Damaged => {
                let why = format!("the journal is damaged at byte {offset}; repair it to keep what is readable");
                return Err(problem(why));
            }
        }
        if replay.header.is_some() {
            replay.valid_bytes = offset;
        }
        Ok(replay)
    }

    /// Reads a journal and cuts an incomplete record off its end.
    pub fn recover(disk: &mut dyn Disk) -> Result<Self> {
        let replay = Self::read(disk)?;
        if replay.torn_bytes > 0 || replay.header.is_none() {
            disk.truncate(replay.valid_bytes).map_err(unreadable)?;
        }
        Ok(replay)
    }

    fn new(salt: Salt) -> Self {
        let (done, doubts, counts) = (Rows::default(), Doubts::new(), Counts::default());
        Self { header: None, salt, done, doubts, counts, valid_bytes: 0, torn_bytes: 0 }
    }

    fn apply(&mut self, kind: u8, payload: &[u8]) -> Result<()> {
        match kind {
            HEADER => {
                let header: Header = parse(payload)?;
                self.counts.rows = header.rows;
                self.header = Some(header);
            }
            INTENTS => {
                let intents: Intents<'_> = parse(payload)?;
                for intent in intents.steps {
                    self.doubts.extend(intent.rows.iter().map(|row| (*row, intent.op)));
                }
            }
            RETURNED => {
                for row in parse::<Returned<'_>>(payload)?.rows.iter() {
                    self.doubts.remove(row);
                }
            }
            OUTCOME => {
                let outcome: OutcomeRecord<'_> = parse(payload)?;
                let Some(status) = outcome.status() else { return Ok(()) };
                for row in outcome.rows.iter() {
                    if status == RowStatus::Unknown {
                        continue;
                    }
                    self.doubts.remove(row);
                    if self.done.insert(*row) {
                        self.counts.add(status);
                    }
                }
                if outcome.rows.is_empty() {
                    self.counts.add_deletion(status);
                }
            }
            // Of a later version: what it adds can be ignored.
            _ => {}
        }
        Ok(())
    }
}

/// Copies the readable records of a damaged journal, and gives how many bytes were left out.
pub fn repair(damaged: &mut dyn Disk, copy: &mut dyn Disk) -> Result<u64> {
    let salt = match frame::start(damaged).map_err(unreadable)? {
        Start::Salt(salt) => salt,
        other => return Err(wrong_start(&other)),
    };
    copy.append(&frame::prefix(salt)).map_err(unreadable)?;
    let mut frames = Frames::new(damaged, salt);
    let mut kept = 0;
    let mut out = Vec::new();
    loop {
        while let Some(kind) = frames.next().map_err(unreadable)? {
            out.clear();
            frame::write(&mut out, salt, kind, frames.payload());
            kept += u64::try_from(out.len()).unwrap_or(0);
            copy.append(&out).map_err(unreadable)?;
        }
        if !frames.skip_damage().map_err(unreadable)? {
            break;
        }
    }
    copy.sync().map_err(unreadable)?;
    let end = frames.offset_of_end().map_err(unreadable)?;
    Ok(end - kept - u64::try_from(PREFIX_BYTES).unwrap_or(0))
}

/// Reads records of one kind, in the order in which they were written.
pub struct RecordReader<D>(Frames<D>);

impl<D: Disk> RecordReader<D> {
    /// The records of this file.
    pub fn new(mut disk: D) -> Result<Self> {
        match frame::start(&mut disk).map_err(unreadable)? {
            Start::Salt(salt) => Ok(Self(Frames::new(disk, salt))),
            other => Err(wrong_start(&other)),
        }
    }

    /// The next final state, and the position of its record; none after the last.
    pub fn next_outcome(&mut self) -> Result<Option<(u64, ItemOutcome)>> {
        loop {
            let Some(payload) = self.next(OUTCOME)? else { return Ok(None) };
            let outcome = parse::<OutcomeRecord<'_>>(payload)?.into_item_outcome();
            if let Some(outcome) = outcome {
                return Ok(Some((self.0.record_offset(), outcome)));
            }
        }
    }

    /// The final state in the record at a position.
    pub fn outcome_at(&mut self, offset: u64) -> Result<ItemOutcome> {
        self.0.seek(offset);
        let outcome = self.next_outcome()?.map(|(_, outcome)| outcome);
        outcome.ok_or_else(|| problem(format!("the journal is damaged at byte {offset}; repair it")))
    }

    /// The next change; none after the last.
    pub fn next_change(&mut self) -> Result<Option<Change>> {
        self.next(CHANGE)?.map(parse).transpose()
    }

    fn next(&mut self, wanted: u8) -> Result<Option<&[u8]>> {
        loop {
            match self.0.next().map_err(unreadable)? {
                Some(kind) if kind == wanted => return Ok(Some(self.0.payload())),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T> {
    serde_json::from_slice(payload)
        .map_err(|error| problem(format!("the journal holds a record that can't be read: {error}")))
}

fn wrong_start(start: &Start) -> Error {
    match start {
        Start::OtherVersion(version) => problem(format!(
            "the journal has the format {version} of a later version; use that version to resume the job"
        )),
        Start::Empty => problem("the journal is empty".to_owned()),
        Start::Salt(_) | Start::Foreign => problem("the file is not a journal; give the folder of a job".to_owned()),
    }
}

fn unreadable(error: io::Error) -> Error {
    problem(format!("the journal can't be read: {error}"))
}

fn problem(why: String) -> Error {
    Error::new(ErrorKind::InvalidInput, Outcome::NotSent, why)
}
