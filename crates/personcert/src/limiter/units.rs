//! Conversions between times, counts and numbers.

use std::time::Duration;

use tokio::time::Instant;

/// The longest wait that is kept. It also keeps sums of instants far from their end.
pub(super) const MAX_HOLD: Duration = Duration::from_hours(24);

/// A duration of this many seconds, at most [`MAX_HOLD`]. A value that is not a duration, such as infinity, becomes the longest.
pub(super) fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(MAX_HOLD).min(MAX_HOLD)
}

/// The seconds from `then` to `now`; 0 when `then` is later.
pub(super) fn seconds_since(then: Instant, now: Instant) -> f64 {
    now.saturating_duration_since(then).as_secs_f64()
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts of steps are far below 2^52")]
pub(super) const fn to_f64(count: u64) -> f64 {
    count as f64
}
