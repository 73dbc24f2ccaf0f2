//! The limiter's decisions. Pure: the time is an argument.
//!
//! A request passes four gates, in this order: the rate of its user, the requests in flight of its user, the rate of the
//! client, the requests in flight of the client. A caller that a gate holds back stands in that gate's line, and learns
//! when to ask again, or that another request has to end first. It keeps its place only while it keeps asking.
//!
//! Simulations drive this type directly, with a time that they advance themselves: see `tests/limiter_simulation`.

use std::time::Duration;

use tokio::time::Instant;

use super::evidence::Recent;
use super::guard::Guard;
use super::pacer::{Pacer, Scope};
use super::queue::Queue;
use super::suspects::Suspects;
use super::users::Users;
use super::{LimiterOptions, UserId};

/// The steps of one user in a request, and how they ended.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    pub(super) user: UserId,
    pub(super) steps: u32,
    pub(super) accepted: u32,
    pub(super) refused: u32,
    pub(super) retry_after: Option<Duration>,
    /// The user's granted steps when the request was sent, these included.
    pub(super) position: u64,
}

impl Share {
    /// The steps of one user in a request that was not sent yet.
    pub const fn new(user: UserId, steps: u32) -> Self {
        Self { user, steps, accepted: 0, refused: 0, retry_after: None, position: 0 }
    }

    /// Records what the service answered. Steps that are neither accepted nor refused prove nothing.
    pub fn record(&mut self, accepted: u32, refused: u32, retry_after: Option<Duration>) {
        self.accepted = accepted.min(self.steps);
        self.refused = refused.min(self.steps - self.accepted);
        self.retry_after = retry_after;
    }
}

/// What a request may do now, as [`LimiterState::try_acquire`] decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may be sent. The grant has to be settled afterwards.
    Granted(Grant),
    /// It may ask again at this time.
    WaitUntil(Instant),
    /// It may ask again when another request has ended.
    WaitForRelease,
}

/// The right to send one request now. It must be [settled](LimiterState::settle) exactly once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    pub(super) sent_at: Instant,
    /// The client's granted steps, those of the request included.
    pub(super) position: u64,
}

/// A caller that asks for one grant, repeatedly if need be.
#[derive(Debug)]
pub struct Waiter {
    id: u64,
    place: Option<(Line, u64)>,
}

impl Waiter {
    /// A caller. [`LimiterState::take_turns`] names its `id` when its turn has come.
    pub const fn new(id: u64) -> Self {
        Self { id, place: None }
    }
}

/// Where a caller waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    UserRate(UserId),
    UserGate(UserId),
    ClientRate,
    ClientGate,
}

/// All that a limiter knows: the state behind a [`Limiter`](super::Limiter), for schedulers that keep their own time.
///
/// ```
/// use personcert::limiter::{Decision, LimiterOptions, LimiterState, Share, UserKey, Waiter};
/// use tokio::time::Instant;
///
/// let now = Instant::now();
/// let mut state = LimiterState::new(LimiterOptions::default(), now);
/// let mut shares = [Share::new(UserKey("ada@contoso.com").id(), 1)];
/// let Decision::Granted(grant) = state.try_acquire(now, &mut shares, &mut Waiter::new(1)) else { panic!("held back") };
/// shares[0].record(1, 0, None);
/// state.settle(now, grant, &shares, false);
/// assert_eq!(state.in_flight(), 0);
/// ```
#[derive(Debug)]
pub struct LimiterState {
    pub(super) options: LimiterOptions,
    pub(super) users: Users,
    /// Present while the client has a rate, learned or set.
    pub(super) client: Option<Pacer>,
    /// Whether several users were refused: the limit is the client's.
    pub(super) shared_limit: bool,
    pub(super) suspects: Suspects,
    pub(super) guard: Guard,
    pub(super) in_flight: usize,
    pub(super) recent: Recent,
    pub(super) rate_line: Queue,
    pub(super) gate_line: Queue,
    /// The waiters whose turn has come since they were last taken.
    pub(super) turns: Vec<u64>,
}

impl LimiterState {
    /// A limiter that has learned nothing yet.
    pub fn new(options: LimiterOptions, now: Instant) -> Self {
        let has_rate = options.max_rate.is_some() || options.initial_rate.is_some();
        Self {
            users: Users::new(),
            client: has_rate.then(|| Pacer::new(Scope::Client, now, options.max_rate, options.initial_rate)),
            shared_limit: options.initial_rate.is_some(),
            suspects: Suspects::default(),
            guard: Guard::new(options.max_concurrency),
            in_flight: 0,
            recent: Recent::default(),
            rate_line: Queue::default(),
            gate_line: Queue::default(),
            turns: Vec::new(),
            options,
        }
    }

