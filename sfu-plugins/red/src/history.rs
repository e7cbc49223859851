//! What a receiver was sent last.
use crate::rfc2198::{Block, MAX_BLOCK, MAX_OFFSET};

/// Packets that are kept: as many as may be carried again, and one that came late.
pub(crate) const KEPT: usize = 5;

/// One packet.
#[derive(Debug, Clone)]
struct Kept {
    timestamp: u32,
    len: usize,
    payload: [u8; MAX_BLOCK],
}

/// The last packets of Opus that one receiver was sent. Memory is taken once, at the beginning.
#[derive(Debug)]
pub(crate) struct History {
    kept: Box<[Kept]>,
    /// How many of them are there.
    count: usize,
}

impl History {
    pub(crate) fn new() -> Self {
        let empty = Kept { timestamp: 0, len: 0, payload: [0; MAX_BLOCK] };
        History { kept: vec![empty; KEPT].into(), count: 0 }
    }

    /// Keeps a packet in the place of the oldest one; one that is too long to be carried again is left out.
    pub(crate) fn push(&mut self, timestamp: u32, payload: &[u8]) {
        // How much older than this packet each is; those that overtook it are younger.
        let age = |kept: &Kept| i64::from(age(timestamp, kept.timestamp) as i32);
        let oldest = self.kept.iter().take(self.count).enumerate().max_by_key(|(_, kept)| age(kept));
        let place = match oldest {
            // So far behind that it is no late packet: time begins anew.
            Some((_, kept)) if age(kept) < -i64::from(MAX_OFFSET) => {
                self.count = 0;
                0
            }
            Some((place, kept)) if self.count == KEPT => {
                if age(kept) < 0 {
                    return;
                }
                place
            }
            _ => self.count,
        };
        let Some(kept) = self.kept.get_mut(place) else { return };
        let Some(room) = kept.payload.get_mut(..payload.len()) else { return };
        room.copy_from_slice(payload);
        (kept.timestamp, kept.len) = (timestamp, payload.len());
        self.count = self.count.max(place + 1);
    }

    /// The packets right before `timestamp`, oldest first, in the last places of `blocks`; answers how many there are.
    pub(crate) fn before<'a, const N: usize>(
        &'a self,
        timestamp: u32,
        payload_type: u8,
        blocks: &mut [Block<'a>; N],
    ) -> usize {
        let mut found = 0;
        let mut youngest = 0;
        while found < N {
            let older = |kept: &&Kept| {
                let age = age(timestamp, kept.timestamp);
                age > youngest && age <= MAX_OFFSET
            };
            let next = self.kept.iter().take(self.count).filter(older);
            let Some(next) = next.min_by_key(|kept| age(timestamp, kept.timestamp)) else { break };
            youngest = age(timestamp, next.timestamp);
            found += 1;
            if let Some(block) = blocks.get_mut(N - found) {
                let payload = next.payload.get(..next.len).unwrap_or_default();
                *block = Block { payload_type, offset: youngest as u16, payload };
            }
        }
        found
    }
}

/// How much older one timestamp is than another; what is newer counts as very old.
fn age(timestamp: u32, other: u32) -> u32 {
    timestamp.wrapping_sub(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offsets(history: &History, timestamp: u32) -> Vec<u16> {
        let mut blocks = [Block::default(); 3];
        let found = history.before(timestamp, 111, &mut blocks);
        blocks[3 - found..].iter().map(|block| block.offset).collect()
    }

    #[test]
    fn the_packets_before_come_oldest_first_over_the_wrap_and_late_ones_in_their_place() {
        let mut history = History::new();
        let base = u32::MAX - 1500;
        for n in [0, 1, 2, 4, 3] {
            history.push(base.wrapping_add(n * 960), &[n as u8; 3]);
        }
        let now = base.wrapping_add(5 * 960);
        assert_eq!(offsets(&history, now), [2880, 1920, 960]);
        assert_eq!(offsets(&history, base.wrapping_add(2 * 960)), [1920, 960]);
        assert!(offsets(&history, base).is_empty());
        let mut blocks = [Block::default(); 1];
        assert_eq!(history.before(now, 111, &mut blocks), 1);
        assert_eq!(blocks, [Block { payload_type: 111, offset: 960, payload: &[4; 3] }]);
    }

    #[test]
    fn a_late_packet_takes_the_place_of_the_oldest_and_time_may_begin_anew() {
        let mut history = History::new();
        for n in [0, 1, 2, 3, 5, 6, 4] {
            history.push(n * 960, &[n as u8]);
        }
        assert_eq!(offsets(&history, 7 * 960), [2880, 1920, 960]);
        history.push(0, &[0]);
        assert_eq!(offsets(&history, 7 * 960), [2880, 1920, 960], "older than all");
        assert_eq!(offsets(&history, 3 * 960), [960], "and so it took no place");
        // Half a minute back.
        let mut history = History::new();
        for n in 0..5 {
            history.push(1_440_000 + n * 960, &[n as u8]);
        }
        history.push(0, &[0]);
        history.push(960, &[1]);
        assert_eq!(offsets(&history, 1920), [1920, 960]);
    }

    #[test]
    fn what_is_too_old_or_too_long_is_left_out() {
        let mut history = History::new();
        history.push(0, &[1]);
        history.push(10_000, &[0; 1024]);
        assert_eq!(offsets(&history, 16_383), [16_383]);
        assert!(offsets(&history, 16_384).is_empty());
        for n in 1..20 {
            history.push(n * 960, &[n as u8]);
        }
        assert_eq!(offsets(&history, 20 * 960), [2880, 1920, 960]);
    }

    proptest! {
        #[test]
        fn hostile_timestamps_never_panic(
            packets in prop::collection::vec((any::<u32>(), 0usize..1100), 0..50),
            now: u32,
        ) {
            let mut history = History::new();
            for (timestamp, len) in packets {
                history.push(timestamp, &vec![0; len]);
            }
            let found = offsets(&history, now);
            prop_assert!(found.len() <= 3 && found.windows(2).all(|pair| pair[0] > pair[1]));
        }
    }
}
