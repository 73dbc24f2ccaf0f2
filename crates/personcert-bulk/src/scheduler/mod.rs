//! Which steps are sent next, and what their responses mean. It does no input and output: users, times and responses go
//! in; batches and outcomes come out.
//!
//! The steps of many users are interleaved. A user has at most one batch in flight, and no certification more than one
//! step. A step that may have been applied is settled by a read before anything else is sent to its certification.

mod batch;
mod brakes;
mod results;
mod user;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use personcert::batch::MAX_STEPS;
use personcert::limiter::{Limiter, UserKey};
use personcert::retry::RetryPolicy;
use personcert::{Error, User};
use tokio::time::Instant;

pub use batch::Batch;
pub use user::UserWork;

use crate::decide::{Decisions, Doubts, Rules, decide_unread};
use crate::item::{Item, ItemOutcome};
use crate::options::{BulkOptions, DriftPolicy};
use batch::{BatchStep, Work};
use brakes::{BatchLimit, Breaker, Outage};
use user::{ListRead, UserState};

/// The most users whose rows are in memory.
pub const MAX_USERS: usize = 512;
/// From this many lost batches on, a change is sent in a batch of its own: it may be what breaks them.
const MAX_LOSSES: u32 = 2;
/// How long a change that may have been applied is given to arrive before it is looked for.
const SETTLE_DELAY: Duration = Duration::from_secs(1);

/// What the limiter says about the next steps.
pub trait Pace {
    /// The number of steps that the next batch should have, at most `max`.
    fn batch_size(&self, max: usize) -> usize;

    /// When this user's own limit lets the next step through; none when it does so now.
    fn user_ready_at(&self, user: &User) -> Option<Instant>;
}

impl Pace for Limiter {
    fn batch_size(&self, max: usize) -> usize {
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        usize::try_from(Self::batch_size(self, max)).unwrap_or(MAX_STEPS)
    }

    fn user_ready_at(&self, user: &User) -> Option<Instant> {
        Self::user_ready_at(self, UserKey::from(user))
    }
}

/// What to do next.
#[derive(Debug)]
pub enum Action {
    /// Send these steps.
    Send(Batch),
    /// Ask again at this time, or after the next response.
    WaitUntil(Instant),
    /// Ask again after the next response.
    WaitForResponse,
    /// Add a user, or say that no more come.
    NeedUsers,
    /// All work is done.
    Done,
    /// The run can't go on. Nothing is in flight.
    Stop,
}

/// Why a run stopped before its end.
#[derive(Debug)]
pub enum StopReason {
    /// No token, or one that the service doesn't accept.
    Credential(Error),
    /// The same refusal on many rows in a row, and why it is likely.
    Repeated(Error, &'static str),
    /// The service was out of reach for too long.
    Unavailable(Error),
    /// More rows failed than `maxErrors` allows.
    MaxErrors(u64),
}

/// How a scheduler is set up.
#[derive(Clone, Debug)]
pub struct SchedulerOptions {
    /// How rows become changes.
    pub rules: Rules,
    /// What happens to an item of a plan whose certification changed.
    pub on_drift: DriftPolicy,
    /// The most steps of one user in a batch.
    pub steps_per_user: usize,
    /// The most times a change is sent.
    pub row_attempts: u32,
    /// The run stops after this many failed rows.
    pub max_errors: Option<u64>,
    /// Whether changes are only collected.
    pub plan_only: bool,
    /// The longest wait before a second attempt when the service names none.
    pub base_delay: Duration,
    /// The seed of the jitter.
    pub seed: u64,
}

impl SchedulerOptions {
    /// The part of the options that concerns the scheduler.
    pub fn new(options: &BulkOptions, rules: Rules, seed: u64) -> Self {
        Self {
            rules,
            on_drift: options.on_drift,
            steps_per_user: usize::try_from(options.steps_per_user).unwrap_or(MAX_STEPS),
            row_attempts: options.row_attempts,
            max_errors: options.max_errors,
            plan_only: false,
            base_delay: Duration::from_secs(1),
            seed,
        }
    }
}

/// The state of a run.
#[derive(Debug)]
pub struct Scheduler {
    options: SchedulerOptions,
    doubts: Doubts,
    users: BTreeMap<u64, UserState>,
    /// The users that have work and are not in flight, by the time they can go on.
    ready: BTreeSet<(Instant, u64)>,
    added: u64,
    has_all: bool,
    in_flight: usize,
    limit: BatchLimit,
    outage: Outage,
    refused_writes: Breaker,
    refused_reads: Breaker,
    failed: u64,
    stop: Option<StopReason>,
    outcomes: Vec<ItemOutcome>,
    planned: Vec<(Arc<User>, Item)>,
    random: u64,
}

impl Scheduler {
    /// A scheduler without users. `doubts` are the rows that an earlier run may have sent.
    pub fn new(options: SchedulerOptions, doubts: Doubts) -> Self {
        Self {
            random: options.seed,
            options,
            doubts,
            users: BTreeMap::new(),
            ready: BTreeSet::new(),
            added: 0,
            has_all: false,
            in_flight: 0,
            limit: BatchLimit::new(),
            outage: Outage::default(),
            refused_writes: Breaker::default(),
            refused_reads: Breaker::default(),
            failed: 0,
            stop: None,
            outcomes: Vec::new(),
            planned: Vec::new(),
        }
    }

