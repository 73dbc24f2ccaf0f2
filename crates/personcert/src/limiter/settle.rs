//! What the limiter learns when a request ends.
//!
//! A refusal is attributed before it is learned from: to its user while one user is busy, to the client once several users
//! are refused within a few seconds. Only the responsible pacer slows down.

use tokio::time::Instant;

use super::pacer::{Pacer, Refusal, Scope};
use super::state::{Grant, LimiterState, Share};
use super::units::MAX_HOLD;

impl LimiterState {
    /// Ends a request as its shares say, and frees its slots. `overloaded` says that the service answered 503 or 504, which
    /// lowers the concurrency and says nothing of a rate.
    pub fn settle(&mut self, now: Instant, grant: Grant, shares: &[Share], overloaded: bool) {
        let refused = shares.iter().filter(|share| share.refused > 0).count();
        if overloaded {
            self.guard.decrease(now, grant.sent_at, self.in_flight);
        } else if refused == 0 && shares.iter().any(|share| share.accepted > 0) {
            self.guard.increase();
        }
        self.in_flight = self.in_flight.saturating_sub(1);
        let is_shared = refused > 0 && self.is_shared(now, grant, shares, refused);
        for share in shares {
            self.settle_user(now, grant, share, is_shared);
        }
        self.settle_client(now, grant, shares, is_shared);
        self.turns.extend(self.gate_line.call_next(now));
    }

    /// Whether the refusals show a limit that the client's users share. While the client has a rate, a user who is known to be
    /// busy is refused for a limit of their own.
    fn is_shared(&mut self, now: Instant, grant: Grant, shares: &[Share], refused: usize) -> bool {
        let refused_shares = || shares.iter().filter(|share| share.refused > 0);
        for share in refused_shares() {
            self.suspects.add(share.user, grant.sent_at, now);
        }
        if self.shared_limit {
            let is_busy = |share: &Share| {
                let pace = self.users.peek(share.user).and_then(|user| user.pace.as_ref());
                pace.is_some_and(|pace| pace.pacer.is_some()) || self.suspects.is_mostly(share.user)
            };
            return refused_shares().any(|share| !is_busy(share));
        }
        if refused > 1 || self.suspects.are_several(now) {
            self.share_limit(now);
        }
        self.shared_limit
    }

    /// The limit is the client's: the users of the latest refusals are not paced on their own any more.
    fn share_limit(&mut self, now: Instant) {
        self.shared_limit = true;
        let recent = self.recent.measure(now);
        let new = || Pacer::new(Scope::Client, now, self.options.max_rate, None);
        self.client.get_or_insert_with(new).throttle(now, recent);
        for user in self.suspects.recent(now) {
            if let Some(pace) = self.users.pace(user) {
                pace.held_until =
                    pace.pacer.take().map_or(pace.held_until, |pacer| pacer.held_until().max(pace.held_until));
            }
        }
    }

    /// Teaches the user's pacer, or leaves the user alone where the limit is the client's.
    fn settle_user(&mut self, now: Instant, grant: Grant, share: &Share, is_shared: bool) {
        let Some(user) = self.users.get(share.user) else { return };
        user.in_flight = user.in_flight.saturating_sub(1);
        if share.accepted > 0 {
            user.recent.add(now, share.accepted);
            self.recent.add(now, share.accepted);
        }
        if share.refused > 0 {
            let recent = user.recent.measure(now);
            let pace = user.pace(now);
            if is_shared {
                let wait = share.retry_after.unwrap_or_default().min(MAX_HOLD);
                pace.held_until = pace.held_until.max(now + wait);
                pace.pacer.iter_mut().for_each(|pacer| pacer.lost(share.position, share.steps - share.accepted));
            } else {
                let pacer = pace.pacer.get_or_insert_with(|| {
                    let mut pacer = Pacer::new(Scope::User, now, None, None);
                    pacer.throttle(now, recent);
                    pacer
                });
                pacer.refused(now, &share.refusal(grant.sent_at));
            }
        } else if let Some(pacer) = user.pace.as_mut().and_then(|pace| pace.pacer.as_mut()) {
            match share.accepted {
                0 => pacer.lost(share.position, share.steps),
                accepted => pacer.accepted(now, grant.sent_at, accepted),
            }
        }
        self.turns.extend(user.pace.as_mut().and_then(|pace| pace.gate_line.call_next(now)));
    }

    /// Teaches the client's pacer, where the client has a rate.
    fn settle_client(&mut self, now: Instant, grant: Grant, shares: &[Share], is_shared: bool) {
        let Some(client) = &mut self.client else { return };
        let count = |steps: fn(&Share) -> u32| shares.iter().map(steps).sum::<u32>();
        let (steps, accepted, refused) =
            (count(|share| share.steps), count(|share| share.accepted), count(|share| share.refused));
        if is_shared {
            let retry_after = shares.iter().filter_map(|share| share.retry_after).max();
            let (sent_at, position) = (grant.sent_at, grant.position);
            client.refused(now, &Refusal { sent_at, position, refused, accepted, retry_after });
        } else if accepted > 0 {
            client.accepted(now, grant.sent_at, accepted);
        }
        client.lost(grant.position, steps - accepted - if is_shared { refused } else { 0 });
    }
}

impl Share {
    fn refusal(&self, sent_at: Instant) -> Refusal {
        Refusal {
            sent_at,
            position: self.position,
            refused: self.refused,
            accepted: self.accepted,
            retry_after: self.retry_after,
        }
    }
}
