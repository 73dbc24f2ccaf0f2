//! How long the service asks to wait.
//!
//! Source: RFC 9110, 10.2.3; Graph's "Microsoft Graph throttling guidance". Decimals are outside both, and have been seen in
//! the steps of batches.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// The wait that `Retry-After` headers ask for, in seconds: a number, with decimals as the service sends them inside
/// batches, or a date. A date is compared with the service's own clock (`Date`) when it gave one, so that a wrong local clock
/// does no harm. The longest of several counts. Values that can't be read are ignored; the past is zero.
pub(crate) fn retry_after<'a>(
    values: impl Iterator<Item = &'a str>,
    date: Option<&str>,
    now: Timestamp,
) -> Option<f64> {
    let moment = |text: &str| DateTimeParser::new().parse_timestamp(text.trim()).ok();
    let seconds = |text: &str| match text.trim().parse::<f64>() {
        Ok(seconds) => Some(seconds).filter(|seconds| seconds.is_finite() && *seconds >= 0.0),
        Err(_) => {
            let then = moment(text)?;
            let now = date.and_then(moment).unwrap_or(now);
            Some(then.duration_since(now).as_secs_f64().max(0.0))
        }
    };
    values.filter_map(seconds).max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<f64> {
        let now = "2030-01-01T00:00:00Z".parse().expect("a moment");
        retry_after([value].into_iter(), Some("Tue, 01 Jan 2030 01:00:00 GMT"), now)
    }

    #[test]
    fn numbers_decimals_and_dates_are_read() {
        assert_eq!(read("1"), Some(1.0));
        assert_eq!(read(" 0.249 "), Some(0.249));
        assert_eq!(read("99999999"), Some(99_999_999.0));
        for garbage in ["-1", "soon", "", "NaN", "inf", "1e999", "Tue, 99 Jan 2030"] {
            assert_eq!(read(garbage), None, "{garbage:?}");
        }
        // From the service's own clock, an hour ahead of the local one.
        assert_eq!(read("Tue, 01 Jan 2030 01:00:05 GMT"), Some(5.0));
        assert_eq!(read("Tue, 01 Jan 2030 00:59:00 GMT"), Some(0.0));
        assert_eq!(retry_after(["1", "soon", "3"].into_iter(), None, Timestamp::UNIX_EPOCH), Some(3.0));
        let without_date = retry_after(["Thu, 01 Jan 1970 00:00:07 GMT"].into_iter(), None, Timestamp::UNIX_EPOCH);
        assert_eq!(without_date, Some(7.0));
    }
}
