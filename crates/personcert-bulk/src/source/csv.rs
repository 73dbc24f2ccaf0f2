//! CSV, read strictly: a quote out of place ends the run, because the rows after it could be read as one.
//!
//! Lenient readers glue text after a closing quote to the cell; a stray quote then swallows the following rows without
//! a word. Rows end with LF, CRLF or CR. A row whose cells are all empty is skipped, but counted. A cell that starts with
//! `'` before `=`, `+`, `-`, `@`, a tab, CR or LF loses that `'`: result files write it so that spreadsheets run no formula.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr3};
use personcert::Result;

use super::record::{Problem, Record, Source};
use super::sniff;
use super::text::TextReader;
use crate::columns::{MAX_CELL_BYTES, MAX_COLUMNS, input_error};
use crate::row::Cell;

/// The longest row, in bytes.
const MAX_ROW_BYTES: usize = 1 << 20;

/// A table with a header.
pub struct Csv {
    reader: TextReader,
    delimiter: u8,
    header: Vec<String>,
    /// Text that was read; `rest` of it was not parsed yet.
    text: Vec<u8>,
    rest: usize,
    at_end: bool,
    number: u64,
    /// The row that was parsed last.
    row: Parsed,
}

/// A row as ranges of the text.
#[derive(Default)]
struct Parsed {
    start: usize,
    cells: Vec<CellSpan>,
    /// The number of cells; those above the limit are only counted.
    count: usize,
}

/// One cell, from the start of the row.
struct CellSpan {
    range: Range<usize>,
    /// Whether quotes inside the cell are doubled.
    has_doubled_quotes: bool,
}

/// Why a row can't be parsed, and the index of its cell.
struct Fault(usize, &'static str);

impl Csv {
    /// Reads the header.
    pub fn new(mut reader: TextReader, mut text: Vec<u8>, delimiter: Option<&str>) -> Result<Self> {
        while !text.contains(&b'\n')
            && !text.contains(&b'\r')
            && text.len() < MAX_ROW_BYTES
            && reader.fill(&mut text)?
        {}
        let (skipped, own) = delimiter_line(&text);
        let delimiter = match own {
            Some(own) if delimiter.is_none() => own,
            _ => sniff::delimiter(&text[skipped..], delimiter)?,
        };
        let mut csv = Self {
            reader,
            delimiter,
            header: Vec::new(),
            text,
            rest: skipped,
            at_end: false,
            number: u64::from(skipped > 0),
            row: Parsed::default(),
        };
        csv.read_header()?;
        Ok(csv)
    }

    fn read_header(&mut self) -> Result<()> {
        if !self.parse()? {
            return Err(input_error("the input has no header; its first row names the columns"));
        }
        if self.row.count > MAX_COLUMNS {
            return Err(input_error(format!(
                "row {}: the header has {} columns; at most {MAX_COLUMNS} are read",
                self.number, self.row.count
            )));
        }
        let record = self.record();
        if let Some(Problem { column, message }) = record.problem {
            let column = column.map(|column| format!(", column {}", column + 1)).unwrap_or_default();
            return Err(input_error(format!("row {}{column}: {message}", self.number)));
        }
        let mut header = vec![String::new(); self.row.count];
        for (column, cell) in record.cells {
            if let Cell::Text(name) = cell {
                if name.contains('\0') {
                    return Err(input_error(format!(
                        "row {}, column {}: the header has a NUL character in it; is the file CSV?",
                        self.number,
                        column + 1
                    )));
                }
                name.trim().clone_into(&mut header[column]);
            }
        }
        self.header = header;
        Ok(())
    }

    /// Parses the next row that has a cell; false after the last.
    fn parse(&mut self) -> Result<bool> {
        loop {
            let rest = &self.text[self.rest..];
            if rest.is_empty() && self.at_end {
                return Ok(false);
            }
            match parse_row(rest, self.delimiter, self.at_end, &mut self.row) {
                Ok(Some(length)) => {
                    self.number += 1;
                    self.row.start = self.rest;
                    self.rest += length;
                    if self.row.count > self.row.cells.len() || self.row.cells.iter().any(|cell| !cell.range.is_empty())
                    {
                        return Ok(true);
                    }
                }
                Ok(None) if rest.len() > MAX_ROW_BYTES => {
                    let fault = Fault(self.row.count, "the row is longer than 1 MiB; is a quote left open?");
                    return Err(self.fault(&fault));
                }
                Ok(None) => self.fill()?,
                Err(fault) => return Err(self.fault(&fault)),
            }
        }
    }

    /// Reads more text behind the part that is not parsed yet.
    fn fill(&mut self) -> Result<()> {
        self.text.drain(..self.rest);
        self.rest = 0;
        self.at_end = !self.reader.fill(&mut self.text)?;
        Ok(())
    }

    fn fault(&self, fault: &Fault) -> personcert::Error {
        let column = self.header.get(fault.0).map_or_else(|| (fault.0 + 1).to_string(), |name| format!("`{name}`"));
        input_error(format!("row {}, column {column}: {}", self.number + 1, fault.1))
    }

    /// The text of a cell; bytes that are no text become U+FFFD.
    fn cell(&self, span: &CellSpan) -> Cow<'_, str> {
        let text = String::from_utf8_lossy(&self.text[self.row.start..][span.range.clone()]);
        let text = if span.has_doubled_quotes { Cow::Owned(text.replace("\"\"", "\"")) } else { text };
        if is_escaped_formula(&text) {
            return match text {
                Cow::Borrowed(text) => Cow::Borrowed(&text[1..]),
                Cow::Owned(mut text) => {
                    text.remove(0);
                    Cow::Owned(text)
                }
            };
        }
        text
    }

    fn problem(&self) -> Option<Problem> {
        let cells = || self.row.cells.iter().enumerate();
        let bytes = |span: &CellSpan| &self.text[self.row.start..][span.range.clone()];
        if !self.header.is_empty() && self.row.count != self.header.len() {
            let message = format!(
                "the row has {} cells, the header {}; compare the delimiters and quotes",
                self.row.count,
                self.header.len()
            );
            return Some(Problem { column: None, message });
        }
        let end = self.row.cells.last().map_or(0, |cell| cell.range.end);
        if std::str::from_utf8(&self.text[self.row.start..][..end]).is_err() {
            let (column, _) = cells().find(|(_, span)| std::str::from_utf8(bytes(span)).is_err())?;
            let message = "the cell is not valid text; save the file as CSV UTF-8, or set `encoding`".into();
            return Some(Problem { column: Some(column), message });
        }
        let (column, span) = cells().find(|(_, span)| span.range.len() > 2 * MAX_CELL_BYTES)?;
        let message = format!("the cell has {} bytes; at most {MAX_CELL_BYTES} are read", span.range.len());
        Some(Problem { column: Some(column), message })
    }
}

