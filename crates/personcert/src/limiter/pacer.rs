//! The rate of one scope, a user or the whole client, learned from the service's answers.
//!
//! A refusal shows that the service's bucket is empty. Between two such moments a bucket that never overflowed accepts
//! exactly limit × time, so the accepted steps measure the limit. The rate then follows a curve around that estimate: it
//! starts below, is flat at the estimate and probes above it as often as a budget of refusals allows. Without pauses below
//! the limit the bucket never overflows, so that nearly all that the service allows is used.
//!
//! A refusal is *news* when its request was sent after the last change: only news moves the estimate. Refusals of older
//! requests show at most that the change was too small. Services that count by fixed windows are recognised by a
//! `Retry-After` before which nothing is accepted, and are measured over whole windows.

use std::time::Duration;

use tokio::time::Instant;

use super::curve::{Curve, News};
use super::evidence::{Evidence, LatestSteps, Measurement};
use super::units::{MAX_HOLD, seconds, to_f64};

/// The longest time at a lowered rate after a mild refusal.
const MAX_SLOW: Duration = Duration::from_secs(5);
/// The pause when the service names none. It doubles while refusals go on.
const DEFAULT_HOLD: Duration = Duration::from_secs(1);
const MAX_DEFAULT_HOLD: Duration = Duration::from_secs(30);
/// `Retry-After` in whole seconds is at least this, however short the wait is.
const MAX_ROUNDED_WAIT: Duration = Duration::from_secs(1);
/// A service that counts by windows asks for at least this wait.
const MIN_WINDOW_WAIT: Duration = Duration::from_secs(2);
const MIN_WINDOW_SECONDS: f64 = 1.0;
/// The least number of steps that count as the latest ones.
const MIN_LATEST_STEPS: f64 = 4.0;
/// Unused time that may be made up for, because timers and schedulers are late.
const CATCH_UP: Duration = Duration::from_millis(100);
/// A limit that held nothing back for this long is forgotten.
const FORGET_AFTER: Duration = Duration::from_mins(1);

/// What a pacer serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// A refusal holds the user until the service's `Retry-After`, unless the user's limit is known and the wait is short.
    User,
    /// A refusal slows the client, and holds it only when most steps are refused.
    Client,
}

/// A request of which some steps were refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    pub(super) sent_at: Instant,
    /// The scope's granted steps when the request was sent, its own included.
    pub(super) position: u64,
    pub(super) refused: u32,
    pub(super) accepted: u32,
    pub(super) retry_after: Option<Duration>,
}

/// The rate and the pauses of one scope.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts about the latest refusals")]
pub(super) struct Pacer {
    scope: Scope,
    max_rate: Option<f64>,
    /// Absent while nothing is known about the limit.
    curve: Option<Curve>,
    /// When the next step may be sent.
    next: Instant,
    held_until: Instant,
    /// When the service would accept again, as it said with the last news.
    retry_at: Instant,
    /// All steps granted so far.
    granted: u64,
    evidence: Evidence,
    latest: LatestSteps,
    /// A refusal of a request that was sent before is no news.
    changed_at: Instant,
    /// Whether the last news led to a pause.
    is_held: bool,
    /// Whether nothing was sent since the first refusal.
    is_new: bool,
    /// Whether the rate has jumped since the last look: waiting callers may go earlier than they think.
    has_jumped: bool,
    /// Whether the service accepts nothing before its `Retry-After`, as one that counts by windows.
    has_windows: bool,
    /// The pauses without an accepted step between them.
    holds_in_a_row: u32,
    refused_since_news: f64,
    round_trip: Duration,
    last_wait: Instant,
}

impl Pacer {
    /// A pacer that has learned nothing. With `initial_rate` it starts there and climbs; `max_rate` is never exceeded.
    pub(super) fn new(scope: Scope, now: Instant, max_rate: Option<f64>, initial_rate: Option<f64>) -> Self {
        Self {
            scope,
            max_rate,
            curve: initial_rate.map(|rate| Curve::start(now, rate)),
            next: now,
            held_until: now,
            retry_at: now,
            granted: 0,
            evidence: Evidence::new(now, 0),
            latest: LatestSteps::default(),
            changed_at: now,
            is_held: false,
            is_new: true,
            has_jumped: false,
            has_windows: false,
            holds_in_a_row: 0,
            refused_since_news: 0.0,
            round_trip: Duration::ZERO,
            last_wait: now,
        }
    }

