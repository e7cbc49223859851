//! Packets of one stream in the order of their numbers.
use std::collections::VecDeque;

/// Packets ahead of a missing one that are kept; one that is farther ahead is a new beginning.
const WINDOW: usize = 512;
/// How long a missing packet is waited for, in nanoseconds: retransmission brings most of them within that.
const PATIENCE: u64 = 200_000_000;
/// So many packets in a row that come late are no late packets: the sender numbers anew.
const LATE_IN_A_ROW: u16 = 64;

/// A packet that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) sequence_number: u16,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    /// When it came, in nanoseconds.
    pub(crate) at: u64,
    pub(crate) payload: Vec<u8>,
}

/// Puts packets in order: a missing one is waited for 200 ms and 512 packets long, and one that comes later is left out.
#[derive(Debug, Default)]
pub(crate) struct Reorder {
    /// The number that comes next, once there was one.
    next: Option<u16>,
    /// Packets from the next one on, by their distance from it; the last one is there.
    slots: VecDeque<Option<Packet>>,
    /// When the first packet behind the missing one came.
    gap_since: u64,
    late_in_a_row: u16,
    late: u64,
}

impl Reorder {
    /// Packets that came too late, so far.
    pub(crate) fn late(&self) -> u64 {
        self.late
    }

    /// Takes a packet; afterwards [`pop`](Self::pop) until there is none. `false`: its number belongs to another numbering, which
    /// begins with a [`restart`](Self::restart).
    pub(crate) fn push(&mut self, packet: Packet) -> Result<(), Packet> {
        let next = *self.next.get_or_insert(packet.sequence_number);
        let ahead = packet.sequence_number.wrapping_sub(next) as i16;
        let Ok(place) = usize::try_from(ahead) else {
            self.late_in_a_row += 1;
            if usize::from(ahead.unsigned_abs()) > WINDOW || self.late_in_a_row >= LATE_IN_A_ROW {
                return Err(packet);
            }
            self.late += 1;
            return Ok(());
        };
        if place >= WINDOW {
            return Err(packet);
        }
        self.late_in_a_row = 0;
        if self.slots.is_empty() {
            self.gap_since = packet.at;
        }
        if self.slots.len() <= place {
            self.slots.resize(place + 1, None);
        }
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Some(packet);
        }
        Ok(())
    }

    /// The next packet in order at a moment, in nanoseconds.
    pub(crate) fn pop(&mut self, now: u64) -> Option<Packet> {
        let missing = self.slots.iter().position(Option::is_some)?;
        if missing > 0 && now.saturating_sub(self.gap_since) < PATIENCE {
            return None;
        }
        let packet = self.slots.drain(..=missing).next_back().flatten()?;
        self.next = Some(packet.sequence_number.wrapping_add(1));
        // If something is missing again, it is waited for from when the one behind it came.
        if let Some(Some(behind)) = self.slots.iter().find(|slot| slot.is_some()) {
            self.gap_since = behind.at;
        }
        Some(packet)
    }

    /// The next packet, however long others have been missing.
    pub(crate) fn flush(&mut self) -> Option<Packet> {
        self.pop(u64::MAX)
    }

    /// Begins anew with whatever comes.
    pub(crate) fn restart(&mut self) {
        *self = Reorder { late: self.late, ..Reorder::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(sequence_number: u16, at_ms: u64) -> Packet {
        let at = at_ms * 1_000_000;
        Packet { sequence_number, timestamp: 0, marker: false, payload_type: 96, at, payload: vec![] }
    }

    /// Pushes packets that come at these milliseconds; the numbers that come out at the last moment.
    fn through(reorder: &mut Reorder, packets: &[(u16, u64)]) -> Vec<u16> {
        let mut out = Vec::new();
        for (number, at) in packets {
            let packet = packet(*number, *at);
            let now = packet.at;
            assert_eq!(reorder.push(packet), Ok(()));
            out.extend(std::iter::from_fn(|| reorder.pop(now)).map(|packet| packet.sequence_number));
        }
        out
    }

    #[test]
    fn a_packet_that_comes_late_finds_its_place() {
        let mut reorder = Reorder::default();
        let got = through(&mut reorder, &[(65_534, 0), (1, 10), (0, 20), (2, 30), (65_535, 150)]);
        assert_eq!(got, [65_534, 65_535, 0, 1, 2]);
        assert_eq!(through(&mut reorder, &[(1, 160), (3, 161)]), [3]);
        assert_eq!(reorder.late(), 1);
    }

    #[test]
    fn a_packet_that_does_not_come_is_given_up_after_200_ms() {
        let mut reorder = Reorder::default();
        assert_eq!(through(&mut reorder, &[(5, 0), (7, 10), (8, 100), (10, 209)]), [5]);
        assert_eq!(through(&mut reorder, &[(11, 210)]), [7, 8]);
        assert_eq!(reorder.pop(408_000_000), None, "10 came at 209 ms");
        assert_eq!(reorder.pop(409_000_000).map(|packet| packet.sequence_number), Some(10));
        assert_eq!(through(&mut reorder, &[(13, 420)]), [11]);
        assert_eq!(reorder.flush().map(|packet| packet.sequence_number), Some(13));
        assert_eq!(reorder.flush(), None);
    }

    #[test]
    fn another_numbering_is_noticed_ahead_and_behind() {
        let mut reorder = Reorder::default();
        assert_eq!(through(&mut reorder, &[(1000, 0)]), [1000]);
        assert!(reorder.push(packet(1001 + 512, 1)).is_err());
        assert!(reorder.push(packet(400, 1)).is_err());
        for n in 0..64 {
            let pushed = reorder.push(packet(800 + n, 1));
            assert_eq!(pushed.is_err(), n >= 62, "{n}");
        }
        reorder.restart();
        assert_eq!(through(&mut reorder, &[(800, 2)]), [800]);
    }

    proptest! {
        #[test]
        fn numbers_only_go_up_and_nothing_that_comes_in_time_is_lost(
            start: u16,
            moves in prop::collection::vec((0u64..150, any::<bool>()), 1..300),
        ) {
            // Each is sent a millisecond after the other and is up to 150 ms on its way, or lost.
            let mut sent: Vec<(u64, u16, bool)> = moves
                .iter()
                .enumerate()
                .map(|(n, (delay, lost))| (n as u64 + delay, start.wrapping_add(n as u16), *lost && n > 0))
                .collect();
            if let Some(first) = sent.first_mut() {
                first.0 = 0;
            }
            sent.sort_by_key(|(at, ..)| *at);
            let mut reorder = Reorder::default();
            let mut out = Vec::new();
            let mut arrived = 0;
            for (at, number, lost) in &sent {
                if *lost {
                    continue;
                }
                arrived += 1;
                prop_assert!(reorder.push(packet(*number, *at)).is_ok());
                out.extend(std::iter::from_fn(|| reorder.pop(at * 1_000_000)));
            }
            out.extend(std::iter::from_fn(|| reorder.flush()));
            let places: Vec<u16> =
                out.iter().map(|packet| packet.sequence_number.wrapping_sub(start)).collect();
            prop_assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(places.len(), arrived);
        }

        #[test]
        fn hostile_numbers_take_no_more_than_the_window(
            numbers in prop::collection::vec(any::<u16>(), 0..2000),
        ) {
            let mut reorder = Reorder::default();
            for (n, number) in numbers.into_iter().enumerate() {
                if let Err(packet) = reorder.push(packet(number, n as u64)) {
                    reorder.restart();
                    prop_assert!(reorder.push(packet).is_ok());
                }
                prop_assert!(reorder.slots.len() <= WINDOW);
                while reorder.pop(n as u64 * 1_000_000).is_some() {}
            }
        }
    }
}
