//! The users of the latest requests, and what holds the requests of each of them back.
//!
//! The table grows with the users in use and not with all users ever seen: idle entries are removed when it doubles. An
//! entry without a refusal is a few counters; its pace is allocated with the first one.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use tokio::time::Instant;

use super::UserId;
use super::evidence::Recent;
use super::pacer::Pacer;
use super::queue::Queue;

/// Idle users are removed when the table reaches this size, and then each time it doubles.
const MIN_PURGE_SIZE: usize = 1024;

/// The users by the hash of their keys.
#[derive(Debug)]
pub(super) struct Users {
    table: HashMap<UserId, User, BuildHasherDefault<HashedKey>>,
    purge_size: usize,
}

/// What is known of one user.
#[derive(Debug, Default)]
pub(super) struct User {
    pub(super) in_flight: usize,
    pub(super) recent: Recent,
    /// Present while a refusal or a line concerns the user.
    pub(super) pace: Option<Box<Pace>>,
}

/// What holds a user's requests back.
#[derive(Debug)]
pub(super) struct Pace {
    /// The service asked to wait until then.
    pub(super) held_until: Instant,
    /// Present while refusals show a limit of this user.
    pub(super) pacer: Option<Pacer>,
    pub(super) rate_line: Queue,
    pub(super) gate_line: Queue,
}

impl Users {
    pub(super) fn new() -> Self {
        Self { table: HashMap::default(), purge_size: MIN_PURGE_SIZE }
    }

    pub(super) fn get(&mut self, user: UserId) -> Option<&mut User> {
        self.table.get_mut(&user)
    }

    pub(super) fn pace(&mut self, user: UserId) -> Option<&mut Pace> {
        self.get(user)?.pace.as_deref_mut()
    }

    pub(super) fn peek(&self, user: UserId) -> Option<&User> {
        self.table.get(&user)
    }

    /// The entry of a user, made when there is none yet. Idle entries are removed when the table has doubled.
    pub(super) fn get_or_insert(&mut self, user: UserId, now: Instant) -> &mut User {
        if self.table.len() >= self.purge_size {
            self.table.retain(|_, user| !user.is_idle(now));
            self.purge_size = MIN_PURGE_SIZE.max(self.table.len() * 2);
        }
        self.table.entry(user).or_default()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &User> {
        self.table.values()
    }
}

impl User {
    /// The user's pace, made when there is none yet.
    pub(super) fn pace(&mut self, now: Instant) -> &mut Pace {
        self.pace.get_or_insert_with(|| {
            Box::new(Pace { held_until: now, pacer: None, rate_line: Queue::default(), gate_line: Queue::default() })
        })
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.in_flight == 0 && self.recent.is_over(now) && self.pace.as_ref().is_none_or(|pace| pace.is_idle(now))
    }
}

impl Pace {
    fn is_idle(&self, now: Instant) -> bool {
        self.held_until <= now
            && self.rate_line.len() == 0
            && self.gate_line.len() == 0
            && self.pacer.as_ref().is_none_or(|pacer| pacer.is_forgotten(now))
    }
}

/// The keys are hashes already.
#[derive(Debug, Default)]
struct HashedKey(u64);

impl Hasher for HashedKey {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}
