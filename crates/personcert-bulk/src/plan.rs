//! A plan: the changes that rows ask for, in a file that can be shown, checked and applied later.
//!
//! The file has a JSON object on each line: first the header, then the items, last the SHA-256 of all lines before.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use personcert::{Error, ErrorKind, Outcome, Result};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::disk::private;
use crate::files::hex;
use crate::item::{ItemOutcome, Verb};
use crate::journal::{Change, OutcomeRecord};
use crate::outcome::RowStatus;

/// The version of the file's format.
const FORMAT: u32 = 1;
/// The longest line, in bytes.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// The first line of a plan file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanHeader {
    format: u32,
    /// The version of the program that made the plan.
    pub tool: String,
    /// The id of the plan.
    pub plan: String,
    /// What identifies the input.
    pub input: String,
    /// The number of rows of the input.
    pub rows: u64,
    /// The match key.
    pub key: Vec<String>,
}

impl PlanHeader {
    /// The header of a new plan.
    pub fn new(input: &str, rows: u64, key: &[String]) -> Self {
        let plan = uuid::Uuid::new_v4().to_string();
        let tool = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, tool, plan, input: input.to_owned(), rows, key: key.to_vec() }
    }
}

/// One item of a plan.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub enum PlanItem<'a> {
    /// A change that is to be made.
    Change(Box<Change>),
    /// Rows that need no change, or can't be changed.
    Ended(OutcomeRecord<'a>),
}

#[derive(Serialize, Deserialize)]
struct Footer {
    sha256: String,
}

/// How many items of a plan ask for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanCounts {
    /// All rows of the input.
    pub rows: u64,
    /// Certifications to create.
    pub create: u64,
    /// Certifications to update.
    pub update: u64,
    /// Certifications to delete.
    pub delete: u64,
    /// Rows that are as wanted already.
    pub unchanged: u64,
    /// Rows that are invalid or can't be applied.
    pub failed: u64,
    /// Users with changes.
    pub users: u64,
}

impl PlanCounts {
    /// Whether the plan changes nothing, and no row failed.
    pub const fn is_empty(&self) -> bool {
        self.changes() == 0 && self.failed == 0
    }

    /// How many changes the plan makes.
    pub const fn changes(&self) -> u64 {
        self.create + self.update + self.delete
    }

    /// How long the plan takes at `rate` steps a second: each user is read once, each change is a step.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn estimate(&self, rate: f64) -> Option<Duration> {
        (rate > 0.0).then(|| Duration::try_from_secs_f64((self.changes() + self.users) as f64 / rate).ok())?
    }

    fn count(&mut self, item: &PlanItem<'_>, last_user: &mut Option<String>) {
        match item {
            PlanItem::Change(change) => {
                match change.op {
                    Verb::Create => self.create += 1,
                    Verb::Update => self.update += 1,
                    Verb::Delete => self.delete += 1,
                }
                if last_user.as_ref() != Some(&change.user) {
                    self.users += 1;
                    *last_user = Some(change.user.clone());
                }
            }
            PlanItem::Ended(outcome) => {
                let rows = u64::try_from(outcome.rows.len()).unwrap_or(0);
                match outcome.status() {
                    Some(RowStatus::Unchanged) => self.unchanged += rows,
                    _ => self.failed += rows,
                }
            }
        }
    }
}

/// Counts the items of a plan, and writes them where it is wanted.
pub struct PlanWriter {
    file: Option<PlanFile>,
    counts: PlanCounts,
    last_user: Option<String>,
}

struct PlanFile {
    out: BufWriter<File>,
    hash: Context,
    path: PathBuf,
    /// The file under its name until it is complete.
    partial: PathBuf,
}

impl PlanWriter {
    /// Starts a plan; without a path it is only counted.
    pub fn new(path: Option<&Path>, header: &PlanHeader) -> Result<Self> {
        let counts = PlanCounts { rows: header.rows, ..PlanCounts::default() };
        let Some(path) = path else { return Ok(Self { file: None, counts, last_user: None }) };
        let mut partial = path.as_os_str().to_owned();
        partial.push(".part");
        let partial = PathBuf::from(partial);
        let file = private().write(true).create(true).truncate(true).open(&partial);
        let file = file.map_err(|error| unusable(&partial, &error))?;
        let mut file =
            PlanFile { out: BufWriter::new(file), hash: Context::new(&SHA256), path: path.to_owned(), partial };
        file.write(header)?;
        Ok(Self { file: Some(file), counts, last_user: None })
    }

    /// Adds a change.
    pub fn add_change(&mut self, change: Change) -> Result<()> {
        self.add(&PlanItem::Change(Box::new(change)))
    }

    /// Adds rows without a change.
    pub fn add_ended(&mut self, outcome: &ItemOutcome) -> Result<()> {
        self.add(&PlanItem::Ended(OutcomeRecord::new(outcome)))
    }

