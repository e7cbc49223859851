//! A receiver's jitter buffer and decoder, as strict as those of browsers: numbers, times and ids go on, and what a frame refers to
//! was decoded before.
use sfu_core::testing::Received;
use std::collections::{BTreeMap, HashSet};

use super::camera::Told;

/// A frame that was decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    pub at: std::time::Instant,
    pub told: Told,
    pub timestamp: u32,
}

/// What a receiver makes of packets, in order of their numbers.
#[derive(Debug, Default)]
pub struct Decoding {
    pub frames: Vec<Decoded>,
    /// Frames that miss packets or references.
    pub broken: Vec<Told>,
}

impl Decoding {
    /// Frames a second of the pictures that were shown between two moments.
    pub fn pictures(&self, from: std::time::Instant, to: std::time::Instant) -> usize {
        let times: HashSet<u32> = self
            .frames
            .iter()
            .filter(|frame| frame.at >= from && frame.at < to)
            .map(|frame| frame.timestamp)
            .collect();
        times.len()
    }

    /// The encoding or spatial layer, and the highest temporal layer, of the last second before `end`.
    pub fn layers(&self, end: std::time::Instant) -> (u8, u8, u8) {
        let from = end - std::time::Duration::from_secs(1);
        let last =
            || self.frames.iter().filter(|frame| frame.at >= from && frame.at < end).map(|frame| &frame.told);
        let highest = |of: fn(&Told) -> u8| last().map(of).max().unwrap_or(99);
        (highest(|told| told.encoding), highest(|told| told.spatial), highest(|told| told.temporal))
    }
}

/// Decodes VP8 or VP9; `strict` fails at the first frame that can't be.
pub fn decode(packets: &[Received], strict: bool) -> Decoding {
    let mut ordered: Vec<&Received> = packets.iter().collect();
    ordered.sort_by_key(|packet| packet.extended);
    let mut frames: BTreeMap<u64, (Told, Vec<&Received>)> = BTreeMap::new();
    let mut begin = 0;
    let mut before: Option<Told> = None;
    for packet in &ordered {
        let told = Told::read(&packet.payload);
        let same = |other: &Told| {
            (other.encoding, other.spatial, other.picture) == (told.encoding, told.spatial, told.picture)
        };
        if !before.as_ref().is_some_and(same) {
            begin = packet.extended;
        }
        frames.entry(begin).or_insert_with(|| (told.clone(), Vec::new())).1.push(packet);
        before = Some(told);
    }
    let mut decoding = Decoding::default();
    let mut decoded: HashSet<(u8, u32, u8)> = HashSet::new();
    for (told, parts) in frames.into_values() {
        let key = (told.encoding, told.picture, told.spatial);
        let whole = parts.len() == usize::from(told.parts);
        let refers = told
            .references
            .iter()
            .all(|(picture, spatial)| decoded.contains(&(told.encoding, *picture, *spatial)));
        if whole && refers {
            decoded.insert(key);
            let at = parts.iter().map(|part| part.at).max().unwrap();
            decoding.frames.push(Decoded { at, told, timestamp: parts[0].timestamp });
        } else {
            decoding.broken.push(told);
        }
    }
    if strict {
        // The picture that a switch cut off is followed by a key frame.
        let cut = |told: &Told| decoding.frames.iter().any(|frame| frame.told.encoding != told.encoding);
        let broken: Vec<&Told> = decoding.broken.iter().filter(|told| !cut(told)).collect();
        assert!(broken.is_empty(), "not decodable: {broken:?}");
    }
    decoding
}

/// Numbers without a gap, times that go on as the clock does.
pub fn continuous(packets: &[Received]) {
    let mut ordered: Vec<&Received> = packets.iter().collect();
    ordered.sort_by_key(|packet| packet.extended);
    for pair in ordered.windows(2) {
        assert_eq!(pair[1].extended, pair[0].extended + 1, "a gap");
        let passed = pair[1].at.saturating_duration_since(pair[0].at).as_secs_f64();
        let ticks = f64::from(pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32);
        assert!(ticks >= 0.0, "time goes back by {ticks}");
        assert!(ticks / 90_000.0 - passed < 0.1, "{} s in {passed} s", ticks / 90_000.0);
    }
}

/// Picture ids that go on by one from picture to picture, and TL0PICIDX that goes on by one from one of layer 0 to the next.
pub fn vp8_numbers(packets: &[Received]) {
    let mut ordered: Vec<&Received> = packets.iter().collect();
    ordered.sort_by_key(|packet| packet.extended);
    let mut before: Option<(u32, u16, u8)> = None;
    for packet in ordered {
        let payload = &packet.payload;
        let id = u16::from_be_bytes([payload[2], payload[3]]) & 0x7FFF;
        let (tl0, temporal) = (payload[4], payload[5] >> 6);
        if let Some((timestamp, last, last_tl0)) = before {
            let next = if timestamp == packet.timestamp { last } else { (last + 1) & 0x7FFF };
            assert_eq!(id, next, "picture ids have a gap at {:?}", Told::read(payload));
            let moves = timestamp != packet.timestamp && temporal == 0;
            assert_eq!(tl0, last_tl0.wrapping_add(u8::from(moves)), "TL0PICIDX at {:?}", Told::read(payload));
        }
        before = Some((packet.timestamp, id, tl0));
    }
}
