//! The clock of the local Graph.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// A clock that can be frozen, moved and skewed.
#[derive(Debug, Default)]
pub struct Clock {
    frozen: Option<Timestamp>,
    offset: SignedDuration,
}

/// The arguments of the command `clock`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClockChange {
    freeze: Option<bool>,
    now: Option<Timestamp>,
    skew: Option<f64>,
    advance: Option<f64>,
}

impl Clock {
    /// The current time.
    pub fn now(&self) -> Timestamp {
        let base = self.frozen.unwrap_or_else(Timestamp::now);
        base.saturating_add(self.offset).unwrap_or(base)
    }

    /// The current time with seven fractional digits, as Graph writes it.
    pub fn text(&self) -> String {
        let now = self.now();
        format!("{}.{:07}Z", now.strftime("%Y-%m-%dT%H:%M:%S"), now.subsec_nanosecond() / 100)
    }

    /// Freezes, releases, sets or moves the clock.
    pub fn change(&mut self, change: &ClockChange) -> Result<(), String> {
        match (change.freeze, change.now) {
            (Some(true), now) => {
                *self = Self { frozen: Some(now.unwrap_or_else(|| self.now())), offset: SignedDuration::ZERO };
            }
            (_, Some(_)) => return Err("`now` requires `\"freeze\": true`".into()),
            (Some(false), None) => *self = Self::default(),
            (None, None) => {}
        }
        if let Some(skew) = change.skew {
            self.offset = seconds(skew)?;
        }
        if let Some(advance) = change.advance {
            self.offset = self.offset.saturating_add(seconds(advance)?);
        }
        Ok(())
    }
}

fn seconds(count: f64) -> Result<SignedDuration, String> {
    SignedDuration::try_from_secs_f64(count).map_err(|error| error.to_string())
}

/// A time as HTTP writes it.
pub fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
