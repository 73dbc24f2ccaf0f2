//! One operation with its arguments, as a language package or the command hands it over.

use std::time::Duration;

use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Dialect, advice};
use crate::schema::{FromInput, Kind, SchemaType, Verb, wrong_type};
use crate::{
    CallState, CertificationPatch, Error, Finding, ListQuery, Pages, PersonCertification, Result, Target, UpdateResult,
    User,
};

/// An operation, ready to be carried out by [`Client::call`](crate::Client::call).
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) operation: Operation,
    /// Instead of the client's time limit; for each page of a list.
    pub(crate) timeout: Option<Duration>,
    /// The W3C trace context to send along.
    pub(crate) traceparent: Option<HeaderValue>,
    pub(crate) state: CallState,
    /// How the caller spells names, for errors found later.
    pub(crate) dialect: Dialect,
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Update { target: Target, patch: Box<CertificationPatch>, current: Option<Box<PersonCertification>>, verify: bool },
    Get { target: Target, select: Vec<String> },
    List { user: User, query: ListQuery },
    Create { user: User, values: Box<CertificationPatch> },
    Delete { target: Target },
    Doctor { user: User },
}

/// What a [`Call`] gives back.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// What an update did.
    Update(Box<UpdateResult>),
    /// The certification read or created.
    Certification(Box<PersonCertification>),
    /// It is gone.
    Deleted,
    /// What a check found.
    Findings(Vec<Finding>),
    /// The pages of a list, fetched as they are asked for.
    Pages(Box<Pages>),
}

impl Output {
    /// The answer in Graph's names. Pages have no value of their own: null.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What [`to_value`](Self::to_value) gives.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Update(_) => UpdateResult::KIND,
            Self::Certification(_) => PersonCertification::KIND,
            Self::Findings(_) => Kind::List(&Finding::KIND),
            Self::Deleted | Self::Pages(_) => Kind::Any,
        }
    }
}

/// A member of an [`Output`].
#[derive(Debug)]
#[non_exhaustive]
pub enum OutputMember {
    /// Its value as JSON.
    Value(Value),
    /// A certification, whose members can be asked for in turn.
    Certification(Box<PersonCertification>),
}

impl Output {
    /// The member with Graph's name `name`; none where it is absent or null. So that a language makes only what is looked
    /// at.
    pub fn member(&self, name: &str) -> Option<OutputMember> {
        match self {
            Self::Update(updated) if name == "certification" => {
                updated.certification.clone().map(|certification| OutputMember::Certification(Box::new(certification)))
            }
            Self::Update(updated) => updated.get(name).map(OutputMember::Value),
            Self::Certification(certification) => certification.get(name).map(OutputMember::Value),
            Self::Deleted | Self::Findings(_) | Self::Pages(_) => None,
        }
    }

    /// The members of a certification that this version doesn't know, and those that can't be read; nothing of others.
    pub fn extra(&self) -> Map<String, Value> {
        match self {
            Self::Certification(certification) => certification.extra.clone(),
            _ => Map::new(),
        }
    }

    /// Whether the service sent the member with Graph's name `name` as null.
    pub fn is_null(&self, name: &str) -> bool {
        matches!(self, Self::Certification(certification) if certification.is_null(name))
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
    /// Reads an operation and a caller's arguments, strictly: unknown names and wrong values are refused.
    ///
    /// ```
    /// use personcert::host::{Call, Dialect};
    /// use serde_json::json;
    ///
    /// let arguments = json!({"id": "0fb4c1e3", "changes": {"endDate": "2030-02-30"}});
    /// let error = Call::read("update", arguments.as_object().unwrap(), Dialect::GRAPH).unwrap_err();
    /// assert_eq!(error.details.parameter.as_deref(), Some("changes.endDate"));
    /// ```
    pub fn read(operation: &str, arguments: &Map<String, Value>, dialect: Dialect) -> Result<Self> {
        Self::parse(operation, arguments, dialect).map_err(|error| error.flatten_parameter(dialect))
    }

    fn parse(operation: &str, arguments: &Map<String, Value>, dialect: Dialect) -> Result<Self> {
        let given = Arguments { map: arguments, dialect };
        let operation = match operation {
            "update" => {
                given.only(&["id", "user", "changes", "current", "verify", "timeout", "traceparent"])?;
                let patch = Box::new(given.patch("changes", Verb::Update)?);
                let verify = given.setting("verify")?.unwrap_or_default();
                Operation::Update { target: given.target()?, patch, current: given.current()?, verify }
            }
            "get" => {
                given.only(&["id", "user", "select", "timeout", "traceparent"])?;
                Operation::Get { target: given.target()?, select: given.select()? }
            }
            "list" => {
                given.only(&["user", "select", "filter", "orderby", "top", "skip", "timeout", "traceparent"])?;
                Operation::List { user: given.user()?, query: given.query()? }
            }
            "create" => {
                given.only(&["user", "values", "timeout", "traceparent"])?;
                Operation::Create { user: given.user()?, values: Box::new(given.patch("values", Verb::Create)?) }
            }
            "delete" => {
                given.only(&["id", "user", "timeout", "traceparent"])?;
                Operation::Delete { target: given.target()? }
            }
            "doctor" => {
                given.only(&["user", "timeout", "traceparent"])?;
                Operation::Doctor { user: given.user()? }
            }
            other => {
                let all = ["update", "get", "list", "create", "delete", "doctor"];
                return Err(Error::input("operation", format!("unknown operation; {}", advice(other, &all))));
            }
        };
        let (timeout, traceparent) = (given.setting("timeout")?, given.traceparent()?);
        Ok(Self { operation, timeout, traceparent, state: CallState::default(), dialect })
    }

    /// How far the call has got, to be asked when it is given up.
    pub fn state(&self) -> CallState {
        self.state.clone()
    }
}

struct Arguments<'a> {
    map: &'a Map<String, Value>,
    dialect: Dialect,
}

