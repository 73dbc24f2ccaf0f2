//! What the answers since the last refusal prove about the limit.

use tokio::time::Instant;

use super::units::{seconds_since, to_f64};

/// The least that an exact measurement takes.
const MIN_STEPS: f64 = 5.0;
const MIN_SECONDS: f64 = 0.8;
/// The least that a measurement takes for the long cycles of a known limit.
const SURE_STEPS: f64 = 10.0;
const SURE_SECONDS: f64 = 3.0;
/// A bucket is taken to hold at least as much as it gains in this time.
const MIN_BUCKET_SECONDS: f64 = 1.0;
/// The least number of refused steps, and their part of the latest steps, when the limit is exceeded by far.
const SEVERE_STEPS: f64 = 3.0;
const SEVERE_PART: f64 = 0.6;

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
}

impl Measurement {
    pub(super) fn rate(self) -> f64 {
        self.steps / self.seconds
    }

    pub(super) fn is_exact(self) -> bool {
        self.steps >= MIN_STEPS && self.seconds >= MIN_SECONDS
    }

    pub(super) fn is_sure(self) -> bool {
        self.steps >= SURE_STEPS && self.seconds >= SURE_SECONDS
    }
}

impl Evidence {
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
    pub(super) fn grant(&mut self, now: Instant, steps: u32, estimate: f64) {
        let level = self.level + seconds_since(self.level_at, now);
        self.full_seconds += (level - MIN_BUCKET_SECONDS).max(0.0);
        self.level = (level.min(MIN_BUCKET_SECONDS) - f64::from(steps) / estimate).max(0.0);
        self.level_at = now;
    }

    /// Nothing is sent until then because the service asked for it. The time counts, for many services let the pause be
    /// made up for.
    pub(super) fn hold(&mut self, until: Instant) {
        self.level = (self.level + seconds_since(self.level_at, until)).min(MIN_BUCKET_SECONDS);
        self.level_at = self.level_at.max(until);
    }

    /// The steps accepted up to the request at `position`, and the time until it was sent.
    pub(super) fn measure(&self, sent_at: Instant, position: u64) -> Measurement {
        let steps = position.saturating_sub(self.granted).saturating_sub(self.lost);
        let seconds = (seconds_since(self.since, sent_at) - self.full_seconds).max(0.0);
        Measurement { steps: to_f64(steps), seconds }
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

    pub(super) fn are_mostly_refused(&self) -> bool {
        self.refused >= SEVERE_STEPS && self.refused > SEVERE_PART * (self.accepted + self.refused)
    }
}
