//! The rate between two refusals: a cubic curve around an estimate of the service's limit.
//!
//! As in CUBIC congestion control, the rate starts a little below the estimate, is flat around it, and grows ever faster
//! above it, until a refusal measures the limit again. The length of a cycle follows from a budget: about 0.7 % of all steps
//! may be refused by probing. Two situations leave the curve:
//!
//! - *Search*: after a first refusal the limit is unknown but for what was accepted just before. The rate doubles in short
//!   stages until the next refusal, and the stages show which rate the service sustained.
//! - *Climb*: when the curve ends well above the estimate without a refusal, the limit has grown. The rate grows in longer
//!   stages, each by a larger factor, until the next refusal.

use std::time::Duration;

use tokio::time::Instant;

use super::evidence::Measurement;
use super::search::Search;
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
/// The growth of each stage of a search, which follows a first refusal, and what a search needs to know.
const SEARCH_FACTOR: f64 = 2.0;
const MIN_SEARCH_STAGE: Duration = Duration::from_millis(100);
const MIN_SEARCH_STEPS: f64 = 5.0;
const MIN_STAGE: Duration = Duration::from_millis(500);
const MIN_STAGE_STEPS: f64 = 3.0;
/// The part of a stage's rate that has to be used, or a success proves nothing.
const MIN_USE: f64 = 0.7;
/// The rate right after a refusal, in parts of the estimate.
const SLOW: f64 = 0.92;
/// What is left of an estimate that most steps were refused at.
const SEVERE: f64 = 0.65;
const MIN_SEVERE_SECONDS: f64 = 0.25;
/// What is left of an unsure estimate after a refusal that can't be measured.
const EASE: f64 = 0.95;
const MIN_EASE: Duration = Duration::from_millis(100);
/// A bucket is taken to hold at most as much as it gains in this time.
const MAX_BUCKET_SECONDS: f64 = 1.0;
/// An estimate changes at most by these factors at once, the last one when one refusal follows another.
const MAX_GAIN: f64 = 1.1;
const MAX_LOSS: f64 = 0.4;
const MAX_LOSS_IN_A_ROW: f64 = 0.1;
/// The limit is at least this part of a stage's rate.
const STAGE_FLOOR: f64 = 0.6;
const SEARCH_FLOOR: f64 = 0.05;
/// Steps a second.
const MIN_RATE: f64 = 0.02;
/// After this time without a refusal the accepted steps prove that the limit is at least their rate.
const LOWER_BOUND_SECONDS: f64 = 4.0;

/// What is known of a limit, and the rate that follows from it.
#[derive(Debug)]
pub(super) struct Curve {
    /// Steps a second.
    pub(super) estimate: f64,
    since: Instant,
    cycle_seconds: f64,
    slow_until: Instant,
    eased_at: Instant,
    /// The refused steps of a cycle, smoothed.
    refusals: f64,
    /// The estimate if it turns out that the climb went much too far.
    fallback: f64,
    climb: Option<Climb>,
    /// Whether the estimate is the result of a search. The requests in flight were sent at a much higher rate then.
    pub(super) is_searched: bool,
    /// Whether the estimate is a measurement that took long enough.
    is_sure: bool,
    /// The size of the service's bucket, if that is known.
    capacity: Option<f64>,
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
    search: Option<Search>,
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
    pub(super) sent_at: Instant,
    pub(super) position: u64,
}

impl Curve {
    /// The curve of a limiter that has to find the limit from `rate` upwards.
    pub(super) fn start(now: Instant, rate: f64) -> Self {
        let climb = Climb {
            rate,
            factor: START_FACTOR,
            max_factor: START_FACTOR,
            base: rate,
            stage_since: now,
            granted: 0,
            search: None,
        };
        Self {
            estimate: rate,
            since: now,
            cycle_seconds: UNSURE_CYCLE_SECONDS,
            slow_until: now,
            eased_at: now,
            refusals: 1.0,
            fallback: rate,
            climb: Some(climb),
            is_searched: false,
            is_sure: false,
            capacity: None,
        }
    }

