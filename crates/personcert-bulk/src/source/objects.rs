//! Records that are objects: their members become columns as they appear.

use std::collections::HashMap;

use serde_json::Value;

use super::record::{Problem, Record};
use crate::row::Cell;

/// The columns met up to now, and the current record.
#[derive(Default)]
pub(super) struct Objects {
    columns: Vec<String>,
    by_name: HashMap<String, usize>,
    number: u64,
    cells: Vec<(usize, Cell<'static>)>,
    problem: Option<Problem>,
}

impl Objects {
    /// Starts the record with this number.
    pub(super) fn start(&mut self, number: u64) {
        self.number = number;
        self.cells.clear();
        self.problem = None;
    }

    /// Adds a member to the record. Annotations (`@odata.type`) are skipped, so that an object that was read can be used.
    pub(super) fn add(&mut self, name: &str, value: Value) {
        if name.contains('@') {
            return;
        }
        let column = self.by_name.get(name).copied().unwrap_or_else(|| {
            self.columns.push(name.to_owned());
            self.by_name.insert(name.to_owned(), self.columns.len() - 1);
            self.columns.len() - 1
        });
        if self.cells.iter().any(|(other, _)| *other == column) {
            self.fail(Some(column), "the object has this member twice; remove one".into());
            return;
        }
        self.cells.push((column, cell(value)));
    }

    /// Marks the record as one that can't be read.
    pub(super) fn fail(&mut self, column: Option<usize>, message: String) {
        self.problem = Some(Problem { column, message });
    }

    pub(super) fn record(&self) -> Record<'_> {
        let cells = self.cells.iter().map(|(column, cell)| (*column, cell.borrow())).collect();
        Record { number: self.number, cells, problem: self.problem.clone() }
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }
}

fn cell(value: Value) -> Cell<'static> {
    match value {
        Value::Null => Cell::Clear,
        Value::Bool(flag) => Cell::Bool(flag),
        Value::String(text) => Cell::Text(text.into()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Cell::Int(whole),
            (None, Some(float)) if number.is_f64() => Cell::Float(float),
            _ => Cell::Json(Value::Number(number)),
        },
        other => Cell::Json(other),
    }
}
