//! Why the command failed.

use std::fmt;
use std::io;

use personcert::host::Dialect;
use personcert::{Error, Outcome};
use serde_json::{Map, Value, json};

use crate::arguments::rename_parameter;
use crate::exit_code::{EXIT_OUTPUT, exit_code};

/// Why the command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The call failed, or its input is invalid.
    Call(Error),
    /// The call succeeded and its result could not be written.
    Output(io::Error),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Self::Call(error) => exit_code(error.kind),
            Self::Output(_) => EXIT_OUTPUT,
        }
    }

    /// What to do about a change that may have been applied by `operation`.
    pub(crate) fn advice(&self, operation: &str) -> Option<&'static str> {
        match (self, operation) {
            (Self::Call(error), _) if error.outcome != Outcome::Unknown => None,
            (Self::Call(_), "update") => Some("the change may have been applied; repeat the update, or add --verify"),
            (Self::Call(_), "create") => {
                Some("the certification may have been created; run `personcert list` before you repeat the command")
            }
            (Self::Call(_), "delete") => Some("the certification may have been deleted; repeat the command"),
            _ => None,
        }
    }

    /// The members of the error that `--json` prints.
    pub(crate) fn attributes(&self) -> Map<String, Value> {
        let mut attributes = match self {
            Self::Call(error) => error.attributes(Dialect::GRAPH),
            Self::Output(_) => Map::from_iter([("kind".to_owned(), json!("output"))]),
        };
        attributes.insert("message".into(), json!(self.to_string()));
        attributes
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => error.fmt(f),
            Self::Output(error) => {
                write!(f, "cannot write to standard output: {error}; the command itself succeeded")
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Call(rename_parameter(error))
    }
}
