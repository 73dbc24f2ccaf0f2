//! One record of an input, and what yields them.

use personcert::Result;

use crate::row::Cell;

/// Why a record can't be read, although the records after it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The index of the column at fault; none when the record as a whole is at fault.
    pub column: Option<usize>,
    /// The problem and its remedy.
    pub message: String,
}

/// One record of the input.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<'a> {
    /// The row's number: 1 is the first record of JSON Lines and iterables; a CSV header is row 1, its first record row 2.
    pub number: u64,
    /// The cells with the index of their column, in any order. A column that is absent here is a missing cell.
    pub cells: Vec<(usize, Cell<'a>)>,
    /// Why the record can't be read; its cells are then what could be read.
    pub problem: Option<Problem>,
}

/// A table of records, read once from the start to the end.
pub trait Source: Send {
    /// Reads the next record; false after the last. The error ends the run: the input as a whole can't be read.
    fn advance(&mut self) -> Result<bool>;

    /// The record that was read last.
    fn record(&self) -> Record<'_>;

    /// The names of the columns seen up to now. A source without a header (JSON Lines) adds columns as it meets them.
    fn columns(&self) -> &[String];

    /// Whether the input starts with all of its columns. An unknown column is then an error of the whole input, else of
    /// the rows that have it.
    fn has_header(&self) -> bool;
}
