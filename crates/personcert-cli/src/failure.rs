//! Why the command failed.

use std::fmt;
use std::io;

use personcert::host::Dialect;
use personcert::{Error, Outcome};
use serde_json::{Map, Value, json};

use crate::arguments::rename_parameter;
use crate::exit_code::ExitCode;

/// Why the command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The call failed, or its input is invalid.
    Call(Error),
    /// The call succeeded and its result could not be written.
    Output(io::Error),
}

impl Failure {
    /// The exit code, when `operation` failed.
    pub(crate) fn exit_code(&self, operation: &str) -> ExitCode {
        match self {
            Self::Call(error) => ExitCode::of(error.kind, is_write(operation) && error.outcome == Outcome::Unknown),
            Self::Output(_) => ExitCode::Failed,
        }
    }

    /// What became of the change that `operation` makes, and what to do about it.
    pub(crate) fn outcome(&self, operation: &str) -> Option<&'static str> {
        match (self, operation) {
            (Self::Call(error), _) if is_write(operation) && error.outcome != Outcome::Unknown => {
                Some("Nothing was changed.")
            }
            (Self::Call(_), "update") => {
                Some("The change may have been applied; check with `personcert get ID` or repeat the update.")
            }
            (Self::Call(_), "create") => Some(
                "The certification may have been created; check with `personcert list` before you repeat the command.",
            ),
            (Self::Call(_), "delete") => Some("The certification may have been deleted; repeat the command."),
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

/// Whether the operation changes something.
fn is_write(operation: &str) -> bool {
    matches!(operation, "update" | "create" | "delete")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => f.write_str(&error.summary()),
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
