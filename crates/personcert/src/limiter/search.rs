//! The limit that the stages of a search reveal.
//!
//! The size of the service's bucket is unknown at first, so a stage's steps may have come out of the bucket rather than out
//! of the limit. Comparing several stages of different lengths separates the two.

use tokio::time::Instant;

use super::evidence::Measurement;
use super::units::{seconds_since, to_f64};

/// A stage shorter than this is taken to last as long.
const MIN_SEARCH_SECONDS: f64 = 0.02;

/// A climb after the first refusal, when the service's bucket is at most as large as all that was accepted before.
#[derive(Debug)]
pub(super) struct Search {
    /// What was accepted before the first refusal.
    pub(super) before: Measurement,
    /// When each stage started, and the granted steps then.
    pub(super) stages: Vec<(Instant, u64)>,
}

impl Search {
    /// The limit that a refusal shows. `sent_at` and `position` are those of the refused request, `accepted` is a
    /// measurement up to then, and `base` is the rate that the search started with.
    ///
    /// The bucket was full at the start of some stage, and at no start was it more than full: of the rates that follow the
    /// highest is the limit. It is also no less than the rate of all steps, or than `base` when the bucket held as much as
    /// that promised.
    pub(super) fn limit(&self, (sent_at, position): (Instant, u64), accepted: Measurement, base: f64) -> f64 {
        let rate = |(since, granted): &(Instant, u64)| {
            let seconds = seconds_since(*since, sent_at).max(MIN_SEARCH_SECONDS);
            let steps = to_f64(position.saturating_sub(*granted)) - self.before.steps;
            // The bucket was also refilled while it was emptied for the first time.
            let refilled = if seconds > 1.5 * self.before.seconds { self.before.seconds } else { 0.0 };
            steps / (seconds - refilled)
        };
        let highest = self.stages.iter().map(rate).fold(0.0, f64::max);
        let Measurement { steps, elapsed, .. } = accepted;
        let kept = if steps >= 0.8 * base.min(self.before.steps) { base } else { 0.0 };
        highest.max(steps / elapsed.max(MIN_SEARCH_SECONDS)).max(kept)
    }
}
