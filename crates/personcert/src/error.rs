//! The one error type: what went wrong, whether the change was applied, and what the service said.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::display::escape;
use crate::host::{Dialect, Naming};
use crate::schema::{Kind, Record};

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! string_enum {
    ($(#[$outer:meta])* $name:ident { $($variant:ident = $text:literal, $doc:literal;)+ }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $(#[doc = $doc] $variant,)+ }

        impl $name {
            /// Every member with its stable text and its meaning.
            pub const ALL: &[(Self, &'static str, &'static str)] = &[$((Self::$variant, $text, $doc),)+];

            /// The stable texts alone.
            pub const NAMES: &[&str] = &[$($text,)+];

            /// The stable text, the same in every language.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use string_enum;

string_enum! {
    /// What went wrong, in terms of what the caller can do about it. The set is closed.
    ErrorKind {
        InvalidInput = "invalid_input", "The call itself is wrong: an argument, a setting, or a value the service refused. Mend it and call again.";
        Auth = "auth", "There is no token, or the service did not accept it (401). Sign in again.";
        Permission = "permission", "The token is good but does not allow this (403).";
        NotFound = "not_found", "The user or the certification does not exist, or cannot be edited through Graph (404, 410).";
        Conflict = "conflict", "The state of the resource forbids it now (409, 412, 423, 424).";
        Throttled = "throttled", "Too many requests (429). Wait as long as `retry_after` says.";
        Service = "service", "The service failed (5xx).";
        Network = "network", "No connection, or it was lost.";
        Timeout = "timeout", "The time allowed for the call ran out.";
        Cancelled = "cancelled", "The caller cancelled the call.";
        Protocol = "protocol", "The answer is not what Graph sends: not JSON, cut short, too large, a redirect.";
    }
}

string_enum! {
    /// The answer to a writer's question: was my change applied?
    Outcome {
        NotSent = "not_sent", "Nothing was sent: no.";
        Refused = "refused", "The service refused: no.";
        Unknown = "unknown", "The request was sent and no clear answer came: perhaps.";
    }
}

macro_rules! error_details {
    ($($name:ident = $graph:literal: $type:ty, $kind:expr, $doc:literal;)+) => {
        /// The circumstances of an error. What isn't known is absent.
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct ErrorDetails { $(#[doc = $doc] pub $name: Option<$type>,)+ }

        impl ErrorDetails {
            /// The names in both spellings, the kind and the meaning of each.
            pub const ALL: &[(&'static str, &'static str, Kind, &'static str)] =
                &[$((stringify!($name), $graph, $kind, $doc),)+];

            fn members(&self) -> Vec<(&'static str, &'static str, Value)> {
                vec![$((stringify!($name), $graph, json!(self.$name)),)+]
            }
        }
    };
}

error_details! {
    parameter = "parameter": String, Kind::Text, "The argument that is wrong, as the caller spells it, such as `end_date` or `changes.endDate`.";
    target = "target": String, Kind::Text, "What the call was about: the method and the path, without the host.";
    status = "status": u16, Kind::Number, "The HTTP status of the answer.";
    code = "code": String, Kind::Text, "The service's error code, the deepest one it gave; may be empty, as the service sometimes leaves it.";
    service_message = "serviceMessage": String, Kind::Text, "The service's own message; may be empty. Not a base for decisions.";
    request_id = "requestId": String, Kind::Text, "The service's id for the request; support asks for it.";
    client_request_id = "clientRequestId": String, Kind::Text, "Our id for the request, sent with it.";
    date = "date": String, Kind::Text, "The service's clock when it answered (`Date` header).";
    diagnostic = "diagnostic": String, Kind::Text, "The `x-ms-ags-diagnostic` header; support asks for it.";
    retry_after = "retryAfter": f64, Kind::Number, "Seconds the service asks to wait before the next try.";
    attempts = "attempts": u32, Kind::Number, "How many times the request was sent.";
}

/// What went wrong. `Display` gives one line for a person; the fields serve programs.
#[derive(Debug)]
pub struct Error {
    /// What the caller can do about it.
    pub kind: ErrorKind,
    /// Whether the change was applied.
    pub outcome: Outcome,
    /// One sentence that names what, where and how to mend it.
    pub message: String,
    /// The circumstances.
    pub details: Box<ErrorDetails>,
    /// Whether another attempt can't end otherwise, though the kind alone would not say so.
    permanent: bool,
    /// The claims that the service demands of the next token, as JSON.
    challenge: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of a kind with its outcome and message.
    pub fn new(kind: ErrorKind, outcome: Outcome, message: impl Into<String>) -> Self {
        Self {
            kind,
            outcome,
            message: message.into(),
            details: Box::default(),
            permanent: false,
            challenge: None,
            source: None,
        }
    }

    /// Bad input, found before anything was sent. `parameter` names the argument.
    pub fn input(parameter: impl Into<String>, message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::InvalidInput, Outcome::NotSent, message);
        error.details.parameter = Some(parameter.into());
        error
    }

    /// The same error once more, for another call that it ends; its cause stays with the first.
    pub(crate) fn duplicate(&self) -> Self {
        Self {
            kind: self.kind,
            outcome: self.outcome,
            message: self.message.clone(),
            details: self.details.clone(),
            permanent: self.permanent,
            challenge: self.challenge.clone(),
            source: None,
        }
    }

    /// Bad input whose place the caller of this function knows, and adds with [`Error::within`].
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, Outcome::NotSent, message)
    }

    /// Says that another attempt would end the same.
    pub(crate) fn permanent(mut self) -> Self {
        self.permanent = true;
        self
    }

    pub(crate) fn with_claims(mut self, claims: Option<String>) -> Self {
        self.challenge = claims;
        self
    }

    pub(crate) fn challenge(&self) -> Option<&str> {
        self.challenge.as_deref()
    }

    pub(crate) const fn is_permanent(&self) -> bool {
        self.permanent
    }

    pub(crate) fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Puts `prefix` before the name of the argument that is wrong.
    pub(crate) fn at(mut self, prefix: &str) -> Self {
        let inner = self.details.parameter.take();
        self.details.parameter = Some(match inner {
            Some(inner) if inner.starts_with('[') => format!("{prefix}{inner}"),
            Some(inner) => format!("{prefix}.{inner}"),
            None => prefix.to_owned(),
        });
        self
    }

    /// Spells the last name in `parameter` as `dialect` does, where it is one of the record's.
    pub(crate) fn rename_parameter(mut self, record: &Record, dialect: Dialect) -> Self {
        if let Some(parameter) = self.details.parameter.take() {
            let (before, name) =
                parameter.rsplit_once('.').map_or(("", parameter.as_str()), |(before, name)| (before, name));
            let name = record.find(name, Naming::Camel).map_or(name, |property| property.named(dialect));
            let spelt = if before.is_empty() { name.to_owned() } else { format!("{before}.{name}") };
            self.details.parameter = Some(spelt);
        }
        self
    }

    /// Every attribute with its value, named as `dialect` writes names: what a language package puts on its
    /// error object. Absent ones are null.
    pub fn attributes(&self, dialect: Dialect) -> Map<String, Value> {
        let own = [("kind", "kind", json!(self.kind.as_str())), ("outcome", "outcome", json!(self.outcome.as_str()))];
        own.into_iter()
            .chain(self.details.members())
            .map(|(snake, camel, value)| (dialect.name(snake, camel).to_owned(), value))
            .collect()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &self.details;
        let mut text = details.parameter.as_ref().map(|parameter| format!("{parameter}: ")).unwrap_or_default();
        text.push_str(&self.message);
        let known = [
            ("status", details.status.map(|status| status.to_string())),
            ("code", details.code.clone()),
            ("attempts", details.attempts.map(|attempts| attempts.to_string())),
            ("request-id", details.request_id.clone()),
            ("client-request-id", details.client_request_id.clone()),
        ];
        let known: Vec<_> = known.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect();
        if !known.is_empty() {
            text = format!("{text} [{}]", known.join(", "));
        }
        f.write_str(&escape(&text))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
