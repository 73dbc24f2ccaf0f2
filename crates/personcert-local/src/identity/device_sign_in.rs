//! Device sign-ins: a code that is typed into a browser elsewhere.

use std::time::{Duration, Instant};

use super::token_error::TokenError;

/// How long a device code is valid, in seconds.
pub const LIFETIME: i64 = 900;
/// How long a client must wait between two polls, in seconds. The service's 5 would slow down tests.
pub const POLL_INTERVAL: u64 = 1;
/// The shortest time between two polls: a poll may be late and the next one on time.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The decision on a device sign-in.
#[derive(Clone, Debug)]
pub enum DeviceDecision {
    /// The code was not typed in yet.
    Pending,
    /// This user was picked.
    Approved(String),
    /// The user declined.
    Declined,
}

/// A device sign-in.
#[derive(Debug)]
pub struct DeviceSignIn {
    /// The application that requested it.
    pub app: String,
    /// The requested scope.
    pub scope: String,
    /// The code that the user types in.
    pub user_code: String,
    /// The decision.
    pub decision: DeviceDecision,
    /// When it was requested, in seconds since 1970.
    pub requested: i64,
    /// When the device last polled.
    pub polled: Option<Instant>,
}

impl DeviceSignIn {
    /// Answers a poll with the user who approved.
    pub fn poll(&mut self, now: i64) -> Result<String, TokenError> {
        if now > self.requested + LIFETIME {
            return Err(TokenError::new("expired_token", 70_020, "The provided device code has expired."));
        }
        let previous = self.polled.replace(Instant::now());
        if previous.is_some_and(|previous| previous.elapsed() < MIN_POLL_INTERVAL) {
            return Err(TokenError::new("slow_down", 70_022, "The client polls too often."));
        }
        match &self.decision {
            DeviceDecision::Approved(user) => Ok(user.clone()),
            DeviceDecision::Pending => {
                let text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
                Err(TokenError::new("authorization_pending", 70_016, text))
            }
            DeviceDecision::Declined => {
                Err(TokenError::new("authorization_declined", 70_019, "The user declined the sign-in."))
            }
        }
    }
}
