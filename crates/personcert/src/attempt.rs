//! What can be watched: every attempt as an event, and how far a call has got.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::display::escape;
use crate::schema::output;
use crate::{Error, ErrorKind, Outcome};

output! {
    /// One attempt of a call, as it ended. It never holds a token, a body or an id of a user.
    pub struct Attempt {
        method = "method": String, "The HTTP method.";
        target = "target": String, "The path, with `{user}` and `{id}` instead of the ids.";
        attempt = "attempt": u32, "Which attempt of the call this was, from 1.";
        status = "status": Option<u32>, "The HTTP status of the answer; absent when none came.";
        duration_ms = "durationMs": f64, "How long it took, in milliseconds.";
        wait_ms = "waitMs": Option<f64>, "How long the call waits before it tries again, in milliseconds; absent when this was its last attempt.";
        kind = "kind": Option<String>, "The kind of error; absent when it succeeded.";
        outcome = "outcome": Option<String>, "Whether the change was applied by this attempt, when it failed.";
        request_id = "requestId": Option<String>, "The service's id for the request.";
        client_request_id = "clientRequestId": Option<String>, "Our id for the request.";
        notice = "notice": Option<String>, "What the caller should know, told once: that the token will hardly do for a first change, or that the service announces a change (`Deprecation` and `Sunset` headers).";
    }
}

/// Is called with every attempt.
#[derive(Clone)]
pub(crate) struct Hook(pub(crate) Arc<dyn Fn(&Attempt) + Send + Sync>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl Attempt {
    /// An attempt that ended well, or with an error.
    pub(crate) fn new(
        (method, target, attempt): (&str, &str, u32),
        took: Duration,
        client_request_id: Option<String>,
        error: Option<&Error>,
    ) -> Self {
        let mut told = Self {
            method: method.to_owned(),
            target: target.to_owned(),
            attempt,
            duration_ms: took.as_secs_f64() * 1e3,
            client_request_id,
            ..Self::default()
        };
        if let Some(error) = error {
            told.status = error.details.status.map(u32::from);
            told.kind = Some(error.kind.to_string());
            told.outcome = Some(error.outcome.to_string());
            told.request_id = error.details.request_id.as_deref().map(|id| escape(id).into_owned());
            told.client_request_id.clone_from(&error.details.client_request_id);
        }
        told
    }

    /// Tells the hook and the log of it.
    pub(crate) fn tell(&self, hook: Option<&Hook>) {
        let Self { method, target, attempt, duration_ms, .. } = self;
        let status = self.status.unwrap_or_default();
        let ids =
            (self.request_id.as_deref().unwrap_or_default(), self.client_request_id.as_deref().unwrap_or_default());
        match (&self.kind, self.wait_ms) {
            (None, _) => tracing::debug!(
                method,
                target,
                status,
                attempt,
                duration_ms,
                request_id = ids.0,
                client_request_id = ids.1,
                "answered"
            ),
            (Some(kind), Some(wait_ms)) => tracing::info!(
                method,
                target,
                status,
                attempt,
                duration_ms,
                request_id = ids.0,
                client_request_id = ids.1,
                kind,
                wait_ms,
                "failed, trying again"
            ),
            (Some(kind), None) => tracing::debug!(
                method,
                target,
                status,
                attempt,
                duration_ms,
                request_id = ids.0,
                client_request_id = ids.1,
                kind,
                "failed"
            ),
        }
        if let Some(notice) = &self.notice {
            tracing::warn!(method, target, notice, "worth knowing");
        }
        if let Some(Hook(hook)) = hook {
            hook(self);
        }
    }
}

/// How far a call has got, for whoever cancels it. Clones tell the same.
#[derive(Clone, Debug, Default)]
pub struct CallState(Arc<AtomicU8>);

impl CallState {
    pub(crate) fn set(&self, outcome: Outcome) {
        self.0.store(outcome as u8, Ordering::Release);
    }

    /// The error of the call when it is dropped now: nothing was sent, all was refused, or nobody knows.
    pub fn cancelled(&self) -> Error {
        let reached = self.0.load(Ordering::Acquire);
        let outcome = [Outcome::NotSent, Outcome::Refused].into_iter().find(|outcome| *outcome as u8 == reached);
        Error::new(ErrorKind::Cancelled, outcome.unwrap_or(Outcome::Unknown), "the call was cancelled")
    }
}
