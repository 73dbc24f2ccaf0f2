//! Limits on how much may be asked for, as the service has them.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde::Deserialize;

use crate::clock::http_date;
use crate::reply::Refusal;

/// The longest wait that is ever advised, in seconds.
const LONGEST: f64 = 3600.0;
/// What sums of fractions may lack, so that the request after exactly the advised wait is served.
const ROUNDING: f64 = 1e-6;

/// What may be asked for; what is left out is unlimited.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Limits {
    app: Option<Limit>,
    tenant: Option<Limit>,
    user: Option<Limit>,
    mailbox: Option<usize>,
    retry_after: Form,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    rate: f64,
    burst: Option<f64>,
}

impl Limit {
    /// How many requests may come at once: one second's worth when nothing is said.
    fn burst(self) -> f64 {
        self.burst.unwrap_or(self.rate.max(1.0))
    }
}

/// How `Retry-After` is written; the last two are what careless servers do.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    #[default]
    Integer,
    Decimal,
    Date,
    Absent,
    Garbage,
}

#[derive(Debug)]
struct Bucket {
    level: f64,
    at: Timestamp,
}

/// The limits and how far they are used.
#[derive(Debug, Default)]
pub struct Throttle {
    limits: Limits,
    buckets: HashMap<String, Bucket>,
    mailboxes: HashMap<String, Arc<()>>,
}

/// The right to be served; as long as it lives, it takes one of the mailbox's places.
#[derive(Debug, Default)]
pub struct Ticket(#[expect(dead_code, reason = "its being there is what counts")] Option<Arc<()>>);

impl Throttle {
    /// Full buckets for these limits.
    pub fn new(limits: Limits) -> Result<Self, String> {
        for limit in [limits.app, limits.tenant, limits.user].into_iter().flatten() {
            if !(limit.rate.is_finite() && limit.rate >= 0.0 && limit.burst().is_finite() && limit.burst() >= 0.0) {
                return Err("`rate` and `burst` are numbers from 0".into());
            }
        }
        Ok(Self { limits, ..Self::default() })
    }

    /// Lets a request in, or refuses it.
    pub fn admit(&mut self, app: &str, user: Option<&str>, now: Timestamp) -> Result<Ticket, Refusal> {
        let per_user = self.limits.user.filter(|_| user.is_some());
        let limits = [
            (self.limits.app, "app", app),
            (self.limits.tenant, "tenant", ""),
            (per_user, "user", user.unwrap_or_default()),
        ];
        let mut taken = Vec::new();
        for (limit, scope, name) in limits {
            let Some(limit) = limit else { continue };
            let key = format!("{scope} {name}");
            let bucket = self.buckets.entry(key.clone()).or_insert(Bucket { level: limit.burst(), at: now });
            let passed = now.duration_since(bucket.at).as_secs_f64().max(0.0);
            *bucket = Bucket { level: (bucket.level + passed * limit.rate).min(limit.burst()), at: now };
            if bucket.level + ROUNDING < 1.0 {
                let wait = ((1.0 - bucket.level) / limit.rate).min(LONGEST);
                return Err(self.refuse("Too many requests.", wait, now));
            }
            taken.push(key);
        }
        let mut ticket = Ticket(None);
        if let (Some(places), Some(user)) = (self.limits.mailbox, user) {
            let mailbox = self.mailboxes.entry(user.to_owned()).or_default();
            if Arc::strong_count(mailbox) > places {
                return Err(self.refuse("Application is over its MailboxConcurrency limit.", 1.0, now));
            }
            ticket = Ticket(Some(Arc::clone(mailbox)));
        }
        for key in taken {
            self.buckets.entry(key).and_modify(|bucket| bucket.level -= 1.0);
        }
        Ok(ticket)
    }

    fn refuse(&self, message: &str, wait: f64, now: Timestamp) -> Refusal {
        let whole = wait.ceil().max(1.0);
        // Dates have no fractions of a second, so the next whole one counts.
        let when = || {
            let end = now.saturating_add(SignedDuration::from_secs_f64(wait)).unwrap_or(now);
            end.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil)).unwrap_or(end)
        };
        let retry_after = match self.limits.retry_after {
            Form::Integer => Some(format!("{whole}")),
            Form::Decimal => Some(format!("{:.1}", (wait * 10.0 - ROUNDING).ceil().max(1.0) / 10.0)),
            Form::Date => Some(http_date(when())),
            Form::Absent => None,
            Form::Garbage => Some("in a little while".into()),
        };
        Refusal::new(429, "TooManyRequests", message).retry_after(retry_after)
    }
}
