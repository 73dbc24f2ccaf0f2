//! One user in the scheduler: the certifications that are read, the changes that wait.

use std::collections::VecDeque;
use std::sync::Arc;

use personcert::{PersonCertification, User};
use tokio::time::Instant;

use super::batch::{BatchStep, Work};
use crate::drift::PlannedItem;
use crate::item::Item;
use crate::row::Row;

/// The most pages of one user that are read.
const MAX_PAGES: usize = 1000;

/// What is to be done for a user.
#[derive(Debug)]
pub enum UserWork {
    /// Rows of the input.
    Rows(Vec<Row>),
    /// Items of a plan.
    Planned(Vec<PlannedItem>),
}

/// A user whose work is not done.
#[derive(Debug)]
pub(super) struct UserState {
    pub(super) user: Arc<User>,
    /// The work that waits for the first read.
    pub(super) work: Option<UserWork>,
    /// Present while the user's certifications have to be read.
    pub(super) read: Option<ListRead>,
    /// The changes that can be sent.
    pub(super) queue: VecDeque<Item>,
    /// The changes that may have been applied: a read settles them.
    pub(super) doubtful: Vec<Item>,
    pub(super) in_flight: bool,
    pub(super) ready_at: Instant,
}

/// The pages of a user's certifications up to now.
#[derive(Debug, Default)]
pub(super) struct ListRead {
    pub(super) certifications: Vec<PersonCertification>,
    pub(super) next: Option<String>,
    pub(super) attempts: u32,
    pages: usize,
}

impl ListRead {
    /// Adds a page. False when the pages go on for ever.
    pub(super) fn add(&mut self, page: Vec<PersonCertification>, next: Option<String>) -> bool {
        self.pages += 1;
        self.attempts = 0;
        let is_loop = next.is_some() && (next == self.next || self.pages >= MAX_PAGES);
        self.certifications.extend(page);
        self.next = next;
        !is_loop
    }
}

impl UserState {
    pub(super) fn step(&self, owner: u64, work: Work) -> BatchStep {
        BatchStep { owner, user: Arc::clone(&self.user), work }
    }

    /// Whether a step of the user could be sent.
    pub(super) fn has_work(&self) -> bool {
        self.read.is_some() || !self.queue.is_empty()
    }
}
