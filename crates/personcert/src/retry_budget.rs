//! How many retries all calls of a client may make together.
//!
//! Retries multiply the load on a service that is failing already. A budget that only successes refill lets a client ride
//! out short failures at full persistence, and reduces it to one attempt a call during a long outage.

use std::sync::atomic::{AtomicU32, Ordering};

/// Limits the retries of a client during an outage. Without it every call would cost as many requests as it has attempts;
/// with it all calls together make at most [`RetryBudget::MAX_RETRIES`] retries. Each success deposits a fifth of a retry,
/// and the retries that the call itself withdrew. A retry after a 429 withdraws nothing: the limiter paces it.
#[derive(Debug)]
pub struct RetryBudget {
    /// The balance, in fifths of a retry.
    fifths: AtomicU32,
}

impl RetryBudget {
    /// The largest balance, in retries. A new budget is full.
    pub const MAX_RETRIES: u32 = 50;
    const FIFTHS_PER_RETRY: u32 = 5;
    const MAX_FIFTHS: u32 = Self::MAX_RETRIES * Self::FIFTHS_PER_RETRY;

    /// A full budget.
    pub const fn new() -> Self {
        Self { fifths: AtomicU32::new(Self::MAX_FIFTHS) }
    }

    /// Takes one retry out of the budget. False when less than one is left: the call then ends with its last error.
    pub fn withdraw(&self) -> bool {
        let less = |fifths: u32| fifths.checked_sub(Self::FIFTHS_PER_RETRY);
        self.fifths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// Records a success of a call that withdrew `withdrawn` retries: they come back, and a fifth of a retry on top.
    pub fn deposit(&self, withdrawn: u32) {
        let earned = withdrawn.saturating_mul(Self::FIFTHS_PER_RETRY).saturating_add(1);
        if self.fifths.load(Ordering::Relaxed) == Self::MAX_FIFTHS {
            return;
        }
        let more = |fifths: u32| Some(fifths.saturating_add(earned).min(Self::MAX_FIFTHS));
        let _ = self.fifths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balance(budget: &RetryBudget) -> usize {
        (0..1000).filter(|_| budget.withdraw()).count()
    }

    fn empty() -> RetryBudget {
        let budget = RetryBudget::new();
        assert_eq!(balance(&budget), RetryBudget::MAX_RETRIES as usize);
        budget
    }

    #[test]
    fn five_successes_earn_one_retry() {
        let budget = empty();
        (0..4).for_each(|_| budget.deposit(0));
        assert!(!budget.withdraw());
        budget.deposit(0);
        assert_eq!(balance(&budget), 1);
    }

    #[test]
    fn ten_successes_without_a_withdrawal_earn_two_retries() {
        // A call whose retries followed a 429 withdrew nothing, however often it was retried.
        let budget = empty();
        (0..10).for_each(|_| budget.deposit(0));
        assert_eq!(balance(&budget), 2);
    }

    #[test]
    fn a_success_returns_what_its_call_withdrew() {
        let budget = empty();
        (0..5).for_each(|_| budget.deposit(2));
        assert_eq!(balance(&budget), 11);
    }

    #[test]
    fn the_balance_never_exceeds_the_maximum() {
        let budget = empty();
        (0..10_000).for_each(|_| budget.deposit(4));
        budget.deposit(u32::MAX);
        assert_eq!(balance(&budget), RetryBudget::MAX_RETRIES as usize);
    }
}
