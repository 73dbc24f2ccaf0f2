//! An input as UTF-8 text, read in pieces, whatever its encoding.

use std::io::{ErrorKind, Read};

use personcert::Result;

use super::sniff::{self, Encoding};
use crate::columns::input_error;

/// How much is read at once.
const CHUNK_BYTES: usize = 64 << 10;
/// How much of the start is looked at.
const HEAD_BYTES: usize = 4 << 10;
/// A byte that no UTF-8 text has: it stands for what the encoding can't mean, so that the cell is rejected.
const INVALID: u8 = 0xff;

/// The input's bytes, opened once.
pub type Input = Box<dyn Read + Send>;

/// An input as UTF-8 text. What isn't text stays as bytes that no UTF-8 has.
pub struct TextReader {
    input: Input,
    encoding: Encoding,
    /// Bytes that were read but not decoded: the start of the input, or half a character.
    raw: Vec<u8>,
    /// A UTF-16 unit that waits for its other half.
    high: Option<u16>,
    at_end: bool,
}

impl TextReader {
    /// Looks at the start of the input: refuses what isn't text, and chooses the encoding.
    pub fn new(mut input: Input, encoding: Option<&str>) -> Result<Self> {
        let mut raw = Vec::with_capacity(HEAD_BYTES);
        let mut at_end = false;
        while raw.len() < HEAD_BYTES && !at_end {
            at_end = read_some(&mut input, &mut raw, HEAD_BYTES)? == 0;
        }
        let (encoding, mark_bytes) = sniff::encoding(&raw, encoding)?;
        raw.drain(..mark_bytes);
        Ok(Self { input, encoding, raw, high: None, at_end })
    }

    /// Appends the next piece of text; false after the last.
    pub fn fill(&mut self, text: &mut Vec<u8>) -> Result<bool> {
        if self.at_end && self.raw.is_empty() && self.high.is_none() {
            return Ok(false);
        }
        if self.encoding == Encoding::Utf8 && self.raw.is_empty() {
            self.at_end = read_some(&mut self.input, text, CHUNK_BYTES)? == 0;
            return Ok(!self.at_end);
        }
        // The start of the input is decoded before anything else is read.
        if self.raw.len() < 2 && !self.at_end {
            self.at_end = read_some(&mut self.input, &mut self.raw, CHUNK_BYTES)? == 0;
        }
        match self.encoding {
            Encoding::Utf8 => text.append(&mut self.raw),
            Encoding::Windows1252 => self.raw.drain(..).for_each(|byte| push_windows_1252(byte, text)),
            Encoding::Utf16Le => self.decode_utf16(u16::from_le_bytes, text),
            Encoding::Utf16Be => self.decode_utf16(u16::from_be_bytes, text),
        }
        Ok(true)
    }

    fn decode_utf16(&mut self, unit: fn([u8; 2]) -> u16, text: &mut Vec<u8>) {
        let whole = self.raw.len() & !1;
        if whole == 0 && !self.at_end {
            return;
        }
        let units = self.raw[..whole].as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        for decoded in char::decode_utf16(self.high.take().into_iter().chain(units)) {
            match decoded {
                Ok(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(_) => text.push(INVALID),
            }
        }
        // A high surrogate at the end may have its other half in the next piece.
        let last = self.raw[..whole].as_chunks::<2>().0.last().map(|pair| unit(*pair));
        self.raw.drain(..whole);
        if let Some(high @ 0xd800..=0xdbff) = last.filter(|_| !self.at_end) {
            text.pop();
            self.high = Some(high);
        }
        if self.at_end && self.raw.pop().is_some() {
            text.push(INVALID);
        }
    }
}

/// Reads at most `limit` bytes onto the end of `bytes`.
fn read_some(input: &mut Input, bytes: &mut Vec<u8>, limit: usize) -> Result<usize> {
    let start = bytes.len();
    bytes.resize(start + limit, 0);
    let read = loop {
        match input.read(&mut bytes[start..]) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => break read,
        }
    };
    let count = *read.as_ref().unwrap_or(&0);
    bytes.truncate(start + count);
    read.map_err(|error| input_error(format!("the input can't be read ({error})")))
}

fn push_windows_1252(byte: u8, text: &mut Vec<u8>) {
    /// 0x80 to 0x9f; the five that mean nothing are NUL here.
    const C1: [char; 32] = [
        '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”',
        '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
    ];
    let c = match byte {
        0x80..=0x9f => C1[usize::from(byte - 0x80)],
        _ => char::from(byte),
    };
    match c {
        '\0' if byte != 0 => text.push(INVALID),
        c => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}
