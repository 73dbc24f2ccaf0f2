//! Whether a failed attempt is repeated, and after how long. Pure: the clock and the random source come in as arguments.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::{Error, ErrorKind, Outcome};

/// How often and how patiently attempts are repeated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Policy {
    /// The most attempts of one call, the first included.
    pub(crate) attempts: u32,
    /// The longest wait before the second attempt; it doubles with each further one.
    pub(crate) first: Duration,
}

/// No wait of our own choice is longer than this. What the service asks for may be longer.
const LONGEST: Duration = Duration::from_mins(1);

impl Policy {
    /// How long to wait before the next attempt; none when there should be no other. `repeatable` says whether the call
    /// may be made twice, `attempt` which one failed, from 1; `left` is what remains of the call's time and `random` is
    /// from 0 to 1 (full jitter).
    ///
    /// A wait that the service asks for is kept exactly, or, when it is longer than what is left, the call ends at once:
    /// to come earlier would only be refused again.
    pub(crate) fn decide(
        &self,
        error: &Error,
        repeatable: bool,
        attempt: u32,
        left: Duration,
        random: f64,
    ) -> Option<Duration> {
        let applied_perhaps = error.outcome == Outcome::Unknown;
        if attempt >= self.attempts || !worth(error) || (applied_perhaps && !repeatable) {
            return None;
        }
        let asked =
            error.details.retry_after.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        let wait = asked.unwrap_or_else(|| {
            let doubled = self.first.saturating_mul(2_u32.saturating_pow(attempt - 1));
            doubled.min(LONGEST).mul_f64(random)
        });
        (wait < left).then_some(wait)
    }
}

/// Whether another attempt may end otherwise.
fn worth(error: &Error) -> bool {
    match error.details.status {
        Some(status) if error.kind != ErrorKind::Network => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
        _ => matches!(error.kind, ErrorKind::Network | ErrorKind::Timeout) && !error.is_permanent(),
    }
}

/// How many repetitions a client has left. In a complete outage each call would cost as many requests as it has
/// attempts; with this, all calls together cost no more than [`Quota::FULL`] beyond their first attempts. A call that
/// succeeds after all gives back what it took, one that succeeds at once a fifth of a repetition.
#[derive(Debug)]
pub(crate) struct Quota(AtomicU32);

impl Quota {
    /// The most that can be there, in repetitions.
    pub(crate) const FULL: u32 = 50;
    const UNIT: u32 = 5;

    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(Self::FULL * Self::UNIT))
    }

    /// Takes one repetition; false when there is none.
    pub(crate) fn take(&self) -> bool {
        let less = |left: u32| left.checked_sub(Self::UNIT);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// A call succeeded after so many repetitions.
    pub(crate) fn give_back(&self, repetitions: u32) {
        let earned = repetitions.saturating_mul(Self::UNIT).max(1);
        let more = |left: u32| Some(left.saturating_add(earned).min(Self::FULL * Self::UNIT));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }
}