    /// Decides about a request. A waiter whose request is not granted stands in a line until it asks again or
    /// [leaves](Self::leave).
    pub fn try_acquire(&mut self, now: Instant, shares: &mut [Share], waiter: &mut Waiter) -> Decision {
        if let ([share], None) = (&mut *shares, waiter.place)
            && let Some(grant) = self.grant_at_once(now, share)
        {
            return Decision::Granted(grant);
        }
        let place = waiter.place.take();
        let had_turn = place.is_some_and(|(line, place)| self.step_out(line, place));
        self.forget(now);
        let Some((line, turn)) = self.obstacle(now, shares, place) else {
            return Decision::Granted(self.grant(now, shares));
        };
        self.pass_turn(now, place.filter(|(before, _)| had_turn && *before != line));
        let place = place.and_then(|(before, place)| (before == line).then_some(place));
        let steps = shares.iter().map(|share| share.steps).sum();
        if let Line::UserRate(user) | Line::UserGate(user) = line {
            self.users.get_or_insert(user, now).pace(now);
        }
        waiter.place = self.queue(line).map(|queue| (line, queue.join(place, waiter.id, steps, turn, now)));
        turn.map_or(Decision::WaitForRelease, Decision::WaitUntil)
    }

    /// Takes a waiter that gives up out of its line.
    pub fn leave(&mut self, now: Instant, waiter: &mut Waiter) {
        let place = waiter.place.take();
        let had_turn = place.is_some_and(|(line, place)| self.step_out(line, place));
        self.pass_turn(now, place.filter(|_| had_turn));
    }

    /// The waiters whose turn has come: they should ask again now.
    pub fn take_turns(&mut self) -> impl Iterator<Item = u64> {
        self.turns.drain(..)
    }

    /// Takes a caller out of its line. True if its turn had come.
    fn step_out(&mut self, line: Line, place: u64) -> bool {
        self.queue(line).is_some_and(|queue| queue.leave(place))
    }

    /// Hands the turn of a waiter that did not use it to the next one.
    fn pass_turn(&mut self, now: Instant, place: Option<(Line, u64)>) {
        let Some((line @ (Line::UserGate(_) | Line::ClientGate), _)) = place else { return };
        let next = self.queue(line).and_then(|queue| queue.call_next(now));
        self.turns.extend(next);
    }

    /// The number of steps that the next batch should have, at most `max`: few at a low rate, so that no long pause has to
    /// follow it.
    pub fn batch_size(&self, now: Instant, max: u32) -> u32 {
        let Some(rate) = self.rate(now) else { return max };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and `max`")]
        let size = (rate / 4.0).clamp(1.0, f64::from(max.max(1))) as u32;
        size
    }

    /// The client's rate in steps a second, if it has one.
    pub fn rate(&self, now: Instant) -> Option<f64> {
        self.client.as_ref().and_then(|client| client.rate(now))
    }

    /// Sets or lifts the most steps a second of the whole client.
    pub fn set_max_rate(&mut self, now: Instant, max_rate: Option<f64>) {
        self.options.max_rate = max_rate;
        let initial_rate = self.options.initial_rate;
        match &mut self.client {
            Some(client) => client.set_max_rate(max_rate),
            None => self.client = max_rate.map(|_| Pacer::new(Scope::Client, now, max_rate, initial_rate)),
        }
    }

    /// When this user's own limit lets the next step through.
    pub fn user_ready_at(&mut self, now: Instant, user: UserId) -> Instant {
        self.user_obstacle(now, user, None).0
    }

    /// The requests in flight.
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The callers in line.
    pub fn waiting(&self) -> usize {
        let paces = self.users.values().filter_map(|user| user.pace.as_ref());
        let users: usize = paces.map(|pace| pace.rate_line.len() + pace.gate_line.len()).sum();
        users + self.rate_line.len() + self.gate_line.len()
    }

    /// Forgets the client's learned rate once it held nothing back for a while. A rate that was set stays.
    fn forget(&mut self, now: Instant) {
        if self.shared_limit && self.options.initial_rate.is_none() {
            let Some(client) = self.client.as_mut().filter(|client| client.is_forgotten(now)) else { return };
            client.forget(now);
            self.shared_limit = false;
        }
    }

