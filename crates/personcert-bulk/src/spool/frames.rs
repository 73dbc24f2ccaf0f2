//! Reading a spool file, at any place: a window of the file is in memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use personcert::{Error, Result};

use super::format::{self, Damage, FRAME_HEAD_BYTES};
use crate::files::file_error;

/// The window for reading in order.
pub(super) const SEQUENTIAL_WINDOW_BYTES: usize = 64 << 10;
/// The window for reading here and there.
pub(super) const RANDOM_WINDOW_BYTES: usize = 4 << 10;

/// The frames of a spool file.
pub(super) struct Frames {
    path: PathBuf,
    file: File,
    window: Vec<u8>,
    window_start: u64,
    window_bytes: usize,
}

/// One frame, and the place of the next.
pub(super) struct Frame<'a> {
    pub kind: u8,
    pub payload: &'a [u8],
    pub end: u64,
}

impl Frames {
    pub(super) fn new(path: PathBuf, file: File, window_bytes: usize) -> Self {
        Self { path, file, window: Vec::new(), window_start: 0, window_bytes }
    }

    /// The frame at `offset`; an error names the place of the damage.
    pub(super) fn read(&mut self, offset: u64) -> Result<Frame<'_>> {
        let length = match self.bytes(offset, FRAME_HEAD_BYTES).map(format::payload_length) {
            Ok(Ok(length)) => FRAME_HEAD_BYTES + length,
            Ok(Err(Damage)) => return Err(self.damage(offset)),
            Err(error) => return Err(self.failure(offset, error)),
        };
        // The borrow of a returned frame would last too long for the errors below it.
        if let Err(error) = self.bytes(offset, length) {
            return Err(self.failure(offset, error));
        }
        if format::read_frame(self.bytes(offset, length).unwrap_or_default()).is_err() {
            return Err(self.damage(offset));
        }
        let frame = self.bytes(offset, length).unwrap_or_default();
        Ok(Frame { kind: frame[8], payload: &frame[FRAME_HEAD_BYTES..], end: offset + length as u64 })
    }

    /// The bytes at `offset`.
    pub(super) fn bytes(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let inside = |offset: u64, start: u64| usize::try_from(offset.checked_sub(start)?).ok();
        let start = match inside(offset, self.window_start) {
            Some(start) if start + length <= self.window.len() => start,
            _ => {
                self.load(offset, length)?;
                0
            }
        };
        self.window.get(start..start + length).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn load(&mut self, offset: u64, length: usize) -> io::Result<()> {
        self.window.clear();
        self.window_start = offset;
        self.file.seek(SeekFrom::Start(offset))?;
        let wanted = length.max(self.window_bytes) as u64;
        self.file.by_ref().take(wanted).read_to_end(&mut self.window).map(drop)
    }

    /// The error for a frame that can't be read.
    pub(super) fn damage(&self, offset: u64) -> Error {
        file_error(&self.path, format!("damaged at byte {offset}; start the job again from its input"))
    }

    fn failure(&self, offset: u64, error: io::Error) -> Error {
        if error.kind() == io::ErrorKind::UnexpectedEof { self.damage(offset) } else { file_error(&self.path, error) }
    }
}
