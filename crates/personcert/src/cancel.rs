//! What is known of a call that is dropped before it ends.
//!
//! A future that is dropped can't return an error. The code that drops it, such as a binding whose caller cancelled, asks
//! the call's [`CallState`] instead. The state only ever gets worse, by the order not sent, refused, unknown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::{Error, ErrorKind, Outcome};

/// Set while a request is under way, besides the worst outcome of the attempts that ended.
const IN_FLIGHT: u8 = 0x80;

/// Whether a call may have changed anything so far, for the code that cancels it. The state only gets worse: a read after a
/// write never lowers it. Clones share the state.
///
/// ```
/// use personcert::Outcome;
/// use personcert::host::{Call, Dialect};
/// use serde_json::json;
///
/// let arguments = json!({"id": "0fb4c1e3"});
/// let call = Call::read("delete", arguments.as_object().unwrap(), Dialect::GRAPH).unwrap();
/// let state = call.state();
/// // Dropped before it ran, the call has sent nothing.
/// drop(call);
/// assert_eq!(state.cancelled().outcome, Outcome::NotSent);
/// ```
#[derive(Clone, Debug, Default)]
pub struct CallState(Arc<AtomicU8>);

impl CallState {
    /// A request is about to be sent: until it ends, the outcome is unknown.
    pub(crate) fn begin_attempt(&self) {
        self.0.fetch_or(IN_FLIGHT, Ordering::AcqRel);
    }

    /// The request ended with this outcome. Reads that follow a write don't improve what the write left behind.
    pub(crate) fn end_attempt(&self, outcome: Outcome) {
        let worst = |state: u8| Some(rank(outcome).max(state & !IN_FLIGHT));
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, worst);
    }

    /// The error of the call if it is dropped now: kind [`ErrorKind::Cancelled`], with the outcome of what was sent so far.
    pub fn cancelled(&self) -> Error {
        let state = self.0.load(Ordering::Acquire);
        let outcome = [Outcome::NotSent, Outcome::Refused].into_iter().find(|outcome| rank(*outcome) == state);
        Error::new(ErrorKind::Cancelled, outcome.unwrap_or(Outcome::Unknown), "the call was cancelled")
    }
}

/// The outcome of two attempts together: the worse of the two.
pub(crate) fn worse(one: Outcome, other: Outcome) -> Outcome {
    if rank(one) >= rank(other) { one } else { other }
}

/// How bad an outcome is for the caller: the higher, the less is known.
const fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::NotSent => 0,
        Outcome::Refused => 1,
        Outcome::Unknown => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_gets_worse_and_never_better() {
        let state = CallState::default();
        assert_eq!(state.cancelled().outcome, Outcome::NotSent);
        state.begin_attempt();
        assert_eq!(state.cancelled().outcome, Outcome::Unknown, "in flight");
        state.end_attempt(Outcome::Refused);
        assert_eq!(state.cancelled().outcome, Outcome::Refused);
        state.end_attempt(Outcome::Unknown);
        state.begin_attempt();
        state.end_attempt(Outcome::Refused);
        assert_eq!(state.cancelled().outcome, Outcome::Unknown, "a refused read proves nothing about the write");
    }
}
