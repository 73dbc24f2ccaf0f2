//! Every attempt of a call as an event.
//!
//! One event serves both observers: the hook [`Hooks::on_attempt`](crate::Hooks::on_attempt) and the `tracing` log, where
//! an attempt is `debug`, a retry `info` and a notice of the service `warn`. Events hold templates of paths such as
//! `/users/{user}/profile/certifications/{id}`, never an id, a token or a body, so that they can be logged anywhere.

use std::time::Duration;

use crate::Error;
use crate::display::escape;
use crate::schema::output;

output! {
    /// One attempt of a call, as it ended. It never holds a token, a body or an id of a user.
    pub struct Attempt {
        method = "method": String, "The HTTP method.";
        target = "target": String, "The path, with `{user}` and `{id}` instead of the ids.";
        attempt = "attempt": u32, "The number of the attempt within its call, from 1.";
        status = "status": Option<u32>, "The HTTP status of the response; absent if none came.";
        duration_ms = "durationMs": f64, "Its duration in milliseconds.";
        wait_ms = "waitMs": Option<f64>, "The wait before the next attempt in milliseconds; absent after the last one.";
        kind = "kind": Option<String>, "The kind of error; absent when it succeeded.";
        outcome = "outcome": Option<String>, "Whether the change was applied by this attempt, when it failed.";
        request_id = "requestId": Option<String>, "The service's id for the request.";
        client_request_id = "clientRequestId": Option<String>, "The client's id for the request.";
        notice = "notice": Option<String>, "A notice, given once: that the token probably lacks permission for the first change, or that the service announces a change (`Deprecation` and `Sunset` headers).";
    }
}

impl Attempt {
    /// An attempt that succeeded, or failed with `error`: the method, the template of the path, and the number of the attempt
    /// in its call, from 1. Status and request id of a success are added by the caller.
    pub(crate) fn new(
        (method, target, attempt): (&str, &str, u32),
        duration: Duration,
        client_request_id: Option<String>,
        error: Option<&Error>,
    ) -> Self {
        let mut event = Self {
            method: method.to_owned(),
            target: target.to_owned(),
            attempt,
            duration_ms: duration.as_secs_f64() * 1e3,
            client_request_id,
            ..Self::default()
        };
        if let Some(error) = error {
            event.status = error.details.status.map(u32::from);
            event.kind = Some(error.kind.to_string());
            event.outcome = Some(error.outcome.to_string());
            event.request_id = error.details.request_id.as_deref().map(|id| escape(id).into_owned());
            event.client_request_id.clone_from(&error.details.client_request_id);
        }
        event
    }

    /// Whether anything would notice [`Attempt::report`]. Building an event takes time, so callers ask first.
    pub(crate) fn is_observed(has_hook: bool) -> bool {
        has_hook || tracing::enabled!(tracing::Level::WARN)
    }

    /// Passes the event to the hook and to the log.
    pub(crate) fn report(&self, hook: Option<&(dyn Fn(&Self) + Send + Sync)>) {
        let Self { method, target, attempt, duration_ms, wait_ms, kind, .. } = self;
        let status = self.status.unwrap_or_default();
        let request_id = self.request_id.as_deref().unwrap_or_default();
        let client_request_id = self.client_request_id.as_deref().unwrap_or_default();
        macro_rules! log {
            ($level:ident, $message:literal $(, $field:ident)*) => {
                tracing::$level!(
                    method, target, status, attempt, duration_ms, request_id, client_request_id, $($field,)* $message
                )
            };
        }
        match (kind, wait_ms) {
            (None, _) => log!(debug, "succeeded"),
            (Some(kind), Some(wait_ms)) => log!(info, "failed, trying again", kind, wait_ms),
            (Some(kind), None) => log!(debug, "failed", kind),
        }
        if let Some(notice) = &self.notice {
            tracing::warn!(method, target, notice, "notice");
        }
        if let Some(hook) = hook {
            hook(self);
        }
    }
}
