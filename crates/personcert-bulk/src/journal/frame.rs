//! The frames of a journal: each record with its length and a checksum, salted so that bytes of an older file never look
//! like a record of this one.
//!
//! A file starts with 8 bytes of magic and version and 8 bytes of salt. A record is a checksum of 4 bytes, the payload's
//! length of 4 bytes, its kind of one byte, and the payload. Numbers are little-endian.

use std::io;
use std::ops::Range;

use crate::disk::Disk;

/// The start of a file: the format's name and version.
const MAGIC: [u8; 8] = *b"PCJRNL\x01\n";
const MAGIC_NAME: usize = 6;
/// The length of what comes before the first record.
pub const PREFIX_BYTES: usize = 16;
const HEAD_BYTES: usize = 9;
/// The longest payload.
const MAX_PAYLOAD_BYTES: usize = 16 << 20;
/// The largest kind of a record.
const MAX_KIND: u8 = 15;
const READ_BYTES: usize = 64 << 10;

pub type Salt = [u8; 8];

/// Writes the start of a file.
pub fn prefix(salt: Salt) -> Vec<u8> {
    [MAGIC, salt].concat()
}

/// Writes a record.
pub fn write(out: &mut Vec<u8>, salt: Salt, kind: u8, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&checksum(salt, length, kind, payload).to_le_bytes());
    out.extend_from_slice(&length);
    out.push(kind);
    out.extend_from_slice(payload);
}

fn checksum(salt: Salt, length: [u8; 4], kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt);
    hasher.update(&length);
    hasher.update(&[kind]);
    hasher.update(payload);
    hasher.finalize()
}

/// Reads the records of a file from the start, in pieces.
pub struct Frames<D> {
    disk: D,
    salt: Salt,
    /// What was read and is not used yet.
    buffer: Vec<u8>,
    /// The used part of the buffer.
    used: usize,
    /// The position in the file of the next record.
    offset: u64,
    /// The last record in the buffer.
    record: Range<usize>,
}

/// What follows the last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing.
    Clean,
    /// An incomplete record, and no other after it: the file was cut off while it was written.
    Torn,
    /// A damaged record with others after it.
    Damaged,
}

/// What a file starts with.
#[derive(Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing, or a part of a start.
    Empty,
    /// A start of this version.
    Salt(Salt),
    /// A start of another version.
    OtherVersion(u8),
    /// Something else.
    Foreign,
}

/// Reads the start of a file.
pub fn start(disk: &mut dyn Disk) -> io::Result<Start> {
    let mut prefix = [0; PREFIX_BYTES];
    let mut read = 0;
    while read < PREFIX_BYTES {
        match disk.read(u64::try_from(read).unwrap_or(0), &mut prefix[read..])? {
            0 => break,
            more => read += more,
        }
    }
    let (magic, salt) = prefix.split_at(MAGIC.len());
    let known = read.min(MAGIC_NAME);
    Ok(if magic[..known] != MAGIC[..known] {
        Start::Foreign
    } else if read < PREFIX_BYTES {
        Start::Empty
    } else if magic != MAGIC {
        Start::OtherVersion(magic[MAGIC_NAME])
    } else {
        Start::Salt(salt.try_into().unwrap_or_default())
    })
}

impl<D: Disk> Frames<D> {
    /// The records of a file with this salt.
    pub fn new(disk: D, salt: Salt) -> Self {
        let offset = u64::try_from(PREFIX_BYTES).unwrap_or(0);
        Self { disk, salt, buffer: Vec::new(), used: 0, offset, record: 0..HEAD_BYTES }
    }

    /// The position in the file behind the last record that was read.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The position in the file of the record that [`Frames::next`] gave last.
    pub fn record_offset(&self) -> u64 {
        self.offset - u64::try_from(self.record.len()).unwrap_or(0)
    }

