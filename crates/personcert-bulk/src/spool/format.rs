//! The form of the records in a spool file.
//!
//! A frame is `crc32 | length | kind | payload`, numbers little-endian, the checksum over all that follows it. A row's
//! payload is its number and its cells; each cell is `type | column | value`, so that a later version can add types.

use std::str;

use personcert::Date;
use serde_json::Value;

use crate::row::{Cell, Reject};
use crate::source::{Problem, Record};

/// The start of the file.
pub(super) const MAGIC: &[u8] = b"personcert rows 1\n";
/// The bytes of a frame before its payload.
pub(super) const FRAME_HEAD_BYTES: usize = 9;
/// The longest payload.
pub(super) const MAX_PAYLOAD_BYTES: usize = 16 << 20;

/// The rules, as JSON: the first frame.
pub(super) const RULES: u8 = b'H';
/// The name of the next column.
pub(super) const COLUMN: u8 = b'C';
/// A row that passed every check.
pub(super) const ROW: u8 = b'R';
/// A row that failed a check: the reason, then the row.
pub(super) const REJECT: u8 = b'X';
/// The totals, as JSON: the last frame.
pub(super) const END: u8 = b'E';

/// A payload that can't be read.
#[derive(Debug)]
pub(super) struct Damage;

/// Writes a frame into `frame`, which is emptied first.
pub(super) fn write_frame(frame: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    frame.clear();
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    frame.push(kind);
    frame.extend_from_slice(payload);
    let checksum = crc32fast::hash(&frame[4..]);
    frame[..4].copy_from_slice(&checksum.to_le_bytes());
}

/// The length of the payload that a frame's head announces.
pub(super) fn payload_length(head: &[u8]) -> Result<usize, Damage> {
    let length = u32::from_le_bytes(head[4..8].try_into().map_err(|_| Damage)?);
    usize::try_from(length).ok().filter(|length| *length <= MAX_PAYLOAD_BYTES).ok_or(Damage)
}

/// The kind and the payload of a frame whose checksum holds.
pub(super) fn read_frame(frame: &[u8]) -> Result<(u8, &[u8]), Damage> {
    let checksum = u32::from_le_bytes(frame[..4].try_into().map_err(|_| Damage)?);
    if crc32fast::hash(&frame[4..]) == checksum { Ok((frame[8], &frame[FRAME_HEAD_BYTES..])) } else { Err(Damage) }
}

/// Set in a reject that has a column.
const HAS_COLUMN: u8 = 1;
/// Set in a reject whose record could not be read as a whole.
const IS_UNREADABLE: u8 = 2;

/// Writes why a record was rejected; its row follows.
pub(super) fn write_reject(payload: &mut Vec<u8>, reject: &Reject, record: &Record<'_>) {
    let has_column = if reject.column.is_some() { HAS_COLUMN } else { 0 };
    payload.push(if record.problem.is_some() { IS_UNREADABLE } else { 0 } | has_column);
    write_bytes(payload, reject.column.as_deref().unwrap_or_default().as_bytes());
    write_bytes(payload, reject.message.as_bytes());
}

/// Reads why a row was rejected, and the row.
pub(super) fn read_reject(mut payload: &[u8]) -> Result<(Reject, Record<'_>), Damage> {
    let input = &mut payload;
    let [flags] = take(input, 1)? else { return Err(Damage) };
    let column = read_text(input)?.to_owned();
    let message = read_text(input)?.to_owned();
    let mut record = read_row(input)?;
    let problem = Problem { column: None, message: message.clone() };
    record.problem = (flags & IS_UNREADABLE != 0).then_some(problem);
    let column = (flags & HAS_COLUMN != 0).then_some(column);
    Ok((Reject { number: record.number, column, message }, record))
}

