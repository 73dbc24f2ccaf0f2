//! The records of a journal: small JSON objects with named members, so that later versions can read them.

use std::borrow::Cow;

use personcert::{ErrorKind, User};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::item::{Item, ItemOutcome, Operation, Verb};
use crate::outcome::{RowError, RowStatus};

/// The kinds of records.
pub const HEADER: u8 = 1;
pub const INTENTS: u8 = 2;
pub const OUTCOME: u8 = 3;
pub const RETURNED: u8 = 4;
pub const CHANGE: u8 = 5;

/// What a journal belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the program that wrote the file.
    pub tool: String,
    /// The id of the job.
    pub job: String,
    /// The hash of the input, or of the plan.
    pub input: String,
    /// The number of rows of the input.
    pub rows: u64,
}

/// The changes of a batch, written before it is sent.
#[derive(Debug, Serialize, Deserialize)]
pub struct Intents<'a> {
    pub steps: Vec<Intent<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Intent<'a> {
    pub rows: Cow<'a, [u64]>,
    pub op: Verb,
}

/// Rows that were sent and surely not applied, and that have no outcome yet.
#[derive(Debug, Serialize, Deserialize)]
pub struct Returned<'a> {
    pub rows: Cow<'a, [u64]>,
}

/// The final state of rows.
#[derive(Debug, Serialize, Deserialize)]
pub struct OutcomeRecord<'a> {
    /// The rows. None for a deletion by `prune`.
    pub rows: Cow<'a, [u64]>,
    status: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(default)]
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<WireError>,
}

/// A change, with the values that it replaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The rows that ask for it. None for a deletion by `prune`.
    pub rows: Vec<u64>,
    /// Whose certification it is: `me`, an object id or a user principal name.
    pub user: String,
    /// What is done.
    pub op: Verb,
    /// Graph's id of the certification; none before it is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The values that the change touches, as they were; of a deletion, all values.
    #[serde(default)]
    pub before: Map<String, Value>,
    /// What is sent.
    #[serde(default)]
    pub patch: Map<String, Value>,
}

impl Change {
    /// The change that an item makes.
    pub fn new(user: &User, item: &Item) -> Self {
        let patch = match &item.operation {
            Operation::Create(patch) | Operation::Update(_, patch) => object(patch),
            Operation::Delete(_) => Map::new(),
        };
        let before = match (&item.before, &item.operation) {
            (Some(current), Operation::Delete(_)) => object(&**current),
            (Some(current), _) => {
                patch.keys().map(|name| (name.clone(), current.get(name).unwrap_or_default())).collect()
            }
            (None, _) => Map::new(),
        };
        let user = match user {
            User::Me => "me".to_owned(),
            User::Named(name) => name.clone(),
        };
        let (rows, op, id) = (item.rows.clone(), item.operation.verb(), item.id().map(str::to_owned));
        Self { rows, user, op, id, before, patch }
    }
}

fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// The error of a row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireError {
    kind: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_request_id: Option<String>,
}

impl From<&RowError> for WireError {
    fn from(error: &RowError) -> Self {
        let RowError { kind, message, column, code, status, retryable, request_id, client_request_id } = error.clone();
        let kind = kind.as_str().to_owned();
        Self { kind, message, column, code, status, retryable, request_id, client_request_id }
    }
}

impl From<WireError> for RowError {
    fn from(error: WireError) -> Self {
        let WireError { kind, message, column, code, status, retryable, request_id, client_request_id } = error;
        let known = ErrorKind::ALL.iter().find(|(_, name, _)| *name == kind);
        let kind = known.map_or(ErrorKind::Service, |(kind, ..)| *kind);
        Self { kind, message, column, code, status, retryable, request_id, client_request_id }
    }
}

impl<'a> OutcomeRecord<'a> {
    /// The record of a final state.
    pub fn new(outcome: &'a ItemOutcome) -> Self {
        Self {
            rows: Cow::Borrowed(&outcome.rows),
            status: Cow::Borrowed(outcome.status.as_str()),
            id: outcome.id.as_deref().map(Cow::Borrowed),
            attempts: outcome.attempts,
            error: outcome.error.as_deref().map(WireError::from),
        }
    }

    /// The state; none where a later version knows more states.
    pub fn status(&self) -> Option<RowStatus> {
        RowStatus::ALL.iter().find(|(_, name, _)| *name == self.status).map(|(status, ..)| *status)
    }

    /// The final state; none where a later version knows more states.
    pub fn into_item_outcome(self) -> Option<ItemOutcome> {
        Some(ItemOutcome {
            status: self.status()?,
            rows: self.rows.into_owned(),
            id: self.id.map(Cow::into_owned),
            attempts: self.attempts,
            error: self.error.map(|error| Box::new(error.into())),
        })
    }
}