    /// Starts anew after a first refusal. `recent` is what was accepted just before.
    pub(super) fn throttle(&mut self, now: Instant, recent: Measurement) {
        self.forget(now);
        self.curve = Curve::search(now, recent, self.granted);
    }

    /// Forgets what was learned and counts from now.
    pub(super) fn forget(&mut self, now: Instant) {
        let fresh = Self::new(self.scope, now, self.max_rate, None);
        *self = Self { granted: self.granted, next: self.next, evidence: Evidence::new(now, self.granted), ..fresh };
    }

    /// Whether nothing was refused or held back for a while.
    pub(super) fn is_forgotten(&self, now: Instant) -> bool {
        let last = self.last_wait.max(self.changed_at).max(self.held_until);
        now.saturating_duration_since(last) > FORGET_AFTER
    }

    /// Steps a second, if they are limited.
    pub(super) fn rate(&self, now: Instant) -> Option<f64> {
        let learned = self.curve.as_ref().map(|curve| curve.rate(now));
        match (learned, self.max_rate) {
            (Some(learned), Some(max)) => Some(learned.min(max)),
            (learned, max) => learned.or(max),
        }
    }

    pub(super) const fn set_max_rate(&mut self, max_rate: Option<f64>) {
        self.max_rate = max_rate;
    }

    /// When a request may be sent that `ahead` steps precede.
    pub(super) fn ready_at(&mut self, now: Instant, ahead: u64) -> Instant {
        self.advance(now);
        let ready = self.rate(now).map_or(now, |rate| self.next_after(now) + seconds(to_f64(ahead) / rate));
        let ready = ready.max(self.held_until);
        if ready > now {
            self.last_wait = now;
        }
        ready
    }

    /// Counts steps that are sent now and returns their position.
    pub(super) fn grant(&mut self, now: Instant, steps: u32) -> u64 {
        if let Some(rate) = self.rate(now) {
            self.next = self.next_after(now) + seconds(f64::from(steps) / rate);
        }
        if let Some(curve) = &self.curve {
            self.evidence.grant(now, steps, curve.estimate, curve.bucket_seconds());
        }
        self.is_new = false;
        self.granted += u64::from(steps);
        self.granted
    }

    /// The service accepted steps of a request.
    pub(super) fn accepted(&mut self, now: Instant, sent_at: Instant, steps: u32) {
        self.latest.add(steps, 0, self.memory(now, steps));
        if sent_at > self.changed_at {
            self.holds_in_a_row = 0;
            self.has_windows &= now >= self.retry_at;
        }
        let sample = now.saturating_duration_since(sent_at);
        self.round_trip = if self.round_trip.is_zero() { sample } else { (self.round_trip * 7 + sample) / 8 };
    }

    /// Steps ended in a way that proves nothing.
    pub(super) fn lost(&mut self, position: u64, steps: u32) {
        self.evidence.lose(position, steps);
    }

    /// The service refused steps of a request.
    pub(super) fn refused(&mut self, now: Instant, refusal: &Refusal) {
        self.advance(now);
        self.refused_since_news += f64::from(refusal.refused);
        self.evidence.lose(refusal.position, refusal.refused);
        let is_old = refusal.sent_at <= self.changed_at;
        if is_old && self.curve.as_ref().is_some_and(|curve| curve.is_searched) {
            return;
        }
        self.latest.add(refusal.accepted, refusal.refused, self.memory(now, refusal.accepted + refusal.refused));
        let is_severe = self.latest.are_mostly_refused() || (self.scope == Scope::User && self.is_firm(refusal));
        if !is_old {
            self.learn(now, refusal);
            self.is_held = is_severe;
            if is_severe {
                self.hold(now, refusal.retry_after);
            }
        } else if self.is_new && !self.is_held && self.scope == Scope::Client {
            // The bucket is empty: a request sent now would be refused.
            self.is_held = true;
            self.hold(now, refusal.retry_after.map(|wait| wait.min(MAX_ROUNDED_WAIT)));
        } else if is_severe && !self.is_held {
            // The refusal before was the first of many.
            if let Some(curve) = self.curve.as_mut().filter(|_| !self.has_windows && !self.is_new) {
                curve.lower();
            }
            self.changed_at = now;
            self.is_held = true;
            self.has_windows |= refusal.retry_after.is_some_and(|wait| wait >= MIN_WINDOW_WAIT);
            self.hold(now, refusal.retry_after);
        } else if is_severe && now < self.held_until {
            self.hold_until(now + refusal.retry_after.unwrap_or_default().min(MAX_HOLD));
        }
    }

