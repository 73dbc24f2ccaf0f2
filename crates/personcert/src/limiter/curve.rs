//! The rate between two refusals: a cubic curve around an estimate of the service's limit.

use std::time::Duration;

use tokio::time::Instant;

use super::evidence::Measurement;
use super::units::{seconds, seconds_since, to_f64};

/// The part of all steps that probing above the limit may have refused.
const REFUSAL_BUDGET: f64 = 0.007;
/// How many cycles pass between two refusals.
const CYCLES_PER_REFUSAL: f64 = 1.6;
/// How far below the estimate a cycle starts and how far above it ends.
const DEPTH: f64 = 0.06;
const MIN_CYCLE_SECONDS: f64 = 3.0;
const MAX_CYCLE_SECONDS: f64 = 25.0;
/// The cycle after an estimate that may be wrong, for a bucket and for a window.
const UNSURE_CYCLE_SECONDS: f64 = 2.0;
const UNSURE_WINDOW_CYCLE_SECONDS: f64 = 5.0;
/// So far above the estimate without a refusal, the limit has grown.
const GROWN: f64 = 1.12;
/// The growth of each stage: of a new limiter, and of a climb after the limit has grown.
const START_FACTOR: f64 = 1.6;
const CLIMB_FACTOR: f64 = 1.1;
const CLIMB_FACTOR_STEP: f64 = 0.1;
const MAX_CLIMB_FACTOR: f64 = 1.3;
const MIN_STAGE: Duration = Duration::from_millis(500);
const MIN_STAGE_STEPS: f64 = 3.0;
/// The part of a stage's rate that has to be used, or a success proves nothing.
const MIN_USE: f64 = 0.7;
/// The rate right after a refusal, in parts of the estimate.
const SLOW: f64 = 0.92;
/// What is left of an estimate that most steps were refused at.
const SEVERE: f64 = 0.65;
/// An estimate changes at most by these factors at once, the last one when one refusal follows another.
const MAX_GAIN: f64 = 1.1;
const MAX_LOSS: f64 = 0.4;
const MAX_LOSS_IN_A_ROW: f64 = 0.1;
/// The limit is at least this part of a stage's rate.
const STAGE_FLOOR: f64 = 0.6;
/// Steps a second.
const MIN_RATE: f64 = 0.02;
/// After this time without a refusal the accepted steps prove that the limit is at least their rate.
const LOWER_BOUND_SECONDS: f64 = 4.0;

#[derive(Debug)]
pub(super) struct Curve {
    /// Steps a second.
    pub(super) estimate: f64,
    since: Instant,
    cycle_seconds: f64,
    slow_until: Instant,
    /// The refused steps of a cycle, smoothed.
    refusals: f64,
    /// The estimate if it turns out that the climb went much too far.
    fallback: f64,
    climb: Option<Climb>,
}

/// The stages above the curve.
#[derive(Debug)]
struct Climb {
    rate: f64,
    factor: f64,
    max_factor: f64,
    /// The estimate before the climb.
    base: f64,
    stage_since: Instant,
    granted: u64,
}

/// A refusal that is news, as the curve sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    pub(super) measurement: Measurement,
    /// Whether the measurement spans whole windows of a service that counts by windows.
    pub(super) by_window: bool,
    /// Whether most of the latest steps were refused, and whether the refusal before was like that too.
    pub(super) severe: bool,
    pub(super) in_a_row: bool,
    /// The steps refused since the last news.
    pub(super) refused: f64,
    pub(super) slow_for: Duration,
}

impl Curve {
    /// The curve of a limiter that has to find the limit from `rate` upwards.
    pub(super) fn start(now: Instant, rate: f64) -> Self {
        let climb =
            Climb { rate, factor: START_FACTOR, max_factor: START_FACTOR, base: rate, stage_since: now, granted: 0 };
        Self {
            estimate: rate,
            since: now,
            cycle_seconds: UNSURE_CYCLE_SECONDS,
            slow_until: now,
            refusals: 1.0,
            fallback: rate,
            climb: Some(climb),
        }
    }

