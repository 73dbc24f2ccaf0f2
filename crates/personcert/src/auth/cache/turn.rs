//! The turn to fetch a token, which one call at a time has.
//!
//! A call that fetches shows every second that its runtime is running. When it stops showing that, another call takes the
//! turn over and gets a provider of its own, because the old one may hold locks.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::state::{REFRESH_WAIT, TokenCache, TurnState};
use crate::auth::INTERACTIVE_TIMEOUT;

/// How often a fetch shows that its runtime is not stopped.
const ALIVE_INTERVAL: Duration = Duration::from_secs(1);

/// The turn of a call. It ends when it is dropped.
pub(super) struct Turn<'a> {
    cache: &'a TokenCache,
    number: u64,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.cache.state().turn.take_if(|turn| turn.number == self.number);
        self.cache.turn_ended.notify_waiters();
    }
}

impl Turn<'_> {
    /// Waits for a fetch, and shows meanwhile that its runtime is not stopped.
    pub(super) async fn watch<T>(&self, fetch: impl Future<Output = T>) -> T {
        let mut fetch = pin!(fetch);
        loop {
            if let Ok(fetched) = timeout(ALIVE_INTERVAL, fetch.as_mut()).await {
                return fetched;
            }
            if let Some(turn) = self.cache.state().turn.as_mut().filter(|turn| turn.number == self.number) {
                turn.seen = Instant::now();
            }
        }
    }

    /// Whether no other call took the turn over.
    pub(super) fn is_current(&self, turn: Option<&TurnState>) -> bool {
        turn.is_some_and(|turn| turn.number == self.number)
    }
}

impl TokenCache {
    /// Waits for the turn. A queue would give it to a task whose runtime is stopped; here all that wait compete.
    pub(super) async fn turn(&self) -> Turn<'_> {
        loop {
            // Made first: the end of a turn from here on is noticed.
            let ended = self.turn_ended.notified();
            let expiry = match self.begin_turn() {
                Ok(turn) => return turn,
                Err(expiry) => expiry,
            };
            let _ = timeout_at(expiry, ended).await;
        }
    }

    /// Begins a turn, or returns when the turn in progress may be taken over. While a user signs in, functions of the
    /// program may block its runtime for long.
    fn begin_turn(&self) -> Result<Turn<'_>, Instant> {
        let patience = if self.is_interactive() { INTERACTIVE_TIMEOUT } else { REFRESH_WAIT };
        let mut state = self.state();
        let now = Instant::now();
        if let Some(turn) = &state.turn {
            if now < turn.seen + patience {
                return Err(turn.seen + patience);
            }
            self.replace_provider(&mut state);
        }
        state.turns += 1;
        state.turn = Some(TurnState { number: state.turns, seen: now });
        Ok(Turn { cache: self, number: state.turns })
    }
}
