//! Conversions between times, counts and numbers.

use std::time::Duration;

use tokio::time::Instant;

/// The longest wait that is kept. It also keeps sums of instants far from their end.
pub(super) const MAX_HOLD: Duration = Duration::from_hours(24);

pub(super) fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(MAX_HOLD).min(MAX_HOLD)
}

pub(super) fn seconds_since(then: Instant, now: Instant) -> f64 {
    now.saturating_duration_since(then).as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "counts of steps are far below 2^52")]
pub(super) const fn to_f64(count: u64) -> f64 {
    count as f64
}
