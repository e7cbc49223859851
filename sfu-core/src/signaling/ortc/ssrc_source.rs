//! New SSRCs.
use std::collections::HashSet;

/// Gives SSRCs that nobody in one negotiation uses yet.
pub struct SsrcSource<'a> {
    random: &'a mut dyn FnMut() -> u32,
    used: HashSet<u32>,
}

impl std::fmt::Debug for SsrcSource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SsrcSource").field("used", &self.used).finish_non_exhaustive()
    }
}

impl<'a> SsrcSource<'a> {
    /// `random` gives 32 random bits at each call. A source that repeats itself makes numbers that are guessed
    /// easily, but never a duplicate or an endless loop.
    pub fn new(random: &'a mut dyn FnMut() -> u32) -> Self {
        SsrcSource { random, used: HashSet::new() }
    }

    /// Keeps an SSRC from being given out.
    pub fn reserve(&mut self, ssrc: u32) {
        self.used.insert(ssrc);
    }

    /// A new SSRC, never 0.
    pub fn next_ssrc(&mut self) -> u32 {
        let mut ssrc = (self.random)();
        while ssrc == 0 || !self.used.insert(ssrc) {
            ssrc = ssrc.wrapping_add(1);
        }
        ssrc
    }

    /// Random bits that need not be unique.
    pub fn random(&mut self) -> u32 {
        (self.random)()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poor_random_source_still_gives_different_ssrcs() {
        let mut zero = || 0;
        let mut source = SsrcSource::new(&mut zero);
        source.reserve(2);
        assert_eq!([source.next_ssrc(), source.next_ssrc(), source.next_ssrc()], [1, 3, 4]);
    }
}
