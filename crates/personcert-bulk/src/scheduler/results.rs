//! What the responses to a batch mean for the changes in it.

use std::time::Duration;

use personcert::batch::StepResponse;
use personcert::retry::RetryPolicy;
use personcert::{Error, ErrorKind, Outcome, Result};
use tokio::time::Instant;

use super::batch::{Batch, BatchStep, Work};
use super::brakes::likely_cause;
use super::user::{ListRead, UserState};
use super::{SETTLE_DELAY, Scheduler, StopReason, UserWork};
use crate::decide::decide;
use crate::drift::decide_planned;
use crate::item::{Item, ItemOutcome, Operation};
use crate::outcome::{RowError, RowStatus};
use crate::settle::{Settled, settle_item};
use crate::snapshot::Snapshot;

/// The longest wait that is kept. It also keeps sums of instants far from their end.
const MAX_DELAY: Duration = Duration::from_hours(24);

impl Scheduler {
    /// Takes in the responses to a batch, or the error of the batch as a whole.
    pub fn on_batch_result(&mut self, batch: Batch, now: Instant, result: Result<Vec<Result<StepResponse>>>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let owners = batch.owners();
        match result {
            Ok(results) => {
                self.outage.end();
                if Self::limit_was_kept(&results) {
                    self.limit.count_clean();
                }
                for (step, result) in batch.steps.into_iter().zip(results) {
                    self.on_step(step, now, result);
                }
            }
            Err(error) => self.on_batch_error(batch, now, error),
        }
        self.release(owners);
    }

