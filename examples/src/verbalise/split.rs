//! Which values the base model, adapters and tests see.

/// The part of the data a value belongs to; one value is never in two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// What the base model is trained on: three values in four.
    Base,
    /// What adapters are trained on, and the base has never seen in any form: one value in eight.
    Train,
    /// What both are measured on, and neither has seen: one value in eight.
    Test,
}

impl Split {
    /// The split of a value, by a hash of the number that stands for it.
    pub fn of(key: u64) -> Self {
        match mix(key) % 8 {
            0 => Self::Test,
            1 => Self::Train,
            _ => Self::Base,
        }
    }
}

/// A well mixed hash of a number (the finaliser of splitmix64).
fn mix(key: u64) -> u64 {
    let key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_have_their_shares() {
        let count = |split| (0..80_000).filter(|&k| Split::of(k) == split).count();
        assert!((9_500..10_500).contains(&count(Split::Train)));
        assert!((9_500..10_500).contains(&count(Split::Test)));
    }
}
