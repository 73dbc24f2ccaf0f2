//! The simulated service.

const PHASE_SECONDS: f64 = 120.0;

#[derive(Clone, Copy)]
pub enum Limit {
    Constant(f64),
    /// 20, 100, 5, 20 and 100 rows a second, two minutes each.
    Steps,
}

#[derive(Clone, Copy)]
pub enum Counting {
    /// A bucket that holds what is allowed in this number of seconds.
    Bucket(f64),
    /// Windows of ten seconds.
    Windows,
}

#[derive(Clone, Copy)]
pub enum RetryAfter {
    Exact,
    WholeSeconds,
    Absent,
    TenSeconds,
}

#[derive(Clone, Copy)]
pub struct Service {
    pub limit: Limit,
    pub counting: Counting,
    pub retry_after: RetryAfter,
    /// The rows a second that one busy mailbox allows, whatever the service as a whole does.
    pub busy: Option<f64>,
}

impl Service {
    pub const fn new(limit: Limit, counting: Counting, retry_after: RetryAfter) -> Self {
        Self { limit, counting, retry_after, busy: None }
    }

    pub fn limit_at(&self, time: f64) -> f64 {
        match self.limit {
            Limit::Constant(limit) => limit,
            Limit::Steps => match time / PHASE_SECONDS {
                ..1.0 => 20.0,
                ..2.0 => 100.0,
                ..3.0 => 5.0,
                ..4.0 => 20.0,
                _ => 100.0,
            },
        }
    }

    /// Whether the limiter has had the time to find the limit: 30 s after a step up, 10 s after a step down.
    pub fn is_settled(&self, time: f64) -> bool {
        let is_down = (2.0..3.0).contains(&(time / PHASE_SECONDS));
        match self.limit {
            Limit::Constant(_) => true,
            Limit::Steps => time % PHASE_SECONDS >= if is_down { 10.0 } else { 30.0 },
        }
    }
}

/// What remains in a bucket or window.
#[derive(Default)]
pub struct Level {
    steps: f64,
    at: Option<f64>,
}

impl Level {
    /// Takes a step, or gives the exact wait for it.
    pub fn take(&mut self, counting: Counting, limit: f64, time: f64) -> Result<(), f64> {
        let wait = match counting {
            Counting::Bucket(seconds) => {
                let full = limit * seconds;
                self.steps = self.at.map_or(full, |at| (self.steps + (time - at).max(0.0) * limit).min(full));
                (1.0 - self.steps) / limit
            }
            Counting::Windows => {
                if self.at.is_none_or(|at| (at / 10.0).floor() < (time / 10.0).floor()) {
                    self.steps = limit * 10.0;
                }
                (time / 10.0).floor().mul_add(10.0, 10.0) - time
            }
        };
        self.at = Some(self.at.unwrap_or(time).max(time));
        if self.steps < 1.0 {
            return Err(wait);
        }
        self.steps -= 1.0;
        Ok(())
    }
}
