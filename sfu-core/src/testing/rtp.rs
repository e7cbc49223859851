//! Packets that test peers send.
use crate::media::ExtensionKind;

/// An RTP packet to be sent by a test peer. What is not set is chosen by the peer: the next sequence number, the first
/// codec's payload type, the encoding's SSRC.
#[derive(Debug, Clone, PartialEq)]
pub struct Rtp {
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) payload: Vec<u8>,
    pub(super) payload_type: Option<u8>,
    pub(super) sequence: Option<u16>,
    pub(super) ssrc: Option<u32>,
    pub(super) encoding: usize,
    pub(super) extensions: Vec<(ExtensionKind, Vec<u8>)>,
    pub(super) lost: bool,
    pub(super) padding: u8,
}

/// The `n`th packet of an Opus stream of 20 ms packets; its payload ends with `n` in four bytes.
pub fn opus(n: u32) -> Rtp {
    let mut payload = vec![0xfc, 0xff, 0xfe];
    payload.extend(n.to_be_bytes());
    Rtp::new(n.wrapping_mul(960), payload)
}

/// The `n`th frame of a VP8 stream of 30 frames per second, an interframe in one packet; its payload ends with `n`.
pub fn vp8(n: u32) -> Rtp {
    // Descriptor with S, then a frame tag whose lowest bit says "no key frame".
    let mut payload = vec![0x10, 0x31, 0, 0];
    payload.extend(n.to_be_bytes());
    Rtp::new(n.wrapping_mul(3000), payload).marker(true)
}

/// As [`vp8`], but a key frame of 640×360.
pub fn vp8_key(n: u32) -> Rtp {
    let mut payload = vec![0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a];
    payload.extend(640u16.to_le_bytes());
    payload.extend(360u16.to_le_bytes());
    payload.extend(n.to_be_bytes());
    Rtp::new(n.wrapping_mul(3000), payload).marker(true)
}

impl Rtp {
    /// A packet with a timestamp and a payload, without marker.
    pub fn new(timestamp: u32, payload: impl Into<Vec<u8>>) -> Self {
        Rtp {
            timestamp,
            marker: false,
            payload: payload.into(),
            payload_type: None,
            sequence: None,
            ssrc: None,
            encoding: 0,
            extensions: Vec::new(),
            lost: false,
            padding: 0,
        }
    }

    /// Sets the marker bit.
    #[must_use]
    pub fn marker(mut self, marker: bool) -> Self {
        self.marker = marker;
        self
    }

    /// Sets the timestamp.
    #[must_use]
    pub fn timestamp(mut self, timestamp: u32) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// Sets the payload.
    #[must_use]
    pub fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = payload.into();
        self
    }

    /// Sets the payload type.
    #[must_use]
    pub fn payload_type(mut self, payload_type: u8) -> Self {
        self.payload_type = Some(payload_type);
        self
    }

    /// Sets the sequence number; the packet after it gets the next one.
    #[must_use]
    pub fn sequence(mut self, sequence: u16) -> Self {
        self.sequence = Some(sequence);
        self
    }

    /// Sets the SSRC, which need not be one that was signaled.
    #[must_use]
    pub fn ssrc(mut self, ssrc: u32) -> Self {
        self.ssrc = Some(ssrc);
        self
    }

    /// Sends it as the encoding with that index.
    #[must_use]
    pub fn encoding(mut self, encoding: usize) -> Self {
        self.encoding = encoding;
        self
    }

    /// Adds a header extension; it is left out if the producer did not negotiate it.
    #[must_use]
    pub fn extension(mut self, kind: ExtensionKind, value: impl Into<Vec<u8>>) -> Self {
        self.extensions.push((kind, value.into()));
        self
    }

    /// Adds so many bytes of RTP padding.
    #[must_use]
    pub fn padding(mut self, bytes: u8) -> Self {
        self.padding = bytes;
        self
    }

    /// It gets lost on the way to the worker: the peer sent it, and can send it again when it is asked to.
    #[must_use]
    pub fn lost(mut self) -> Self {
        self.lost = true;
        self
    }

    /// Writes the packet with the given numbers; extensions with their ids, in the one-byte form where that is possible.
    pub(super) fn write(
        &self,
        payload_type: u8,
        sequence: u16,
        ssrc: u32,
        extensions: &[(u8, Vec<u8>)],
    ) -> Vec<u8> {
        let mut out =
            vec![0x80 | (u8::from(!extensions.is_empty()) << 4) | (u8::from(self.padding > 0) << 5)];
        out.push(payload_type | (u8::from(self.marker) << 7));
        out.extend(sequence.to_be_bytes());
        out.extend(self.timestamp.to_be_bytes());
        out.extend(ssrc.to_be_bytes());
        if !extensions.is_empty() {
            write_extensions(&mut out, extensions);
        }
        out.extend(&self.payload);
        if self.padding > 0 {
            out.resize(out.len() + usize::from(self.padding) - 1, 0);
            out.push(self.padding);
        }
        out
    }
}

fn write_extensions(out: &mut Vec<u8>, extensions: &[(u8, Vec<u8>)]) {
    let one_byte = extensions.iter().all(|(id, value)| *id < 15 && (1..=16).contains(&value.len()));
    let mut body = Vec::new();
    for (id, value) in extensions {
        if one_byte {
            body.push((id << 4) | (value.len() as u8 - 1));
        } else {
            body.extend([*id, value.len() as u8]);
        }
        body.extend(value);
    }
    body.resize(body.len().next_multiple_of(4), 0);
    out.extend(if one_byte { [0xbe, 0xde] } else { [0x10, 0x00] });
    out.extend(((body.len() / 4) as u16).to_be_bytes());
    out.extend(body);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::{Codec, RtpHeader, is_key_frame};

    #[test]
    fn the_made_frames_are_what_the_core_takes_them_for() {
        assert!(is_key_frame(Codec::Vp8, &vp8_key(1).payload));
        assert!(!is_key_frame(Codec::Vp8, &vp8(1).payload));
    }

    #[test]
    fn a_written_packet_parses_with_its_extensions_and_padding() {
        let bytes = opus(7).padding(3).write(111, 9, 5, &[(3, vec![1, 2]), (20, vec![])]);
        let header = RtpHeader::parse(&bytes).unwrap();
        assert_eq!((header.payload_type, header.sequence_number, header.ssrc), (111, 9, 5));
        assert_eq!(header.payload(&bytes), opus(7).payload);
        assert_eq!(header.extension(&bytes, 3), Some(&[1u8, 2][..]));
        let short = opus(7).write(111, 9, 5, &[(3, vec![1, 2])]);
        assert_eq!(RtpHeader::parse(&short).unwrap().extension(&short, 3), Some(&[1u8, 2][..]));
    }
}
