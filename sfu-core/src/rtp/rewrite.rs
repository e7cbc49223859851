//! Writing the header of an outgoing packet: its own header in front of a payload that all consumers share.

use super::extension::{ExtensionIds, ExtensionKind};
use super::header::{ExtensionProfile, FIXED_HEADER_LEN, RtpError, RtpHeader};

/// The largest outgoing header in bytes, so that every offset in it fits one byte.
pub const MAX_HEADER_LEN: usize = 256;

/// Which incoming extension id leaves under which outgoing id, for one pair of producer and consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ExtensionMap {
    direct: [u8; 16],
    high: [(u8, u8); 8],
    high_len: u8,
    mid: u8,
    transport_cc: u8,
    abs_send_time: u8,
    two_byte: bool,
}

impl ExtensionMap {
    /// Maps every known extension that both sides negotiated. Mid, transport-cc and abs-send-time are
    /// written anew if the outgoing side has them; rid and repaired-rid belong to the incoming side only and are dropped.
    pub fn between(ingress: &ExtensionIds, egress: &ExtensionIds) -> Self {
        let mut map = Self {
            mid: egress.id(ExtensionKind::Mid),
            transport_cc: egress.id(ExtensionKind::TransportCc),
            abs_send_time: egress.id(ExtensionKind::AbsSendTime),
            ..Self::default()
        };
        map.two_byte = [map.mid, map.transport_cc, map.abs_send_time].into_iter().any(|id| id > 14);
        for kind in ExtensionKind::ALL {
            let own = matches!(
                kind,
                ExtensionKind::Mid
                    | ExtensionKind::Rid
                    | ExtensionKind::RepairedRid
                    | ExtensionKind::TransportCc
                    | ExtensionKind::AbsSendTime
            );
            if !own {
                map.map(ingress.id(kind), egress.id(kind));
            }
        }
        map
    }

    /// Maps `incoming` to `outgoing` (for extensions that the engine doesn't know); 0 on either side maps nothing.
    /// Answers whether there was room: any id below 16, and eight above.
    pub fn map(&mut self, incoming: u8, outgoing: u8) -> bool {
        if incoming == 0 || outgoing == 0 {
            return true;
        }
        if let Some(slot) = self.direct.get_mut(usize::from(incoming)) {
            *slot = outgoing;
            return true;
        }
        let Some(slot) = self.high.get_mut(usize::from(self.high_len)) else { return false };
        *slot = (incoming, outgoing);
        self.high_len += 1;
        true
    }

    /// The outgoing id for `incoming`; 0 means drop.
    #[inline]
    pub fn outgoing(&self, incoming: u8) -> u8 {
        match self.direct.get(usize::from(incoming)) {
            Some(id) => *id,
            None => self.high.iter().find(|(id, _)| *id == incoming).map_or(0, |(_, id)| *id),
        }
    }
}

/// What an outgoing header differs in from the incoming one; the sequence number is given at departure.
#[derive(Clone, Copy, Debug)]
pub struct HeaderRewrite<'a> {
    /// SSRC of the consumer.
    pub ssrc: u32,
    /// Payload type of the consumer, 0 to 127.
    pub payload_type: u8,
    /// Timestamp, already moved to the consumer's base.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// Extension ids.
    pub extensions: &'a ExtensionMap,
    /// Value of the mid extension; empty for none. Written only if the map has an id for it.
    pub mid: &'a [u8],
}

/// Where the parts of a written header are that are patched at departure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EgressHeader {
    /// Length of the header in bytes, 12 to 256.
    pub len: u16,
    /// Offset of the 2-byte transport-wide sequence number; 0 for none.
    pub transport_cc_offset: u8,
    /// Offset of the 3-byte absolute send time; 0 for none.
    pub abs_send_time_offset: u8,
}

impl EgressHeader {
    /// Offset of the sequence number in every RTP header.
    pub const SEQUENCE_NUMBER_OFFSET: usize = 2;

