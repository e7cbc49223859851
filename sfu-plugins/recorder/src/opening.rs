//! Where the recording of video begins: at a key frame, in whatever order its packets come.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sfu_core::media::{Codec, H264Nals, RtpHeader, is_key_frame};

use crate::format::Formats;
use crate::lane::{MAX_HELD, PATIENCE};

/// NAL units of H264: sequence parameter set, and several units in one packet.
const SPS: u8 = 7;
const STAP_A: u8 = 24;
/// A number that is further away than this belongs to a stream that began anew.
const MAX_JUMP: i64 = 4096;

/// A packet that was held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Header and payload.
    pub bytes: Vec<u8>,
    /// When it came.
    pub at: Duration,
    timestamp: u32,
    payload_type: u8,
    key: Key,
}

/// What a packet is to a beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// Nothing can begin with it.
    None,
    /// It belongs to a key frame, whose first packet may be another one.
    Part,
    /// A key frame begins with it.
    Start,
}

/// What is to be done with a packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// It goes on.
    Pass,
    /// A key frame must come first. The packet is kept for a while: it may be of one whose first packet comes late.
    Hold,
    /// It begins: these packets go on, in order. `restart` if a pause was before them.
    Open { packets: Vec<Held>, restart: bool },
}

/// The beginning of one encoding. It is looked for anew after a pause, and where the codec changes.
#[derive(Debug)]
pub struct Opening {
    formats: Arc<Formats>,
    /// Of what goes on; `None` before the beginning.
    payload_type: Option<u8>,
    /// By unrolled sequence numbers.
    held: BTreeMap<i64, Held>,
    /// SSRC and unrolled sequence number of the last packet that was held back.
    last: Option<(u32, i64)>,
    restart: bool,
}

impl Opening {
    /// For an encoding that has not begun.
    pub fn new(formats: Arc<Formats>) -> Self {
        Opening { formats, payload_type: None, held: BTreeMap::new(), last: None, restart: false }
    }

    /// It begins anew, and nothing that was held back is of use.
    pub fn close(&mut self) {
        self.held.clear();
        (self.payload_type, self.last) = (None, None);
    }

    /// A packet came at `at`; `restart` if a pause was before it.
    pub fn take(&mut self, packet: &[u8], at: Duration, restart: bool) -> Step {
        if restart {
            self.close();
            self.restart = true;
        }
        if self.payload_type.is_some() && packet.get(1).map(|byte| byte & 0x7F) == self.payload_type {
            self.held.retain(|_, held| at.saturating_sub(held.at) < PATIENCE);
            return Step::Pass;
        }
        let Ok(header) = RtpHeader::parse(packet) else { return Step::Hold };
        let Some(format) = self.formats.get(header.payload_type) else { return Step::Hold };
        let key = key(format.media, header.payload(packet));
        let number = self.unroll(&header);
        let (timestamp, payload_type) = (header.timestamp, header.payload_type);
        self.held.insert(number, Held { bytes: packet.to_vec(), at, timestamp, payload_type, key });
        let is_old = |held: &Held| at.saturating_sub(held.at) >= PATIENCE;
        // What may be missing before it is not waited for any longer.
        let waited_for = self.held.iter().find(|(_, held)| held.key == Key::Part && is_old(held));
        if let Some(first) = waited_for.map(|(number, _)| *number) {
            return self.open(first);
        }
        self.held.retain(|_, held| !is_old(held));
        if let Some(first) = self.begins() {
            return self.open(first);
        }
        while self.held.len() > MAX_HELD {
            self.held.pop_first();
        }
        Step::Hold
    }

    fn unroll(&mut self, header: &RtpHeader) -> i64 {
        let known = self.last.filter(|(ssrc, _)| *ssrc == header.ssrc);
        let number =
            known.map(|(_, last)| last + i64::from(header.sequence_number.wrapping_sub(last as u16) as i16));
        let near = number.filter(|number| known.is_some_and(|(_, last)| (number - last).abs() <= MAX_JUMP));
        if near.is_none() {
            self.held.clear();
        }
        let number = near.unwrap_or_else(|| i64::from(header.sequence_number));
        self.last = Some((header.ssrc, number));
        number
    }

    /// The packet that it can begin with.
    fn begins(&self) -> Option<i64> {
        self.held.iter().find_map(|(number, held)| match held.key {
            Key::None => None,
            Key::Start => Some(*number),
            Key::Part => self.first_of_frame(*number, held.timestamp),
        })
    }

    /// The first packet of the frame that this one belongs to, if everything from there on is here, and the packet before.
    fn first_of_frame(&self, number: i64, timestamp: u32) -> Option<i64> {
        let mut first = number;
        loop {
            if self.held.get(&(first - 1))?.timestamp != timestamp {
                return Some(first);
            }
            first -= 1;
        }
    }

    fn open(&mut self, first: i64) -> Step {
        let mut packets: Vec<Held> = self.held.split_off(&first).into_values().collect();
        self.held.clear();
        self.last = None;
        // Time begins when its frame began to come, though its first packet came late.
        let began = packets.iter().map(|held| held.at).min();
        if let (Some(held), Some(began)) = (packets.first_mut(), began) {
            held.at = began;
            self.payload_type = Some(held.payload_type);
        }
        packets.retain(|held| Some(held.payload_type) == self.payload_type);
        Step::Open { packets, restart: std::mem::take(&mut self.restart) }
    }
}

fn key(codec: Codec, payload: &[u8]) -> Key {
    if !is_key_frame(codec, payload) {
        return Key::None;
    }
    // Of other codecs the first packet alone is marked.
    let is_sps = |nal: &[u8]| nal.first().is_some_and(|byte| byte & 0x1F == SPS);
    let is_start = codec != Codec::H264
        || is_sps(payload)
        || (payload.first().is_some_and(|byte| byte & 0x1F == STAP_A) && H264Nals::new(payload).any(is_sps));
    if is_start { Key::Start } else { Key::Part }
}

#[cfg(test)]
mod tests;