    /// Whether a user has to pause: the service asks for more than the second that it rounds short waits up to, or the user's
    /// limit is not known.
    fn is_firm(&self, refusal: &Refusal) -> bool {
        self.is_new || self.curve.is_none() || refusal.retry_after.is_some_and(|wait| wait > MAX_ROUNDED_WAIT)
    }

    /// The end of the pause that the service asked for; in the past when there is none.
    pub(super) const fn held_until(&self) -> Instant {
        self.held_until
    }

    /// Whether the rate has jumped since this was last asked.
    pub(super) fn take_jump(&mut self) -> bool {
        std::mem::take(&mut self.has_jumped)
    }

    /// Moves the estimate by a refusal that is news.
    fn learn(&mut self, now: Instant, refusal: &Refusal) {
        let retry_at = now + refusal.retry_after.unwrap_or_default().min(MAX_HOLD);
        let mut measurement = self.evidence.measure(refusal.sent_at, refusal.position);
        let window = retry_at.saturating_duration_since(self.retry_at).as_secs_f64();
        let by_window = self.has_windows && window >= MIN_WINDOW_SECONDS;
        if by_window {
            measurement.seconds = window;
        }
        let news = News {
            measurement,
            by_window,
            severe: self.latest.are_mostly_refused(),
            in_a_row: self.holds_in_a_row > 0,
            refused: self.refused_since_news,
            sent_at: refusal.sent_at,
            position: refusal.position,
            slow_for: refusal.retry_after.unwrap_or(DEFAULT_HOLD).min(MAX_SLOW),
        };
        (self.retry_at, self.changed_at) = (retry_at, now);
        if let Some(curve) = Curve::after(self.curve.as_ref(), now, &news) {
            self.curve = Some(curve);
            self.refused_since_news = 0.0;
            self.evidence = Evidence::new(refusal.sent_at, refusal.position);
        } else if let Some(curve) = &mut self.curve {
            curve.ease(now);
        }
    }

    /// Pauses as the service asked, and until the requests in flight are answered.
    fn hold(&mut self, now: Instant, retry_after: Option<Duration>) {
        let doubled = DEFAULT_HOLD.saturating_mul(2_u32.saturating_pow(self.holds_in_a_row)).min(MAX_DEFAULT_HOLD);
        self.holds_in_a_row = self.holds_in_a_row.saturating_add(1);
        self.hold_until(now + retry_after.unwrap_or(doubled).max(self.round_trip).min(MAX_HOLD));
    }

    fn hold_until(&mut self, until: Instant) {
        self.held_until = self.held_until.max(until);
        self.next = self.next.max(self.held_until);
        self.evidence.hold(self.held_until);
        if let Some(curve) = &mut self.curve {
            curve.hold(self.held_until);
        }
    }

    /// Lets the curve grow up to now.
    fn advance(&mut self, now: Instant) {
        let accepted = self.evidence.measure(now, self.granted);
        if let Some(curve) = &mut self.curve {
            self.has_jumped |= curve.advance(now, self.granted, self.round_trip, accepted);
        }
    }

    /// When the next step may be sent, not much earlier than now.
    fn next_after(&self, now: Instant) -> Instant {
        self.next.max(now.checked_sub(CATCH_UP).unwrap_or(now))
    }

    /// The number of steps that count as the latest ones: those in flight and those of two requests.
    fn memory(&self, now: Instant, steps: u32) -> f64 {
        let in_flight = self.rate(now).map_or(0.0, |rate| rate * self.round_trip.as_secs_f64());
        MIN_LATEST_STEPS.max(in_flight).max(f64::from(steps) * 2.0)
    }
}