/// Writes the number and the cells of a row.
pub(super) fn write_row(payload: &mut Vec<u8>, record: &Record<'_>) {
    write_number(payload, record.number);
    for (column, cell) in &record.cells {
        let kind = match cell {
            Cell::Missing => continue,
            Cell::Clear => b'c',
            Cell::Text(_) => b't',
            Cell::Bool(_) => b'b',
            Cell::Int(_) => b'i',
            Cell::Float(_) => b'f',
            Cell::Date(_) => b'd',
            Cell::Json(_) => b'j',
        };
        payload.push(kind);
        write_number(payload, *column as u64);
        match cell {
            Cell::Missing | Cell::Clear => write_bytes(payload, &[]),
            Cell::Text(text) => write_bytes(payload, text.as_bytes()),
            Cell::Bool(flag) => write_bytes(payload, &[u8::from(*flag)]),
            Cell::Int(number) => write_bytes(payload, &number.to_le_bytes()),
            Cell::Float(number) => write_bytes(payload, &number.to_le_bytes()),
            Cell::Date(date) => write_bytes(payload, date.to_string().as_bytes()),
            Cell::Json(value) => write_bytes(payload, value.to_string().as_bytes()),
        }
    }
}

/// Reads the number and the cells of a row.
pub(super) fn read_row(mut payload: &[u8]) -> Result<Record<'_>, Damage> {
    let input = &mut payload;
    let number = read_number(input)?;
    let mut cells = Vec::new();
    while let Ok([kind]) = take(input, 1) {
        let column = usize::try_from(read_number(input)?).map_err(|_| Damage)?;
        let bytes = read_bytes(input)?;
        cells.push((column, read_cell(*kind, bytes)?));
    }
    Ok(Record { number, cells, problem: None })
}

/// The texts of a row's cells, with their columns.
pub(super) fn texts(mut payload: &[u8]) -> impl Iterator<Item = (usize, &str)> {
    let input = &mut payload;
    let mut rest = read_number(input).map_or(&[][..], |_| *input);
    std::iter::from_fn(move || {
        loop {
            let [kind] = take(&mut rest, 1).ok()? else { return None };
            let column = usize::try_from(read_number(&mut rest).ok()?).ok()?;
            let bytes = read_bytes(&mut rest).ok()?;
            if *kind == b't' {
                return Some((column, str::from_utf8(bytes).ok()?));
            }
        }
    })
}

fn read_cell(kind: u8, bytes: &[u8]) -> Result<Cell<'_>, Damage> {
    let text = || str::from_utf8(bytes).map_err(|_| Damage);
    let number = || <[u8; 8]>::try_from(bytes).map_err(|_| Damage);
    Ok(match kind {
        b'c' => Cell::Clear,
        b't' => Cell::Text(text()?.into()),
        b'b' => Cell::Bool(bytes == [1]),
        b'i' => Cell::Int(i64::from_le_bytes(number()?)),
        b'f' => Cell::Float(f64::from_le_bytes(number()?)),
        b'd' => Cell::Date(text()?.parse::<Date>().map_err(|_| Damage)?),
        b'j' => Cell::Json(serde_json::from_str::<Value>(text()?).map_err(|_| Damage)?),
        _ => return Err(Damage),
    })
}

/// A number in seven bits a byte, the low ones first.
fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn read_number(input: &mut &[u8]) -> Result<u64, Damage> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let [byte] = take(input, 1)? else { return Err(Damage) };
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Damage)
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn read_bytes<'a>(input: &mut &'a [u8]) -> Result<&'a [u8], Damage> {
    let length = usize::try_from(read_number(input)?).map_err(|_| Damage)?;
    take(input, length)
}

fn read_text<'a>(input: &mut &'a [u8]) -> Result<&'a str, Damage> {
    str::from_utf8(read_bytes(input)?).map_err(|_| Damage)
}

fn take<'a>(input: &mut &'a [u8], length: usize) -> Result<&'a [u8], Damage> {
    let (taken, rest) = input.split_at_checked(length).ok_or(Damage)?;
    *input = rest;
    Ok(taken)
}