    /// The queue of a line; none for a user who is not held back any more.
    fn queue(&mut self, line: Line) -> Option<&mut Queue> {
        match line {
            Line::ClientRate => Some(&mut self.rate_line),
            Line::ClientGate => Some(&mut self.gate_line),
            Line::UserRate(user) => self.users.pace(user).map(|pace| &mut pace.rate_line),
            Line::UserGate(user) => self.users.pace(user).map(|pace| &mut pace.gate_line),
        }
    }

    /// Counts a request as in flight, and its steps against the rates.
    fn grant(&mut self, now: Instant, shares: &mut [Share]) -> Grant {
        for share in &mut *shares {
            let user = self.users.get_or_insert(share.user, now);
            user.in_flight += 1;
            let pacer = user.pace.as_mut().and_then(|pace| pace.pacer.as_mut());
            share.position = pacer.map_or(0, |pacer| pacer.grant(now, share.steps));
        }
        self.in_flight += 1;
        let steps = shares.iter().map(|share| share.steps).sum();
        Grant { sent_at: now, position: self.client.as_mut().map_or(0, |client| client.grant(now, steps)) }
    }

    /// Grants a request of a user whom nothing holds back, as is usual: with one look at a table too large for the cache.
    fn grant_at_once(&mut self, now: Instant, share: &Share) -> Option<Grant> {
        if self.client.is_some() || self.guard.limit(self.shared_limit).is_some() {
            return None;
        }
        let limit = self.options.max_per_user.max(1);
        let user = self.users.get_or_insert(share.user, now);
        if user.pace.is_some() || user.in_flight >= limit {
            return None;
        }
        user.in_flight += 1;
        self.in_flight += 1;
        Some(Grant { sent_at: now, position: 0 })
    }

    /// What holds the request back, if anything does, and when that ends, if it is known. Of several users' rates the slowest
    /// counts, because a batch is sent as a whole.
    fn obstacle(
        &mut self,
        now: Instant,
        shares: &[Share],
        place: Option<(Line, u64)>,
    ) -> Option<(Line, Option<Instant>)> {
        let mut full = None;
        let mut paced: Option<(Line, Instant)> = None;
        for share in shares {
            let (ready, has_slot) = self.user_obstacle(now, share.user, place);
            if ready > now && paced.is_none_or(|(_, latest)| ready > latest) {
                paced = Some((Line::UserRate(share.user), ready));
            }
            if !has_slot {
                full = Some((Line::UserGate(share.user), None));
            }
        }
        if let Some((line, ready)) = paced {
            return Some((line, Some(ready)));
        }
        if full.is_some() {
            return full;
        }
        if let Some(client) = &mut self.client {
            let ready = client.ready_at(now, self.rate_line.ahead(place_in(place, Line::ClientRate), now));
            if client.take_jump() {
                self.turns.extend(self.rate_line.callers());
            }
            if ready > now {
                return Some((Line::ClientRate, Some(ready)));
            }
        }
        let limit = self.guard.limit(self.shared_limit)?;
        let ahead = self.gate_line.ahead(place_in(place, Line::ClientGate), now);
        (!has_slot(limit, self.in_flight, ahead)).then_some((Line::ClientGate, None))
    }

    /// When the user's pace lets a request through, and whether the user has a slot for it.
    fn user_obstacle(&mut self, now: Instant, user: UserId, standing: Option<(Line, u64)>) -> (Instant, bool) {
        let limit = self.options.max_per_user.max(1);
        let Some(entry) = self.users.get(user) else { return (now, true) };
        let Some(pace) = &mut entry.pace else { return (now, entry.in_flight < limit) };
        if pace.pacer.as_ref().is_some_and(|pacer| pacer.is_forgotten(now)) {
            pace.pacer = None;
        }
        let ahead = pace.rate_line.ahead(place_in(standing, Line::UserRate(user)), now);
        let ready = pace.pacer.as_mut().map_or(now, |pacer| pacer.ready_at(now, ahead)).max(pace.held_until);
        if pace.pacer.as_mut().is_some_and(Pacer::take_jump) {
            self.turns.extend(pace.rate_line.callers());
        }
        let ahead = pace.gate_line.ahead(place_in(standing, Line::UserGate(user)), now);
        (ready, has_slot(limit, entry.in_flight, ahead))
    }
}

/// The caller's place, if it stood in `line`.
fn place_in(place: Option<(Line, u64)>, line: Line) -> Option<u64> {
    place.and_then(|(stood_in, place)| (stood_in == line).then_some(place))
}

/// Whether a slot is free for a caller that `ahead` others precede.
fn has_slot(limit: usize, in_flight: usize, ahead: u64) -> bool {
    u64::try_from(limit.saturating_sub(in_flight)).is_ok_and(|free| free > ahead)
}
