//! Numbers at random, the same for the same seed.

use time::Duration;

/// xorshift64*.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }

    pub(super) fn between(&mut self, least: i64, most: i64) -> i64 {
        least + i64::try_from(self.below(u64::try_from(most - least + 1).expect("most is more"))).expect("it is small")
    }

    /// How long somebody does nothing: mostly a while, sometimes to the microsecond what ends something.
    pub(super) fn while_away(&mut self) -> Duration {
        match self.below(4) {
            0 => Duration::seconds(self.between(0, 120)),
            1 => Duration::minutes(self.between(1, 60)),
            2 => Duration::minutes(self.between(1, 60)) - Duration::microseconds(1),
            _ => Duration::minutes(self.between(1, 15)),
        }
    }
}
