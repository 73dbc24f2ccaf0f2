//! How the limiter tells users apart.

use crate::User;

/// A user by object id or user principal name, in any case. A client uses one key for the user of its token; another user
/// under two names counts as two.
#[derive(Clone, Copy, Debug)]
pub struct UserKey<'a>(pub &'a str);

impl UserKey<'_> {
    /// The key as the limiter keeps it: a hash, so that no name stays in memory. Case is ignored, as Graph ignores it. Two
    /// users of one hash would share their pace, nothing else.
    pub fn id(self) -> UserId {
        let hash = self.0.as_bytes().chunks(8).fold(self.0.len() as u64, |hash, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let product = u128::from(hash ^ lowercase(u64::from_le_bytes(word)) ^ SEED) * u128::from(FACTOR);
            fold(product)
        });
        UserId(hash)
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

/// Odd, with about as many ones as zeros: the first digits of pi and of the golden ratio.
const SEED: u64 = 0x243f_6a88_85a3_08d3;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

#[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
const fn fold(product: u128) -> u64 {
    product as u64 ^ (product >> 64) as u64
}

/// Eight bytes with the ASCII letters among them in lower case.
const fn lowercase(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low = word & (0x7f * EACH);
    let from_a = low + (0x80 - 0x41) * EACH;
    let after_z = low + (0x80 - 0x5b) * EACH;
    let is_upper = (from_a ^ after_z) & !word & (0x80 * EACH);
    word | (is_upper >> 2)
}

/// A user, as a hash of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserId(pub(super) u64);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn only_ascii_letters_have_two_cases() {
        for byte in 0..=u8::MAX {
            let word = u64::from_le_bytes([byte; 8]);
            assert_eq!(lowercase(word), u64::from_le_bytes([byte.to_ascii_lowercase(); 8]), "{byte}");
        }
    }

    #[test]
    fn users_have_hashes_of_their_own() {
        let odd = ["", "\0", "@", "`"].map(str::to_owned);
        let names = (0..100_000).map(|n| format!("user{n}@contoso.com")).chain(odd);
        let ids: HashSet<_> = names.map(|name| UserKey(&name).id()).collect();
        assert_eq!(ids.len(), 100_004);
        // A table uses the lowest bits for the place and the highest ones to tell entries apart.
        let low: HashSet<_> = ids.iter().map(|id| id.0 & 0xffff).collect();
        let high: HashSet<_> = ids.iter().map(|id| id.0 >> 48).collect();
        // Of 65,536 values, 100,000 random ones leave 22 % unused.
        assert!(low.len() > 50_000 && high.len() > 50_000, "{} {}", low.len(), high.len());
    }
}
