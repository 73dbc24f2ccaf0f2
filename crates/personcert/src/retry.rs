//! Whether a failed attempt is repeated, and after how long. Pure: the clock and the random source are arguments.
//!
//! Three questions decide: may another attempt succeed ([`RetryPolicy::is_retryable`]), may the request be applied twice
//! (`repeatable`), and is there time left for it. The answer is a delay or the end of the call. How many retries all calls
//! of a client make together is limited elsewhere, by the retry budget.
//!
//! The wait follows "full jitter": a random part of an exponentially growing limit, so that clients which failed together
//! don't come back together. A wait that the service asks for replaces it.
//! Source: Graph's "Microsoft Graph throttling guidance" and "Best practices for working with Microsoft Graph".

use std::time::Duration;

use crate::{Error, ErrorKind, Outcome};

/// How often a call is attempted and how long it waits between two attempts.
///
/// [`Config::max_attempts`](crate::Config::max_attempts) and [`Config::retry_delay`](crate::Config::retry_delay) set it for
/// a client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// The most attempts of one call, the first included.
    pub max_attempts: u32,
    /// The longest wait before the second attempt. It doubles with each further attempt.
    pub base_delay: Duration,
}

impl RetryPolicy {
    /// The longest wait that the client chooses itself. The service may ask for a longer one.
    pub const MAX_DELAY: Duration = Duration::from_mins(1);

    /// How long to wait before the next attempt, or `None` when the call ends here.
    ///
    /// - `error` is how the last attempt ended.
    /// - `repeatable` says whether the request may be applied twice. A create may not: sent twice, it makes two
    ///   certifications. It is repeated only when the failed attempt was certainly not applied.
    /// - `attempt` is the number of the failed attempt, from 1.
    /// - `left` is the rest of the call's time.
    /// - `random` is a number from 0 to 1; others are clamped.
    ///
    /// A wait that the service asks for is kept exactly. When it is longer than `left` the call ends at once, because an
    /// earlier attempt would be refused again.
    pub fn next_delay(
        &self,
        error: &Error,
        repeatable: bool,
        attempt: u32,
        left: Duration,
        random: f64,
    ) -> Option<Duration> {
        let may_be_applied = error.outcome == Outcome::Unknown;
        if attempt >= self.max_attempts || !Self::is_retryable(error) || (may_be_applied && !repeatable) {
            return None;
        }
        let delay = self.delay(error, attempt, random);
        (delay < left).then_some(delay)
    }

    /// How long to wait after the failed attempt `attempt`: as long as the service asks, or a random part of a wait that
    /// doubles with each attempt.
    pub fn delay(&self, error: &Error, attempt: u32, random: f64) -> Duration {
        let requested =
            error.details.retry_after.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        requested.unwrap_or_else(|| {
            self.backoff(attempt).mul_f64(if random.is_nan() { 1.0 } else { random.clamp(0.0, 1.0) })
        })
    }

    /// Whether another attempt may succeed: after 408, 429, 500, 502, 503 and 504, after a lost connection, and after an
    /// attempt that took too long. A status that arrived before the connection broke doesn't count.
    pub fn is_retryable(error: &Error) -> bool {
        match error.details.status {
            Some(status) if error.kind != ErrorKind::Network => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            _ => matches!(error.kind, ErrorKind::Network | ErrorKind::Timeout) && !error.is_permanent(),
        }
    }

    /// The longest wait after the failed attempt `attempt`: the base delay, doubled for each attempt before, at most
    /// [`MAX_DELAY`](Self::MAX_DELAY).
    fn backoff(&self, attempt: u32) -> Duration {
        let factor = 2_u32.saturating_pow(attempt.saturating_sub(1));
        self.base_delay.saturating_mul(factor).min(Self::MAX_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const POLICY: RetryPolicy = RetryPolicy { max_attempts: 4, base_delay: Duration::from_secs(1) };

    fn error_with(status: u16, outcome: Outcome) -> Error {
        let mut error = Error::new(ErrorKind::Service, outcome, "failed");
        error.details.status = Some(status);
        error
    }

    #[test]
    fn delays_double_up_to_the_maximum_and_are_jittered() {
        let policy = RetryPolicy { max_attempts: 100, ..POLICY };
        let error = error_with(503, Outcome::Refused);
        let delay = |attempt, random| policy.next_delay(&error, true, attempt, MINUTE * 60, random);
        let seconds = |seconds| Some(Duration::from_secs_f64(seconds));
        assert_eq!([delay(1, 1.0), delay(2, 1.0), delay(3, 1.0)], [seconds(1.0), seconds(2.0), seconds(4.0)]);
        assert_eq!([delay(3, 0.5), delay(3, 0.0)], [seconds(2.0), seconds(0.0)]);
        assert_eq!([delay(20, 1.0), delay(99, 1.0)], [Some(RetryPolicy::MAX_DELAY); 2]);
    }

    #[test]
    fn attempts_and_time_are_limited() {
        let error = error_with(503, Outcome::Refused);
        assert!(POLICY.next_delay(&error, true, 3, MINUTE, 1.0).is_some());
        assert_eq!(POLICY.next_delay(&error, true, 4, MINUTE, 1.0), None);
        assert_eq!(POLICY.next_delay(&error, true, 1, Duration::from_millis(999), 1.0), None);
    }

    #[test]
    fn a_request_that_may_have_been_applied_is_repeated_only_when_it_is_repeatable() {
        for status in [408, 500, 502, 504] {
            let error = error_with(status, Outcome::Unknown);
            assert!(POLICY.next_delay(&error, true, 1, MINUTE, 0.5).is_some(), "{status}");
            assert_eq!(POLICY.next_delay(&error, false, 1, MINUTE, 0.5), None, "{status}");
        }
        assert!(POLICY.next_delay(&error_with(503, Outcome::Refused), false, 1, MINUTE, 0.5).is_some());
        for status in [400, 401, 403, 404, 409, 412, 423, 424, 501, 507, 509] {
            assert_eq!(
                POLICY.next_delay(&error_with(status, Outcome::Refused), true, 1, MINUTE, 0.5),
                None,
                "{status}"
            );
        }
    }

    #[test]
    fn a_requested_wait_is_kept_exactly_or_ends_the_call() {
        let mut error = error_with(429, Outcome::Refused);
        error.details.retry_after = Some(0.249);
        assert_eq!(POLICY.next_delay(&error, false, 1, MINUTE, 0.9), Some(Duration::from_millis(249)));
        error.details.retry_after = Some(99_999_999.0);
        assert_eq!(POLICY.next_delay(&error, false, 1, MINUTE, 0.9), None);
        error.details.retry_after = Some(1e300);
        assert_eq!(POLICY.next_delay(&error, false, 1, Duration::MAX, 0.9), None);
    }
}
