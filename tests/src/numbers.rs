//! Reproducible random numbers.

/// SplitMix64: one seed, one sequence.
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Numbers(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number from 0 up to, not including, 1.
    pub fn fraction(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_sequence_again() {
        let mut numbers = Numbers::new(7);
        let first: Vec<u64> = (0..4).map(|_| numbers.bits()).collect();
        let mut again = Numbers::new(7);
        assert!(first.iter().all(|&number| number == again.bits()));
        assert_ne!(Numbers::new(8).bits(), first[0]);
    }

    #[test]
    fn fractions_are_spread_evenly() {
        let mut numbers = Numbers::new(1);
        let below = (0..10_000).filter(|_| numbers.fraction() < 0.05).count();
        assert!((400..600).contains(&below), "{below} of 10000 below 0.05");
    }
}
