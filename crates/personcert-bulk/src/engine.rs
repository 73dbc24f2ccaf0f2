//! The driver of a run: work goes from the feed to the scheduler, batches to the client, outcomes to the journal and to
//! the caller. It decides nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use personcert::batch::StepResponse;
use personcert::limiter::BatchPermit;
use personcert::{Client, Error, ErrorKind, ListQuery, Outcome, Result, User};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::control::{Commands, Control};
use crate::feed::{Feed, Work};
use crate::item::{ItemOutcome, Operation};
use crate::journal::{Change, Journal};
use crate::meter::Meter;
use crate::outcome::{Counts, RowOutcome};
use crate::plan::PlanWriter;
use crate::scheduler::{Action, Batch, Scheduler};

/// The longest that a batch waits for the limiter. It keeps sums of instants far from their end.
const MAX_WAIT: Duration = Duration::from_hours(24);
/// The time between two looks at a run that waits for nothing else.
const IDLE: Duration = Duration::from_secs(1);

/// How a run ended.
#[derive(Debug)]
pub(crate) enum RunEnd {
    /// Everything was done.
    Complete,
    /// The caller cancelled it.
    Cancelled,
    /// The scheduler stopped it, for the reason that it keeps.
    Stopped,
    /// The journal can't be written.
    JournalFailed(Error),
}

/// The files of a run.
pub(crate) struct Files {
    pub(crate) journal: Journal,
    /// The certifications before their changes.
    pub(crate) before: Journal,
}

/// What receives the outcomes of a run.
pub(crate) type OutcomeSender = mpsc::Sender<Vec<RowOutcome>>;

type Permit = Result<BatchPermit>;
type Reply = (Batch, Result<Vec<Result<StepResponse>>>);

/// A run.
pub(crate) struct Engine<'a> {
    pub(crate) client: Client,
    pub(crate) scheduler: Scheduler,
    pub(crate) feed: &'a mut dyn Feed,
    pub(crate) files: Option<Files>,
    pub(crate) control: Control,
    pub(crate) outcomes: Option<OutcomeSender>,
    /// The plan that is made, instead of changes.
    pub(crate) plan: Option<PlanWriter>,
    pub(crate) counts: Counts,
    pub(crate) max_in_flight: usize,
    pub(crate) meter: Meter,
}

/// A batch that waits for the limiter.
struct Waiting {
    batch: Batch,
    permit: Pin<Box<dyn Future<Output = Permit> + Send>>,
}

/// What happened.
enum Event {
    Reply(Reply),
    Permit(Permit),
    Commands,
    Time,
}

