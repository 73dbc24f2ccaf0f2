//! The rows of a job on disk: what the input held, in the job's own form.
//!
//! The input is copied once, while it is validated. Afterwards the job depends on this copy alone: a pipe can be resumed, a
//! file that changes meanwhile changes nothing, and result files can show every original column. Memory holds a few bytes
//! a row: the place of each record, and the order in which the rows of a user belong together.

mod format;
mod frames;
mod index;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};

use personcert::{Result, User};
use serde::Deserialize;

use crate::columns::{Columns, input_error};
use crate::files::file_error;
use crate::row::{Reject, Row};
use crate::rules::InputRules;
use crate::source::{Record, Source};

use format::Damage;
use frames::{Frames, RANDOM_WINDOW_BYTES, SEQUENTIAL_WINDOW_BYTES};
use index::Index;

/// The name of the file in the job's folder.
pub const FILE_NAME: &str = "rows.spool";
/// The most rows of one user: they are read together.
const MAX_USER_ROWS: usize = 50_000;

/// All rows of one user, in the order of the input.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRows {
    /// The rows. They name the same user.
    pub rows: Vec<Row>,
}

/// The rows of a job as the scheduler reads them.
pub trait RowStore: Send {
    /// How many rows the input has, bad ones included.
    fn len(&self) -> u64;

    /// Whether the input has no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of the next user; none after the last user. Users come in the order of their first row.
    fn next_user(&mut self) -> personcert::Result<Option<UserRows>>;

    /// How many rows failed a check.
    fn rejected(&self) -> u64;

    /// The next row that failed a check, in the order of the input; none after the last. They are read from disk, because
    /// every row of an input may be bad.
    fn next_reject(&mut self) -> personcert::Result<Option<Reject>>;
}

/// The rows of a job in its folder.
pub struct Spool {
    path: PathBuf,
    frames: Frames,
    columns: Columns,
    index: Index,
    hash: [u8; 32],
    next_row: usize,
    next_reject: usize,
    /// Rows of another user whose name has the same hash.
    collided: Vec<Row>,
}

/// The rows in the order of the input, bad ones included.
pub struct Records {
    frames: Frames,
    offset: u64,
}

#[derive(Deserialize)]
struct About {
    rules: InputRules,
}

#[derive(Deserialize)]
struct Totals {
    rows: usize,
    rejected: usize,
    sha256: String,
}

impl Spool {
    /// Copies the input into `folder`, checking each row. `progress` gets the number of rows now and then; its error ends
    /// the copy, and nothing remains of it.
    pub fn create(
        folder: &Path,
        source: &mut dyn Source,
        rules: InputRules,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Self> {
        let path = folder.join(FILE_NAME);
        let copied = writer::copy(&path, source, rules, progress)?;
        Self::new(path, copied.columns, copied.index, copied.hash)
    }

    /// Opens the rows of a job that was started before; its input is not needed.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE_NAME);
        let mut records = Records::open(&path)?;
        let (mut columns, mut names) = (records.read_rules()?, Vec::new());
        let mut index = Index::default();
        loop {
            let offset = records.offset;
            let frame = records.frames.read(offset)?;
            match frame.kind {
                format::COLUMN => {
                    names.push(String::from_utf8_lossy(frame.payload).into_owned());
                    columns.extend(&names)?;
                }
                format::ROW => {
                    let user = format::texts(frame.payload).find_map(|(column, text)| columns.user_of(column, text));
                    index.add(user.or(columns.rules().user.as_deref()).unwrap_or_default(), offset);
                }
                format::REJECT => index.add_reject(offset),
                format::END => {
                    let totals = serde_json::from_slice::<Totals>(frame.payload).ok();
                    let hash = totals.filter(|totals| {
                        totals.rejected == index.rejects() && totals.rows == index.rows() + index.rejects()
                    });
                    let hash = hash.and_then(|totals| unhex(&totals.sha256));
                    let hash = hash.ok_or_else(|| records.frames.damage(offset))?;
                    index.finish();
                    return Self::new(path, columns, index, hash);
                }
                _ => return Err(file_error(&path, "written by a newer version of personcert; use that version")),
            }
            records.offset = frame.end;
        }
    }

