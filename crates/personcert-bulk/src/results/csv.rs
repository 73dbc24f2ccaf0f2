//! Writing CSV so that spreadsheets run no formula in it, and so that it reads back as it was.
//!
//! A cell that a spreadsheet could take for a formula gets a `'` in front; so does a cell that already looks like one with
//! a `'` in front. Reading takes one `'` away ([`is_formula`] decides both).

use std::io::{self, Write};

use crate::source::is_formula;

/// Writes rows of comma-separated cells.
pub struct CsvWriter<W> {
    out: W,
    is_first: bool,
}

impl<W: Write> CsvWriter<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, is_first: true }
    }

    /// Writes a cell.
    pub fn cell(&mut self, text: &str) -> io::Result<()> {
        if !std::mem::take(&mut self.is_first) {
            self.out.write_all(b",")?;
        }
        let quote_mark = if is_formula(text.trim_start_matches('\'')) { "'" } else { "" };
        if !needs_quotes(text) {
            self.out.write_all(quote_mark.as_bytes())?;
            return self.out.write_all(text.as_bytes());
        }
        write!(self.out, "\"{quote_mark}{}\"", text.replace('"', "\"\""))
    }

    /// Ends the row.
    pub fn end_row(&mut self) -> io::Result<()> {
        self.is_first = true;
        self.out.write_all(b"\n")
    }

    /// Writes what is still buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn needs_quotes(text: &str) -> bool {
    text.starts_with(' ') || text.contains(['"', ',', ';', '\t', '|', '\n', '\r'])
}
