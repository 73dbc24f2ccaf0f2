//! Where rows come from.

use personcert::Result;

use crate::row::Cell;

/// One record of the input.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<'a> {
    /// The row's number: 1 is the first record of JSON Lines and iterables; a CSV header is row 1, its first record row 2.
    pub number: u64,
    /// The cells with the index of their column, in any order. A column that is absent here is a missing cell.
    pub cells: Vec<(usize, Cell<'a>)>,
    /// Why the record can't be read, such as a quote that never closes; its cells are then what could be read.
    pub problem: Option<String>,
}

/// A table of records, read once from the start to the end.
pub trait Source: Send {
    /// The next record; none after the last. The error ends the run: the input as a whole can't be read.
    fn next(&mut self) -> Result<Option<Record<'_>>>;

    /// The names of the columns seen up to now. A source without a header (JSON Lines) adds columns as it meets them.
    fn columns(&self) -> &[String];
}
