//! Values that cells hold as text.

use personcert::{Date, Error, Result, User};
use serde_json::Value;

use crate::row::Cell;

/// The longest text of a cell, in bytes.
pub const MAX_CELL_BYTES: usize = 128 << 10;

/// The user with this name; `me` is the signed-in one.
pub(crate) fn user(name: &str) -> Result<User> {
    let user = if name.eq_ignore_ascii_case("me") { User::Me } else { User::Named(name.to_owned()) };
    user.check().map(|()| user)
}

/// The text of a cell that names a user or a certification.
pub(crate) fn name<'a>(cell: &'a Cell<'_>) -> Result<&'a str> {
    match cell {
        Cell::Text(text) => Ok(text.trim()),
        Cell::Clear => Err(Error::value("can't be cleared")),
        _ => Err(Error::value("expected text")),
    }
}

/// Refuses text that is too long, or that no service stores.
pub(crate) fn check_text(text: &str) -> Result<()> {
    if text.len() > MAX_CELL_BYTES {
        return Err(Error::value(format!("the cell has {} bytes; at most {MAX_CELL_BYTES} are read", text.len())));
    }
    if text.contains('\0') {
        return Err(Error::value("the cell has a NUL character in it; remove it"));
    }
    Ok(())
}

/// Reads a date in a format of `strptime`.
pub(crate) fn parse_date(format: &str, text: &str) -> Result<Date> {
    let date = jiff::civil::Date::strptime(format, text).ok();
    date.and_then(|date| Date::new(date.year(), date.month(), date.day())).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        Error::value(format!("{shown:?} is not a date as {format}"))
    })
}

/// Reads the JSON of an object or a list.
pub(crate) fn parse_json(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| Error::value(format!("not JSON ({error})")))
}

/// A cell's message, with the path inside the cell where the value is an object or a list.
pub(crate) fn nested_message(error: Error) -> String {
    let path = error.details.parameter.as_deref().and_then(|path| path.find(['.', '[']).map(|at| &path[at..]));
    match path {
        Some(path) => format!("{}: {}", path.trim_start_matches('.'), error.message),
        None => error.message,
    }
}
