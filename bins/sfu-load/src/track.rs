//! One stream that a peer sends: its timetable made into RTP packets.
use std::time::{Duration, Instant};

use crate::numbers::Numbers;
use crate::stamp;
use crate::timetable::{Burst, Pattern, Timetable};

/// Payload type of video (VP8).
pub const VIDEO: u8 = 96;
/// Payload type of audio (Opus).
pub const AUDIO: u8 = 111;
/// Bytes of an RTP header.
pub const HEADER: usize = 12;

/// A packet before it is sealed.
pub struct Packet<'a> {
    /// RTP header.
    pub header: [u8; HEADER],
    /// Payload, with a stamp at its end.
    pub payload: &'a [u8],
}

/// A stream.
#[derive(Debug, Clone)]
pub struct Track {
    pattern: Pattern,
    timetable: Timetable,
    next: Option<Burst>,
    ssrc: u32,
    sequence: u16,
    /// RTP time of frame 0.
    timestamp: u32,
    payload: Vec<u8>,
    /// The next frame is to be a key frame.
    key_wanted: bool,
    /// When the timetable began, and how much of it had passed by then.
    begun: Option<(Instant, Duration)>,
    packets: u32,
    octets: u32,
    latest: u32,
}

impl Track {
    /// A stream with this SSRC; `user` tells the streams of one seed apart.
    pub fn new(pattern: Pattern, ssrc: u32, seed: u64, user: u64) -> Self {
        let mut numbers = Numbers::of(!seed, user);
        let (sequence, timestamp) = (numbers.bits() as u16 & 0x7fff, numbers.bits() as u32);
        let payload = (0..2048).map(|_| numbers.bits() as u8).collect();
        let mut timetable = Timetable::new(pattern, seed, user);
        let next = timetable.next();
        Self {
            pattern,
            timetable,
            next,
            ssrc,
            sequence,
            timestamp,
            payload,
            key_wanted: false,
            begun: None,
            packets: 0,
            octets: 0,
            latest: timestamp,
        }
    }

    /// SSRC of the stream.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Goes on with the timetable from here.
    pub fn resume(&mut self, now: Instant) {
        self.begun = self.next.as_ref().map(|burst| (now, burst.at));
    }

    /// Sends nothing until [`Track::resume`].
    pub fn pause(&mut self) {
        self.begun = None;
    }

    /// Makes the next frame a key frame.
    pub fn want_key(&mut self) {
        self.key_wanted = true;
    }

    /// When the next burst is due where the timetable is played so many times as fast.
    pub fn due(&self, speed: f64) -> Option<Instant> {
        let (begun, passed) = self.begun?;
        let at = self.next.as_ref()?.at;
        Some(begun + at.saturating_sub(passed).div_f64(speed))
    }

    /// The packets of the next burst, one after the other, with `overhead` bytes less than their size on the wire.
    pub fn send(&mut self, now: Instant, overhead: usize, mut packet: impl FnMut(Packet<'_>)) {
        let Some(burst) = self.next.take() else { return };
        self.next = self.timetable.next();
        let audio = self.pattern.is_audio();
        let key = burst.key || self.key_wanted;
        let payload_type = if audio { AUDIO } else { VIDEO };
        self.latest = self.timestamp.wrapping_add((burst.frame as u32).wrapping_mul(self.pattern.ticks()));
        for (number, size) in burst.sizes.iter().enumerate() {
            let (first, last) = (number == 0 && burst.begins, number + 1 == burst.sizes.len() && burst.ends);
            let marker = last && !audio;
            let mut header = [0; HEADER];
            header[0] = 0x80;
            header[1] = payload_type | u8::from(marker) << 7;
            header[2..4].copy_from_slice(&self.sequence.to_be_bytes());
            header[4..8].copy_from_slice(&self.latest.to_be_bytes());
            header[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
            self.sequence = self.sequence.wrapping_add(1);
            let len = size.saturating_sub(HEADER + overhead).clamp(stamp::LEN + 4, self.payload.len());
            let Some(payload) = self.payload.get_mut(..len) else { continue };
            if !audio && let [descriptor, frame, ..] = &mut payload[..] {
                // A VP8 payload descriptor without extension, then a frame header whose first bit says whether other frames
                // are needed (RFC 7741 §4.2, §4.3).
                *descriptor = if first { 0x10 } else { 0 };
                *frame = if key { 0x10 } else { 0x11 };
            }
            // Times differ from run to run: none is left in the bytes that a longer packet sends.
            let below = payload.last_chunk::<{ stamp::LEN }>().copied();
            stamp::write(payload, now);
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(len as u32);
            packet(Packet { header, payload });
            if let Some((slot, below)) = payload.last_chunk_mut().zip(below) {
                *slot = below;
            }
        }
        if burst.ends {
            self.key_wanted = false;
        }
    }

    /// Timestamp of the latest frame, packets and bytes of payload: what a sender report says.
    pub fn sent(&self) -> (u32, u32, u32) {
        (self.latest, self.packets, self.octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(seed: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut track = Track::new(Pattern::Paced { bitrate: 1e6, rate: 30.0 }, 5, seed, 1);
        let now = Instant::now();
        let mut all = Vec::new();
        for _ in 0..100 {
            track.send(now, 16, |packet| {
                let (content, _) = packet.payload.split_at(packet.payload.len() - stamp::LEN);
                all.push((packet.header.to_vec(), content.to_vec()));
            });
        }
        all
    }

    #[test]
    fn one_seed_sends_the_same_packets_again() {
        assert!(packets(1) == packets(1));
        assert!(packets(1) != packets(2));
    }

    #[test]
    fn numbers_have_no_gap_and_frames_one_marker() {
        let all = packets(3);
        for pair in all.windows(2) {
            let number = |packet: &(Vec<u8>, Vec<u8>)| u16::from_be_bytes([packet.0[2], packet.0[3]]);
            assert_eq!(number(&pair[0]).wrapping_add(1), number(&pair[1]));
            let marker = pair[0].0[1] & 0x80 != 0;
            assert_eq!(
                marker,
                pair[0].0[4..8] != pair[1].0[4..8],
                "a marker ends the frame and nothing else does"
            );
        }
    }

    #[test]
    fn a_pause_leaves_nothing_out_and_speed_shortens_the_waits() {
        let mut track = Track::new(Pattern::Frames { packets: 1, size: 100, rate: 10.0 }, 5, 1, 1);
        assert_eq!(track.due(1.0), None);
        let now = Instant::now();
        track.resume(now);
        track.send(now, 0, |_| {});
        assert_eq!(track.due(1.0), Some(now + Duration::from_millis(100)));
        assert_eq!(track.due(2.0), Some(now + Duration::from_millis(50)));
        track.pause();
        let later = now + Duration::from_secs(9);
        track.resume(later);
        assert_eq!(track.due(1.0), Some(later));
    }
}
