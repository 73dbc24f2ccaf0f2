//! One row of the input: its cells, and what they ask for.

use std::borrow::Cow;

use personcert::schema::Input;
use personcert::value::Date;
use personcert::{CertificationPatch, User};
use serde_json::Value;

/// A cell as the source read it.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// No value: the property keeps its value.
    Missing,
    /// The marker for clearing, or an explicit null: the property is cleared.
    Clear,
    /// Text.
    Text(Cow<'a, str>),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A calendar date.
    Date(Date),
    /// A list or an object.
    Json(Value),
}

impl Cell<'_> {
    /// The same cell, borrowed.
    pub fn borrow(&self) -> Cell<'_> {
        match self {
            Self::Missing => Cell::Missing,
            Self::Clear => Cell::Clear,
            Self::Text(text) => Cell::Text(Cow::Borrowed(text)),
            Self::Bool(flag) => Cell::Bool(*flag),
            Self::Int(number) => Cell::Int(*number),
            Self::Float(number) => Cell::Float(*number),
            Self::Date(date) => Cell::Date(*date),
            Self::Json(value) => Cell::Json(value.clone()),
        }
    }

    /// The cell as the strict reader of values takes it.
    pub fn input(&self) -> Input<'_> {
        match self {
            Self::Missing => Input::Absent,
            Self::Clear => Input::Clear,
            Self::Text(text) => Input::Text(text),
            Self::Bool(flag) => Input::Bool(*flag),
            Self::Int(number) => Input::Int(*number),
            Self::Float(number) => Input::Float(*number),
            Self::Date(date) => Input::Date(*date),
            Self::Json(value) => Input::Json(value),
        }
    }
}

/// Which certification of the user a row is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Locator {
    /// The certification with Graph's id.
    Id(String),
    /// The certification whose match-key properties have the values that the row's patch sets.
    Key(Box<[String]>),
}

/// A row that passed every check.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The row's number in the input: 1 is the first data row of JSON Lines and iterables; a CSV header is row 1.
    pub number: u64,
    /// Whose certification it is.
    pub user: User,
    /// Which certification it is.
    pub locator: Locator,
    /// What the row changes. The match key's own properties are part of it.
    pub patch: CertificationPatch,
}

/// A row that failed a check. Nothing is sent for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The row's number in the input.
    pub number: u64,
    /// The column at fault, as the input spells it; none when the row as a whole is at fault.
    pub column: Option<String>,
    /// The problem and its remedy.
    pub message: String,
}
