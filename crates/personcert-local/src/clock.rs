//! The clock of the local Graph.

use jiff::{SignedDuration, Timestamp};
use personcert::{Error, Result, options};

/// A clock that can be frozen, moved and skewed.
#[derive(Debug, Default)]
pub struct Clock {
    frozen: Option<Timestamp>,
    offset: SignedDuration,
}

options! {
    /// A change of the clock.
    pub struct ClockChange as "ClockOptions", "argument" {
        freeze = "freeze": Option<bool> = None, "True freezes the clock, false returns to real time.";
        now = "now": Option<String> = None, "The time at which to freeze it, such as `2030-01-01T00:00:00Z`. Default: the current time.";
        skew = "skew": Option<f64> = None, "The seconds by which it is ahead of the time.";
        advance = "advance": Option<f64> = None, "The seconds by which to advance it.";
    }
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
    pub fn change(&mut self, change: &ClockChange) -> Result<()> {
        let now = change.now.as_deref().map(point_in_time).transpose()?;
        match (change.freeze, now) {
            (Some(true), now) => {
                *self = Self { frozen: Some(now.unwrap_or_else(|| self.now())), offset: SignedDuration::ZERO };
            }
            (_, Some(_)) => return Err(Error::input("now", "requires `freeze`; set it to true")),
            (Some(false), None) => *self = Self::default(),
            (None, None) => {}
        }
        if let Some(skew) = change.skew {
            self.offset = seconds("skew", skew)?;
        }
        if let Some(advance) = change.advance {
            self.offset = self.offset.saturating_add(seconds("advance", advance)?);
        }
        Ok(())
    }
}

fn point_in_time(text: &str) -> Result<Timestamp> {
    text.parse().map_err(|error| Error::input("now", format!("not a point in time: {error}")))
}

fn seconds(name: &str, count: f64) -> Result<SignedDuration> {
    SignedDuration::try_from_secs_f64(count).map_err(|error| Error::input(name, error.to_string()))
}

/// A time as HTTP writes it.
pub fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
