//! The one error type: what went wrong, whether the change was applied, and what the service said.
//!
//! Everything that can fail in this crate returns [`Error`]. Two closed sets classify it: [`ErrorKind`] says what the caller
//! can do, [`Outcome`] whether the change was applied. Both follow from the HTTP status and from how far the request got,
//! never from the service's message, which is often empty. This module imports no other part of the crate but the display
//! rules, so that every part can use it.

use std::fmt;

use crate::display::escape;
use crate::string_enum;

/// The result of everything here that can fail, with [`Error`] unless another error type is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

string_enum! {
    /// What went wrong, in terms of what the caller can do about it. The set is closed.
    ErrorKind {
        InvalidInput = "invalid_input", "The call itself is wrong: an argument, a setting, or a value that the service refused. `parameter` names it. Correct it and call again.";
        Auth = "auth", "No token, a failed sign-in, or a token that the service did not accept (401). Sign in again.";
        Permission = "permission", "The token is valid but does not allow this (403).";
        NotFound = "not_found", "The user or the certification does not exist, or can't be edited through Graph (404, 410).";
        Conflict = "conflict", "The state of the resource does not allow this now (409, 412, 423, 424).";
        Throttled = "throttled", "Too many requests (429). `retry_after` says how many seconds to wait.";
        Service = "service", "The service failed (5xx).";
        Network = "network", "No connection, or the connection was lost.";
        Timeout = "timeout", "The time limit of the call was reached, or the service reported a timeout (408).";
        Cancelled = "cancelled", "The caller cancelled the call.";
        Protocol = "protocol", "The response is not what Graph sends: not JSON, cut short, too large, another certification, a redirect.";
    }
}

string_enum! {
    /// Whether the change was applied.
    Outcome {
        NotSent = "not_sent", "Nothing was sent: no.";
        Refused = "refused", "The service refused the change: no.";
        Unknown = "unknown", "The request was sent, and no clear response came: perhaps.";
    }
}

/// The table of what an error carries besides its kind and outcome: hands it to `$use`. Whoever describes errors to
/// other languages reads the same lines.
macro_rules! error_details {
    ($use:ident) => {
        $use! {
            parameter = "parameter": String, Text, "The invalid argument in the caller's spelling, such as `end_date` or `changes.endDate`.";
            target = "target": String, Text, "The method and the path of the request, without the host.";
            status = "status": u16, Integer, "The HTTP status of the response.";
            code = "code": String, Text, "The service's outermost error code. The service sometimes leaves it empty.";
            inner_codes = "innerCodes": Vec<String>, TextList, "The more specific codes inside the error, from the outside in.";
            service_message = "serviceMessage": String, Text, "The service's own message, which may be empty. Don't branch on it.";
            request_id = "requestId": String, Text, "The service's id for the request, which Microsoft's support asks for.";
            client_request_id = "clientRequestId": String, Text, "The client's id for the request, sent with it.";
            date = "date": String, Text, "The service's clock when it answered (`Date` header).";
            diagnostic = "diagnostic": String, Text, "The `x-ms-ags-diagnostic` header, which Microsoft's support asks for.";
            retry_after = "retryAfter": f64, Number, "The number of seconds that the service asks to wait before the next attempt.";
            attempts = "attempts": u32, Integer, "The number of times that the request was sent.";
        }
    };
}
pub(crate) use error_details;

