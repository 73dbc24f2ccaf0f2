//! Calendar dates without time or zone (`Edm.Date`).
//!
//! Graph refuses a date that carries a time, and clients that send one are a known source of errors. The type therefore can't
//! hold a time, and text is read only in the form `YYYY-MM-DD`.
//! Source: OData 4.01 "Common Schema Definition Language", `Edm.Date`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::{Error, Result};

/// A real calendar date of the years 1 to 9999, written `YYYY-MM-DD`.
///
/// ```
/// let date: personcert::Date = "2028-02-29".parse().unwrap();
/// assert_eq!(date.to_string(), "2028-02-29");
/// assert!("2030-02-30".parse::<personcert::Date>().is_err());
/// assert!("2030-02-03T00:00:00Z".parse::<personcert::Date>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(jiff::civil::Date);

impl Date {
    /// The date of a year (1 to 9999), a month (1 to 12) and a day of the month; none if the calendar lacks that day.
    ///
    /// ```
    /// use personcert::Date;
    ///
    /// assert_eq!(Date::new(2028, 2, 29).map(|date| date.to_string()).as_deref(), Some("2028-02-29"));
    /// assert_eq!(Date::new(2030, 2, 29), None);
    /// ```
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        if !(1..=9999).contains(&year) {
            return None;
        }
        jiff::civil::Date::new(year, month, day).ok().map(Self)
    }

    /// Year, month and day of the month, each counted from 1.
    pub fn parts(self) -> (i16, i8, i8) {
        (self.0.year(), self.0.month(), self.0.day())
    }
}

impl FromStr for Date {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let shaped = text.len() == 10
            && text.bytes().enumerate().all(
                |(at, byte)| {
                    if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() }
                },
            );
        if !shaped {
            let shown: String = text.chars().take(40).collect();
            let time = if text.contains([':', 'T']) { "; a date has no time and no zone" } else { "" };
            return Err(Error::value(format!("{shown:?} is not a date as YYYY-MM-DD{time}")));
        }
        let part = |from, to| text[from..to].parse::<i16>().ok();
        let narrow = |part: Option<i16>| part.and_then(|part| i8::try_from(part).ok());
        part(0, 4)
            .zip(narrow(part(5, 7)))
            .zip(narrow(part(8, 10)))
            .and_then(|((year, month), day)| Self::new(year, month, day))
            .ok_or_else(|| {
                Error::value(format!("{text:?} is not a day of the calendar; give an existing date as YYYY-MM-DD"))
            })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
