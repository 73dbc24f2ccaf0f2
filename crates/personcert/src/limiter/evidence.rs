//! What the answers since the last refusal prove about the limit.
//!
//! The service is modelled as a bucket that fills at the limit's rate and is emptied by accepted steps. It is empty at each
//! refusal. Between two refusals the accepted steps equal what flowed in, unless the bucket was full for a while: that time
//! is predicted and left out.

use std::time::Duration;

use tokio::time::Instant;

use super::units::{seconds_since, to_f64};

/// The least that an exact measurement takes.
const MIN_STEPS: f64 = 5.0;
const MIN_SECONDS: f64 = 0.8;
/// The least that a measurement takes for the long cycles of a known limit.
const SURE_STEPS: f64 = 10.0;
const SURE_SECONDS: f64 = 3.0;
/// The least number of refused steps, and their part of the latest steps, when the limit is exceeded by far.
const SEVERE_STEPS: f64 = 3.0;
const SEVERE_PART: f64 = 0.6;

const SECOND: Duration = Duration::from_secs(1);

/// Counts from the last refusal that was news, when the service's bucket was empty.
#[derive(Debug)]
pub(super) struct Evidence {
    since: Instant,
    /// The granted steps then.
    granted: u64,
    /// The steps granted since then that were refused, or whose end is unknown.
    lost: u64,
    /// The service's bucket, in seconds of the estimated rate.
    level: f64,
    level_at: Instant,
    /// How long the bucket has been full: that time proves nothing.
    full_seconds: f64,
}

/// A number of accepted steps and the time in which the service's limit allowed them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measurement {
    pub(super) steps: f64,
    pub(super) seconds: f64,
    /// All time, that in which the bucket was full included: the limit is at least `steps` in this time.
    pub(super) elapsed: f64,
}

impl Measurement {
    /// Steps a second.
    pub(super) fn rate(self) -> f64 {
        self.steps / self.seconds
    }

    /// Whether it took long enough to be taken as the limit.
    pub(super) fn is_exact(self) -> bool {
        self.steps >= MIN_STEPS && self.seconds >= MIN_SECONDS
    }

    /// Whether it took so long that the limit need not be probed again soon.
    pub(super) fn is_sure(self) -> bool {
        self.steps >= SURE_STEPS && self.seconds >= SURE_SECONDS
    }
}

impl Evidence {
    /// Counts from `since`, when `granted` steps had been granted and the bucket was empty.
    pub(super) const fn new(since: Instant, granted: u64) -> Self {
        Self { since, granted, lost: 0, level: 0.0, level_at: since, full_seconds: 0.0 }
    }

    /// Steps at `position` are granted but prove nothing.
    pub(super) fn lose(&mut self, position: u64, steps: u32) {
        if position > self.granted {
            self.lost += u64::from(steps);
        }
    }

    /// Takes steps out of the predicted bucket.
    pub(super) fn grant(&mut self, now: Instant, steps: u32, estimate: f64, bucket_seconds: f64) {
        let level = self.level + seconds_since(self.level_at, now);
        self.full_seconds += (level - bucket_seconds).max(0.0);
        self.level = (level.min(bucket_seconds) - f64::from(steps) / estimate).max(0.0);
        self.level_at = now;
    }

    /// Nothing is sent until then because the service asked for it. The time counts, for many services let the pause be
    /// made up for.
    pub(super) fn hold(&mut self, until: Instant) {
        self.level += seconds_since(self.level_at, until);
        self.level_at = self.level_at.max(until);
    }

    /// The steps accepted up to the request at `position`, and the time until it was sent.
    pub(super) fn measure(&self, sent_at: Instant, position: u64) -> Measurement {
        let steps = position.saturating_sub(self.granted).saturating_sub(self.lost);
        let elapsed = seconds_since(self.since, sent_at);
        Measurement { steps: to_f64(steps), seconds: (elapsed - self.full_seconds).max(0.0), elapsed }
    }
}

/// The steps accepted in the latest one to two seconds: what is known when the first refusal comes.
#[derive(Debug, Default)]
pub(super) struct Recent {
    second: Option<Instant>,
    steps: u32,
    steps_before: u32,
}

impl Recent {
    pub(super) fn add(&mut self, now: Instant, steps: u32) {
        let second = self.second.filter(|second| now.saturating_duration_since(*second) < 2 * SECOND);
        match second {
            None => (self.second, self.steps, self.steps_before) = (Some(now), 0, 0),
            Some(second) if now.saturating_duration_since(second) >= SECOND => {
                (self.second, self.steps_before, self.steps) = (Some(second + SECOND), self.steps, 0);
            }
            Some(_) => {}
        }
        self.steps = self.steps.saturating_add(steps);
    }

    /// Whether the counted seconds have passed.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.second.is_none_or(|second| now.saturating_duration_since(second) > 2 * SECOND)
    }

    /// The accepted steps, and the time in which they were accepted.
    pub(super) fn measure(&self, now: Instant) -> Measurement {
        let Some(second) = self.second else { return Measurement { steps: 0.0, seconds: 0.0, elapsed: 0.0 } };
        let before = if self.steps_before > 0 { 1.0 } else { 0.0 };
        let seconds = seconds_since(second, now) + before;
        Measurement { steps: f64::from(self.steps) + f64::from(self.steps_before), seconds, elapsed: seconds }
    }
}

/// How the latest steps ended, as sums that decay with each further step.
#[derive(Debug, Default)]
pub(super) struct LatestSteps {
    accepted: f64,
    refused: f64,
}

impl LatestSteps {
    /// `memory` is the number of steps that count as the latest ones.
    pub(super) fn add(&mut self, accepted: u32, refused: u32, memory: f64) {
        let decay = (-f64::from(accepted + refused) / memory).exp();
        self.accepted = self.accepted * decay + f64::from(accepted);
        self.refused = self.refused * decay + f64::from(refused);
    }

    /// Whether the limit is exceeded by far.
    pub(super) fn are_mostly_refused(&self) -> bool {
        self.refused >= SEVERE_STEPS && self.refused > SEVERE_PART * (self.accepted + self.refused)
    }
}