    fn new(path: PathBuf, columns: Columns, index: Index, hash: [u8; 32]) -> Result<Self> {
        let file = File::open(&path).map_err(|error| file_error(&path, error))?;
        let frames = Frames::new(path.clone(), file, RANDOM_WINDOW_BYTES);
        let mut spool = Self { path, frames, columns, index, hash, next_row: 0, next_reject: 0, collided: Vec::new() };
        match spool.index.largest_user() {
            Some((rows, first)) if rows > MAX_USER_ROWS => {
                let user = spool.row(first)?.user;
                let name = if let User::Named(name) = &user { name } else { "me" };
                Err(input_error(format!("user {name} has {rows} rows; at most {MAX_USER_ROWS} of one user are read")))
            }
            _ => Ok(spool),
        }
    }

    /// The SHA-256 of the content: the columns and the cells of every row, whatever the input's encoding and delimiter.
    pub const fn input_hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The columns of the input.
    pub const fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The rows in the order of the input.
    pub fn records(&self) -> Result<Records> {
        let mut records = Records::open(&self.path)?;
        records.read_rules()?;
        Ok(records)
    }

    fn row(&mut self, offset: u64) -> Result<Row> {
        let frame = self.frames.read(offset)?;
        let record = format::read_row(frame.payload);
        let read = record.map(|record| self.columns.read(&record));
        match read {
            Ok(Ok(row)) => Ok(row),
            Ok(Err(reject)) => Err(input_error(format!("row {}: {}", reject.number, reject.message))),
            Err(Damage) => Err(self.frames.damage(offset)),
        }
    }
}

impl RowStore for Spool {
    fn len(&self) -> u64 {
        (self.index.rows() + self.index.rejects()) as u64
    }

    fn next_user(&mut self) -> Result<Option<UserRows>> {
        let mut rows = std::mem::take(&mut self.collided);
        if rows.is_empty() {
            let Some((user, _)) = self.index.row(self.next_row) else { return Ok(None) };
            while let Some((_, offset)) = self.index.row(self.next_row).filter(|(other, _)| *other == user) {
                rows.push(self.row(offset)?);
                self.next_row += 1;
            }
        }
        let user = rows[0].user.clone();
        let (rows, collided) = rows.into_iter().partition(|row| is_same_user(&row.user, &user));
        self.collided = collided;
        Ok(Some(UserRows { rows }))
    }

    fn rejected(&self) -> u64 {
        self.index.rejects() as u64
    }

    fn next_reject(&mut self) -> Result<Option<Reject>> {
        let Some(offset) = self.index.reject(self.next_reject) else { return Ok(None) };
        self.next_reject += 1;
        let frame = self.frames.read(offset)?;
        match format::read_reject(frame.payload) {
            Ok((reject, _)) => Ok(Some(reject)),
            Err(Damage) => Err(self.frames.damage(offset)),
        }
    }
}

impl Records {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| file_error(path, error))?;
        let mut frames = Frames::new(path.to_owned(), file, SEQUENTIAL_WINDOW_BYTES);
        match frames.bytes(0, format::MAGIC.len()) {
            Ok(format::MAGIC) => Ok(Self { frames, offset: format::MAGIC.len() as u64 }),
            _ => Err(file_error(path, "not a file of rows of this version; start the job again from its input")),
        }
    }

    fn read_rules(&mut self) -> Result<Columns> {
        let offset = self.offset;
        let frame = self.frames.read(offset)?;
        let about = serde_json::from_slice::<About>(frame.payload).ok().filter(|_| frame.kind == format::RULES);
        self.offset = frame.end;
        about.map_or_else(|| Err(self.frames.damage(offset)), |about| Columns::new(about.rules))
    }

    /// The next row, and why it was rejected if it was; none after the last.
    pub fn next_record(&mut self) -> Result<Option<(Record<'_>, Option<Reject>)>> {
        let mut offset = self.offset;
        let (kind, end) = loop {
            let frame = self.frames.read(offset)?;
            match (frame.kind, frame.end) {
                (format::COLUMN, end) => offset = end,
                other => break other,
            }
        };
        if kind == format::END {
            return Ok(None);
        }
        self.offset = end;
        let payload = self.frames.read(offset)?.payload;
        let read = match kind {
            format::ROW => format::read_row(payload).map(|record| (record, None)),
            _ => format::read_reject(payload).map(|(reject, record)| (record, Some(reject))),
        };
        read.map(Some).map_err(|Damage| input_error(format!("the job's rows are damaged at byte {offset}")))
    }
}

/// Whether two users are the same: names of users have no case.
fn is_same_user(one: &User, other: &User) -> bool {
    match (one, other) {
        (User::Named(one), User::Named(other)) => {
            one.chars().flat_map(char::to_lowercase).eq(other.chars().flat_map(char::to_lowercase))
        }
        _ => one == other,
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}
