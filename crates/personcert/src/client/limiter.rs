//! How fast a client sends, learnt from the service's 429s: nothing is held back until the first of them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After so long without a 429 the limit is forgotten.
const FORGET: Duration = Duration::from_mins(1);
/// A 429 lowers the rate to this part of what succeeded just before.
const LOWER: f64 = 0.85;
/// How much of the rate is added for each second without a 429.
const RAISE: f64 = 0.01;

/// The pace of all requests of a client.
#[derive(Debug, Default)]
pub(super) struct Limiter(Mutex<Option<Held>>, Mutex<Recent>);

/// The pace once the service has asked for one.
#[derive(Debug)]
struct Held {
    /// Requests a second, at the time of `since`.
    rate: f64,
    /// The last 429 that counted.
    since: Instant,
    /// When the next request may be sent.
    next: Instant,
}

/// What succeeded in this second and the one before.
#[derive(Debug)]
struct Recent {
    second: Instant,
    now: u32,
    before: u32,
}

impl Default for Recent {
    fn default() -> Self {
        Self { second: Instant::now(), now: 0, before: 0 }
    }
}

impl Recent {
    /// Moves on to the second that `now` is in.
    fn turn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.second);
        if passed >= Duration::from_secs(2) {
            (self.before, self.now, self.second) = (0, 0, now);
        } else if passed >= Duration::from_secs(1) {
            (self.before, self.now) = (self.now, 0);
            self.second += Duration::from_secs(1);
        }
    }
}

/// Leave to send one request.
pub(super) struct Permit<'a>(&'a Limiter, tokio::time::Instant);

impl Permit<'_> {
    pub(super) fn settle(self, error: Option<&crate::Error>) {
        let now = tokio::time::Instant::now().into_std();
        match error {
            None => self.0.succeeded(now),
            Some(error) if error.kind == crate::ErrorKind::Throttled => {
                let wait = error.details.retry_after.and_then(|wait| Duration::try_from_secs_f64(wait).ok());
                self.0.throttled(self.1.into_std(), now, wait.unwrap_or_default());
            }
            Some(_) => {}
        }
    }
}

impl Limiter {
    pub(super) async fn acquire(&self, _: &crate::User, deadline: tokio::time::Instant) -> crate::Result<Permit<'_>> {
        let now = tokio::time::Instant::now();
        let wait = self.place(now.into_std());
        if wait >= deadline.saturating_duration_since(now) {
            let why = "throttled: no send slot before the call's deadline";
            return Err(crate::Error::new(crate::ErrorKind::Throttled, crate::Outcome::NotSent, why));
        }
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(Permit(self, tokio::time::Instant::now()))
    }

    /// Takes a place in the queue; gives how long to wait for it.
    pub(super) fn place(&self, now: Instant) -> Duration {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = held.as_mut() else { return Duration::ZERO };
        let calm = now.saturating_duration_since(known.since);
        if calm > FORGET {
            *held = None;
            return Duration::ZERO;
        }
        let rate = known.rate * (1.0 + RAISE * calm.as_secs_f64());
        let place = known.next.max(now);
        known.next = place + Duration::from_secs_f64(1.0 / rate);
        place.saturating_duration_since(now)
    }

    /// A request succeeded.
    pub(super) fn succeeded(&self, now: Instant) {
        let mut recent = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        recent.turn(now);
        recent.now += 1;
    }

    /// A request that was sent at `sent` was refused with 429, and everybody is asked to wait.
    pub(super) fn throttled(&self, sent: Instant, now: Instant, wait: Duration) {
        let succeeded = {
            let mut recent = self.1.lock().unwrap_or_else(PoisonError::into_inner);
            recent.turn(now);
            f64::from(recent.now.max(recent.before)).max(1.0)
        };
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = now + wait.min(FORGET);
        match held.as_mut() {
            // It was under way when the pace was lowered: no news.
            Some(pace) if sent < pace.since => pace.next = pace.next.max(until),
            Some(pace) => {
                let raised = pace.rate * (1.0 + RAISE * now.saturating_duration_since(pace.since).as_secs_f64());
                *pace = Held { rate: (raised.min(succeeded) * LOWER).max(1.0), since: now, next: until };
            }
            None => *held = Some(Held { rate: (succeeded * LOWER).max(1.0), since: now, next: until }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service that allows so many requests a second, and a client that sends as fast as its pace lets it.
    fn refused(allowed: u32, seconds: u32, count_from: u32) -> (u32, u32) {
        let (pace, start) = (Limiter::default(), Instant::now());
        let (mut sent, mut refused) = (0, 0);
        let (mut window, mut used) = (0, 0);
        let mut now = start;
        while now < start + Duration::from_secs(u64::from(seconds)) {
            now += pace.place(now).max(Duration::from_millis(2));
            let second = now.duration_since(start).as_secs();
            if second != window {
                (window, used) = (second, 0);
            }
            let counts = second >= u64::from(count_from);
            sent += u32::from(counts);
            if used < allowed {
                used += 1;
                pace.succeeded(now);
            } else {
                refused += u32::from(counts);
                pace.throttled(now, now, Duration::from_secs(1));
            }
        }
        (sent, refused)
    }

    #[test]
    fn it_settles_below_what_the_service_allows() {
        let (sent, refused) = refused(50, 60, 5);
        assert!(refused * 50 <= sent, "{refused} of {sent} were refused");
        assert!(sent > 55 * 35, "only {sent} were sent in 55 seconds");
    }

    #[test]
    fn nothing_is_held_back_before_the_first_429_and_long_after_the_last() {
        let (pace, now) = (Limiter::default(), Instant::now());
        assert!((0..1000).all(|_| pace.place(now).is_zero()));
        pace.throttled(now, now, Duration::from_secs(3));
        assert_eq!(pace.place(now), Duration::from_secs(3));
        assert!(pace.place(now) > Duration::from_secs(3));
        let later = now + FORGET + Duration::from_secs(5);
        assert!((0..1000).all(|_| pace.place(later).is_zero()));
    }

    #[test]
    fn one_burst_of_429s_lowers_the_pace_once() {
        let (pace, now) = (Limiter::default(), Instant::now());
        (0..100).for_each(|_| pace.succeeded(now));
        let later = now + Duration::from_millis(100);
        (0..32).for_each(|_| pace.throttled(now, later, Duration::ZERO));
        let rate = pace.0.lock().expect("unpoisoned").as_ref().map(|held| held.rate);
        assert_eq!(rate, Some(85.0));
    }
}