/// The wait that `Retry-After` headers ask for, in seconds: a number, with decimals as the service sends them inside
/// batches, or a date, counted from the service's own clock (its `Date` header) where it gave one, so that a wrong clock
/// here does no harm. Of several the longest. What isn't understood is as if it weren't there; the past is now.
pub(crate) fn retry_after<'a>(
    values: impl Iterator<Item = &'a str>,
    date: Option<&str>,
    now: Timestamp,
) -> Option<f64> {
    let moment = |text: &str| DateTimeParser::new().parse_timestamp(text.trim()).ok();
    let seconds = |text: &str| match text.trim().parse::<f64>() {
        Ok(seconds) => Some(seconds).filter(|seconds| seconds.is_finite() && *seconds >= 0.0),
        Err(_) => {
            let then = moment(text)?;
            let now = date.and_then(moment).unwrap_or(now);
            Some(then.duration_since(now).as_secs_f64().max(0.0))
        }
    };
    values.filter_map(seconds).max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const POLICY: Policy = Policy { attempts: 4, first: Duration::from_secs(1) };

    fn failed(status: u16, outcome: Outcome) -> Error {
        let mut error = Error::new(ErrorKind::Service, outcome, "failed");
        error.details.status = Some(status);
        error
    }

    fn asked(value: &str) -> Option<f64> {
        let now = "2030-01-01T00:00:00Z".parse().expect("a moment");
        retry_after([value].into_iter(), Some("Tue, 01 Jan 2030 01:00:00 GMT"), now)
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_jittered() {
        let patient = Policy { attempts: 100, ..POLICY };
        let error = failed(503, Outcome::Refused);
        let wait = |attempt, random| patient.decide(&error, true, attempt, MINUTE * 60, random);
        let seconds = |seconds| Some(Duration::from_secs_f64(seconds));
        assert_eq!([wait(1, 1.0), wait(2, 1.0), wait(3, 1.0)], [seconds(1.0), seconds(2.0), seconds(4.0)]);
        assert_eq!([wait(3, 0.5), wait(3, 0.0)], [seconds(2.0), seconds(0.0)]);
        assert_eq!([wait(20, 1.0), wait(99, 1.0)], [Some(LONGEST); 2]);
    }

    #[test]
    fn attempts_and_time_are_limited() {
        let error = failed(503, Outcome::Refused);
        assert!(POLICY.decide(&error, true, 3, MINUTE, 1.0).is_some());
        assert_eq!(POLICY.decide(&error, true, 4, MINUTE, 1.0), None);
        assert_eq!(POLICY.decide(&error, true, 1, Duration::from_millis(999), 1.0), None);
    }

    #[test]
    fn what_may_be_applied_is_repeated_only_when_it_may() {
        for status in [408, 500, 502, 504] {
            let error = failed(status, Outcome::Unknown);
            assert!(POLICY.decide(&error, true, 1, MINUTE, 0.5).is_some(), "{status}");
            assert_eq!(POLICY.decide(&error, false, 1, MINUTE, 0.5), None, "{status}");
        }
        assert!(POLICY.decide(&failed(503, Outcome::Refused), false, 1, MINUTE, 0.5).is_some());
        for status in [400, 401, 403, 404, 409, 412, 423, 424, 501, 507, 509] {
            assert_eq!(POLICY.decide(&failed(status, Outcome::Refused), true, 1, MINUTE, 0.5), None, "{status}");
        }
    }

    #[test]
    fn what_the_service_asks_is_obeyed_or_the_call_ends() {
        let mut error = failed(429, Outcome::Refused);
        error.details.retry_after = Some(0.249);
        assert_eq!(POLICY.decide(&error, false, 1, MINUTE, 0.9), Some(Duration::from_millis(249)));
        error.details.retry_after = Some(99_999_999.0);
        assert_eq!(POLICY.decide(&error, false, 1, MINUTE, 0.9), None);
        error.details.retry_after = Some(1e300);
        assert_eq!(POLICY.decide(&error, false, 1, Duration::MAX, 0.9), None);
    }

    #[test]
    fn retry_after_in_all_its_forms() {
        assert_eq!(asked("1"), Some(1.0));
        assert_eq!(asked(" 0.249 "), Some(0.249));
        assert_eq!(asked("99999999"), Some(99_999_999.0));
        for garbage in ["-1", "soon", "", "NaN", "inf", "1e999", "Tue, 99 Jan 2030"] {
            assert_eq!(asked(garbage), None, "{garbage:?}");
        }
        // From the service's own clock, an hour ahead of ours.
        assert_eq!(asked("Tue, 01 Jan 2030 01:00:05 GMT"), Some(5.0));
        assert_eq!(asked("Tue, 01 Jan 2030 00:59:00 GMT"), Some(0.0));
        let two = retry_after(["1", "soon", "3"].into_iter(), None, Timestamp::UNIX_EPOCH);
        assert_eq!(two, Some(3.0));
        let without_date = retry_after(["Thu, 01 Jan 1970 00:00:07 GMT"].into_iter(), None, Timestamp::UNIX_EPOCH);
        assert_eq!(without_date, Some(7.0));
    }

    #[test]
    fn an_outage_takes_the_quota_and_successes_earn_it_back() {
        let quota = Quota::new();
        assert_eq!((0..1000).filter(|_| quota.take()).count(), Quota::FULL as usize);
        quota.give_back(2);
        assert_eq!([quota.take(), quota.take(), quota.take()], [true, true, false]);
        (0..5).for_each(|_| quota.give_back(0));
        assert_eq!([quota.take(), quota.take()], [true, false]);
        (0..10_000).for_each(|_| quota.give_back(4));
        assert_eq!((0..1000).filter(|_| quota.take()).count(), Quota::FULL as usize);
    }
}
