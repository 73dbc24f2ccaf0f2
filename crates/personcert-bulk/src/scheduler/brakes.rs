//! What slows a run down or stops it: a service that refuses batches, a lost network, the same refusal again and again.

use std::time::Duration;

use personcert::batch::MAX_STEPS;
use personcert::{Error, ErrorKind};
use tokio::time::Instant;

/// After this many batches without trouble the size grows by one step.
const CLEAN_BATCHES: u32 = 50;
/// This many equal refusals without a success between them stop the run.
const MAX_EQUAL_REFUSALS: usize = 20;
/// How long the service may be out of reach before the run stops.
const MAX_OUTAGE: Duration = Duration::from_mins(10);

/// How many steps a batch may have: halved when the service refuses a whole batch, raised again slowly.
#[derive(Debug)]
pub(super) struct BatchLimit {
    size: usize,
    clean: u32,
}

impl BatchLimit {
    pub(super) const fn new() -> Self {
        Self { size: MAX_STEPS, clean: 0 }
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }

    pub(super) fn halve(&mut self) {
        self.size = (self.size / 2).max(1);
        self.clean = 0;
    }

    pub(super) const fn count_clean(&mut self) {
        self.clean += 1;
        if self.clean >= CLEAN_BATCHES && self.size < MAX_STEPS {
            self.size += 1;
            self.clean = 0;
        }
    }
}

/// A time in which no batch reached the service.
#[derive(Debug, Default)]
pub(super) struct Outage {
    since: Option<Instant>,
    /// The batches that failed since then.
    pub(super) failures: u32,
    /// Nothing is sent before.
    pub(super) until: Option<Instant>,
}

impl Outage {
    /// A batch failed as a whole; the next one is sent after `delay`. True when the outage has lasted too long.
    pub(super) fn extend(&mut self, now: Instant, delay: Duration) -> bool {
        let since = *self.since.get_or_insert(now);
        self.failures = self.failures.saturating_add(1);
        self.until = self.until.max(Some(now + delay));
        now.saturating_duration_since(since) > MAX_OUTAGE
    }

    pub(super) fn end(&mut self) {
        *self = Self::default();
    }
}

/// Counts equal refusals.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    last: Option<(ErrorKind, Option<u16>, Option<String>)>,
    rows: usize,
}

impl Breaker {
    /// A refusal ended `rows` rows, or left them in doubt. True when it is one too many.
    pub(super) fn refused(&mut self, error: &Error, rows: usize) -> bool {
        let refusal = Some((error.kind, error.details.status, error.details.code.clone()));
        if self.last != refusal {
            (self.last, self.rows) = (refusal, 0);
        }
        self.rows += rows;
        self.rows >= MAX_EQUAL_REFUSALS
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

/// Why equal refusals are likely.
pub(super) fn likely_cause(error: &Error) -> &'static str {
    match (error.kind, error.details.status) {
        (ErrorKind::Permission, _) => "the token lacks permission; see `personcert doctor`",
        // Permission failures can come as 500 here.
        (_, Some(500)) => {
            "the service fails in the same way for every row, as it does where permission is missing; \
                           see `personcert doctor`"
        }
        (ErrorKind::NotFound, _) => "check the column of the user and that of the id",
        (ErrorKind::InvalidInput, _) => "check the columns and the values",
        _ => "see the message of the service",
    }
}
