//! Which property each column of the input sets. Names are matched once per input, not once per cell.
//!
//! A column is bound, in this order, by `userColumn`, `idColumn` and `map`, and else by its name: a property in Graph's or
//! in snake case spelling, in any case, with spaces, `_` or `-` between the words (`displayName`, `display_name`,
//! `Display Name`). Graph's id is bound to a column named exactly `id`: a column `ID` of another system is not one.
//! Columns whose name starts with [`RESULT_PREFIX`] are those that result files add; they are ignored.

use personcert::host::{Dialect, Naming, advice};
use personcert::schema::{Input, Kind, PropertyId, Verb};
use personcert::{CertificationPatch, Error, ErrorKind, Outcome, Result, Target, User};

use crate::cell_value::{check_text, name, nested_message, parse_date, parse_json, user};
use crate::property_names::{find_property, is_same_name, key_property, unknown_column, writable};
use crate::row::{Cell, Locator, Reject, Row};
use crate::rules::InputRules;
use crate::source::Record;

pub use crate::cell_value::MAX_CELL_BYTES;

/// The start of the names of the columns that result files add to those of the input.
pub const RESULT_PREFIX: &str = "personcert.";
/// The column of a failed row that could not be read as a whole: its cells are not those of the input.
pub(crate) const UNREADABLE_COLUMN: &str = "personcert.unreadable";
/// The most columns of an input.
pub const MAX_COLUMNS: usize = 1_000;
/// The names of a user column that needs no option.
const USER_COLUMNS: [&str; 4] = ["user", "userPrincipalName", "upn", "userId"];
/// The spelling of members inside a cell's JSON: snake case, which also accepts Graph's.
const DIALECT: Dialect = Dialect { naming: Naming::Snake, ..Dialect::GRAPH };

/// What a column is for.
#[derive(Clone, Debug)]
enum Binding {
    /// It names the user.
    User,
    /// It holds Graph's id of the certification.
    Id,
    /// It sets a property; the index of the property in the match key, if it belongs to it.
    Property(PropertyId, Option<usize>),
    /// It says why the row could not be read when a result file was written; empty once the row is corrected.
    Unreadable,
    /// It is not read.
    Ignored,
    /// It can't be read: the reason.
    Unknown(String),
}

/// The columns of an input and what each of them sets.
#[derive(Debug)]
pub struct Columns {
    rules: InputRules,
    key: Vec<PropertyId>,
    mapped: Vec<(PropertyId, String)>,
    names: Vec<String>,
    bindings: Vec<Binding>,
}

/// A row as a report names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowLabel {
    /// The user.
    pub user: String,
    /// The certification's title, or what else identifies it.
    pub certification: String,
}

/// What the cells of a row ask for, gathered.
#[derive(Default)]
struct Draft {
    user: Option<User>,
    id: Option<String>,
    key: Vec<Option<String>>,
    patch: CertificationPatch,
    /// The bound columns that had a cell, one bit each: a property twice in one row is an error.
    seen: u64,
}

impl Columns {
    /// The columns of an input that is read by these rules; none are bound yet.
    pub fn new(rules: InputRules) -> Result<Self> {
        let key = rules.key.iter().map(|name| key_property(name)).collect::<Result<_>>()?;
        let mapped = |(name, column): (&String, &String)| {
            find_property(name).map(|id| (id, column.clone())).ok_or_else(|| {
                Error::input(format!("map.{name}"), format!("unknown property; {}", advice(name, &writable())))
            })
        };
        let mapped = rules.map.iter().map(mapped).collect::<Result<_>>()?;
        Ok(Self { rules, key, mapped, names: Vec::new(), bindings: Vec::new() })
    }

    /// The names of the columns, as the input spells them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The rules by which the input is read.
    pub const fn rules(&self) -> &InputRules {
        &self.rules
    }

    /// Binds the columns that follow those already bound.
    pub fn extend(&mut self, names: &[String]) -> Result<()> {
        if names.len() > MAX_COLUMNS {
            return Err(input_error(format!("the input has more than {MAX_COLUMNS} columns; keep those to be read")));
        }
        for name in &names[self.names.len()..] {
            self.bindings.push(self.bind(name));
            self.names.push(name.clone());
        }
        Ok(())
    }

    /// Rejects a header that can't be read as a whole: an unknown column, two columns for one property, a column missing.
    pub fn check_header(&self) -> Result<()> {
        for (index, (name, binding)) in self.names.iter().zip(&self.bindings).enumerate() {
            match binding {
                Binding::Unknown(why) if !name.is_empty() => {
                    return Err(input_error(format!("column {} `{name}`: {why}", index + 1)));
                }
                _ => self.check_unique(index)?,
            }
        }
        let missing = |option: &str, column: &str| {
            let columns: Vec<_> = self.names.iter().map(String::as_str).collect();
            Err(Error::input(option, format!("the input has no column `{column}`; {}", advice(column, &columns))))
        };
        let named = [("userColumn", &self.rules.user_column), ("idColumn", &self.rules.id_column)];
        for (option, column) in named.iter().filter_map(|(option, column)| Some((option, column.as_ref()?))) {
            if !self.names.contains(column) {
                return missing(option, column);
            }
        }
        for (id, column) in &self.mapped {
            if !self.names.contains(column) {
                return missing(&format!("map.{}", id.property().name), column);
            }
        }
        self.check_identity()
    }

