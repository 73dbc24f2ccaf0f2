//! The measurements behind the progress of a job. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The time over which rates are measured.
const WINDOW: Duration = Duration::from_secs(20);
/// How often the rates are measured.
const SAMPLE: Duration = Duration::from_millis(500);

/// Counts at a time.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    rows: u64,
    steps: u64,
    refused: u64,
}

/// Measures rates over a sliding window.
#[derive(Debug)]
pub struct Meter {
    now: Sample,
    samples: VecDeque<Sample>,
}

impl Meter {
    /// A meter that starts now.
    pub fn new(at: Instant) -> Self {
        let now = Sample { at, rows: 0, steps: 0, refused: 0 };
        Self { now, samples: VecDeque::from([now]) }
    }

    /// Rows were done.
    pub const fn add_rows(&mut self, rows: u64) {
        self.now.rows += rows;
    }

    /// Steps were answered, some of them with a refusal for pace.
    pub const fn add_steps(&mut self, steps: u64, refused: u64) {
        self.now.steps += steps;
        self.now.refused += refused;
    }

    /// The rows a second and the refused part of the steps, over the window.
    #[expect(clippy::cast_precision_loss, reason = "rates for display")]
    pub fn rates(&mut self, at: Instant) -> (f64, f64) {
        self.now.at = at;
        if self.samples.back().is_none_or(|last| at.saturating_duration_since(last.at) >= SAMPLE) {
            self.samples.push_back(self.now);
        }
        while self.samples.len() > 1
            && self.samples.front().is_some_and(|first| at.saturating_duration_since(first.at) > WINDOW)
        {
            self.samples.pop_front();
        }
        let Some(first) = self.samples.front() else { return (0.0, 0.0) };
        let seconds = at.saturating_duration_since(first.at).as_secs_f64();
        let rate = if seconds > 0.0 { (self.now.rows - first.rows) as f64 / seconds } else { 0.0 };
        let steps = self.now.steps - first.steps;
        let refused = if steps > 0 { (self.now.refused - first.refused) as f64 / steps as f64 } else { 0.0 };
        (rate, refused)
    }
}
