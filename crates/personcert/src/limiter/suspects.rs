//! Whose limit a refusal shows: that of one busy user, or one that all users of the client share.
//!
//! Graph doesn't say. One user who is refused again and again has a busy mailbox; three users within a few seconds show that
//! the application as a whole is too fast.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::UserId;

/// So many distinct users refused within [`SHORT_TIME`] show a shared limit.
const SEVERAL_USERS: usize = 3;
const SHORT_TIME: Duration = Duration::from_secs(5);
/// The refusals that are remembered, and for how long.
const MAX_REFUSALS: usize = 8;
const MAX_AGE: Duration = Duration::from_mins(1);

/// The latest refusals, each burst of a user as one.
#[derive(Debug, Default)]
pub(super) struct Suspects(VecDeque<(UserId, Instant)>);

impl Suspects {
    /// Remembers a refusal of a request that was sent at `sent_at`.
    pub(super) fn add(&mut self, user: UserId, sent_at: Instant, now: Instant) {
        self.0.retain(|(_, at)| now.saturating_duration_since(*at) <= MAX_AGE);
        if self.0.iter().any(|(other, at)| *other == user && *at > sent_at) {
            return;
        }
        if self.0.len() == MAX_REFUSALS {
            self.0.pop_front();
        }
        self.0.push_back((user, now));
    }

    /// Whether several users were refused within a short time.
    pub(super) fn are_several(&self, now: Instant) -> bool {
        self.recent(now).count() >= SEVERAL_USERS
    }

    /// The distinct users that were refused a short time ago.
    pub(super) fn recent(&self, now: Instant) -> impl Iterator<Item = UserId> {
        let users = move || self.0.iter().filter(move |(_, at)| now.saturating_duration_since(*at) <= SHORT_TIME);
        users()
            .enumerate()
            .filter(move |(index, (user, _))| !users().take(*index).any(|(other, _)| other == user))
            .map(|(_, (user, _))| *user)
    }

    /// Whether most refusals were this user's, and more than one was.
    pub(super) fn is_mostly(&self, user: UserId) -> bool {
        let own = self.0.iter().filter(|(other, _)| *other == user).count();
        own >= 2 && own * 2 > self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_users_within_a_short_time_are_several() {
        let (mut suspects, start) = (Suspects::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for (user, seconds) in [(1, 0), (1, 1), (2, 2)] {
            suspects.add(UserId(user), at(seconds), at(seconds));
            assert!(!suspects.are_several(at(seconds)));
        }
        suspects.add(UserId(3), at(3), at(3));
        assert!(suspects.are_several(at(3)));
        assert_eq!(suspects.recent(at(3)).collect::<Vec<_>>(), [UserId(1), UserId(2), UserId(3)]);
        assert!(!suspects.are_several(at(8)));
    }

    #[test]
    fn a_burst_of_one_user_counts_once() {
        let (mut suspects, sent_at) = (Suspects::default(), Instant::now());
        for milliseconds in 1..10 {
            suspects.add(UserId(1), sent_at, sent_at + Duration::from_millis(milliseconds));
        }
        assert!(!suspects.is_mostly(UserId(1)));
        let later = sent_at + Duration::from_secs(1);
        suspects.add(UserId(1), later, later);
        assert!(suspects.is_mostly(UserId(1)));
    }
}