    /// Adds a user's work. A user comes once.
    pub fn add(&mut self, now: Instant, user: User, work: UserWork) {
        let owner = self.added;
        self.added += 1;
        let mut state = UserState {
            user: Arc::new(user),
            work: None,
            read: None,
            queue: VecDeque::new(),
            doubtful: Vec::new(),
            in_flight: false,
            ready_at: now,
        };
        match work {
            UserWork::Rows(rows) if self.can_skip_read(&rows) => {
                let decisions = decide_unread(&state.user, rows);
                self.accept(&mut state, decisions);
            }
            work => {
                if self.is_doubtful(&work) {
                    // What an earlier run sent may still arrive.
                    state.ready_at = now + SETTLE_DELAY;
                }
                state.work = Some(work);
                state.read = Some(ListRead::default());
            }
        }
        self.put_back(owner, state);
    }

    /// Adds rows that need nothing, or failed a check.
    pub fn add_ended(&mut self, outcomes: Vec<ItemOutcome>) {
        self.outcomes.extend(outcomes);
    }

    /// No more users come.
    pub const fn end_of_users(&mut self) {
        self.has_all = true;
    }

    /// What to do next.
    pub fn next(&mut self, now: Instant, pace: &impl Pace) -> Action {
        if self.stop.is_some() {
            return if self.in_flight == 0 { Action::Stop } else { Action::WaitForResponse };
        }
        if !self.has_all && self.users.len() < MAX_USERS {
            return Action::NeedUsers;
        }
        if let Some(until) = self.outage.until.filter(|until| *until > now) {
            return Action::WaitUntil(until);
        }
        let steps = self.pack(now, pace);
        if !steps.is_empty() {
            self.in_flight += 1;
            return Action::Send(Batch { steps });
        }
        match self.ready.first() {
            Some((ready_at, _)) => Action::WaitUntil(*ready_at),
            None if self.in_flight > 0 => Action::WaitForResponse,
            None if self.has_all => Action::Done,
            None => Action::NeedUsers,
        }
    }

    /// The final states since the last call.
    pub fn take_outcomes(&mut self) -> Vec<ItemOutcome> {
        std::mem::take(&mut self.outcomes)
    }

    /// The planned changes since the last call.
    pub fn take_planned(&mut self) -> Vec<(Arc<User>, Item)> {
        std::mem::take(&mut self.planned)
    }

    /// Whether all work is done.
    pub fn is_done(&self) -> bool {
        self.has_all && self.users.is_empty() && self.in_flight == 0
    }

    /// Why the run stopped, if it did.
    pub const fn stop_reason(&self) -> Option<&StopReason> {
        self.stop.as_ref()
    }

