//! Writing certifications in the form that an apply reads.
//!
//! A property without a value is left out (in CSV: an empty cell), so that applying an export changes nothing. So is a value
//! that Graph stores but a patch could not send, such as an address that is not absolute.

use std::io::{self, Write};

use personcert::host::{Dialect, Naming};
use personcert::schema::{Input, Kind, PROPERTIES, PropertyId, Verb};
use personcert::{CertificationPatch, PersonCertification};
use serde_json::{Map, Value};

use crate::results::CsvWriter;

/// Writes certifications of users as rows.
pub enum Exporter<W: Write> {
    /// A table with a header.
    Csv(CsvWriter<W>),
    /// A JSON object on each line.
    JsonLines(W),
}

impl<W: Write> Exporter<W> {
    /// Writes CSV to `out`, the header first.
    pub fn csv(out: W) -> io::Result<Self> {
        let mut csv = CsvWriter::new(out);
        csv.cell("user")?;
        csv.cell("id")?;
        properties().try_for_each(|id| csv.cell(id.property().name))?;
        csv.end_row()?;
        Ok(Self::Csv(csv))
    }

    /// Writes JSON Lines to `out`.
    pub const fn json_lines(out: W) -> Self {
        Self::JsonLines(out)
    }

    /// Writes a certification of `user`. One that was read without its id is skipped, because no row could name it; false
    /// says so.
    pub fn write(&mut self, user: &str, certification: &PersonCertification) -> io::Result<bool> {
        let Some(id) = &certification.id else { return Ok(false) };
        let values = properties().map(|property| (property, sendable(property, certification)));
        match self {
            Self::Csv(csv) => {
                csv.cell(user)?;
                csv.cell(id)?;
                for (_, value) in values {
                    match value {
                        None => csv.cell("")?,
                        Some(Value::String(text)) => csv.cell(&text)?,
                        Some(other) => csv.cell(&other.to_string())?,
                    }
                }
                csv.end_row()?;
            }
            Self::JsonLines(out) => {
                let mut row = Map::new();
                row.insert("user".into(), user.into());
                row.insert("id".into(), id.as_str().into());
                let members =
                    values.filter_map(|(property, value)| Some((property.property().name.to_owned(), value?)));
                row.extend(members);
                serde_json::to_writer(&mut *out, &row)?;
                out.write_all(b"\n")?;
            }
        }
        Ok(true)
    }

    /// Writes what is still buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(csv) => csv.flush(),
            Self::JsonLines(out) => out.flush(),
        }
    }
}

/// The properties that an update can set, in the order of the table.
fn properties() -> impl Iterator<Item = PropertyId> {
    let updatable = PROPERTIES.iter().filter(|property| property.updatable);
    updatable.filter_map(|property| PropertyId::find(property.name, Naming::Camel))
}

/// The value of a property, if a patch could send it.
fn sendable(id: PropertyId, certification: &PersonCertification) -> Option<Value> {
    let value = certification.get(id.property().name)?;
    // Text and dates are sent as they are stored.
    if matches!(id.property().kind, Kind::Text | Kind::Date) {
        return Some(value);
    }
    let mut patch = CertificationPatch::default();
    patch.set(id, Input::from(&value), Verb::Update, Dialect::GRAPH).ok()?;
    patch.check(Verb::Update, true).ok().map(|()| value)
}