    /// Rejects two columns of the same name or for the same property.
    fn check_unique(&self, index: usize) -> Result<()> {
        let (name, binding) = (&self.names[index], &self.bindings[index]);
        let same = |other: usize| {
            !name.is_empty() && *name == self.names[other]
                || binding.set().is_some_and(|set| self.bindings[other].set() == Some(set))
        };
        match (0..index).find(|other| same(*other)) {
            Some(other) => Err(input_error(format!(
                "columns {} `{}` and {} `{name}` are the same; rename or remove one",
                other + 1,
                self.names[other],
                index + 1
            ))),
            None => Ok(()),
        }
    }

    /// Rejects a header from which no row could name its user or its certification.
    fn check_identity(&self) -> Result<()> {
        let has = |wanted: fn(&Binding) -> bool| self.bindings.iter().any(wanted);
        if self.rules.user.is_none() && !has(|binding| matches!(binding, Binding::User)) {
            return Err(input_error(format!(
                "the input has no user column; name a column {}, or set `userColumn` or `user`",
                USER_COLUMNS.join(", ")
            )));
        }
        let missing = self.key.iter().enumerate().find(|(index, _)| {
            !self.bindings.iter().any(|binding| matches!(binding, Binding::Property(_, Some(key)) if key == index))
        });
        match missing {
            Some((_, key)) if !has(|binding| matches!(binding, Binding::Id)) => Err(input_error(format!(
                "the input has neither a column for `{0}`, which identifies a certification, nor a column `id`; add one, \
                 `map` a column to `{0}`, or choose another `key`",
                key.property().name
            ))),
            _ => Ok(()),
        }
    }

    fn bind(&self, name: &str) -> Binding {
        let rules = &self.rules;
        if rules.user_column.as_deref() == Some(name) {
            return Binding::User;
        }
        if rules.id_column.as_deref() == Some(name) || rules.id_column.is_none() && name == "id" {
            return Binding::Id;
        }
        if let Some((id, _)) = self.mapped.iter().find(|(_, column)| column == name) {
            return self.property(*id);
        }
        if name == UNREADABLE_COLUMN {
            return Binding::Unreadable;
        }
        if name.starts_with(RESULT_PREFIX) {
            return Binding::Ignored;
        }
        if rules.user_column.is_none() && USER_COLUMNS.iter().any(|known| is_same_name(known, name)) {
            return match rules.user {
                None => Binding::User,
                Some(_) => self.extra(|| "names the user of each row; remove the option `user`".into()),
            };
        }
        match find_property(name) {
            Some(id) if self.mapped.iter().any(|(mapped, _)| *mapped == id) => {
                self.extra(|| format!("`map` reads `{}` from another column", id.property().name))
            }
            Some(id) if !id.property().updatable => {
                self.extra(|| "the service sets this property; remove the column or set `ignoreExtraColumns`".into())
            }
            Some(id) => self.property(id),
            None => self.extra(|| unknown_column(name)),
        }
    }

    fn property(&self, id: PropertyId) -> Binding {
        Binding::Property(id, self.key.iter().position(|key| *key == id))
    }

    fn extra(&self, why: impl FnOnce() -> String) -> Binding {
        if self.rules.ignore_extra_columns { Binding::Ignored } else { Binding::Unknown(why()) }
    }