    /// Takes back a batch that was not sent.
    pub fn give_back(&mut self, batch: Batch) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let owners = batch.owners();
        batch.steps.into_iter().for_each(|step| self.return_step(step));
        self.release(owners);
    }

    /// The users of a batch may go on.
    fn release(&mut self, owners: Vec<u64>) {
        for owner in owners {
            // A user with several steps was put back with the first.
            if self.users.get(&owner).is_some_and(|state| state.in_flight)
                && let Some(state) = self.users.remove(&owner)
            {
                self.put_back(owner, state);
            }
        }
    }

    fn limit_was_kept(results: &[Result<StepResponse>]) -> bool {
        results.iter().all(|result| !matches!(result, Err(error) if error.kind == ErrorKind::Throttled))
    }

    /// The batch failed as a whole.
    fn on_batch_error(&mut self, batch: Batch, now: Instant, error: Error) {
        if error.kind == ErrorKind::Auth {
            batch.steps.into_iter().for_each(|step| self.return_step(step));
            self.stop.get_or_insert(StopReason::Credential(error));
            return;
        }
        let is_answered = error.details.status.is_some();
        let delay = self.delay(&error, self.outage.failures + 1).min(MAX_DELAY);
        if is_answered && !RetryPolicy::is_retryable(&error) && batch.len() == 1 {
            // The answer is that of the only step.
            batch.steps.into_iter().for_each(|step| self.on_step(step, now, Err(copy(&error))));
            return;
        }
        if is_answered {
            self.limit.halve();
        }
        let is_lost = error.outcome == Outcome::Unknown;
        for step in batch.steps {
            match step.work {
                Work::Write(mut item) if is_lost => {
                    item.losses += 1;
                    self.doubt(step.owner, now, item, copy(&error));
                }
                _ => self.return_step(step),
            }
        }
        if self.outage.extend(now, delay) {
            self.stop.get_or_insert(StopReason::Unavailable(error));
        }
    }

    fn on_step(&mut self, step: BatchStep, now: Instant, result: Result<StepResponse>) {
        match result {
            Err(error) if error.kind == ErrorKind::Auth => {
                self.return_step(step);
                self.stop.get_or_insert(StopReason::Credential(error));
            }
            result => match step.work {
                Work::Read(_) => self.on_read(step.owner, now, result),
                Work::Write(item) => self.on_write(step.owner, now, item, result),
            },
        }
    }

    /// Undoes a step that was not accepted for reasons of its batch: it does not count as an attempt.
    fn return_step(&mut self, step: BatchStep) {
        let Some(state) = self.users.get_mut(&step.owner) else { return };
        if let Work::Write(mut item) = step.work {
            item.attempts -= 1;
            state.queue.push_front(item);
        }
    }

    fn on_write(&mut self, owner: u64, now: Instant, item: Item, result: Result<StepResponse>) {
        let status = item.operation.verb().status();
        let error = match result {
            Ok(StepResponse::Certification(certification)) => {
                self.refused_writes.succeeded();
                return self.end(item.end(status, certification.id, None));
            }
            Ok(StepResponse::NoContent) if item.id().is_some() => {
                self.refused_writes.succeeded();
                return self.end(item.end(status, None, None));
            }
            Ok(_) => Error::new(ErrorKind::Protocol, Outcome::Unknown, "the response is not that of the change"),
            Err(error) => error,
        };
        let is_gone = matches!(item.operation, Operation::Delete(_)) && error.kind == ErrorKind::NotFound;
        if error.outcome == Outcome::Unknown || is_gone {
            if error.details.status == Some(500) && item.attempts == 1 {
                self.refused_write(&error, item.rows.len().max(1));
            }
            return self.doubt(owner, now, item, error);
        }
        let is_retryable = RetryPolicy::is_retryable(&error);
        if is_retryable && item.attempts < self.options.row_attempts {
            let delay = self.delay(&error, item.attempts).min(MAX_DELAY);
            if let Some(state) = self.users.get_mut(&owner) {
                state.queue.push_front(item);
                state.ready_at = state.ready_at.max(now + delay);
            }
            return;
        }
        if !is_retryable {
            self.refused_write(&error, item.rows.len().max(1));
        }
        self.end(item.end(RowStatus::Failed, None, Some(RowError::new(&error, is_retryable))));
    }

    /// A change may have been applied: the user's certifications are read before anything else is sent to it.
    fn doubt(&mut self, owner: u64, now: Instant, mut item: Item, error: Error) {
        let delay = (SETTLE_DELAY * 2_u32.saturating_pow(item.attempts.saturating_sub(1)))
            .max(self.delay(&error, item.attempts))
            .min(RetryPolicy::MAX_DELAY);
        item.doubt = Some(error);
        if let Some(state) = self.users.get_mut(&owner) {
            state.doubtful.push(item);
            state.ready_at = state.ready_at.max(now + delay);
        }
    }

    fn on_read(&mut self, owner: u64, now: Instant, result: Result<StepResponse>) {
        let Some(state) = self.users.get_mut(&owner) else { return };
        let Some(read) = &mut state.read else { return };
        let error = match result {
            Ok(StepResponse::Page { certifications, next }) => {
                let is_last = next.is_none();
                if read.add(certifications, next) {
                    state.ready_at = now;
                    if is_last {
                        self.on_list(owner);
                    }
                    return;
                }
                Error::new(ErrorKind::Protocol, Outcome::Refused, "pagination loop: a next link was repeated")
            }
            Ok(_) => Error::new(ErrorKind::Protocol, Outcome::Unknown, "the response is not a list"),
            Err(error) => error,
        };
        read.attempts += 1;
        let attempts = read.attempts;
        let is_retryable = RetryPolicy::is_retryable(&error) || error.outcome == Outcome::Unknown;
        if (error.details.status == Some(500) && attempts == 1) || !is_retryable {
            let rows = self.waiting_rows(owner);
            if self.refused_reads.refused(&error, rows) {
                self.stop_repeated(&error);
            }
        }
        if is_retryable && attempts < self.options.row_attempts {
            let ready_at = now + self.delay(&error, attempts).min(MAX_DELAY);
            if let Some(state) = self.users.get_mut(&owner) {
                state.ready_at = ready_at;
            }
            return;
        }
        self.fail_read(owner, &error, is_retryable);
    }

    /// How many rows wait for a user's read.
    fn waiting_rows(&self, owner: u64) -> usize {
        match self.users.get(&owner).and_then(|state| state.work.as_ref()) {
            Some(UserWork::Rows(rows)) => rows.len(),
            Some(UserWork::Planned(items)) => items.iter().map(|item| item.rows.len()).sum(),
            None => 0,
        }
    }

    /// The user's certifications can't be read.
    fn fail_read(&mut self, owner: u64, error: &Error, is_retryable: bool) {
        let Some(state) = self.users.get_mut(&owner) else { return };
        state.read = None;
        let row_error = RowError::new(error, is_retryable);
        let doubtful = std::mem::take(&mut state.doubtful);
        let rows: Vec<Vec<u64>> = match state.work.take() {
            Some(UserWork::Rows(rows)) => rows.into_iter().map(|row| vec![row.number]).collect(),
            Some(UserWork::Planned(items)) => items.into_iter().map(|item| item.rows).collect(),
            None => Vec::new(),
        };
        for rows in rows {
            let may_be_sent = rows.iter().any(|row| self.doubts.contains_key(row));
            let status = if may_be_sent { RowStatus::Unknown } else { RowStatus::Failed };
            self.end(ItemOutcome::unsent(rows, status, None, Some(row_error.clone())));
        }
        for item in doubtful {
            let why = item.doubt.as_ref().map_or_else(|| row_error.clone(), |error| RowError::new(error, true));
            self.end(item.end(RowStatus::Unknown, None, Some(why)));
        }
    }

    /// All certifications of a user were read.
    fn on_list(&mut self, owner: u64) {
        let Some(mut state) = self.users.remove(&owner) else { return };
        let certifications = state.read.take().map(|read: ListRead| read.certifications).unwrap_or_default();
        let mut snapshot = Snapshot::new(certifications, &self.options.rules.key);
        match state.work.take() {
            Some(UserWork::Rows(rows)) => {
                let decisions = decide(&state.user, rows, snapshot, &self.options.rules, &self.doubts);
                self.accept(&mut state, decisions);
            }
            Some(UserWork::Planned(items)) => {
                let decisions = decide_planned(
                    &state.user,
                    items,
                    &mut snapshot,
                    (&self.options.rules, self.options.on_drift),
                    &self.doubts,
                );
                self.accept(&mut state, decisions);
            }
            None => self.settle(&mut state, &snapshot),
        }
        self.refused_reads.succeeded();
        self.users.insert(owner, state);
    }

    /// Decides about the changes in doubt, by what is stored now.
    fn settle(&mut self, state: &mut UserState, snapshot: &Snapshot) {
        for item in std::mem::take(&mut state.doubtful).into_iter().rev() {
            match settle_item(item, &state.user, snapshot, &self.options.rules, self.options.row_attempts) {
                Settled::Again(item) => state.queue.push_front(item),
                Settled::Ended(outcome) => self.end(outcome),
            }
        }
    }

    pub(super) fn end(&mut self, outcome: ItemOutcome) {
        if outcome.status == RowStatus::Failed {
            self.failed += u64::try_from(outcome.rows.len()).unwrap_or(u64::MAX);
            if self.options.max_errors.is_some_and(|max| self.failed > max) {
                self.stop.get_or_insert(StopReason::MaxErrors(self.failed));
            }
        }
        self.outcomes.push(outcome);
    }

    fn refused_write(&mut self, error: &Error, rows: usize) {
        if self.refused_writes.refused(error, rows) {
            self.stop_repeated(error);
        }
    }

    fn stop_repeated(&mut self, error: &Error) {
        self.stop.get_or_insert_with(|| StopReason::Repeated(copy(error), likely_cause(error)));
    }
}

/// A copy of an error for another step of the same batch, without its cause.
fn copy(error: &Error) -> Error {
    let mut copy = Error::new(error.kind, error.outcome, error.message.clone());
    copy.details.clone_from(&error.details);
    copy
}
