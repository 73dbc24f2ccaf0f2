//! Limits on the rate and concurrency of requests, as the service has them.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use personcert::{options, string_enum, string_option};

use crate::clock::http_date;
use crate::response::ErrorResponse;

/// The longest wait that a response asks for, in seconds.
const MAX_WAIT_SECONDS: f64 = 3600.0;
/// Tolerance for rounding, so that a request after exactly the requested wait is served.
const TOLERANCE: f64 = 1e-6;

options! {
    /// The limits beyond which requests get 429. A limit that is left out does not apply.
    pub struct Limits as "Limits", "limit" {
        app = "app": Option<Rate> = None, "The rate of each application.";
        tenant = "tenant": Option<Rate> = None, "The rate of all requests.";
        user = "user": Option<Rate> = None, "The rate for each user.";
        mailbox = "mailbox": Option<usize> = None, "The number of requests in flight for one user.";
        retry_after = "retryAfter": RetryAfterForm = RetryAfterForm::Integer, "How `Retry-After` is written: `integer` (default), `decimal`, `date`, `absent`, `garbage`. It is rounded up, so it is never early.";
    }
}

options! {
    /// A rate of requests.
    pub struct Rate as "Rate", "member" {
        required { rate = "rate": f64, in 0.0..=f64::INFINITY, "The requests per second."; }
        optional { burst = "burst": Option<f64> = None, in 0.0..=f64::INFINITY, "The number of requests that may come at once. Default: those of one second, and at least 1."; }
    }
}

impl Rate {
    fn burst(&self) -> f64 {
        self.burst.unwrap_or(self.rate.max(1.0))
    }
}

string_enum! {
    /// How `Retry-After` is written. Some servers omit it or write something else.
    RetryAfterForm {
        Integer = "integer", "Whole seconds.";
        Decimal = "decimal", "Seconds with one decimal.";
        Date = "date", "An HTTP date.";
        Absent = "absent", "No header.";
        Garbage = "garbage", "Text that is none of these.";
    }
}
string_option!(RetryAfterForm, "form of Retry-After");

#[derive(Debug)]
struct Bucket {
    level: f64,
    at: Timestamp,
}

/// The limits and their current use.
#[derive(Debug, Default)]
pub struct Throttle {
    limits: Limits,
    buckets: HashMap<String, Bucket>,
    mailboxes: HashMap<String, Arc<()>>,
}

/// Permission to be served. Until it is dropped it counts as a request in flight for its mailbox.
#[derive(Debug, Default)]
pub struct Permit(
    #[expect(dead_code, reason = "its reference count is the number of requests in flight")] Option<Arc<()>>,
);

impl Throttle {
    /// Full buckets for these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Admits a request or refuses it.
    pub fn acquire(&mut self, app: &str, user: Option<&str>, now: Timestamp) -> Result<Permit, ErrorResponse> {
        let per_user = self.limits.user.as_ref().filter(|_| user.is_some());
        let limits = [
            (self.limits.app.as_ref(), "app", app),
            (self.limits.tenant.as_ref(), "tenant", ""),
            (per_user, "user", user.unwrap_or_default()),
        ];
        let mut charged = Vec::new();
        for (limit, scope, name) in limits {
            let Some(limit) = limit else { continue };
            let key = format!("{scope} {name}");
            let bucket = self.buckets.entry(key.clone()).or_insert(Bucket { level: limit.burst(), at: now });
            let passed = now.duration_since(bucket.at).as_secs_f64().max(0.0);
            *bucket = Bucket { level: (bucket.level + passed * limit.rate).min(limit.burst()), at: now };
            if bucket.level + TOLERANCE < 1.0 {
                let wait = ((1.0 - bucket.level) / limit.rate).min(MAX_WAIT_SECONDS);
                return Err(self.refuse("Too many requests.", wait, now));
            }
            charged.push(key);
        }
        let mut permit = Permit(None);
        if let (Some(limit), Some(user)) = (self.limits.mailbox, user) {
            let mailbox = self.mailboxes.entry(user.to_owned()).or_default();
            if Arc::strong_count(mailbox) > limit {
                return Err(self.refuse("Application is over its MailboxConcurrency limit.", 1.0, now));
            }
            permit = Permit(Some(Arc::clone(mailbox)));
        }
        for key in charged {
            self.buckets.entry(key).and_modify(|bucket| bucket.level -= 1.0);
        }
        Ok(permit)
    }

    /// The refusal, whose `Retry-After` is rounded up so that it is never early.
    fn refuse(&self, message: &str, wait: f64, now: Timestamp) -> ErrorResponse {
        let retry_after = match self.limits.retry_after {
            RetryAfterForm::Integer => Some(format!("{}", wait.ceil().max(1.0))),
            RetryAfterForm::Decimal => Some(format!("{:.1}", (wait * 10.0 - TOLERANCE).ceil().max(1.0) / 10.0)),
            RetryAfterForm::Date => Some(http_date(next_second(now, wait))),
            RetryAfterForm::Absent => None,
            RetryAfterForm::Garbage => Some("in a little while".into()),
        };
        ErrorResponse::new(429, "TooManyRequests", message).with_retry_after(retry_after)
    }
}

/// The first whole second after a wait.
fn next_second(now: Timestamp, wait: f64) -> Timestamp {
    let end = now.saturating_add(SignedDuration::from_secs_f64(wait)).unwrap_or(now);
    end.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil)).unwrap_or(end)
}