    /// The curve after a refusal, if the refusal tells anything about the limit.
    pub(super) fn after(previous: Option<&Self>, now: Instant, news: &News) -> Option<Self> {
        let measured = news.measurement.rate();
        let exact = news.measurement.is_exact().then_some(measured);
        let estimate = match (previous, exact) {
            (None, Some(exact)) => exact,
            (None, None) if news.measurement.seconds >= LOWER_BOUND_SECONDS && measured > 0.0 => measured,
            (Some(_), Some(exact)) if news.by_window => exact,
            (Some(previous), Some(exact)) => previous.limit_change(exact, news),
            (Some(previous), None) if news.severe => previous.rate(now).min(previous.estimate * MAX_GAIN) * SEVERE,
            // Refusals that follow each other closely, or a first one, prove nothing new.
            (_, None) => return None,
        };
        let climb = previous.and_then(|previous| previous.climb.as_ref());
        let fallback = climb.map_or(estimate, |climb| (climb.base * climb.rate).sqrt());
        let estimate = if news.severe { estimate.min(fallback) } else { estimate }.max(MIN_RATE);
        let refusals = previous.map_or(1.0, |previous| previous.refusals * 0.7 + news.refused * 0.3);
        let is_measured = exact.is_some_and(|exact| (exact / estimate - 1.0).abs() <= 0.02);
        let is_sure = is_measured && news.measurement.is_sure() && !(news.by_window && climb.is_some());
        let cycle = refusals.max(1.0) / estimate / (CYCLES_PER_REFUSAL * REFUSAL_BUDGET);
        let cycle_seconds = match (is_sure, news.by_window) {
            (true, _) => cycle.clamp(MIN_CYCLE_SECONDS, MAX_CYCLE_SECONDS),
            (false, true) => UNSURE_WINDOW_CYCLE_SECONDS,
            (false, false) => UNSURE_CYCLE_SECONDS,
        };
        let slow_until = now + news.slow_for;
        Some(Self { estimate, since: now, cycle_seconds, slow_until, refusals, fallback, climb: None })
    }

    fn limit_change(&self, exact: f64, news: &News) -> f64 {
        if let Some(climb) = &self.climb {
            return exact.clamp(climb.rate * STAGE_FLOOR, climb.rate);
        }
        let loss = if news.severe && news.in_a_row { MAX_LOSS_IN_A_ROW } else { MAX_LOSS };
        exact.clamp(self.estimate * loss, self.estimate * MAX_GAIN)
    }

    /// A refusal turned out to be the first of many.
    pub(super) fn lower(&mut self) {
        self.estimate = (self.estimate * SEVERE).min(self.fallback).max(MIN_RATE);
    }

    /// Steps a second.
    pub(super) fn rate(&self, now: Instant) -> f64 {
        if let Some(climb) = &self.climb {
            return climb.rate;
        }
        let cycles = seconds_since(self.since, now) / self.cycle_seconds;
        let rate = self.estimate * (1.0 + DEPTH * (cycles - 1.0).powi(3)).min(GROWN);
        if now < self.slow_until { rate.min(self.estimate * SLOW) } else { rate }
    }

    /// Moves on to `now`: climbs when nothing was refused for long enough. `accepted` is a measurement up to now, `granted`
    /// the number of all steps.
    pub(super) fn advance(&mut self, now: Instant, granted: u64, round_trip: Duration, accepted: Measurement) {
        if let Some(climb) = &mut self.climb {
            let stage = MIN_STAGE.max(round_trip * 3 / 2).max(seconds(MIN_STAGE_STEPS / climb.rate));
            if now.saturating_duration_since(climb.stage_since) >= stage {
                self.estimate = self.estimate.max(climb.next_stage(now, granted));
            }
        } else if self.rate(now) >= self.estimate * GROWN {
            self.climb = Some(Climb {
                rate: self.estimate * GROWN,
                factor: CLIMB_FACTOR,
                max_factor: MAX_CLIMB_FACTOR,
                base: self.estimate,
                stage_since: now,
                granted,
            });
        } else if accepted.seconds > LOWER_BOUND_SECONDS {
            let unanswered = self.estimate * round_trip.as_secs_f64() * 2.0;
            self.estimate = self.estimate.max((accepted.steps - unanswered) / accepted.seconds);
        }
    }
}

impl Climb {
    /// Goes on to the next stage, if this one was used, and gives the rate that was accepted.
    fn next_stage(&mut self, now: Instant, granted: u64) -> f64 {
        let accepted = self.rate;
        let used = to_f64(granted - self.granted) / seconds_since(self.stage_since, now);
        if used >= MIN_USE * self.rate {
            self.rate *= self.factor;
            self.factor = (self.factor + CLIMB_FACTOR_STEP).min(self.max_factor);
        }
        (self.stage_since, self.granted) = (now, granted);
        accepted
    }
}