impl Arguments<'_> {
    /// A given argument; null counts as left out.
    fn get(&self, name: &str) -> Option<&Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    fn only(&self, allowed: &[&str]) -> Result<()> {
        match self.map.keys().find(|name| !allowed.contains(&name.as_str())) {
            Some(name) => Err(Error::input(name, format!("unknown argument; {}", advice(name, allowed)))),
            None => Ok(()),
        }
    }

    fn setting<T: FromInput>(&self, name: &str) -> Result<Option<T>> {
        let take = |value: &Value| T::from_input(value.into(), self.dialect).map_err(|error| error.at(name));
        self.get(name).map(take).transpose()
    }

    fn traceparent(&self) -> Result<Option<HeaderValue>> {
        self.setting::<String>("traceparent")?.map(|text| crate::client::traceparent(&text)).transpose()
    }

    fn user(&self) -> Result<User> {
        let user = match self.setting::<String>("user")? {
            Some(name) => User::Named(name),
            None => User::Me,
        };
        user.check()?;
        Ok(user)
    }

    fn target(&self) -> Result<Target> {
        let id = self.setting::<String>("id")?;
        Target::new(self.user()?, id.unwrap_or_default())
    }

    fn patch(&self, name: &str, verb: Verb) -> Result<CertificationPatch> {
        match self.get(name) {
            None => Ok(CertificationPatch::default()),
            Some(Value::Object(changes)) => {
                CertificationPatch::read(changes, verb, self.dialect).map_err(|error| error.at(name))
            }
            Some(other) => Err(wrong_type(other, PersonCertification::KIND).at(name)),
        }
    }

    fn current(&self) -> Result<Option<Box<PersonCertification>>> {
        let Some(value) = self.get("current") else { return Ok(None) };
        match PersonCertification::deserialize(value) {
            Ok(current) => Ok(Some(Box::new(current))),
            Err(_) => Err(wrong_type(value, PersonCertification::KIND).at("current")),
        }
    }

    fn query(&self) -> Result<ListQuery> {
        let query = ListQuery {
            select: self.select()?,
            filter: self.setting::<String>("filter")?,
            orderby: self.setting::<String>("orderby")?,
            top: self.setting("top")?,
            skip: self.setting("skip")?,
        };
        if query.top == Some(0) {
            return Err(Error::input("top", "a page holds at least one certification"));
        }
        Ok(query)
    }

    fn select(&self) -> Result<Vec<String>> {
        let Some(value) = self.get("select") else { return Ok(Vec::new()) };
        let names = Vec::<String>::from_input(value.into(), self.dialect).map_err(|error| error.at("select"))?;
        let graph = |name: &String| {
            let found = PersonCertification::RECORD.find(name, self.dialect.naming);
            found.map(|property| property.name.to_owned()).ok_or_else(|| {
                let all: Vec<_> = crate::PROPERTIES.iter().map(|property| property.named(self.dialect)).collect();
                Error::input("select", format!("unknown property; {}", advice(name, &all)))
            })
        };
        names.iter().map(graph).collect()
    }
}