impl Source for Csv {
    fn advance(&mut self) -> Result<bool> {
        self.parse()
    }

    fn record(&self) -> Record<'_> {
        let limit = if self.header.is_empty() { MAX_COLUMNS } else { self.header.len() };
        let cells = self.row.cells.iter().take(limit).enumerate().filter(|(_, span)| !span.range.is_empty());
        let cells = cells.map(|(column, span)| (column, Cell::Text(self.cell(span)))).collect();
        Record { number: self.number, cells, problem: self.problem() }
    }

    fn columns(&self) -> &[String] {
        &self.header
    }

    fn has_header(&self) -> bool {
        true
    }
}

/// The length of a first line `sep=;`, which Excel writes, and its delimiter.
fn delimiter_line(text: &[u8]) -> (usize, Option<u8>) {
    match text {
        [b's', b'e', b'p', b'=', delimiter, b'\r', b'\n', ..] => (7, Some(*delimiter)),
        [b's', b'e', b'p', b'=', delimiter, b'\n' | b'\r', ..] => (6, Some(*delimiter)),
        _ => (0, None),
    }
}

/// Parses one row at the start of `text` and gives its length; none if the text ends before the row does.
fn parse_row(text: &[u8], delimiter: u8, at_end: bool, row: &mut Parsed) -> Result<Option<usize>, Fault> {
    row.cells.clear();
    row.count = 0;
    let mut at = 0;
    loop {
        let Some(cell) = parse_cell(text, at, delimiter, at_end, row.count)? else { return Ok(None) };
        let after = cell.range.end + usize::from(text.get(at) == Some(&b'"'));
        if row.count <= MAX_COLUMNS {
            row.cells.push(cell);
        }
        let column = row.count;
        row.count += 1;
        match text.get(after) {
            Some(byte) if *byte == delimiter => at = after + 1,
            Some(b'\n') => return Ok(Some(after + 1)),
            Some(b'\r') => match text.get(after + 1) {
                Some(b'\n') => return Ok(Some(after + 2)),
                None if !at_end => return Ok(None),
                _ => return Ok(Some(after + 1)),
            },
            Some(_) => {
                return Err(Fault(column, "text follows the closing quote; double the quotes inside a quoted cell"));
            }
            None => return Ok(at_end.then_some(after)),
        }
    }
}

fn parse_cell(text: &[u8], at: usize, delimiter: u8, at_end: bool, column: usize) -> Result<Option<CellSpan>, Fault> {
    if text.get(at) != Some(&b'"') {
        let end = match memchr3(delimiter, b'\n', b'\r', &text[at..]) {
            Some(length) => at + length,
            None if at_end => text.len(),
            None => return Ok(None),
        };
        if text[at..end].starts_with(b" ") && text[at..end].trim_ascii_start().starts_with(b"\"") {
            return Err(Fault(column, "a space precedes the opening quote; remove it"));
        }
        return Ok(Some(CellSpan { range: at..end, has_doubled_quotes: false }));
    }
    let (mut from, mut has_doubled_quotes) = (at + 1, false);
    loop {
        let Some(length) = memchr(b'"', &text[from..]) else {
            return if at_end { Err(Fault(column, "a quote is opened and never closed; close it")) } else { Ok(None) };
        };
        let quote = from + length;
        match text.get(quote + 1) {
            Some(b'"') => {
                has_doubled_quotes = true;
                from = quote + 2;
            }
            None if !at_end => return Ok(None),
            _ => return Ok(Some(CellSpan { range: at + 1..quote, has_doubled_quotes })),
        }
    }
}

/// Whether a cell would be a formula if it lost the `'` that it starts with.
fn is_escaped_formula(text: &str) -> bool {
    let plain = text.trim_start_matches('\'');
    plain.len() < text.len() && is_formula(plain)
}

/// Whether a spreadsheet could take a cell for a formula.
pub fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}
