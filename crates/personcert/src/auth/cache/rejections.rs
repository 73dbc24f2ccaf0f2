//! What the service said of rejected tokens: the claims that it requires, and when a replacement may be fetched.
//!
//! Replacing is limited, because a service that rejects every token would otherwise cause a sign-in for each call.
//! Source: "Claims challenges, claims requests and client capabilities".

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

/// How long a replaced or failed rejection is remembered, so that other calls holding the rejected token don't fetch again.
pub(super) const REJECTED_TOKEN_TTL: Duration = Duration::from_secs(10);
/// How many replacements new claims may cause within that time.
const MAX_REPLACEMENTS: u32 = 4;
/// Size limit of the merged claims. Beyond it the newest challenge alone counts.
const MAX_CLAIMS_BYTES: usize = 8 << 10;

#[derive(Default)]
pub(super) struct Rejections {
    /// The newest token that was rejected.
    token: Option<u64>,
    /// The claims of all challenges, merged: every later token needs them.
    claims: Map<String, Value>,
    /// How many challenges changed `claims`.
    challenges: u64,
    /// When the first of the remembered replacements began, and how many there were.
    remembered: Option<(Instant, u32)>,
}

impl Rejections {
    /// Records a rejected token. Returns how many challenges a token has to answer now.
    pub(super) fn record(&mut self, token: u64, challenge: Option<&str>) -> u64 {
        self.token = self.token.max(Some(token));
        let challenge = challenge.and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
        if let Some(challenge) = challenge.filter(|challenge| !challenge.is_empty()) {
            let mut merged = self.claims.clone();
            merge(&mut merged, challenge.clone());
            if Value::Object(merged.clone()).to_string().len() > MAX_CLAIMS_BYTES {
                merged = challenge;
            }
            if merged != self.claims {
                self.claims = merged;
                self.challenges += 1;
            }
        }
        self.challenges
    }

    /// Whether a token was rejected and may be replaced: once for a while, and a few times more for new claims.
    pub(super) fn may_replace(&self, token: u64, challenges: u64) -> bool {
        if self.token.is_none_or(|rejected| rejected < token) {
            return false;
        }
        match self.remembered {
            Some((since, count)) if since.elapsed() < REJECTED_TOKEN_TTL => {
                count < MAX_REPLACEMENTS && challenges < self.challenges
            }
            _ => true,
        }
    }

    /// Counts a replacement that was fetched, whether it succeeded or not.
    pub(super) fn count_replacement(&mut self) {
        let (since, count) = match self.remembered {
            Some((since, count)) if since.elapsed() < REJECTED_TOKEN_TTL => (since, count + 1),
            _ => (Instant::now(), 1),
        };
        self.remembered = Some((since, count));
    }

    /// The claims for the next token as JSON, and how many challenges they answer.
    pub(super) fn claims(&self) -> (Option<String>, u64) {
        let claims = (!self.claims.is_empty()).then(|| Value::Object(self.claims.clone()).to_string());
        (claims, self.challenges)
    }
}

/// Adds the claims of a challenge; of two values for one claim the newer counts.
fn merge(into: &mut Map<String, Value>, challenge: Map<String, Value>) {
    for (section, members) in challenge {
        match (into.get_mut(&section).and_then(Value::as_object_mut), members) {
            (Some(known), Value::Object(members)) => known.extend(members),
            (_, members) => drop(into.insert(section, members)),
        }
    }
}
