//! What an input is, seen from its first bytes.

use personcert::host::advice;
use personcert::{Error, Result};

use crate::columns::input_error;

/// A text encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// Windows' code page for Western Europe.
    Windows1252,
}

/// The form of an input's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table with a header.
    Csv,
    /// A JSON object on each line.
    JsonLines,
}

/// The encodings by the name of the option.
const ENCODINGS: [(&str, Encoding); 4] = [
    ("utf-8", Encoding::Utf8),
    ("utf-16le", Encoding::Utf16Le),
    ("utf-16be", Encoding::Utf16Be),
    ("windows-1252", Encoding::Windows1252),
];

/// Byte order marks.
const MARKS: [(&[u8], Encoding); 3] =
    [(b"\xef\xbb\xbf", Encoding::Utf8), (b"\xff\xfe", Encoding::Utf16Le), (b"\xfe\xff", Encoding::Utf16Be)];

/// The starts of files that are not text, with the remedy.
const NOT_TEXT: [(&[u8], &str); 7] = [
    (b"PK\x03\x04", "this is an Excel file or another zip archive; save the table as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "this is an old Excel file; save the table as CSV UTF-8"),
    (b"PAR1", "this is a Parquet file; read it with Polars, pyarrow or DuckDB and pass the table"),
    (b"ARROW1", "this is an Arrow file; read it with Polars or pyarrow and pass the table"),
    (b"\x1f\x8b", "this is a gzip file; unpack it first"),
    (b"%PDF", "this is a PDF file; export the table as CSV UTF-8"),
    (b"\xff\xfe\0\0", "this is UTF-32; save the table as CSV UTF-8"),
];

/// The encoding of an input that starts with `head`, and the length of its byte order mark. `wanted` is the option.
pub fn encoding(head: &[u8], wanted: Option<&str>) -> Result<(Encoding, usize)> {
    let names = ENCODINGS.map(|(name, _)| name);
    let unknown = |name: &str| Error::input("encoding", format!("unknown encoding; {}", advice(name, &names)));
    let wanted = wanted.map(|name| {
        let found = ENCODINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, encoding)| *encoding).ok_or_else(|| unknown(name))
    });
    let wanted = wanted.transpose()?;
    if head.is_empty() {
        return Err(input_error("the input is empty; it needs at least a header"));
    }
    if let Some((_, remedy)) = NOT_TEXT.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(input_error(*remedy));
    }
    let marked = MARKS.iter().find(|(mark, _)| head.starts_with(mark));
    match (marked, wanted) {
        (Some((_, marked)), Some(wanted)) if *marked != wanted => Err(Error::input(
            "encoding",
            format!("the input starts with the byte order mark of {}; remove the option", name(*marked)),
        )),
        (Some((mark, encoding)), _) => Ok((*encoding, mark.len())),
        (None, Some(wanted)) => Ok((wanted, 0)),
        (None, None) => by_zero_bytes(head).map(|encoding| (encoding, 0)),
    }
}

/// Latin text in UTF-16 has a zero in each pair of bytes; text in UTF-8 has none at all.
fn by_zero_bytes(head: &[u8]) -> Result<Encoding> {
    let pairs = &head.as_chunks::<2>().0[..head.len().min(512) / 2];
    let (mut high, mut low) = (0, 0);
    for [first, second] in pairs {
        high += usize::from(*first == 0);
        low += usize::from(*second == 0);
    }
    match (high, low) {
        (0, 0) => Ok(Encoding::Utf8),
        (0, low) if low * 2 > pairs.len() => Ok(Encoding::Utf16Le),
        (high, 0) if high * 2 > pairs.len() => Ok(Encoding::Utf16Be),
        _ if head[..head.len().min(64)].contains(&0) => {
            Err(input_error("the input is not text: it has NUL bytes in it; save the table as CSV UTF-8"))
        }
        // Zero bytes further down belong to cells, whose rows are rejected.
        _ => Ok(Encoding::Utf8),
    }
}

fn name(encoding: Encoding) -> &'static str {
    ENCODINGS.iter().find(|(_, known)| *known == encoding).map_or("utf-8", |(name, _)| name)
}

/// The form of the records of a text that starts with `head`.
pub fn format(head: &[u8]) -> Result<Format> {
    match head.trim_ascii_start().first() {
        Some(b'{') => Ok(Format::JsonLines),
        Some(b'[') => Err(input_error("the input is a JSON array; write one object on each line (JSON Lines)")),
        Some(b'<') => Err(input_error("the input is XML or HTML; save the table as CSV UTF-8")),
        _ => Ok(Format::Csv),
    }
}

/// The delimiter of a table: the option, or the candidate that the header has most of.
pub fn delimiter(header: &[u8], wanted: Option<&str>) -> Result<u8> {
    /// The first of equals wins.
    const CANDIDATES: [u8; 4] = *b",;\t|";
    match wanted.map(str::as_bytes) {
        Some(b"tab" | b"\\t") => return Ok(b'\t'),
        Some([byte]) if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n".contains(byte) => {
            return Ok(*byte);
        }
        Some(_) => return Err(Error::input("delimiter", "must be one ASCII character such as `;`, or `tab`")),
        None => {}
    }
    let mut counts = [0_usize; CANDIDATES.len()];
    let mut in_quotes = false;
    for byte in header {
        match CANDIDATES.iter().position(|candidate| candidate == byte) {
            _ if *byte == b'"' => in_quotes = !in_quotes,
            Some(at) if !in_quotes => counts[at] += 1,
            None if !in_quotes && matches!(byte, b'\r' | b'\n') => break,
            _ => {}
        }
    }
    let most = counts.iter().max().copied().unwrap_or_default();
    Ok(CANDIDATES[counts.iter().position(|count| *count == most).unwrap_or_default()])
}