    /// The curve after a first refusal, if enough was accepted just before: it holds for the time from `now` on. `recent` is
    /// what was accepted, `granted` the number of all steps so far.
    pub(super) fn search(now: Instant, recent: Measurement, granted: u64) -> Option<Self> {
        if recent.steps < MIN_SEARCH_STEPS {
            return None;
        }
        let mut curve = Self::start(now, recent.steps / (recent.seconds + 1.0));
        curve.capacity = Some(recent.steps);
        if let Some(climb) = &mut curve.climb {
            (climb.factor, climb.max_factor, climb.granted) = (SEARCH_FACTOR, SEARCH_FACTOR, granted);
            climb.search = Some(Search { before: recent, stages: vec![(now, granted)] });
        }
        Some(curve)
    }

    /// A search starts after the pause that the service asked for.
    pub(super) fn hold(&mut self, until: Instant) {
        if let Some(climb) = &mut self.climb {
            climb.stage_since = climb.stage_since.max(until);
            if let Some(Search { stages, .. }) = &mut climb.search
                && let [(start, _)] = stages.as_mut_slice()
            {
                *start = until.max(*start);
            }
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
            (Some(Self { climb: Some(Climb { search: Some(search), rate, base, .. }), .. }), _) => {
                search.limit((news.sent_at, news.position), news.measurement, *base).clamp(rate * SEARCH_FLOOR, *rate)
            }
            (Some(previous), Some(exact)) => previous.limit_change(exact, news),
            (Some(previous), None) if news.severe && news.measurement.seconds >= MIN_SEVERE_SECONDS => {
                previous.rate(now).min(previous.estimate * MAX_GAIN) * SEVERE
            }
            // Refusals that follow each other closely, or a first one, prove nothing new.
            (_, None) => return None,
        };
        let climb = previous.and_then(|previous| previous.climb.as_ref());
        let fallback = climb.map_or(estimate, |climb| (climb.base * climb.rate).sqrt());
        let is_searched = climb.is_some_and(|climb| climb.search.is_some());
        let estimate = if news.severe && !is_searched { estimate.min(fallback) } else { estimate }.max(MIN_RATE);
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
        let capacity = previous.and_then(|previous| previous.capacity);
        Some(Self {
            estimate,
            since: now,
            cycle_seconds,
            slow_until,
            eased_at: now,
            refusals,
            fallback,
            climb: None,
            is_searched,
            is_sure,
            capacity,
        })
    }

    /// The new estimate after an exact measurement, kept from changing too much at once.
    fn limit_change(&self, exact: f64, news: &News) -> f64 {
        if let Some(climb) = &self.climb {
            return exact.clamp(climb.rate * STAGE_FLOOR, climb.rate);
        }
        let loss = if news.severe && news.in_a_row { MAX_LOSS_IN_A_ROW } else { MAX_LOSS };
        exact.clamp(self.estimate * loss, self.estimate * MAX_GAIN)
    }

    /// A refusal followed another too closely for a measurement.
    pub(super) fn ease(&mut self, now: Instant) {
        if !self.is_sure && self.climb.is_none() && now.saturating_duration_since(self.eased_at) >= MIN_EASE {
            self.eased_at = now;
            self.estimate = (self.estimate * EASE).max(MIN_RATE);
        }
    }

    /// How long the service's bucket takes to fill, at least.
    pub(super) fn bucket_seconds(&self) -> f64 {
        self.capacity.map_or(MAX_BUCKET_SECONDS, |capacity| (capacity / self.estimate).min(MAX_BUCKET_SECONDS))
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
    /// the number of all steps. True if the rate has jumped.
    pub(super) fn advance(&mut self, now: Instant, granted: u64, round_trip: Duration, accepted: Measurement) -> bool {
        let before = self.rate(now);
        if let Some(climb) = &mut self.climb {
            let min_stage = if climb.search.is_some() { MIN_SEARCH_STAGE } else { MIN_STAGE };
            let stage = min_stage.max(round_trip * 3 / 2).max(seconds(MIN_STAGE_STEPS / climb.rate));
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
                search: None,
            });
        } else if accepted.seconds > LOWER_BOUND_SECONDS {
            let unanswered = self.estimate * round_trip.as_secs_f64() * 2.0;
            self.estimate = self.estimate.max((accepted.steps - unanswered) / accepted.seconds);
        }
        self.rate(now) > before
    }
}

