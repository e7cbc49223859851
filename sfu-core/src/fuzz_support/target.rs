//! Fuzz targets by their names: what `fuzz/fuzz_targets` runs, and tests on any toolchain.
use super::{Chance, entry, mutate, mutate_text, seeds};

/// What a fuzzer is let loose on.
#[derive(Debug, Clone, Copy)]
pub struct FuzzTarget {
    /// Its name, that of its file in `fuzz/fuzz_targets` and of its [`seeds`].
    pub name: &'static str,
    /// Takes an input; panics where something is wrong.
    pub run: fn(&[u8]),
    /// Longest input that is worth trying, in bytes.
    pub max_len: usize,
    /// Input is text, and is damaged as such.
    pub is_text: bool,
}

const fn target(name: &'static str, run: fn(&[u8])) -> FuzzTarget {
    FuzzTarget { name, run, max_len: 1500, is_text: false }
}

/// All targets of this crate.
pub const TARGETS: [FuzzTarget; 10] = [
    target("stun", entry::stun),
    target("rtp", entry::rtp),
    target("rtcp", entry::rtcp),
    target("payload_descriptor", entry::payload_descriptor),
    target("dependency_descriptor", entry::dependency_descriptor),
    target("bitstream", entry::bitstream),
    target("reorder", entry::reorder),
    target("datagram", entry::datagram),
    FuzzTarget { max_len: 65_536, ..target("mjr", entry::mjr) },
    FuzzTarget { max_len: 65_536, is_text: true, ..target("sdp", entry::sdp) },
];

impl FuzzTarget {
    /// Lets it take so many inputs: seeds, damaged a little, and what came of earlier ones damaged once more. The same seed of
    /// chance makes the same inputs.
    pub fn storm(&self, seed: u64, inputs: usize) {
        self.storm_from(&seeds(self.name, 50), seed, inputs);
    }

    /// The same from other seeds.
    pub fn storm_from(&self, seeds: &[Vec<u8>], seed: u64, inputs: usize) {
        let mut chance = Chance::new(seed);
        let mut pool = seeds.to_vec();
        assert!(!pool.is_empty(), "{}: there are no seeds", self.name);
        pool.iter().for_each(|seed| (self.run)(seed));
        let damage = if self.is_text { mutate_text } else { mutate };
        for _ in 0..inputs {
            let (at, other) = (chance.below(pool.len()), chance.below(pool.len()));
            let mut input = pool[at].clone();
            damage(&mut chance, &mut input, &pool[other], self.max_len);
            (self.run)(&input);
            // Now and then damage adds up; the seed comes back before nothing is left of it.
            pool[at] = match chance.below(16) {
                0..4 => input,
                4 => seeds[at].clone(),
                _ => continue,
            };
        }
    }
}
