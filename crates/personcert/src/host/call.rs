//! One operation with its arguments, as a language package or the command passes it, and its result.
//!
//! A call is read completely before anything is sent. Afterwards it holds only values of this crate, so that it can run on any
//! thread without the interpreter it came from.

use std::time::Duration;

use reqwest::header::HeaderValue;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::dialect::Dialect;
use super::operations::{Members, OperationSpec};
use crate::doctor::Finding;
use crate::host::CallState;
use crate::schema::Verb;
use crate::{CertificationPatch, Error, ListQuery, Pages, PersonCertification, Result, Target, UpdateResult, User};

/// An operation with its arguments, ready for [`Client::call`](crate::Client::call).
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) operation: Operation,
    /// Overrides the client's time limit; for a list, that of each page.
    pub(crate) timeout: Option<Duration>,
    /// The W3C trace context to send along.
    pub(crate) traceparent: Option<HeaderValue>,
    pub(crate) state: CallState,
    /// The caller's spelling, for the names in later errors.
    pub(crate) dialect: Dialect,
}

/// The operations, each with its arguments checked.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Update { target: Target, patch: Box<CertificationPatch>, current: Option<Box<PersonCertification>>, verify: bool },
    Get { target: Target, select: Vec<String> },
    List { user: User, query: ListQuery },
    Create { user: User, values: Box<CertificationPatch> },
    Delete { target: Target },
    Doctor { user: User },
}

/// The result of a [`Call`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// The result of an update.
    Update(Box<UpdateResult>),
    /// The certification that was read or created.
    Certification(Box<PersonCertification>),
    /// The certification was deleted.
    Deleted,
    /// The findings of a doctor.
    Findings(Vec<Finding>),
    /// The pages of a list, fetched as they are asked for.
    Pages(Box<Pages>),
}

impl Output {
    /// The result as JSON in Graph's names; null for a deletion and for pages.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Serialize for Output {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Update(updated) => updated.serialize(serializer),
            Self::Certification(certification) => certification.serialize(serializer),
            Self::Findings(findings) => findings.serialize(serializer),
            Self::Deleted | Self::Pages(_) => serializer.serialize_unit(),
        }
    }
}

impl Call {
    /// Reads an operation and a caller's arguments, strictly. Null means absent.
    ///
    /// ```
    /// use personcert::host::{Call, Dialect};
    /// use serde_json::json;
    ///
    /// let arguments = json!({"id": "0fb4c1e3", "changes": {"endDate": "2030-02-30"}});
    /// let error = Call::read("update", arguments.as_object().unwrap(), Dialect::GRAPH).unwrap_err();
    /// assert_eq!(error.details.parameter.as_deref(), Some("changes.endDate"));
    /// ```
    ///
    /// # Errors
    /// `invalid_input` for an unknown operation, an unknown argument or a wrong value. `parameter` is in the caller's spelling.
    pub fn read(operation: &str, arguments: &Map<String, Value>, dialect: Dialect) -> Result<Self> {
        Self::parse(operation, arguments, dialect).map_err(|error| error.flatten_parameter(dialect))
    }

    fn parse(name: &str, given: &Map<String, Value>, dialect: Dialect) -> Result<Self> {
        let arguments = OperationSpec::find(name)?.read(given, dialect)?;
        let select = arguments.select.unwrap_or_default().0;
        let user = arguments.user.map_or(User::Me, User::Named);
        user.check()?;
        let target = |user| Target::new(user, arguments.id.unwrap_or_default());
        let patch = |members: Option<Members>, verb, parameter| {
            let members = members.map(|members| members.0).unwrap_or_default();
            CertificationPatch::read(&members, verb, dialect).map_err(|error| error.at(parameter)).map(Box::new)
        };
        let operation = match name {
            "update" => Operation::Update {
                patch: patch(arguments.changes, Verb::Update, "changes")?,
                target: target(user)?,
                current: arguments.current.map(|current| current.0),
                verify: arguments.verify.unwrap_or_default(),
            },
            "get" => Operation::Get { target: target(user)?, select },
            "list" => {
                let (filter, orderby) = (arguments.filter, arguments.orderby);
                let query = ListQuery { select, filter, orderby, top: arguments.top, skip: arguments.skip };
                if query.top == Some(0) {
                    return Err(Error::input("top", "must be at least 1"));
                }
                Operation::List { user, query }
            }
            "create" => Operation::Create { user, values: patch(arguments.values, Verb::Create, "values")? },
            "delete" => Operation::Delete { target: target(user)? },
            _ => Operation::Doctor { user },
        };
        let traceparent = arguments.traceparent.map(|context| context.0);
        Ok(Self { operation, timeout: arguments.timeout, traceparent, state: CallState::default(), dialect })
    }

    /// The state that says what a cancelled call may have changed. Take it before the call starts.
    pub fn state(&self) -> CallState {
        self.state.clone()
    }
}
