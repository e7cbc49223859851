//! The hook as a type and as an object.
use crate::packet::{Counts, Packet, Verdict};

/// Something that is asked about each packet.
pub trait Hook {
    /// A packet has come.
    fn rtp_in(&mut self, packet: &Packet<'_>) -> Verdict;

    /// What was counted.
    fn counts(&self) -> Counts;
}

/// Counts, and drops every hundredth packet.
#[derive(Default)]
pub struct Counting(Counts);

impl Hook for Counting {
    #[inline]
    fn rtp_in(&mut self, packet: &Packet<'_>) -> Verdict {
        self.0.packets += 1;
        self.0.bytes += packet.payload().len() as u64;
        if packet.sequence_number % 100 == 99 {
            self.0.dropped += 1;
            return Verdict::Drop;
        }
        Verdict::Forward
    }

    fn counts(&self) -> Counts {
        self.0
    }
}
