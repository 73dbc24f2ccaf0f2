//! Where rows come from: CSV, JSON Lines, or values that a program hands over.

mod csv;
mod file;
mod jsonl;
mod objects;
mod record;
mod sniff;
mod text;
mod values;

pub use csv::is_formula;
pub use file::{open, read};
pub use record::{Problem, Record, Source};
pub use text::Input;
pub use values::{RowSender, Values};
