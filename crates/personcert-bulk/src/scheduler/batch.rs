//! A batch: steps of several users, and what they carry back to the scheduler.

use std::sync::Arc;

use personcert::batch::Step;
use personcert::{ListQuery, User};

use crate::item::{Item, Operation};

/// Steps to be sent together.
#[derive(Debug)]
pub struct Batch {
    /// The steps.
    pub(super) steps: Vec<BatchStep>,
}

/// One step of a batch.
#[derive(Debug)]
pub(super) struct BatchStep {
    /// The number of the user in the scheduler.
    pub(super) owner: u64,
    pub(super) user: Arc<User>,
    pub(super) work: Work,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "most steps are changes")]
pub(super) enum Work {
    /// The first page of the user's certifications, or the page at this path.
    Read(Option<String>),
    Write(Item),
}

impl Batch {
    /// The steps as the client sends them. `query` is the query of lists.
    pub fn steps<'a>(&'a self, query: &'a ListQuery) -> Vec<Step<'a>> {
        let step = |step: &'a BatchStep| match &step.work {
            Work::Read(None) => Step::List(&step.user, query),
            Work::Read(Some(path)) => Step::NextPage(&step.user, path),
            Work::Write(item) => match &item.operation {
                Operation::Create(patch) => Step::Create(&step.user, patch),
                Operation::Update(target, patch) => Step::Update(target, patch),
                Operation::Delete(target) => Step::Delete(target),
            },
        };
        self.steps.iter().map(step).collect()
    }

    /// The users of the steps, one for each step.
    pub fn user_handles(&self) -> Vec<Arc<User>> {
        self.steps.iter().map(|step| Arc::clone(&step.user)).collect()
    }

    pub(super) fn owners(&self) -> Vec<u64> {
        self.steps.iter().map(|step| step.owner).collect()
    }

    /// The changes that the batch sends, with their users.
    pub fn changes(&self) -> impl Iterator<Item = (&User, &Item)> {
        self.steps.iter().filter_map(|step| match &step.work {
            Work::Write(item) => Some((&*step.user, item)),
            Work::Read(_) => None,
        })
    }

    /// The number of steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }
}
