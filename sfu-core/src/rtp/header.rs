//! The RTP header as a table of offsets (RFC 3550 section 5.1).

use super::extension::Elements;

/// Length in bytes of the fixed part of an RTP header.
pub const FIXED_HEADER_LEN: usize = 12;

/// What makes a datagram no RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// The fixed header, a CSRC or the extension block is cut off.
    #[error("rtp header: {0} bytes are too few for what the header announces, drop the packet")]
    Truncated(usize),
    /// More than 65535 bytes can't have come in one datagram.
    #[error("rtp header: {0} bytes are more than a datagram holds, drop the packet")]
    TooLong(usize),
    /// The version field isn't 2.
    #[error("rtp header: version {0} isn't 2, drop the packet")]
    Version(u8),
    /// The padding flag is set and the padding length is zero or larger than the payload.
    #[error("rtp header: padding of {0} bytes doesn't fit the packet, drop the packet")]
    Padding(u8),
    /// The outgoing header needs more room than it has ([`MAX_HEADER_LEN`](super::MAX_HEADER_LEN) at most).
    #[error("rtp header: the outgoing header doesn't fit {0} bytes, drop the packet or map fewer extensions")]
    NoRoom(usize),
    /// An RTX packet without an original sequence number: it carries nothing (RFC 4588 section 4).
    #[error("rtx: no original sequence number, count it as padding")]
    EmptyRtx,
}

/// Which form the extension block of a packet has (RFC 8285 section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExtensionProfile {
    /// There is no extension block.
    #[default]
    None,
    /// `0xBEDE`: 4-bit id, elements of 1 to 16 bytes.
    OneByte,
    /// `0x1000` to `0x100F`: 8-bit id, elements of 0 to 255 bytes.
    TwoByte,
    /// Another profile: opaque, carries no elements.
    Other(u16),
}

impl ExtensionProfile {
    fn from_wire(profile: u16) -> Self {
        match profile {
            0xBEDE => Self::OneByte,
            0x1000..=0x100F => Self::TwoByte,
            other => Self::Other(other),
        }
    }
}

/// The values and offsets of one parsed RTP header; all offsets count from the first byte of the packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtpHeader {
    /// Synchronization source.
    pub ssrc: u32,
    /// Media time in units of the codec's clock.
    pub timestamp: u32,
    /// Sequence number.
    pub sequence_number: u16,
    /// Offset of the first extension element (after the four bytes of profile and length); 0 without a block.
    pub extension_offset: u16,
    /// Length of the extension elements in bytes, a multiple of 4.
    pub extension_len: u16,
    /// Offset of the payload, which is the length of the header.
    pub payload_offset: u16,
    /// Length of the payload in bytes, without padding.
    pub payload_len: u16,
    /// Form of the extension block.
    pub extension_profile: ExtensionProfile,
    /// Number of padding bytes after the payload.
    pub padding_len: u8,
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Number of contributing sources, 0 to 15.
    pub csrc_count: u8,
    /// Marker bit: last packet of a video frame, first packet of a talk spurt.
    pub marker: bool,
}

impl RtpHeader {
    /// Reads the header of one packet. Fails if version, lengths or padding are inconsistent (RFC 3550 appendix A.1).
    #[inline]
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let len = packet.len();
        let Some(fixed) = packet.first_chunk::<FIXED_HEADER_LEN>() else {
            return Err(RtpError::Truncated(len));
        };
        if len > usize::from(u16::MAX) {
            return Err(RtpError::TooLong(len));
        }
        // Read as words: byte loads on both sides of a branch aren't merged by the compiler.
        let [word, timestamp, ssrc] = words(fixed);
        if word >> 30 != 2 {
            return Err(RtpError::Version((word >> 30) as u8));
        }
        let csrc_count = (word >> 24) as u8 & 0x0F;
        let mut offset = FIXED_HEADER_LEN + 4 * usize::from(csrc_count);
        let (mut extension_offset, mut extension_len) = (0, 0);
        let mut extension_profile = ExtensionProfile::None;
        if word & 0x1000_0000 != 0 {
            let Some(&[p0, p1, w0, w1]) = packet.get(offset..).and_then(|rest| rest.first_chunk::<4>())
            else {
                return Err(RtpError::Truncated(len));
            };
            extension_profile = ExtensionProfile::from_wire(u16::from_be_bytes([p0, p1]));
            offset += 4;
            extension_offset = offset;
            extension_len = 4 * usize::from(u16::from_be_bytes([w0, w1]));
            offset += extension_len;
        }
        if offset > len {
            return Err(RtpError::Truncated(len));
        }
        let mut padding_len = 0;
        if word & 0x2000_0000 != 0 {
            padding_len = packet.last().copied().unwrap_or(0);
            if padding_len == 0 || usize::from(padding_len) > len - offset {
                return Err(RtpError::Padding(padding_len));
            }
        }
        // Every offset is at most `len`, which was checked to fit u16.
        Ok(Self {
            ssrc,
            timestamp,
            sequence_number: word as u16,
            extension_offset: extension_offset as u16,
            extension_len: extension_len as u16,
            payload_offset: offset as u16,
            payload_len: (len - offset - usize::from(padding_len)) as u16,
            extension_profile,
            padding_len,
            payload_type: (word >> 16) as u8 & 0x7F,
            csrc_count,
            marker: word & 0x0080_0000 != 0,
        })
    }

    /// The payload inside `packet`, the bytes this header was parsed from; empty if `packet` is shorter than they were.
    #[inline]
    pub fn payload<'p>(&self, packet: &'p [u8]) -> &'p [u8] {
        let start = usize::from(self.payload_offset);
        packet.get(start..start + usize::from(self.payload_len)).unwrap_or_default()
    }

    /// The bytes of the CSRC list inside `packet`.
    #[inline]
    pub fn csrcs<'p>(&self, packet: &'p [u8]) -> &'p [u8] {
        packet.get(FIXED_HEADER_LEN..FIXED_HEADER_LEN + 4 * usize::from(self.csrc_count)).unwrap_or_default()
    }

    /// The extension elements inside `packet`, in their order on the wire (RFC 8285).
    #[inline]
    pub fn elements<'p>(&self, packet: &'p [u8]) -> Elements<'p> {
        Elements::new(self.extension_profile, self.extension_block(packet))
    }

    /// The bytes of the extension elements inside `packet`, whatever their form.
    #[inline]
    pub(super) fn extension_block<'p>(&self, packet: &'p [u8]) -> &'p [u8] {
        let start = usize::from(self.extension_offset);
        packet.get(start..start + usize::from(self.extension_len)).unwrap_or_default()
    }

    /// The value of the first element with `id`, if there is one. `id` 0 never matches.
    pub fn extension<'p>(&self, packet: &'p [u8], id: u8) -> Option<&'p [u8]> {
        self.elements(packet).find(|element| element.id == id).map(|element| element.value)
    }
}

/// The three words of the fixed header.
#[inline]
fn words(fixed: &[u8; FIXED_HEADER_LEN]) -> [u32; 3] {
    let mut words = [0; 3];
    for (word, bytes) in words.iter_mut().zip(fixed.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    words
}

#[cfg(test)]
pub(crate) mod tests;