    /// Finds the offsets again in a header that a hook has changed.
    pub fn locate(header: &[u8], egress: &ExtensionIds) -> Result<Self, RtpError> {
        let parsed = RtpHeader::parse(header)?;
        let mut found = Self { len: parsed.payload_offset, ..Self::default() };
        for element in parsed.elements(header) {
            let offset = u8::try_from(parsed.extension_offset.wrapping_add(element.offset)).unwrap_or(0);
            match egress.kind(element.id) {
                Some(ExtensionKind::TransportCc) if element.value.len() == 2 => {
                    found.transport_cc_offset = offset
                }
                Some(ExtensionKind::AbsSendTime) if element.value.len() == 3 => {
                    found.abs_send_time_offset = offset
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

/// Writes the outgoing header for `packet` (parsed as `source`) into `out`, with sequence number 0.
///
/// CSRCs are kept, padding isn't (the payload is taken without it). The one-byte form is used unless an id or a length
/// needs the two-byte form. Fails if the header doesn't fit `out` or [`MAX_HEADER_LEN`].
#[inline]
pub fn write_header(
    out: &mut [u8],
    packet: &[u8],
    source: &RtpHeader,
    rewrite: &HeaderRewrite<'_>,
) -> Result<EgressHeader, RtpError> {
    match write_form(out, packet, source, rewrite, rewrite.extensions.two_byte) {
        Err(BlockError::NeedsTwoByte) => write_form(out, packet, source, rewrite, true),
        other => other,
    }
    .map_err(|_| RtpError::NoRoom(out.len().min(MAX_HEADER_LEN)))
}

#[inline]
fn write_form(
    out: &mut [u8],
    packet: &[u8],
    source: &RtpHeader,
    rewrite: &HeaderRewrite<'_>,
    two_byte: bool,
) -> Result<EgressHeader, BlockError> {
    let room = out.len().min(MAX_HEADER_LEN);
    let (fixed, rest) =
        out.get_mut(..room).and_then(|out| out.split_first_chunk_mut()).ok_or(BlockError::Full)?;
    let csrcs = source.csrcs(packet);
    let [t0, t1, t2, t3] = rewrite.timestamp.to_be_bytes();
    let [r0, r1, r2, r3] = rewrite.ssrc.to_be_bytes();
    let second = (rewrite.payload_type & 0x7F) | (u8::from(rewrite.marker) << 7);
    let first = 0x80 | (csrcs.len() / 4) as u8;
    *fixed = [first, second, 0, 0, t0, t1, t2, t3, r0, r1, r2, r3];
    let rest = if csrcs.is_empty() {
        rest
    } else {
        let (slot, rest) = rest.split_at_mut_checked(csrcs.len()).ok_or(BlockError::Full)?;
        slot.copy_from_slice(csrcs);
        rest
    };
    let start = FIXED_HEADER_LEN + csrcs.len();
    let map = rewrite.extensions;
    let mut block = BlockWriter::new(rest, two_byte);
    let mut header = EgressHeader::default();
    // Offsets are below MAX_HEADER_LEN - 1: at least one byte of value follows each of them.
    if map.abs_send_time != 0 {
        header.abs_send_time_offset = (start + block.push(map.abs_send_time, &[0; 3])?) as u8;
    }
    if map.transport_cc != 0 {
        header.transport_cc_offset = (start + block.push(map.transport_cc, &[0; 2])?) as u8;
    }
    if map.mid != 0 && !rewrite.mid.is_empty() {
        block.push(map.mid, rewrite.mid)?;
    }
    for element in source.elements(packet) {
        let id = map.outgoing(element.id);
        if id != 0 {
            block.push(id, element.value)?;
        }
    }
    let block_len = block.finish()?;
    if block_len > 0 {
        fixed[0] |= 0x10;
    }
    header.len = (start + block_len) as u16;
    Ok(header)
}

/// Sets the sequence number of the header at the start of `buf`; does nothing if `buf` is too short.
#[inline]
pub fn set_sequence_number(buf: &mut [u8], sequence_number: u16) {
    if let Some(slot) = buf.get_mut(2..4) {
        slot.copy_from_slice(&sequence_number.to_be_bytes());
    }
}

/// Sets the transport-wide sequence number at `offset`; does nothing at offset 0.
#[inline]
pub fn set_transport_cc(buf: &mut [u8], offset: u8, sequence_number: u16) {
    let offset = usize::from(offset);
    if let Some(slot) = buf.get_mut(offset..offset + 2).filter(|_| offset != 0) {
        slot.copy_from_slice(&sequence_number.to_be_bytes());
    }
}

/// Sets the absolute send time (24 bits, 6.18 fixed point seconds) at `offset`; does nothing at offset 0.
#[inline]
pub fn set_abs_send_time(buf: &mut [u8], offset: u8, time: u32) {
    let offset = usize::from(offset);
    if let Some(slot) = buf.get_mut(offset..offset + 3).filter(|_| offset != 0) {
        let [_, a, b, c] = time.to_be_bytes();
        slot.copy_from_slice(&[a, b, c]);
    }
}

/// Why an extension block could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockError {
    /// An element fits only the two-byte form.
    NeedsTwoByte,
    /// The buffer is full.
    Full,
}

/// Writes an extension block (profile, length, elements, padding) from the start of a buffer.
pub(super) struct BlockWriter<'b> {
    out: &'b mut [u8],
    len: usize,
    two_byte: bool,
}

impl<'b> BlockWriter<'b> {
    pub(super) fn new(out: &'b mut [u8], two_byte: bool) -> Self {
        Self { out, len: 4, two_byte }
    }

    /// The form that `profile` has, as far as it has elements.
    pub(super) fn is_two_byte(profile: ExtensionProfile) -> bool {
        profile == ExtensionProfile::TwoByte
    }

    /// Appends an element and answers the offset of its value from the start of the block.
    #[inline]
    pub(super) fn push(&mut self, id: u8, value: &[u8]) -> Result<usize, BlockError> {
        let len = value.len();
        let start = if self.two_byte {
            let len = u8::try_from(len).map_err(|_| BlockError::Full)?;
            let slot = self.out.get_mut(self.len..self.len + 2).ok_or(BlockError::Full)?;
            slot.copy_from_slice(&[id, len]);
            self.len + 2
        } else {
            if id > 14 || len == 0 || len > 16 {
                return Err(BlockError::NeedsTwoByte);
            }
            *self.out.get_mut(self.len).ok_or(BlockError::Full)? = (id << 4) | (len - 1) as u8;
            self.len + 1
        };
        let slot = self.out.get_mut(start..start + len).ok_or(BlockError::Full)?;
        // Most elements are 1 to 4 bytes: a call to memcpy would cost more than the bytes.
        for (to, from) in slot.iter_mut().zip(value) {
            *to = *from;
        }
        self.len = start + len;
        Ok(start)
    }

    /// Pads to 32 bits, writes profile and length, and answers the length of the block; 0 if it has no elements.
    #[inline]
    pub(super) fn finish(self) -> Result<usize, BlockError> {
        if self.len == 4 {
            return Ok(0);
        }
        let end = self.len.next_multiple_of(4);
        self.out.get_mut(self.len..end).ok_or(BlockError::Full)?.fill(0);
        let [p0, p1] = if self.two_byte { [0x10, 0x00] } else { [0xBE, 0xDE] };
        let [w0, w1] = (((end - 4) / 4) as u16).to_be_bytes();
        self.out.get_mut(..4).ok_or(BlockError::Full)?.copy_from_slice(&[p0, p1, w0, w1]);
        Ok(end)
    }
}

#[cfg(test)]
mod tests;
