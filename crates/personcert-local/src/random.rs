//! The generator of ids and random numbers. A seed makes a run repeatable.

/// `SplitMix64`: small, and sufficient for values that are not secret.
#[derive(Debug)]
pub struct Random {
    state: u64,
    /// Whether the seed was chosen.
    pub seeded: bool,
}

impl Random {
    /// A generator with this seed, or with a random one.
    pub fn new(seed: Option<u64>) -> Self {
        let fresh = || uuid::Uuid::new_v4().as_u64_pair().0;
        Self { state: seed.unwrap_or_else(fresh), seeded: seed.is_some() }
    }

    /// A number of 64 bits.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 inclusive to 1 exclusive.
    pub fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.number() >> 32).unwrap_or_default()) / (f64::from(u32::MAX) + 1.0)
    }

    /// A normally distributed number with mean 0 and deviation 1.
    pub fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.unit(), self.unit());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// A version 4 UUID.
    pub fn id(&mut self) -> String {
        let bytes = [self.number().to_be_bytes(), self.number().to_be_bytes()].concat();
        let bytes = <[u8; 16]>::try_from(bytes).unwrap_or_default();
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// Random bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.number().to_be_bytes()).flatten().take(count).collect()
    }

    /// Shuffles the items.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let below = u64::try_from(last + 1).unwrap_or(1);
            items.swap(last, usize::try_from(self.number() % below).unwrap_or_default());
        }
    }
}
