//! The ids of a client's requests.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::{Builder, Uuid};

/// Odd, so that every count gives another state.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes random UUIDs. The system's random source is asked once a client, because a system call takes longer than all other
/// preparation of a request. A forked process has clients of its own, and so ids of its own.
#[derive(Debug)]
pub(super) struct RequestIds {
    seed: (u64, u64),
    count: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        Self { seed: Uuid::new_v4().as_u64_pair(), count: AtomicU64::new(0) }
    }
}

impl RequestIds {
    /// The next id.
    pub(super) fn next(&self) -> String {
        let state = self.count.fetch_add(STEP, Ordering::Relaxed);
        let (high, low) = (mix(self.seed.0.wrapping_add(state)), mix(self.seed.1 ^ state));
        let bytes = ((u128::from(high) << 64) | u128::from(low)).to_be_bytes();
        let id = Builder::from_random_bytes(bytes).into_uuid().hyphenated();
        id.encode_lower(&mut Uuid::encode_buffer()).to_owned()
    }
}

/// A bijection that spreads every bit over all others. Source: Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014, as improved by Stafford.
const fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Variant;

    use super::*;

    #[test]
    fn ids_are_random_uuids_and_differ_within_and_between_clients() {
        let clients: Vec<_> = (0..10).map(|_| RequestIds::default()).collect();
        let ids: HashSet<_> = clients.iter().flat_map(|ids| (0..1000).map(|_| ids.next())).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids {
            let id = Uuid::parse_str(&id).expect("a UUID");
            assert_eq!((id.get_version_num(), id.get_variant()), (4, Variant::RFC4122));
        }
    }
}