impl Engine<'_> {
    /// Runs until everything is done, or something stops the run.
    pub(crate) async fn run(&mut self) -> Result<RunEnd> {
        let mut commands = self.control.subscribe();
        let mut tasks: JoinSet<Reply> = JoinSet::new();
        let mut waiting: Option<Waiting> = None;
        let mut failure: Option<Error> = None;
        loop {
            let state = *commands.borrow_and_update();
            if let Some(rate) = state.max_rate {
                self.client.limiter().set_max_rate(Some(rate));
            }
            if let Err(error) = self.deliver(&mut commands).await {
                failure.get_or_insert(error);
            }
            if state.is_aborted {
                return Ok(RunEnd::Cancelled);
            }
            let is_ending = state.is_cancelled || failure.is_some() || self.scheduler.stop_reason().is_some();
            if is_ending && let Some(Waiting { batch, .. }) = waiting.take() {
                self.scheduler.give_back(batch);
            }
            if is_ending && tasks.is_empty() {
                return Ok(self.end(failure));
            }
            let mut wake_at = Instant::now() + IDLE;
            let may_send = !is_ending && !state.is_paused && waiting.is_none() && tasks.len() < self.max_in_flight;
            if may_send {
                match self.scheduler.next(Instant::now(), self.client.limiter()) {
                    Action::Send(batch) => waiting = Some(self.wait_for_permit(batch)),
                    Action::NeedUsers => {
                        self.feed_one()?;
                        continue;
                    }
                    Action::WaitUntil(at) => wake_at = at,
                    Action::WaitForResponse => {}
                    Action::Done => return Ok(self.end(failure)),
                    Action::Stop => continue,
                }
            }
            match self.next_event(&mut tasks, waiting.as_mut(), &mut commands, wake_at).await? {
                Event::Reply((batch, result)) => self.on_reply(batch, result),
                Event::Permit(permit) => {
                    if let Some(Waiting { batch, .. }) = waiting.take()
                        && let Err(error) = self.send(&mut tasks, batch, permit)
                    {
                        failure.get_or_insert(error);
                    }
                }
                Event::Commands | Event::Time => {}
            }
        }
    }

    async fn next_event(
        &mut self,
        tasks: &mut JoinSet<Reply>,
        waiting: Option<&mut Waiting>,
        commands: &mut watch::Receiver<Commands>,
        wake_at: Instant,
    ) -> Result<Event> {
        let sync_at = self.files.as_ref().and_then(|files| files.journal.sync_at());
        let wake_at = sync_at.map_or(wake_at, |at| at.min(wake_at));
        let permit = async {
            match waiting {
                Some(waiting) => waiting.permit.as_mut().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = commands.changed() => Ok(Event::Commands),
            Some(reply) = tasks.join_next() => match reply {
                Ok(reply) => Ok(Event::Reply(reply)),
                Err(error) => {
                    let why = format!("a task of the job ended unexpectedly: {error}; resume the job");
                    Err(Error::new(ErrorKind::Service, Outcome::Unknown, why))
                }
            },
            permit = permit => Ok(Event::Permit(permit)),
            () = sleep_until(wake_at) => Ok(Event::Time),
        }
    }

    fn feed_one(&mut self) -> Result<()> {
        match self.feed.next()? {
            Some(Work::User(user, work)) => self.scheduler.add(Instant::now(), user, work),
            Some(Work::Ended(outcomes)) => self.scheduler.add_ended(outcomes),
            None => self.scheduler.end_of_users(),
        }
        Ok(())
    }

    fn wait_for_permit(&self, batch: Batch) -> Waiting {
        let (client, users) = (self.client.clone(), batch.user_handles());
        let permit = Box::pin(async move {
            let users: Vec<_> = users.iter().map(|user: &Arc<User>| &**user).collect();
            client.batch_permit(&users, Instant::now() + MAX_WAIT).await
        });
        Waiting { batch, permit }
    }

    /// Records the changes of a batch and sends it.
    fn send(&mut self, tasks: &mut JoinSet<Reply>, batch: Batch, permit: Permit) -> Result<()> {
        let permit = match permit {
            Ok(permit) => permit,
            Err(error) => {
                self.scheduler.on_batch_result(batch, Instant::now(), Err(error));
                return Ok(());
            }
        };
        if let Err(error) = self.record_intents(&batch) {
            self.scheduler.give_back(batch);
            return Err(error);
        }
        let client = self.client.clone();
        tasks.spawn(async move {
            let query = ListQuery::default();
            let result = client.batch_permitted(permit, &batch.steps(&query)).await;
            (batch, result)
        });
        Ok(())
    }

    fn record_intents(&mut self, batch: &Batch) -> Result<()> {
        let Some(Files { journal, before }) = &mut self.files else { return Ok(()) };
        let mut has_create = false;
        for (user, item) in batch.changes() {
            before.add_change(&Change::new(user, item));
            has_create |= matches!(item.operation, Operation::Create(_));
        }
        journal.add_intents(batch.changes().map(|(_, item)| item));
        let now = Instant::now();
        before.write(now)?;
        if has_create { journal.sync() } else { journal.write(now) }
    }

    fn on_reply(&mut self, batch: Batch, result: Result<Vec<Result<StepResponse>>>) {
        let is_refused = |error: &Error| matches!(error.details.status, Some(429 | 503));
        let refused = match &result {
            Ok(results) => results.iter().filter(|step| step.as_ref().is_err_and(is_refused)).count(),
            Err(error) if is_refused(error) => batch.len(),
            Err(_) => 0,
        };
        let count = |number: usize| u64::try_from(number).unwrap_or(0);
        self.meter.add_steps(count(batch.len()), count(refused));
        self.control.update(|progress| {
            progress.requests += 1;
            progress.throttled += count(refused);
        });
        self.scheduler.on_batch_result(batch, Instant::now(), result);
    }

    /// Passes the outcomes on: to the journal, the counts, the caller.
    async fn deliver(&mut self, commands: &mut watch::Receiver<Commands>) -> Result<()> {
        let planned = self.scheduler.take_planned();
        let outcomes = self.scheduler.take_outcomes();
        if let Some(plan) = &mut self.plan {
            planned.iter().try_for_each(|(user, item)| plan.add_change(Change::new(user, item)))?;
            outcomes.iter().try_for_each(|outcome| plan.add_ended(outcome))?;
        }
        let now = Instant::now();
        let mut written = Ok(());
        if let Some(Files { journal, before }) = &mut self.files {
            for outcome in &outcomes {
                journal.add_outcome(outcome);
            }
            written = before.write(now).and_then(|()| journal.write(now));
        }
        for outcome in &outcomes {
            self.count(outcome);
        }
        self.show_progress(now, commands.borrow().is_paused);
        if let Some(sender) = &self.outcomes
            && !outcomes.is_empty()
        {
            let rows: Vec<_> = outcomes.iter().flat_map(ItemOutcome::row_outcomes).collect();
            tokio::select! {
                biased;
                // A caller that no longer listens still has the journal.
                _ = sender.send(rows) => {}
                _ = commands.wait_for(|commands| commands.is_aborted) => {}
            }
        }
        written
    }

    fn count(&mut self, outcome: &ItemOutcome) {
        if outcome.rows.is_empty() {
            self.counts.add_deletion(outcome.status);
        }
        for _ in &outcome.rows {
            self.counts.add(outcome.status);
        }
        self.meter.add_rows(u64::try_from(outcome.rows.len()).unwrap_or(0));
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn show_progress(&mut self, now: Instant, is_paused: bool) {
        let (rate, refused) = self.meter.rates(now);
        let left = self.counts.not_attempted() as f64;
        let remaining = (rate > 0.0).then(|| Duration::try_from_secs_f64(left / rate).ok()).flatten();
        let counts = self.counts;
        self.control.update(|progress| {
            (progress.counts, progress.rate, progress.refused) = (counts, rate, refused);
            (progress.remaining, progress.is_paused) = (remaining, is_paused);
        });
    }

    /// Closes the files.
    fn end(&mut self, failure: Option<Error>) -> RunEnd {
        let mut closed = Ok(());
        if let Some(Files { journal, before }) = &mut self.files {
            self.scheduler.returned().for_each(|item| journal.add_returned(&item.rows));
            closed = before.sync().and_then(|()| journal.sync());
        }
        match failure.or_else(|| closed.err()) {
            Some(error) => RunEnd::JournalFailed(error),
            None if self.scheduler.stop_reason().is_some() => RunEnd::Stopped,
            None if self.scheduler.is_done() => RunEnd::Complete,
            None => RunEnd::Cancelled,
        }
    }
}