    /// The same, once.
    pub const fn take_stop_reason(&mut self) -> Option<StopReason> {
        self.stop.take()
    }

    /// The changes that were sent at least once and surely not applied: a later run may send them as if they were new.
    pub fn returned(&self) -> impl Iterator<Item = &Item> {
        self.users.values().flat_map(|state| &state.queue).filter(|item| item.attempts > 0)
    }

    /// The steps of the next batch, from the users that have waited longest.
    fn pack(&mut self, now: Instant, pace: &impl Pace) -> Vec<BatchStep> {
        let size = self.limit.size().min(pace.batch_size(MAX_STEPS)).max(1);
        let mut steps: Vec<BatchStep> = Vec::with_capacity(size);
        while steps.len() < size {
            let Some(&(ready_at, owner)) = self.ready.first().filter(|(ready_at, _)| *ready_at <= now) else { break };
            let Some(state) = self.users.get_mut(&owner) else { break };
            let paced = pace.user_ready_at(&state.user);
            self.ready.remove(&(ready_at, owner));
            if let Some(ready) = paced.filter(|ready| *ready > now) {
                state.ready_at = ready;
                self.ready.insert((ready, owner));
                continue;
            }
            let is_suspect = |item: &Item| item.losses >= MAX_LOSSES;
            if state.queue.front().is_some_and(is_suspect) && state.read.is_none() {
                if steps.is_empty() {
                    state.in_flight = true;
                    steps.extend(state.queue.pop_front().map(|item| state.step(owner, Work::Write(item))));
                } else {
                    // It opens the next batch.
                    self.ready.insert((ready_at, owner));
                }
                break;
            }
            state.in_flight = true;
            if let Some(read) = &state.read {
                let work = Work::Read(read.next.clone());
                steps.push(state.step(owner, work));
                continue;
            }
            let room = self.options.steps_per_user.min(size - steps.len()).max(1);
            for _ in 0..room {
                let Some(item) = state.queue.pop_front_if(|item| !is_suspect(item)) else { break };
                steps.push(state.step(owner, Work::Write(item)));
            }
        }
        for step in &mut steps {
            if let Work::Write(item) = &mut step.work {
                item.attempts += 1;
            }
        }
        steps
    }

    /// Keeps a user that has work left.
    fn put_back(&mut self, owner: u64, mut state: UserState) {
        state.in_flight = false;
        if !state.doubtful.is_empty() && state.read.is_none() {
            state.read = Some(ListRead::default());
        }
        if state.has_work() {
            self.ready.insert((state.ready_at, owner));
            self.users.insert(owner, state);
        } else {
            self.users.remove(&owner);
        }
    }

    /// Takes over what a user's rows ask for.
    fn accept(&mut self, state: &mut UserState, decisions: Decisions) {
        for outcome in decisions.ended {
            self.end(outcome);
        }
        if self.options.plan_only {
            self.planned.extend(decisions.items.into_iter().map(|item| (Arc::clone(&state.user), item)));
        } else {
            state.queue.extend(decisions.items);
        }
    }

    fn can_skip_read(&self, rows: &[crate::row::Row]) -> bool {
        self.options.rules.assume_changed && !rows.iter().any(|row| self.doubts.contains_key(&row.number))
    }

    fn is_doubtful(&self, work: &UserWork) -> bool {
        match work {
            UserWork::Rows(rows) => rows.iter().any(|row| self.doubts.contains_key(&row.number)),
            UserWork::Planned(items) => {
                items.iter().flat_map(|item| &item.rows).any(|row| self.doubts.contains_key(row))
            }
        }
    }

    /// A wait with full jitter before the attempt after `attempts`, or the one that the service asks for.
    fn delay(&mut self, error: &Error, attempts: u32) -> Duration {
        let policy = RetryPolicy { max_attempts: u32::MAX, base_delay: self.options.base_delay };
        policy.delay(error, attempts, self.jitter())
    }

    /// A number from 0 to 1, by splitmix64.
    fn jitter(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}
