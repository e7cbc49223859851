//! One encoding of a producer on its way from packets to frames.
use std::sync::Arc;

use sfu_core::media::{Codec, Depacketizer, Frame};
use sfu_core::plugin::ProducerId;
use sfu_core::serde_json::{Value, json};

use crate::capture::Reading;
use crate::figures::Figures;
use crate::format::Format;
use crate::reorder::{Packet, Reorder};
use crate::rtp::Rtp;

/// Nanoseconds between two requests for a key frame.
const ASK_EVERY: u64 = 1_000_000_000;

/// A track that begins.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) producer: ProducerId,
    pub(crate) encoding: u8,
    pub(crate) video: bool,
    /// What readers are told besides.
    pub(crate) about: Value,
    pub(crate) formats: Arc<Vec<Format>>,
    pub(crate) figures: Arc<Figures>,
}

/// A frame that is whole.
#[derive(Debug, PartialEq)]
pub(crate) struct Ready {
    /// Index of its lane.
    pub(crate) lane: usize,
    pub(crate) frame: Frame,
    /// Something is missing before it.
    pub(crate) discontinuity: bool,
    /// When its last packet came, in nanoseconds.
    pub(crate) at: u64,
    /// Microseconds from its capture to then, if known.
    pub(crate) age: Option<i64>,
}

/// What came of packets, in order.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// A frame.
    Frame(Ready),
    /// What comes does not go on where the last frame ended.
    Restart,
}

/// One format of a track; a sender may change between them.
#[derive(Debug)]
pub(crate) struct Lane {
    depacketizer: Option<Depacketizer>,
    /// The depacketizer's drops that were counted.
    dropped: u64,
    /// Number of the stream, once there was a frame.
    pub(crate) stream: Option<u32>,
}

/// One encoding of a producer.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) opening: Opening,
    pub(crate) lanes: Vec<Lane>,
    /// How its clock stands to ours, if known.
    pub(crate) clock: Option<Reading>,
    reorder: Reorder,
    ssrc: Option<u32>,
    /// The lane of the last packet, and its number.
    last: Option<(usize, u16)>,
    /// Something is missing before the next frame.
    lost: bool,
    /// Frames were lost since the last key frame.
    damaged: bool,
    asked: Option<u64>,
}

impl Track {
    pub(crate) fn new(opening: Opening) -> Self {
        let lane = |_: &Format| Lane { depacketizer: None, dropped: 0, stream: None };
        let lanes = opening.formats.iter().map(lane).collect();
        Track {
            opening,
            lanes,
            clock: None,
            reorder: Reorder::default(),
            ssrc: None,
            last: None,
            lost: false,
            damaged: false,
            asked: None,
        }
    }

    /// A packet came at `at` nanoseconds; `restart`: after a pause.
    pub(crate) fn take(&mut self, rtp: &Rtp<'_>, at: u64, restart: bool, out: &mut Vec<Outcome>) {
        let is_other = self.ssrc.is_some_and(|ssrc| ssrc != rtp.ssrc);
        if is_other || (restart && self.ssrc.is_some()) {
            self.restart(out);
        }
        if is_other {
            self.clock = None;
        }
        self.ssrc = Some(rtp.ssrc);
        let packet = Packet {
            sequence_number: rtp.sequence_number,
            timestamp: rtp.timestamp,
            marker: rtp.marker,
            payload_type: rtp.payload_type,
            at,
            payload: rtp.payload.to_vec(),
        };
        let late = self.reorder.late();
        if let Err(packet) = self.reorder.push(packet) {
            self.restart(out);
            // After a beginning there is no other numbering.
            let _ = self.reorder.push(packet);
        }
        self.opening.figures.late.add(self.reorder.late() - late);
        self.pass(at, out);
    }

    /// Time has passed: what is missing may have to be given up.
    pub(crate) fn pass(&mut self, at: u64, out: &mut Vec<Outcome>) {
        while let Some(packet) = self.reorder.pop(at) {
            self.deliver(&packet, out);
        }
    }

    /// Nothing more comes of what came so far.
    pub(crate) fn finish(&mut self, out: &mut Vec<Outcome>) {
        while let Some(packet) = self.reorder.flush() {
            self.deliver(&packet, out);
        }
    }

    fn restart(&mut self, out: &mut Vec<Outcome>) {
        self.finish(out);
        self.reorder.restart();
        for lane in &mut self.lanes {
            lane.depacketizer = None;
        }
        (self.last, self.lost) = (None, true);
        out.push(Outcome::Restart);
    }

    fn deliver(&mut self, packet: &Packet, out: &mut Vec<Outcome>) {
        let is_of = |format: &Format| format.parameters.payload_type == packet.payload_type;
        let Some(index) = self.opening.formats.iter().position(is_of) else { return };
        let (Some(format), Some(lane)) = (self.opening.formats.get(index), self.lanes.get_mut(index)) else {
            return;
        };
        let follows = packet.sequence_number;
        if let Some((before, number)) = self.last.replace((index, follows)) {
            self.lost |= number.wrapping_add(1) != follows || before != index;
            if before != index {
                lane.depacketizer = None;
            }
        }
        if lane.depacketizer.is_none() {
            lane.depacketizer = Depacketizer::new(format.codec);
            lane.dropped = 0;
        }
        let Some(depacketizer) = &mut lane.depacketizer else { return };
        let outcome = depacketizer.push(follows, packet.timestamp, packet.marker, &packet.payload);
        let dropped = depacketizer.dropped();
        let fresh = dropped - std::mem::replace(&mut lane.dropped, dropped);
        self.opening.figures.incomplete.add(fresh);
        self.lost |= fresh > 0 || outcome.is_err();
        self.damaged |= self.lost;
        let Ok(Some(frame)) = outcome else { return };
        self.damaged &= !frame.key_frame;
        self.opening.figures.frames.add(1);
        self.opening.figures.bytes.add(frame.data.len() as u64);
        let clock_rate = format.parameters.clock_rate;
        let age = self.clock.and_then(|clock| clock.age(packet.at, frame.timestamp, clock_rate));
        let discontinuity = std::mem::take(&mut self.lost);
        out.push(Outcome::Frame(Ready { lane: index, frame, discontinuity, at: packet.at, age }));
    }

    /// Whether video wants a key frame, because frames were lost.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged && self.opening.video
    }

    /// Whether it is time to ask for a key frame; asks, if so.
    pub(crate) fn ask(&mut self, at: u64) -> bool {
        let due = self.asked.is_none_or(|asked| at.saturating_sub(asked) >= ASK_EVERY);
        if due {
            self.asked = Some(at);
        }
        due
    }

    /// How the stream of a lane is announced.
    pub(crate) fn hello(&self, lane: usize, stream: u32) -> Option<Value> {
        let format = self.opening.formats.get(lane)?;
        let mut hello = json!({
            "message": "stream",
            "stream": stream,
            "codec": format.name(),
            "mimeType": format.parameters.mime_type,
            "clockRate": format.parameters.clock_rate,
            "channels": channels(format),
            "parameters": format.parameters.parameters,
            "encoding": self.opening.encoding,
        });
        if let (Some(hello), Some(about)) = (hello.as_object_mut(), self.opening.about.as_object()) {
            hello.extend(about.clone());
        }
        Some(hello)
    }
}

/// Channels of audio; where signaling says nothing there is one.
fn channels(format: &Format) -> Option<u8> {
    let is_audio = format.codec.kind() == Codec::Opus.kind();
    is_audio.then(|| format.parameters.channels.unwrap_or(1))
}

#[cfg(test)]
mod tests;
