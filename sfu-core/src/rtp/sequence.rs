//! Arithmetic on numbers that wrap (RFC 1982), and unrolling them to 64 bits.

/// How far `a` is ahead of `b`, -32768 to 32767.
#[inline]
pub const fn distance_u16(a: u16, b: u16) -> i16 {
    a.wrapping_sub(b) as i16
}

/// How far `a` is ahead of `b`, -2^31 to 2^31 - 1.
#[inline]
pub const fn distance_u32(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

/// Whether `a` comes after `b`. Numbers exactly half the range apart count as before each other.
#[cfg(test)]
#[inline]
pub const fn is_newer_u16(a: u16, b: u16) -> bool {
    distance_u16(a, b) > 0
}

/// Whether `a` comes after `b`. Numbers exactly half the range apart count as before each other.
#[inline]
pub const fn is_newer_u32(a: u32, b: u32) -> bool {
    distance_u32(a, b) > 0
}

/// Unrolls 16-bit sequence numbers to 64 bits, relative to the highest one so far.
///
/// The first value lies in the second cycle (65536 + the number), so that packets older than it don't go below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtendedSequence {
    highest: Option<u64>,
}

impl ExtendedSequence {
    /// The 64-bit value of `sequence_number`; remembers it if it is the highest.
    #[inline]
    pub fn unroll(&mut self, sequence_number: u16) -> u64 {
        let value = self.peek(sequence_number);
        if self.highest.is_none_or(|highest| value > highest) {
            self.highest = Some(value);
        }
        value
    }

    /// The 64-bit value of `sequence_number`, without remembering it.
    #[inline]
    pub fn peek(&self, sequence_number: u16) -> u64 {
        match self.highest {
            None => (1 << 16) | u64::from(sequence_number),
            // The highest is at least 65536, and one step is at least -32768.
            Some(highest) => {
                highest.saturating_add_signed(i64::from(distance_u16(sequence_number, highest as u16)))
            }
        }
    }

    /// The highest value so far.
    #[cfg(test)]
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The highest value as receiver reports carry it: cycles in the upper 16 bits, starting at 0 (RFC 3550 section 6.4.1).
    #[cfg(test)]
    pub fn report_highest(&self) -> u32 {
        self.highest.map_or(0, |highest| highest.wrapping_sub(1 << 16) as u32)
    }
}

/// Unrolls 32-bit timestamps to 64 bits, relative to the highest one so far; the first value is 2^32 + the timestamp.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtendedTimestamp {
    highest: Option<u64>,
}

#[cfg(test)]
impl ExtendedTimestamp {
    /// The 64-bit value of `timestamp`; remembers it if it is the highest.
    #[cfg(test)]
    #[inline]
    pub fn unroll(&mut self, timestamp: u32) -> u64 {
        let value = match self.highest {
            None => (1 << 32) | u64::from(timestamp),
            Some(highest) => {
                highest.saturating_add_signed(i64::from(distance_u32(timestamp, highest as u32)))
            }
        };
        if self.highest.is_none_or(|highest| value > highest) {
            self.highest = Some(value);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unrolling_crosses_the_wrap_both_ways() {
        let mut seq = ExtendedSequence::default();
        assert_eq!(seq.unroll(0), 65536);
        assert_eq!(seq.unroll(65535), 65535);
        assert_eq!(seq.unroll(1), 65537);
        assert_eq!(seq.report_highest(), 1);
        for n in [30000u16, 60000, 20000] {
            seq.unroll(n);
        }
        assert_eq!(seq.highest(), Some(2 * 65536 + 20000));
        assert_eq!(seq.report_highest(), 65536 + 20000);
        let mut ts = ExtendedTimestamp::default();
        let first = ts.unroll(u32::MAX);
        assert_eq!(ts.unroll(4), first + 5);
    }

    #[test]
    fn newer_is_decided_over_the_wrap() {
        assert!(is_newer_u16(0, 65535) && !is_newer_u16(65535, 0) && !is_newer_u16(5, 5));
        assert!(is_newer_u32(3, u32::MAX) && !is_newer_u32(u32::MAX, 3));
    }

    proptest! {
        #[test]
        fn unrolled_values_keep_their_low_bits(seqs in prop::collection::vec(any::<u16>(), 1..50),
                                               stamps in prop::collection::vec(any::<u32>(), 1..50)) {
            let mut seq = ExtendedSequence::default();
            for n in seqs {
                prop_assert_eq!(seq.unroll(n) as u16, n);
            }
            let mut ts = ExtendedTimestamp::default();
            for n in stamps {
                prop_assert_eq!(ts.unroll(n) as u32, n);
            }
        }
    }
}
