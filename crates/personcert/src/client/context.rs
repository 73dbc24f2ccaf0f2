//! What one call carries along, and what all calls of a client share.
//!
//! Three lifetimes: [`ClientState`] lives as long as a client and its clones, [`CallDefaults`] belongs to one clone, and
//! [`CallContext`] to one call. The deadline is fixed when a call begins and holds for everything it does, waits included.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::HeaderValue;
use tokio::time::Instant;

use super::request_id::RequestIds;
use crate::cancel::CallState;
use crate::hooks::{AttemptHook, Random};
use crate::limiter::{Limiter, LimiterOptions};
use crate::retry::RetryPolicy;
use crate::retry_budget::RetryBudget;
use crate::{Config, Error, Result};

/// The longest that a call may take. It keeps sums of instants far from their end.
const MAX_TIMEOUT: Duration = Duration::from_hours(24);

/// What all clones of a client share.
#[derive(Debug, Default)]
pub(super) struct ClientState {
    pub(super) budget: RetryBudget,
    pub(super) limiter: Limiter,
    pub(super) request_ids: RequestIds,
    /// Whether the caller was warned that the service will change.
    pub(super) has_announced: AtomicBool,
    /// Whether the token was checked before the first write.
    pub(super) has_checked_token: AtomicBool,
}

impl ClientState {
    /// The state of a client that has sent nothing yet.
    pub(super) fn new(config: &Config) -> Self {
        let count = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        let options = LimiterOptions {
            max_rate: config.max_rate,
            max_concurrency: config.max_concurrency.map(count),
            max_per_user: count(config.max_per_user),
            ..LimiterOptions::default()
        };
        Self { limiter: Limiter::new(options), ..Self::default() }
    }

    /// The state of the same client with another limiter.
    pub(super) fn with_limiter(&self, options: LimiterOptions) -> Self {
        Self {
            limiter: Limiter::new(options),
            has_announced: AtomicBool::new(self.has_announced.load(Ordering::Relaxed)),
            has_checked_token: AtomicBool::new(self.has_checked_token.load(Ordering::Relaxed)),
            ..Self::default()
        }
    }
}

/// How calls are made unless they say otherwise.
#[derive(Clone)]
pub(super) struct CallDefaults {
    pub(super) policy: RetryPolicy,
    /// The longest a call may take, waits included.
    pub(super) timeout: Duration,
    /// The longest one attempt may take.
    pub(super) attempt_timeout: Duration,
    pub(super) traceparent: Option<HeaderValue>,
    pub(super) on_attempt: Option<AttemptHook>,
    pub(super) random: Random,
}

impl fmt::Debug for CallDefaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallDefaults")
            .field("policy", &self.policy)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// One call: its deadline, which holds for everything that the call does, and how far it got.
#[derive(Debug)]
pub(super) struct CallContext {
    pub(super) timeout: Duration,
    pub(super) deadline: Instant,
    pub(super) attempt_timeout: Duration,
    pub(super) policy: RetryPolicy,
    pub(super) traceparent: Option<HeaderValue>,
    pub(super) state: CallState,
}

impl CallDefaults {
    /// A call that begins now and may take `timeout`, or the client's time limit.
    pub(super) fn begin(&self, timeout: Option<Duration>) -> CallContext {
        let timeout = timeout.unwrap_or(self.timeout).min(MAX_TIMEOUT);
        CallContext {
            timeout,
            deadline: Instant::now() + timeout,
            attempt_timeout: self.attempt_timeout,
            policy: self.policy,
            traceparent: self.traceparent.clone(),
            state: CallState::default(),
        }
    }
}

impl CallContext {
    /// What remains of the call's time; zero after the deadline.
    pub(super) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Moves the deadline by the time in which a user signed in: people take longer than calls may.
    pub(super) fn extend(&mut self, sign_in: Duration) {
        self.deadline += sign_in;
    }
}

/// Checks a `traceparent`: four lower-case hexadecimal fields of 2, 32, 16 and 2 digits.
/// Source: W3C "Trace Context", version 00.
pub(crate) fn traceparent(text: &str) -> Result<HeaderValue> {
    let form = |(at, byte): (usize, u8)| match at {
        2 | 35 | 52 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    let is_valid = text.len() == 55 && text.bytes().enumerate().all(form);
    let value = HeaderValue::try_from(text).ok().filter(|_| is_valid);
    value.ok_or_else(|| Error::input("traceparent", "not a W3C trace context; write 00-<trace id>-<parent id>-<flags>"))
}
