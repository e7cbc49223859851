//! The 48-bit index of an RTP packet: rollover counter and sequence number (RFC 3711 §3.3.1).

/// The last index of a key: rollover counter (high 32 bits) and sequence number (low 16 bits) all ones.
pub(super) const MAX_INDEX: u64 = (1 << 48) - 1;

/// The index nearest to `highest` whose low 16 bits are `seq` (RFC 3711 appendix A).
///
/// `None` when that index would lie before the first or behind the last one of the key.
#[inline]
pub(super) fn nearest(highest: u64, seq: u16) -> Option<u64> {
    const ROUND: u64 = 1 << 16;
    const HALF: i64 = 1 << 15;
    let same_round = (highest & !(ROUND - 1)) | u64::from(seq);
    let ahead = same_round as i64 - highest as i64;
    let index = if ahead > HALF {
        same_round.checked_sub(ROUND)?
    } else if ahead < -HALF {
        same_round + ROUND
    } else {
        same_round
    };
    (index <= MAX_INDEX).then_some(index)
}

/// The rollover counter of an index.
#[inline]
pub(super) fn rollover(index: u64) -> u32 {
    (index >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_past_65535_raises_the_rollover_counter() {
        assert_eq!(nearest(65535, 0), Some(65536));
        assert_eq!(nearest(65530, 20), Some(65536 + 20));
        assert_eq!(rollover(65536), 1);
    }

    #[test]
    fn a_late_packet_from_before_the_wrap_keeps_the_old_counter() {
        assert_eq!(nearest(65536 + 3, 65534), Some(65534));
        assert_eq!(nearest((7 << 16) + 3, 65534), Some((6 << 16) + 65534));
    }

    #[test]
    fn there_is_nothing_before_the_first_index_or_behind_the_last() {
        assert_eq!(nearest(5, 65000), None);
        assert_eq!(nearest(MAX_INDEX, 0), None);
        assert_eq!(nearest(MAX_INDEX - 1, u16::MAX), Some(MAX_INDEX));
    }

    #[test]
    fn exactly_half_a_round_away_stays_in_the_same_round() {
        assert_eq!(nearest(0x1_9000, 0x1000), Some(0x1_1000));
        assert_eq!(nearest(0x1_9000, 0x0fff), Some(0x2_0fff));
        assert_eq!(nearest(0x1_1000, 0x9000), Some(0x1_9000));
        assert_eq!(nearest(0x1_1000, 0x9001), Some(0x0_9001));
    }
}
