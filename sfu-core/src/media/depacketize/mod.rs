//! Frames out of RTP packets.

mod av1;
mod h264;

use crate::rtp::codec::{Codec, H264Payload, Vp8Descriptor, Vp9Descriptor, is_key_frame};
use av1::Av1Assembler;

/// Longest frame that is put together, in bytes; a longer one is an error and is dropped.
pub const MAX_FRAME_LEN: usize = 8 << 20;

/// One whole frame (video) or packet (audio).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// RTP timestamp in units of the codec's clock.
    pub timestamp: u32,
    /// Decoding can start here. Always true for audio.
    pub key_frame: bool,
    /// The bitstream: a VP8 frame; all layer frames of a VP9 picture; H.264 in Annex B form (4-byte start codes); AV1 open
    /// bitstream units with sizes, without temporal delimiters; for audio the payload.
    pub data: Vec<u8>,
}

/// Why a packet gave no frame; the frame that it belongs to is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DepacketizeError {
    /// The payload isn't what the codec's payload format says.
    #[error("depacketize: not a {0:?} payload, the frame is dropped")]
    Malformed(Codec),
    /// The frame is longer than [`MAX_FRAME_LEN`].
    #[error("depacketize: a frame of more than {MAX_FRAME_LEN} bytes, it is dropped")]
    TooLong,
}

/// Puts frames together from the packets of one stream.
///
/// Packets go in by sequence number: one that comes late is ignored, and a gap drops the frame around it. A frame is
/// given out with its last packet (the marker), whole or not at all. Memory is bounded by [`MAX_FRAME_LEN`].
#[derive(Debug)]
pub struct Depacketizer {
    codec: Codec,
    data: Vec<u8>,
    av1: Av1Assembler,
    next_sequence: Option<u16>,
    state: State,
    timestamp: u32,
    key_frame: bool,
    dropped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A frame ended right before: the next packet starts one.
    Between,
    /// A frame is being put together.
    Inside,
    /// Something is missing: wait for a packet that surely starts a frame, or for the end of this one.
    Lost,
}

impl Depacketizer {
    /// A depacketizer for `codec`; `None` for codecs whose payload isn't looked into.
    pub fn new(codec: Codec) -> Option<Self> {
        if matches!(codec, Codec::H265 | Codec::OtherAudio | Codec::OtherVideo) {
            return None;
        }
        Some(Self {
            codec,
            data: Vec::new(),
            av1: Av1Assembler::default(),
            next_sequence: None,
            state: State::Lost,
            timestamp: 0,
            key_frame: false,
            dropped: 0,
        })
    }

    /// Frames given up so far after their first packet had come.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes the next packet and answers the frame that it completes.
    pub fn push(
        &mut self,
        sequence_number: u16,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
    ) -> Result<Option<Frame>, DepacketizeError> {
        match self.next_sequence.map(|next| sequence_number.wrapping_sub(next) as i16) {
            Some(distance) if distance < 0 => return Ok(None),
            Some(0) => {}
            _ => self.lose(),
        }
        self.next_sequence = Some(sequence_number.wrapping_add(1));
        if payload.is_empty() {
            return Ok(None);
        }
        if self.codec.kind() == crate::rtp::MediaKind::Audio {
            return Ok(Some(Frame { timestamp, key_frame: true, data: payload.to_vec() }));
        }
        if self.state == State::Inside && timestamp != self.timestamp {
            // The last packet of the frame came without a marker, so nobody can tell whether it is whole.
            self.lose();
        }
        if self.state == State::Between || (self.state == State::Lost && self.surely_starts(payload)) {
            self.data.clear();
            self.av1.clear();
            (self.timestamp, self.key_frame) = (timestamp, false);
            self.state = State::Inside;
        }
        if self.state == State::Inside {
            let added = self.add(payload);
            let too_long = self.data.len() + self.av1.pending() > MAX_FRAME_LEN;
            if let Some(error) = added.err().or(too_long.then_some(DepacketizeError::TooLong)) {
                self.lose();
                if marker {
                    self.state = State::Between;
                }
                return Err(error);
            }
            self.key_frame |= is_key_frame(self.codec, payload);
        }
        if !marker {
            return Ok(None);
        }
        let whole = self.state == State::Inside && self.av1.pending() == 0;
        if self.state == State::Inside && !whole {
            self.dropped += 1;
        }
        self.state = State::Between;
        let frame = Frame { timestamp, key_frame: self.key_frame, data: std::mem::take(&mut self.data) };
        Ok((whole && !frame.data.is_empty()).then_some(frame))
    }

    /// Gives up the frame that is being put together, and its memory.
    fn lose(&mut self) {
        if self.state == State::Inside {
            self.dropped += 1;
        }
        self.state = State::Lost;
        self.data = Vec::new();
        self.av1.clear();
    }

    /// Whether a payload is the start of a frame, whatever came before it.
    fn surely_starts(&self, payload: &[u8]) -> bool {
        match self.codec {
            Codec::Vp8 => Vp8Descriptor::parse(payload).is_some_and(|descriptor| descriptor.is_frame_start()),
            Codec::Vp9 => Vp9Descriptor::parse(payload)
                .is_some_and(|descriptor| descriptor.start && descriptor.spatial_layer.unwrap_or(0) == 0),
            Codec::H264 => H264Payload::parse(payload).is_some_and(|payload| {
                payload.start && matches!(payload.nal_type, h264::SPS | h264::DELIMITER)
            }),
            // An AV1 packet may start with any OBU of a frame; only a new sequence is surely the first.
            _ => is_key_frame(self.codec, payload),
        }
    }

    fn add(&mut self, payload: &[u8]) -> Result<(), DepacketizeError> {
        let malformed = DepacketizeError::Malformed(self.codec);
        match self.codec {
            Codec::Vp8 => {
                let len = usize::from(Vp8Descriptor::parse(payload).ok_or(malformed)?.len);
                self.data.extend_from_slice(payload.get(len..).ok_or(malformed)?);
            }
            Codec::Vp9 => {
                let len = usize::from(Vp9Descriptor::parse(payload).ok_or(malformed)?.len);
                self.data.extend_from_slice(payload.get(len..).ok_or(malformed)?);
            }
            Codec::H264 => h264::add(&mut self.data, payload).ok_or(malformed)?,
            _ => self.av1.add(&mut self.data, payload).ok_or(malformed)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