    /// The user that a cell names, for grouping: `None` for a column that doesn't name users.
    pub fn user_of<'a>(&self, column: usize, cell: &'a str) -> Option<&'a str> {
        matches!(self.bindings.get(column), Some(Binding::User)).then(|| cell.trim())
    }

    /// The user and the certification of a record, as a report names them.
    pub fn label(&self, record: &Record<'_>) -> RowLabel {
        let text = |wanted: &dyn Fn(&Binding) -> bool| {
            record.cells.iter().find_map(|(column, cell)| match cell {
                Cell::Text(text) if self.bindings.get(*column).is_some_and(wanted) => Some(text.trim().to_owned()),
                _ => None,
            })
        };
        let property =
            |name: &str| text(&|binding| matches!(binding, Binding::Property(id, _) if id.property().name == name));
        let user = text(&|binding| matches!(binding, Binding::User)).or_else(|| self.rules.user.clone());
        let key = || self.key.first().and_then(|key| property(key.property().name));
        let certification =
            property("displayName").or_else(key).or_else(|| text(&|binding| matches!(binding, Binding::Id)));
        RowLabel { user: user.unwrap_or_default(), certification: certification.unwrap_or_default() }
    }

    /// Reads a record strictly: the row it asks for, or why it can't be one.
    pub fn read(&self, record: &Record<'_>) -> Result<Row, Reject> {
        let reject = |column: Option<usize>, message: String| Reject {
            number: record.number,
            column: column.and_then(|column| self.names.get(column).cloned()),
            message,
        };
        if let Some(problem) = &record.problem {
            return Err(reject(problem.column, problem.message.clone()));
        }
        let mut draft = Draft { key: vec![None; self.key.len()], ..Draft::default() };
        for (column, cell) in &record.cells {
            self.read_cell(&mut draft, *column, cell).map_err(|error| reject(Some(*column), nested_message(error)))?;
        }
        self.finish(draft, record.number).map_err(|error| {
            let property = error.details.parameter.clone().unwrap_or_default();
            reject(self.column_of(&property), error.message)
        })
    }

    fn read_cell(&self, draft: &mut Draft, column: usize, cell: &Cell<'_>) -> Result<()> {
        let binding = &self.bindings[column];
        let cell = match cell {
            Cell::Text(text) if text.trim().is_empty() => return Ok(()),
            Cell::Missing => return Ok(()),
            Cell::Text(text) if **text == *self.rules.clear_marker => &Cell::Clear,
            cell => cell,
        };
        if let Binding::Unknown(why) = binding {
            return Err(Error::value(why.clone()));
        }
        if let Cell::Text(text) = cell {
            check_text(text)?;
        }
        if let Some(bit) = binding.set() {
            if draft.seen & bit != 0 {
                return Err(Error::value("the row has this value twice; remove one"));
            }
            draft.seen |= bit;
        }
        match binding {
            Binding::User => draft.user = Some(user(name(cell)?)?),
            Binding::Id => draft.id = Some(name(cell)?.to_owned()),
            Binding::Property(id, key) => self.read_property(draft, *id, *key, cell)?,
            Binding::Unreadable => {
                return Err(Error::value("the row could not be read; correct its cells, then empty this one"));
            }
            Binding::Ignored | Binding::Unknown(_) => {}
        }
        Ok(())
    }

    fn read_property(&self, draft: &mut Draft, id: PropertyId, key: Option<usize>, cell: &Cell<'_>) -> Result<()> {
        let kind = id.property().kind;
        let json;
        let input = match (cell, kind) {
            (Cell::Text(text), Kind::Date) => match &self.rules.date_format {
                Some(format) => Input::Date(parse_date(format, text.trim())?),
                None => Input::Text(text.trim()),
            },
            (Cell::Text(text), Kind::Url) => Input::Text(text.trim()),
            (Cell::Text(text), Kind::Record(_) | Kind::Audiences) if text.trim_start().starts_with(['{', '[']) => {
                json = parse_json(text)?;
                Input::from(&json)
            }
            _ => cell.input(),
        };
        if let Some(key) = key {
            draft.key[key] = Some(match input {
                Input::Clear => return Err(Error::value("identifies the certification and can't be cleared")),
                Input::Text(text) => text.to_owned(),
                Input::Date(date) => date.to_string(),
                _ => String::new(),
            });
        }
        draft.patch.set(id, input, Verb::Update, DIALECT)
    }

    fn finish(&self, draft: Draft, number: u64) -> Result<Row> {
        let Draft { user, id, key, patch, .. } = draft;
        let user = match (user, &self.rules.user) {
            (Some(user), _) => user,
            (None, Some(name)) => self::user(name)?,
            (None, None) => return Err(Error::input("user", "names no user; fill the cell or set the option `user`")),
        };
        let locator = match id {
            Some(id) => {
                Target::new(User::Me, id.as_str())?;
                Locator::Id(id)
            }
            None => Locator::Key(self.complete_key(key)?),
        };
        patch.check(Verb::Update, self.rules.unknown_audiences)?;
        Ok(Row { number, user, locator, patch })
    }

    fn complete_key(&self, values: Vec<Option<String>>) -> Result<Box<[String]>> {
        let value = |(value, id): (Option<String>, &PropertyId)| {
            let name = id.property().name;
            let why = format!(
                "is empty, and `{name}` identifies the certification; fill it, or give the certification's `id`"
            );
            value.ok_or_else(|| Error::input(name, why))
        };
        values.into_iter().zip(&self.key).map(value).collect()
    }

    /// The index of the column that sets the member with Graph's name `name`.
    fn column_of(&self, name: &str) -> Option<usize> {
        let property = name.split(['.', '[']).next().unwrap_or_default();
        self.bindings.iter().position(|binding| match binding {
            Binding::User => property == "user",
            Binding::Id => property == "id",
            Binding::Property(id, _) => property == id.property().name,
            Binding::Unreadable | Binding::Ignored | Binding::Unknown(_) => false,
        })
    }
}

impl Binding {
    /// A bit for what the column sets; the same for all columns that set the same.
    fn set(&self) -> Option<u64> {
        match self {
            Self::User => Some(1 << 62),
            Self::Id => Some(1 << 63),
            Self::Property(id, _) => Some(1 << id.index()),
            Self::Unreadable | Self::Ignored | Self::Unknown(_) => None,
        }
    }
}

/// An error of the input as a whole.
pub(crate) fn input_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, Outcome::NotSent, message)
}
