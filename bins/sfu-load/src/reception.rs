//! One stream as a peer gets it: what came, what is missing, what came twice.
use crate::rtcp::Block;

/// How far behind the highest number a packet may be to count as late, not as one of another round.
const WINDOW: u64 = 1024;

/// What was counted since a window of measurement began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Packets, each once.
    pub packets: u64,
    /// Numbers that were passed over and did not come later.
    pub missing: u64,
    /// Packets that came again.
    pub repeated: u64,
}

/// A stream.
#[derive(Debug, Clone)]
pub struct Reception {
    /// Unrolled; the rounds are above 16 bits.
    highest: u64,
    /// Which of the last [`WINDOW`] numbers came, by number modulo the size.
    came: Box<[bool; WINDOW as usize]>,
    counted: Counted,
    reported: Counted,
}

impl Reception {
    /// A stream that begins with this number.
    pub fn new(number: u16) -> Self {
        // The first one is one behind a number that counts as having come.
        let highest = 0x1_0000 + u64::from(number) - 1;
        let came = Box::new([true; WINDOW as usize]);
        Self { highest, came, counted: Counted::default(), reported: Counted::default() }
    }

    /// A packet came; what that changes in the counts.
    pub fn take(&mut self, number: u16) {
        let ahead = number.wrapping_sub(self.highest as u16) as i16;
        let Some(sequence) = self.highest.checked_add_signed(i64::from(ahead)) else { return };
        if ahead > 0 {
            for skipped in self.highest + 1..sequence {
                self.mark(skipped, false);
                self.counted.missing += 1;
            }
            self.mark(sequence, true);
            self.highest = sequence;
            self.counted.packets += 1;
        } else if self.highest - sequence < WINDOW && !self.has(sequence) {
            self.mark(sequence, true);
            self.counted.packets += 1;
            self.counted.missing = self.counted.missing.saturating_sub(1);
        } else {
            self.counted.repeated += 1;
        }
    }

    fn mark(&mut self, sequence: u64, came: bool) {
        if let Some(slot) = self.came.get_mut((sequence % WINDOW) as usize) {
            *slot = came;
        }
    }

    fn has(&self, sequence: u64) -> bool {
        self.came.get((sequence % WINDOW) as usize).copied().unwrap_or(true)
    }

    /// Since the beginning.
    pub fn counted(&self) -> Counted {
        self.counted
    }

    /// What the next receiver report says of the stream.
    pub fn report(&mut self, ssrc: u32) -> Block {
        let came = self.counted.packets.saturating_sub(self.reported.packets);
        let missing = self.counted.missing.saturating_sub(self.reported.missing);
        self.reported = self.counted;
        let fraction_lost = (missing * 256 / (came + missing).max(1)).min(255) as u8;
        Block {
            ssrc,
            fraction_lost,
            lost: self.counted.missing as u32,
            highest: self.highest.saturating_sub(0x1_0000) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(numbers: &[u16]) -> Counted {
        let mut reception = Reception::new(numbers[0]);
        numbers.iter().for_each(|number| reception.take(*number));
        reception.counted()
    }

    #[test]
    fn what_is_missing_is_counted_until_it_comes() {
        assert_eq!(counted(&[65_534, 65_535, 0, 1]), Counted { packets: 4, missing: 0, repeated: 0 });
        assert_eq!(counted(&[5, 8]), Counted { packets: 2, missing: 2, repeated: 0 });
        assert_eq!(counted(&[5, 8, 6]), Counted { packets: 3, missing: 1, repeated: 0 });
        assert_eq!(counted(&[5, 8, 6, 6, 8]), Counted { packets: 3, missing: 1, repeated: 2 });
    }

    #[test]
    fn a_report_tells_the_loss_since_the_last_one() {
        let mut reception = Reception::new(0);
        [0, 2].into_iter().for_each(|number| reception.take(number));
        let block = reception.report(7);
        assert_eq!((block.fraction_lost, block.lost, block.highest), (85, 1, 2));
        [3, 4].into_iter().for_each(|number| reception.take(number));
        assert_eq!(reception.report(7).fraction_lost, 0);
    }
}
