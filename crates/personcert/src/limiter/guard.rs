//! How many requests may be in flight: additive increase, halved when the service is overloaded.
//!
//! Nothing is limited before the service shows a limit, but for the configured maximum. A 503 or 504 halves what is in
//! flight; each round of successes adds about one, until the limit is lifted again.

use tokio::time::Instant;

/// The most requests in flight once the service has shown a limit.
const MAX_GUARDED: f64 = 64.0;

/// The limit on the requests in flight of a client.
#[derive(Debug)]
pub(super) struct Guard {
    max: Option<usize>,
    /// The learned limit. Absent before the first overload and once it is back at the maximum.
    learned: Option<f64>,
    changed_at: Option<Instant>,
}

impl Guard {
    pub(super) const fn new(max: Option<usize>) -> Self {
        Self { max, learned: None, changed_at: None }
    }

    /// The most requests in flight now, if that is limited. `throttled` says whether the whole client is throttled.
    pub(super) fn limit(&self, throttled: bool) -> Option<usize> {
        let learned = self.learned.or_else(|| throttled.then_some(MAX_GUARDED));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the maximum")]
        let learned = learned.map(|limit| limit as usize);
        match (learned, self.max) {
            (Some(learned), Some(max)) => Some(learned.min(max.max(1))),
            (learned, max) => learned.or(max.map(|max| max.max(1))),
        }
    }

    /// An overload answered a request that was sent at `sent_at`. All requests of one burst count once.
    pub(super) fn decrease(&mut self, now: Instant, sent_at: Instant, in_flight: usize) {
        if self.changed_at.is_some_and(|changed_at| sent_at < changed_at) {
            return;
        }
        let in_flight = u32::try_from(in_flight).map_or(MAX_GUARDED, f64::from);
        let limit = self.learned.unwrap_or(MAX_GUARDED).min(in_flight);
        self.learned = Some((limit / 2.0).max(1.0));
        self.changed_at = Some(now);
    }

    /// A request succeeded.
    pub(super) fn increase(&mut self) {
        self.learned = self.learned.map(|limit| limit + 1.0 / limit).filter(|limit| *limit < MAX_GUARDED);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_overload_halves_the_limit_once_a_burst_and_successes_raise_it() {
        let (mut guard, sent_at) = (Guard::new(None), Instant::now());
        assert_eq!([guard.limit(false), guard.limit(true)], [None, Some(64)]);
        let answered_at = sent_at + Duration::from_millis(100);
        for _ in 0..10 {
            guard.decrease(answered_at, sent_at, 32);
        }
        assert_eq!(guard.limit(false), Some(16));
        (0..16).for_each(|_| guard.increase());
        assert_eq!(guard.limit(false), Some(16), "a round of successes adds almost one");
        guard.increase();
        assert_eq!(guard.limit(false), Some(17));
        (0..10_000).for_each(|_| guard.increase());
        assert_eq!(guard.limit(false), None);
    }

    #[test]
    fn the_set_maximum_is_at_least_one_and_never_exceeded() {
        assert_eq!(Guard::new(Some(0)).limit(false), Some(1));
        assert_eq!(Guard::new(Some(100)).limit(true), Some(64));
        let mut guard = Guard::new(Some(8));
        guard.decrease(Instant::now(), Instant::now(), 1);
        assert_eq!(guard.limit(false), Some(1));
    }
}