    /// Goes to the record at a position.
    pub fn seek(&mut self, offset: u64) {
        let buffered = self.offset_of_buffer_end();
        let start = buffered - u64::try_from(self.buffer.len()).unwrap_or(0);
        match usize::try_from(offset.wrapping_sub(start)) {
            Ok(position) if (start..buffered).contains(&offset) => self.used = position,
            _ => {
                self.buffer.clear();
                self.used = 0;
            }
        }
        self.offset = offset;
    }

    /// The length of the file.
    pub fn offset_of_end(&mut self) -> io::Result<u64> {
        while self.fill(1)? {
            self.skip(self.buffer.len() - self.used);
        }
        Ok(self.offset)
    }

    /// The kind of the next record; none at the end, and where a record is not whole.
    pub fn next(&mut self) -> io::Result<Option<u8>> {
        let Some(total) = self.record_at(0)? else { return Ok(None) };
        self.record = self.used..self.used + total;
        self.skip(total);
        Ok(Some(self.buffer[self.record.start + HEAD_BYTES - 1]))
    }

    /// The payload of the record that [`Frames::next`] gave last.
    pub fn payload(&self) -> &[u8] {
        &self.buffer[self.record.start + HEAD_BYTES..self.record.end]
    }

    /// What follows the last record. Looks for a whole record at every later position.
    pub fn end(&mut self) -> io::Result<End> {
        if !self.fill(1)? {
            return Ok(End::Clean);
        }
        let mut skipped = 1;
        while self.fill(skipped + HEAD_BYTES)? {
            if self.record_at(skipped)?.is_some() {
                return Ok(End::Damaged);
            }
            skipped += 1;
            if skipped >= READ_BYTES {
                self.skip(skipped);
                skipped = 0;
            }
        }
        Ok(End::Torn)
    }

    /// Skips damaged bytes up to the next whole record. False when none follows.
    pub fn skip_damage(&mut self) -> io::Result<bool> {
        while self.fill(HEAD_BYTES + 1)? {
            self.skip(1);
            if self.record_at(0)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn skip(&mut self, bytes: usize) {
        self.used += bytes;
        self.offset += u64::try_from(bytes).unwrap_or(0);
    }

    /// The length of the whole record that starts `skipped` bytes after the next position, if there is one.
    fn record_at(&mut self, skipped: usize) -> io::Result<Option<usize>> {
        if !self.fill(skipped + HEAD_BYTES)? {
            return Ok(None);
        }
        let head = &self.buffer[self.used + skipped..];
        let (Ok(sum), Ok(length)) = (<[u8; 4]>::try_from(&head[..4]), <[u8; 4]>::try_from(&head[4..8])) else {
            return Ok(None);
        };
        let payload = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        let is_plausible = payload <= MAX_PAYLOAD_BYTES && head[HEAD_BYTES - 1] <= MAX_KIND;
        if !is_plausible || !self.fill(skipped + HEAD_BYTES + payload)? {
            return Ok(None);
        }
        let record = &self.buffer[self.used + skipped..][..HEAD_BYTES + payload];
        let is_whole =
            checksum(self.salt, length, record[HEAD_BYTES - 1], &record[HEAD_BYTES..]) == u32::from_le_bytes(sum);
        Ok(is_whole.then_some(HEAD_BYTES + payload))
    }

    /// Makes `bytes` bytes available. False when the file ends before.
    fn fill(&mut self, bytes: usize) -> io::Result<bool> {
        while self.buffer.len() - self.used < bytes {
            self.buffer.drain(..self.used);
            self.used = 0;
            let have = self.buffer.len();
            let position = self.offset_of_buffer_end();
            self.buffer.resize(have + READ_BYTES, 0);
            let read = self.disk.read(position, &mut self.buffer[have..])?;
            self.buffer.truncate(have + read);
            if read == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn offset_of_buffer_end(&self) -> u64 {
        self.offset + u64::try_from(self.buffer.len() - self.used).unwrap_or(0)
    }
}
