//! Random numbers that a peer must not guess: SSRCs, first sequence numbers, credentials.
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A source of random numbers: the system's in a worker, a seeded one in virtual time.
#[derive(Debug)]
pub(crate) struct Random(Source);

#[derive(Debug)]
enum Source {
    System(SystemRandom),
    Seeded(u64),
}

impl Random {
    /// Cryptographically strong.
    pub(crate) fn system() -> Self {
        Random(Source::System(SystemRandom::new()))
    }

    /// The same numbers for the same seed; for tests in virtual time only.
    pub(crate) fn seeded(seed: u64) -> Self {
        Random(Source::Seeded(seed.wrapping_mul(2).wrapping_add(1)))
    }

    /// Fills `bytes`.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        match &mut self.0 {
            // The system's source fails only where there is none; a worker can't run there.
            Source::System(system) => {
                system.fill(bytes).expect("random: the system has no source of randomness")
            }
            Source::Seeded(state) => {
                for byte in bytes {
                    // splitmix64
                    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                    let mut z = *state;
                    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                    *byte = (z ^ (z >> 31)) as u8;
                }
            }
        }
    }

    /// 16 random bits.
    pub(crate) fn u16(&mut self) -> u16 {
        let mut bytes = [0; 2];
        self.fill(&mut bytes);
        u16::from_be_bytes(bytes)
    }

    /// 32 random bits.
    pub(crate) fn u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        u32::from_be_bytes(bytes)
    }
}