macro_rules! details {
    ($($name:ident = $graph:literal: $type:ty, $kind:ident, $doc:literal;)+) => {
        /// The circumstances of an error. Unknown ones are absent: an error that was found before anything was sent has no
        /// status, and one from a gateway has no code.
        ///
        /// Text from the service is limited in length but not cleaned: it may hold control characters. Print an error with
        /// `Display`, or pass single fields through [`display::escape`](crate::display::escape).
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct ErrorDetails { $(#[doc = $doc] pub $name: Option<$type>,)+ }
    };
}
error_details!(details);

/// What went wrong. `Display` gives one line to read, which ends with what became of a change; the fields serve programs.
///
/// ```
/// use personcert::{Date, ErrorKind, Outcome};
///
/// let error = "2030-02-30".parse::<Date>().unwrap_err();
/// assert_eq!((error.kind, error.outcome), (ErrorKind::InvalidInput, Outcome::NotSent));
/// assert_eq!(error.to_string(), "\"2030-02-30\" is not a day of the calendar; give an existing date as YYYY-MM-DD");
/// ```
///
/// A program decides by [`outcome`](Self::outcome) whether the change may be sent again, and by [`kind`](Self::kind) what
/// has to happen first:
///
/// ```
/// use personcert::{Error, ErrorKind, Outcome};
///
/// fn next_step(error: &Error) -> &'static str {
///     match (error.outcome, error.kind) {
///         (Outcome::Unknown, _) => "read the certification: the change may have been applied",
///         (_, ErrorKind::Auth) => "sign in again",
///         (_, ErrorKind::Throttled) => "wait for `details.retry_after` seconds",
///         (_, ErrorKind::InvalidInput) => "correct the argument in `details.parameter`",
///         _ => "report it with `details.request_id`",
///     }
/// }
/// # assert_eq!(next_step(&Error::input("id", "must not be empty")), "correct the argument in `details.parameter`");
/// ```
#[derive(Debug)]
pub struct Error {
    /// What the caller can do about it.
    pub kind: ErrorKind,
    /// Whether the change was applied.
    pub outcome: Outcome,
    /// The problem and its remedy, in one sentence.
    pub message: String,
    /// The circumstances.
    pub details: Box<ErrorDetails>,
    /// Whether another attempt can't succeed, although the kind alone doesn't say so.
    permanent: bool,
    /// The claims that the service demands of the next token, as JSON.
    challenge: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of a kind with its outcome and message, and without details.
    ///
    /// The message has the form "problem; remedy" in lower case and ends without a full stop.
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

    /// Bad input, found before anything was sent: kind [`ErrorKind::InvalidInput`], outcome [`Outcome::NotSent`].
    /// `parameter` names the argument as the caller spells it.
    pub fn input(parameter: impl Into<String>, message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::InvalidInput, Outcome::NotSent, message);
        error.details.parameter = Some(parameter.into());
        error
    }

    /// A copy of the error for another call that it ends. Its cause stays with the original, because causes can't be cloned.
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

    /// Bad input; the caller of this function adds the argument's name with [`Error::at`].
    pub fn value(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, Outcome::NotSent, message)
    }

    /// Marks the error as one that another attempt can't resolve.
    pub(crate) fn permanent(mut self) -> Self {
        self.permanent = true;
        self
    }

    /// Adds the claims that the service demands of the next token, as JSON.
    pub(crate) fn with_claims(mut self, claims: Option<String>) -> Self {
        self.challenge = claims;
        self
    }

    /// The claims that the service demands of the next token.
    pub(crate) fn challenge(&self) -> Option<&str> {
        self.challenge.as_deref()
    }

    /// Whether another attempt can't succeed, although the kind alone would allow one.
    pub(crate) const fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// Adds the cause, which [`source`](std::error::Error::source) returns.
    pub(crate) fn caused_by(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.caused_by_boxed(Box::new(source))
    }

    /// Adds a cause that is boxed already.
    pub(crate) fn caused_by_boxed(mut self, source: Box<dyn std::error::Error + Send + Sync>) -> Self {
        self.source = Some(source);
        self
    }

    /// Puts `prefix` before the name of the argument that is wrong: `endDate` becomes `changes.endDate`, and the item
    /// `[2]` becomes `select[2]`. An error without a name gets `prefix` itself.
    #[must_use]
    pub fn at(mut self, prefix: &str) -> Self {
        let inner = self.details.parameter.take();
        self.details.parameter = Some(match inner {
            Some(inner) if inner.starts_with('[') => format!("{prefix}{inner}"),
            Some(inner) => format!("{prefix}.{inner}"),
            None => prefix.to_owned(),
        });
        self
    }
}

impl Error {
    /// The problem and its circumstances on one line, without what became of the change.
    pub fn summary(&self) -> String {
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
        escape(&text).into_owned()
    }

    /// What became of the change, where the call was one.
    fn change(&self) -> Option<&'static str> {
        let (method, _) = self.details.target.as_deref()?.split_once(" /")?;
        match (method, self.outcome) {
            ("PATCH", Outcome::Unknown) => {
                Some("The change may have been applied; check with `get` or repeat the update.")
            }
            ("POST", Outcome::Unknown) => {
                Some("The certification may have been created; check with `list` before you repeat the call.")
            }
            ("DELETE", Outcome::Unknown) => Some("The certification may have been deleted; repeat the call."),
            ("PATCH" | "POST" | "DELETE", _) => Some("Nothing was changed."),
            _ => None,
        }
    }
}

/// One line: the argument that is wrong, the message, in brackets what identifies the request, and what became of the change.
/// Characters that could steer a terminal are escaped.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())?;
        self.change().map_or(Ok(()), |change| write!(f, ". {change}"))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorKind, Outcome};

    #[test]
    fn the_text_of_a_failed_write_ends_with_what_became_of_the_change() {
        let text = |target: Option<&str>, outcome| {
            let mut error = Error::new(ErrorKind::Network, outcome, "the connection was lost");
            error.details.target = target.map(str::to_owned);
            error.details.attempts = Some(1);
            error.to_string()
        };
        let path = "/me/profile/certifications/1";
        for (method, words) in [("PATCH", "applied; check with `get`"), ("POST", "created"), ("DELETE", "deleted")] {
            let target = format!("{method} {path}");
            assert!(text(Some(&target), Outcome::Unknown).contains(&format!(" may have been {words}")));
            for outcome in [Outcome::Refused, Outcome::NotSent] {
                assert_eq!(text(Some(&target), outcome), "the connection was lost [attempts 1]. Nothing was changed.");
            }
        }
        for target in [None, Some("GET /me/profile/certifications"), Some("POST https://login.microsoftonline.com/x")] {
            assert_eq!(text(target, Outcome::Unknown), "the connection was lost [attempts 1]");
        }
    }
}
