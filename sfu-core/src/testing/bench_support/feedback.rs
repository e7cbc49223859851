//! Transport-wide feedback of a light peer.
use std::time::{Duration, Instant};

use crate::rtcp::{Arrival, RtcpWriter};

/// Arrivals that wait for the next feedback at the most; what comes on top is not reported.
const WAITING: usize = 8192;

/// The packets that came since the last feedback.
pub struct Feedback {
    begun: Instant,
    arrivals: Vec<Arrival>,
    highest: u64,
    /// Number of the first packet that was not reported yet.
    base: u64,
    count: u8,
}

impl Feedback {
    /// Nothing has come yet.
    pub fn new(now: Instant) -> Self {
        Self { begun: now, arrivals: Vec::new(), highest: 0, base: 0, count: 0 }
    }

    /// A packet with this transport-wide number came.
    pub fn note(&mut self, now: Instant, number: u16) {
        if self.highest == 0 {
            self.highest = 0x1_0000 | u64::from(number);
            self.base = self.highest;
        }
        let ahead = number.wrapping_sub(self.highest as u16) as i16;
        let sequence = self.highest.saturating_add_signed(i64::from(ahead));
        self.highest = self.highest.max(sequence);
        if self.arrivals.len() < WAITING {
            // A second is ahead of the beginning, so that times are never zero.
            let time = now.saturating_duration_since(self.begun) + Duration::from_secs(1);
            self.arrivals.push(Arrival { sequence, ticks: (time.as_micros() / 250) as u64 });
        }
    }

    /// Writes feedback about all that came into as many packets as it takes, each at most so many bytes.
    pub fn write(&mut self, sender_ssrc: u32, media_ssrc: u32, mtu: usize) -> Vec<Vec<u8>> {
        self.arrivals.sort_unstable_by_key(|arrival| arrival.sequence);
        self.arrivals.dedup_by_key(|arrival| arrival.sequence);
        let mut packets = Vec::new();
        let mut rest = self.arrivals.as_slice();
        while let Some(first) = rest.iter().position(|arrival| arrival.sequence >= self.base) {
            rest = rest.get(first..).unwrap_or_default();
            let mut buffer = vec![0; mtu];
            let mut writer = RtcpWriter::new(&mut buffer);
            let written = writer.transport_cc(sender_ssrc, media_ssrc, self.count, self.base, rest);
            let Ok(written) = written else {
                // So much is missing before it that one packet can't say it.
                let Some(next) = rest.first() else { break };
                if self.base == next.sequence {
                    break;
                }
                self.base = next.sequence;
                continue;
            };
            let len = writer.len();
            buffer.truncate(len);
            packets.push(buffer);
            self.count = self.count.wrapping_add(1);
            self.base = written.next_base;
        }
        self.arrivals.clear();
        packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{Compound, RtcpItem};

    #[test]
    fn what_came_is_told_once_and_what_is_missing_too() {
        let begun = Instant::now();
        let mut feedback = Feedback::new(begun);
        let mut told = Vec::new();
        for batch in [&[65_534_u16, 65_535, 1][..], &[2, 4, 3][..]] {
            for (number, delay) in batch.iter().zip(0..) {
                feedback.note(begun + Duration::from_millis(delay), *number);
            }
            for packet in feedback.write(1, 2, 1200) {
                for item in Compound::new(&packet).flatten() {
                    let RtcpItem::TransportCc(feedback) = item else { panic!("something else") };
                    told.extend(feedback.statuses().map(|(number, delta)| (number, delta.is_some())));
                }
            }
        }
        let expected =
            [(65_534, true), (65_535, true), (0, false), (1, true), (2, true), (3, true), (4, true)];
        assert_eq!(told, expected);
        assert!(feedback.write(1, 2, 1200).is_empty());
    }
}
