//! How the limiter tells users apart.

use crate::User;

/// A user by object id or user principal name, in any case. A client uses one key for the user of its token; another user
/// under two names counts as two.
#[derive(Clone, Copy, Debug)]
pub struct UserKey<'a>(pub &'a str);

impl UserKey<'_> {
    /// The key as the limiter keeps it: a hash, so that no name stays in memory. Case is ignored, as Graph ignores it.
    pub fn id(self) -> UserId {
        // FNV-1a. Two users of one hash would share their pace, nothing else.
        let hash = self.0.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
        });
        UserId(hash ^ (hash >> 32))
    }
}

impl<'a> From<&'a User> for UserKey<'a> {
    fn from(user: &'a User) -> Self {
        match user {
            User::Me => UserKey("me"),
            User::Named(name) => UserKey(name),
        }
    }
}

/// A user, as a hash of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserId(pub(super) u64);