    fn add(&mut self, item: &PlanItem<'_>) -> Result<()> {
        self.counts.count(item, &mut self.last_user);
        self.file.as_mut().map_or(Ok(()), |file| file.write(item))
    }

    /// Completes the plan.
    pub fn finish(self) -> Result<PlanCounts> {
        if let Some(PlanFile { mut out, hash, path, partial }) = self.file {
            let footer = Footer { sha256: hex(hash.finish().as_ref()) };
            let line = serde_json::to_string(&footer).unwrap_or_default() + "\n";
            let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
            let written = written.and_then(|()| out.get_ref().sync_data());
            written.and_then(|()| std::fs::rename(&partial, &path)).map_err(|error| unusable(&path, &error))?;
        }
        Ok(self.counts)
    }
}

impl PlanFile {
    fn write(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value).unwrap_or_default();
        line.push(b'\n');
        self.hash.update(&line);
        self.out.write_all(&line).map_err(|error| unusable(&self.path, &error))
    }
}

/// A plan file whose hash was checked.
#[derive(Debug)]
pub struct Plan {
    path: PathBuf,
    header: PlanHeader,
    counts: PlanCounts,
    sha256: String,
}

impl Plan {
    /// Opens a plan, applied or not.
    ///
    /// # Errors
    /// When the file is not a plan, was made by a later version, or is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let mut lines = Lines::open(path)?;
        let header: PlanHeader = lines.next()?.ok_or_else(|| damaged(path)).and_then(|line| {
            serde_json::from_slice(line).map_err(|_| problem(path, "is not a plan; give a file that `plan` wrote"))
        })?;
        if header.format != FORMAT {
            return Err(problem(path, "was made by a later version; use that version"));
        }
        let mut counts = PlanCounts { rows: header.rows, ..PlanCounts::default() };
        let mut hash = Context::new(&SHA256);
        hash.update(lines.line());
        let mut last_user = None;
        while let Some(line) = lines.next()? {
            if let Ok(item) = serde_json::from_slice::<PlanItem<'_>>(line) {
                counts.count(&item, &mut last_user);
                hash.update(line);
                continue;
            }
            let footer: Footer = serde_json::from_slice(line).map_err(|_| damaged(path))?;
            let sha256 = hex(hash.finish().as_ref());
            if footer.sha256 != sha256 || lines.next()?.is_some() {
                return Err(damaged(path));
            }
            return Ok(Self { path: path.to_owned(), header, counts, sha256 });
        }
        Err(damaged(path))
    }

    /// What the plan belongs to.
    pub const fn header(&self) -> &PlanHeader {
        &self.header
    }

    /// How many items ask for what.
    pub const fn counts(&self) -> PlanCounts {
        self.counts
    }

    /// The hash of the plan: it identifies exactly these changes.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The items, in the order in which they were planned.
    pub fn items(&self) -> Result<PlanItems> {
        let mut lines = Lines::open(&self.path)?;
        lines.next()?;
        Ok(PlanItems { lines, path: self.path.clone(), is_complete: false })
    }
}

/// The items of a plan file.
#[derive(Debug)]
pub struct PlanItems {
    lines: Lines,
    path: PathBuf,
    is_complete: bool,
}

impl PlanItems {
    /// The next item; none after the last.
    pub fn next_item(&mut self) -> Result<Option<PlanItem<'static>>> {
        if self.is_complete {
            return Ok(None);
        }
        let Some(line) = self.lines.next()? else { return Err(damaged(&self.path)) };
        if let Ok(item) = serde_json::from_slice(line) {
            return Ok(Some(item));
        }
        serde_json::from_slice::<Footer>(line).map_err(|_| damaged(&self.path))?;
        self.is_complete = true;
        Ok(None)
    }
}

/// The lines of a file.
#[derive(Debug)]
struct Lines {
    file: BufReader<File>,
    path: PathBuf,
    line: Vec<u8>,
}

impl Lines {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| unusable(path, &error))?;
        Ok(Self { file: BufReader::new(file), path: path.to_owned(), line: Vec::new() })
    }

    /// The next line with its end; none at the end of the file.
    fn next(&mut self) -> Result<Option<&[u8]>> {
        self.line.clear();
        let mut limited = io::Read::take(&mut self.file, MAX_LINE_BYTES);
        let read = limited.read_until(b'\n', &mut self.line).map_err(|error| unusable(&self.path, &error))?;
        if read > 0 && self.line.last() != Some(&b'\n') {
            return Err(damaged(&self.path));
        }
        Ok((read > 0).then_some(&self.line))
    }

    fn line(&self) -> &[u8] {
        &self.line
    }
}

fn damaged(path: &Path) -> Error {
    problem(path, "is damaged or was changed; plan again")
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    problem(path, &format!("can't be used: {error}"))
}

fn problem(path: &Path, what: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, Outcome::NotSent, format!("the plan {} {what}", path.display()))
}
