//! Callers in line for one resource. A place in the line is an estimate of the wait, never a claim on the resource.
//!
//! Places are numbered by the steps that joined before, so that the steps ahead of a caller are a subtraction. Callers that
//! stop asking are passed over: their task may be cancelled, or its runtime may be stalled.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// A caller that claims nothing for this long after its turn is passed over: its runtime may be stalled.
const CLAIM_TIME: Duration = Duration::from_millis(50);
/// A caller without a turn asks again and again: one that has not for this long is passed over too.
const ASK_TIME: Duration = Duration::from_secs(1);

/// The callers in line, in the order of their arrival. Empty lines cost nothing: most users never have one.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// By the number of steps that had joined before.
    callers: BTreeMap<u64, Caller>,
    joined: u64,
    waiting: u64,
}

#[derive(Debug)]
struct Caller {
    id: u64,
    steps: u32,
    /// When its turn comes, once that is known.
    turn: Option<Instant>,
    joined_at: Instant,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.callers.len()
    }

    /// The steps in front of the caller that left `place`, or of a caller that arrives now.
    pub(super) fn ahead(&mut self, place: Option<u64>, now: Instant) -> u64 {
        while let Some(first) = self.callers.first_entry() {
            let caller = first.get();
            if caller.turn.map_or(caller.joined_at + ASK_TIME, |turn| turn + CLAIM_TIME) >= now {
                break;
            }
            self.waiting -= u64::from(first.remove().steps);
        }
        match (place, self.callers.first_key_value()) {
            (Some(place), Some((first, _))) => place.saturating_sub(*first).min(self.waiting),
            _ => self.waiting,
        }
    }

    /// Joins at the end, or again at `place`.
    pub(super) fn join(&mut self, place: Option<u64>, id: u64, steps: u32, turn: Option<Instant>, now: Instant) -> u64 {
        let place = place.unwrap_or(self.joined);
        self.joined = self.joined.max(place + u64::from(steps.max(1)));
        self.callers.insert(place, Caller { id, steps, turn, joined_at: now });
        self.waiting += u64::from(steps);
        place
    }

    /// Leaves the line. True if the caller's turn had come.
    pub(super) fn leave(&mut self, place: u64) -> bool {
        let Some(caller) = self.callers.remove(&place) else { return false };
        self.waiting -= u64::from(caller.steps);
        caller.turn.is_some()
    }

    pub(super) fn callers(&self) -> impl Iterator<Item = u64> {
        self.callers.values().map(|caller| caller.id)
    }

    /// Makes it the turn of the first caller whose turn has not come yet, and returns its id.
    pub(super) fn call_next(&mut self, now: Instant) -> Option<u64> {
        let caller = self.callers.values_mut().find(|caller| caller.turn.is_none())?;
        caller.turn = Some(now);
        Some(caller.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_counts_the_steps_before_it() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let first = queue.join(None, 1, 5, None, now);
        let second = queue.join(None, 2, 3, None, now);
        assert_eq!([queue.ahead(Some(first), now), queue.ahead(Some(second), now), queue.ahead(None, now)], [0, 5, 8]);
        assert!(!queue.leave(first), "its turn had not come");
        assert_eq!([queue.ahead(Some(second), now), queue.ahead(None, now)], [0, 3]);
    }

    #[test]
    fn an_unclaimed_turn_passes_to_the_next() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let first = queue.join(None, 1, 1, None, now);
        queue.join(None, 2, 1, None, now);
        assert_eq!([queue.call_next(now), queue.call_next(now), queue.call_next(now)], [Some(1), Some(2), None]);
        let later = now + CLAIM_TIME + Duration::from_millis(1);
        assert_eq!((queue.ahead(None, later), queue.len()), (0, 0));
        assert!(!queue.leave(first), "it is no longer in line");
    }
}