impl Climb {
    /// Goes on to the next stage, if this one was used, and returns the rate that was accepted.
    fn next_stage(&mut self, now: Instant, granted: u64) -> f64 {
        let accepted = self.rate;
        let used = to_f64(granted - self.granted) / seconds_since(self.stage_since, now);
        if used >= MIN_USE * self.rate {
            self.rate *= self.factor;
            self.factor = (self.factor + CLIMB_FACTOR_STEP).min(self.max_factor);
            if let Some(search) = &mut self.search {
                search.stages.push((now, granted));
            }
        }
        (self.stage_since, self.granted) = (now, granted);
        accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A curve around 100 steps a second, and news of a refusal a second later.
    fn measured(now: Instant) -> Curve {
        let news = News { measurement: measurement(1000.0, 10.0), ..news(now) };
        Curve::after(None, now, &news).expect("an exact estimate")
    }

    fn measurement(steps: f64, seconds: f64) -> Measurement {
        Measurement { steps, seconds, elapsed: seconds }
    }

    fn news(now: Instant) -> News {
        News {
            measurement: measurement(0.0, 0.0),
            by_window: false,
            severe: false,
            in_a_row: false,
            refused: 1.0,
            slow_for: Duration::from_secs(1),
            sent_at: now,
            position: 0,
        }
    }

    fn close(one: f64, other: f64) -> bool {
        (one / other - 1.0).abs() < 0.001
    }

    #[test]
    fn the_rate_starts_below_the_estimate_and_ends_above() {
        let now = Instant::now();
        let curve = measured(now);
        let at = |seconds: f64| curve.rate(now + Duration::from_secs_f64(seconds));
        // Slow until Retry-After; a cycle of 3 s; the limit has grown after 2.26 cycles without a refusal.
        for (seconds, rate) in [(0.5, 92.0), (3.0, 100.0), (6.0, 106.0), (60.0, 112.0)] {
            assert!(close(at(seconds), rate), "{} after {seconds} s", at(seconds));
        }
    }

    #[test]
    fn estimates_change_within_bounds() {
        let now = Instant::now();
        for (steps, severe, in_a_row, expected) in [
            (980.0, false, false, 98.0),
            (9000.0, false, false, 110.0),
            (100.0, true, false, 40.0),
            (100.0, true, true, 10.0),
        ] {
            let news = News { measurement: measurement(steps, 10.0), severe, in_a_row, ..news(now) };
            let curve = Curve::after(Some(&measured(now)), now, &news).expect("an estimate");
            assert!(close(curve.estimate, expected), "{} for {steps} steps", curve.estimate);
        }
        assert!(Curve::after(Some(&measured(now)), now, &news(now)).is_none(), "too little to measure");
    }

    #[test]
    fn a_search_tells_the_bucket_from_the_limit() {
        let start = Instant::now();
        // 50 steps were accepted at once; the limit behind that bucket is 300 a second.
        let mut curve = Curve::search(start, measurement(50.0, 0.0), 0).expect("enough for a search");
        let (mut granted, mut elapsed, mut level) = (0_u32, 0.0_f64, 50.0_f64);
        while level >= 0.0 {
            let now = start + Duration::from_secs_f64(elapsed);
            curve.advance(now, u64::from(granted), Duration::ZERO, measurement(0.0, 0.0));
            let step = 1.0 / curve.rate(now);
            elapsed += step;
            level = (level + 300.0 * step).min(50.0) - 1.0;
            granted += 1;
        }
        let sent_at = start + Duration::from_secs_f64(elapsed);
        let measurement = measurement(f64::from(granted), elapsed);
        let news = News { measurement, position: u64::from(granted), sent_at, ..news(sent_at) };
        let found = Curve::after(Some(&curve), sent_at, &news).expect("an estimate").estimate;
        assert!((285.0..=330.0).contains(&found), "{found} after {elapsed} s");
        assert!(Curve::search(start, Measurement { steps: 4.0, ..measurement }, 0).is_none());
    }
}
