//! Writing the header of an outgoing packet: its own header in front of a payload that all consumers share.

use super::carried::Carried;
use super::extension::{ExtensionIds, ExtensionKind};
use super::header::{ExtensionProfile, FIXED_HEADER_LEN, RtpError, RtpHeader};

/// The largest outgoing header in bytes, so that every offset in it fits one byte.
pub const MAX_HEADER_LEN: usize = 256;

/// Longest mid in bytes that is written.
pub const MAX_MID_LEN: usize = 16;

/// Which incoming extension id leaves under which outgoing id, and what is added, for one pair of producer and consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ExtensionMap {
    direct: [u8; 16],
    high: [(u8, u8); 8],
    high_len: u8,
    mid: u8,
    mid_len: u8,
    mid_value: [u8; MAX_MID_LEN],
    transport_cc: u8,
    abs_send_time: u8,
    two_byte: bool,
    /// The start of every one-byte block: its header, and what is written anew. Copied whole, as that is cheaper than its length.
    template: [u8; TEMPLATE_LEN],
    /// Length of the elements in it.
    template_len: u8,
    transport_cc_offset: u8,
    abs_send_time_offset: u8,
}

/// Length in bytes of profile and length.
const BLOCK_HEADER_LEN: usize = 4;

/// Block header, abs-send-time, transport-cc and the longest mid in the one-byte form, rounded up.
const TEMPLATE_LEN: usize = 32;

impl ExtensionMap {
    /// Maps every known extension that both sides negotiated. Transport-cc, abs-send-time and `mid` are written anew if the outgoing
    /// side has them; rid and repaired-rid belong to the incoming side only and are dropped.
    /// An empty `mid`, or one longer than [`MAX_MID_LEN`], isn't written.
    pub fn between(ingress: &ExtensionIds, egress: &ExtensionIds, mid: &[u8]) -> Self {
        let mut map = Self {
            transport_cc: egress.id(ExtensionKind::TransportCc),
            abs_send_time: egress.id(ExtensionKind::AbsSendTime),
            ..Self::default()
        };
        if let Some(slot) = map.mid_value.get_mut(..mid.len()).filter(|slot| !slot.is_empty()) {
            slot.copy_from_slice(mid);
            (map.mid, map.mid_len) = (egress.id(ExtensionKind::Mid), mid.len() as u8);
        }
        map.two_byte = [map.mid, map.transport_cc, map.abs_send_time].into_iter().any(|id| id > 14);
        for kind in ExtensionKind::ALL.into_iter().filter(|kind| kind.is_carried()) {
            map.map(ingress.id(kind), egress.id(kind));
        }
        let mut template = [0; TEMPLATE_LEN];
        let mut block = BlockWriter::new(&mut template, map.two_byte);
        if let Ok(patched) = map.push_own(&mut block) {
            (map.transport_cc_offset, map.abs_send_time_offset) = patched;
            map.template_len = (block.len - BLOCK_HEADER_LEN) as u8;
        }
        map.template = template;
        map
    }

    /// Appends what is written anew, and answers the offsets in the block of transport-cc and abs-send-time.
    fn push_own(&self, block: &mut BlockWriter<'_>) -> Result<(u8, u8), BlockError> {
        let (mut transport_cc_offset, mut abs_send_time_offset) = (0, 0);
        // The blocks are no longer than a header, so offsets in them fit.
        if self.abs_send_time != 0 {
            abs_send_time_offset = block.push(self.abs_send_time, &[0; 3])? as u8;
        }
        if self.transport_cc != 0 {
            transport_cc_offset = block.push(self.transport_cc, &[0; 2])? as u8;
        }
        if self.mid != 0 {
            block.push(self.mid, self.mid_value.get(..self.mid_len.into()).unwrap_or_default())?;
        }
        Ok((transport_cc_offset, abs_send_time_offset))
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

/// Writes the outgoing header for `packet` (parsed as `source`) to the start of `out`, with sequence number 0.
///
/// CSRCs are kept, padding isn't (the payload is taken without it). The one-byte form is used unless an id or a length
/// needs the two-byte form. Fails if the header is longer than [`MAX_HEADER_LEN`]. Bytes of `out` behind the header may change.
pub fn write_header(
    out: &mut [u8; MAX_HEADER_LEN],
    packet: &[u8],
    source: &RtpHeader,
    rewrite: &HeaderRewrite<'_>,
) -> Result<EgressHeader, RtpError> {
    write_carried(out, packet, source, &Carried::UNKNOWN, rewrite)
}

/// The same, for a packet whose elements were looked for already; `carried` has to be of its producer, and `rewrite` of one of its consumers.
#[inline]
pub(crate) fn write_carried(
    out: &mut [u8; MAX_HEADER_LEN],
    packet: &[u8],
    source: &RtpHeader,
    carried: &Carried,
    rewrite: &HeaderRewrite<'_>,
) -> Result<EgressHeader, RtpError> {
    let (fixed, rest) = out.split_at_mut(FIXED_HEADER_LEN);
    let marker_and_type = (rewrite.payload_type & 0x7F) | (u8::from(rewrite.marker) << 7);
    let flags = 0x80 | (source.csrc_count & 0x0F);
    let words = [u32::from_be_bytes([flags, marker_and_type, 0, 0]), rewrite.timestamp, rewrite.ssrc];
    for (slot, word) in fixed.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *slot = word.to_be_bytes();
    }
    let csrcs = source.csrcs(packet);
    let mut start = FIXED_HEADER_LEN;
    let block = if csrcs.is_empty() {
        rest
    } else {
        // At most 60 bytes of 244.
        let (slot, block) = rest.split_at_mut_checked(csrcs.len()).ok_or(RtpError::NoRoom(MAX_HEADER_LEN))?;
        slot.copy_from_slice(csrcs);
        start += csrcs.len();
        block
    };
    let map = rewrite.extensions;
    let written = if map.two_byte {
        Err(BlockError::NeedsTwoByte)
    } else {
        write_one_byte(block, packet, source, carried, map)
    };
    let (block_len, (transport_cc_offset, abs_send_time_offset)) = match written {
        Err(BlockError::NeedsTwoByte) => write_two_byte(block, packet, source, map),
        other => other,
    }
    .map_err(|_| RtpError::NoRoom(MAX_HEADER_LEN))?;
    if let Some(first) = fixed.first_mut() {
        *first |= u8::from(block_len > 0) << 4;
    }
    // Values lie inside the header, before its last byte, so their offsets fit a byte.
    let place = |offset: u8| if offset == 0 { 0 } else { (start + usize::from(offset)) as u8 };
    Ok(EgressHeader {
        len: (start + block_len) as u16,
        transport_cc_offset: place(transport_cc_offset),
        abs_send_time_offset: place(abs_send_time_offset),
    })
}

/// Length of the block, and the offsets in it of transport-cc and abs-send-time.
type Block = (usize, (u8, u8));

#[inline]
fn write_one_byte(
    out: &mut [u8],
    packet: &[u8],
    source: &RtpHeader,
    carried: &Carried,
    map: &ExtensionMap,
) -> Result<Block, BlockError> {
    *out.first_chunk_mut().ok_or(BlockError::Full)? = map.template;
    let mut block =
        BlockWriter { out, len: BLOCK_HEADER_LEN + usize::from(map.template_len), two_byte: false };
    match carried.elements() {
        Some(elements) => {
            for element in elements {
                let outgoing = map.direct.get(usize::from(element.id)).copied().unwrap_or(0);
                if outgoing != 0 {
                    let tail = packet.get(usize::from(element.offset)..).unwrap_or_default();
                    block.push_wide(outgoing, tail, usize::from(element.len))?;
                }
            }
        }
        None => push_mapped(&mut block, packet, source, map)?,
    }
    Ok((block.finish()?, (map.transport_cc_offset, map.abs_send_time_offset)))
}

/// Appends what is mapped of a packet whose elements have to be looked for.
#[inline(never)]
fn push_mapped(
    block: &mut BlockWriter<'_>,
    packet: &[u8],
    source: &RtpHeader,
    map: &ExtensionMap,
) -> Result<(), BlockError> {
    for element in source.elements(packet) {
        let id = map.outgoing(element.id);
        if id != 0 {
            block.push(id, element.value)?;
        }
    }
    Ok(())
}

#[cold]
fn write_two_byte(
    out: &mut [u8],
    packet: &[u8],
    source: &RtpHeader,
    map: &ExtensionMap,
) -> Result<Block, BlockError> {
    let mut block = BlockWriter::new(out, true);
    let patched = map.push_own(&mut block)?;
    push_mapped(&mut block, packet, source, map)?;
    Ok((block.finish()?, patched))
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
        Self { out, len: BLOCK_HEADER_LEN, two_byte }
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

    /// Appends an element of 1 to 16 bytes in the one-byte form: the first `len` of `tail`, which goes on beyond it.
    #[inline]
    fn push_wide(&mut self, id: u8, tail: &[u8], len: usize) -> Result<(), BlockError> {
        let slot = self.out.get_mut(self.len..).and_then(|out| out.first_chunk_mut::<17>());
        match (tail.first_chunk::<16>(), slot) {
            // Sixteen bytes at once if both sides have them: what is too much is written over or lies behind the header.
            (Some(wide), Some([head, slot @ ..])) if id <= 14 => {
                *head = (id << 4) | (len.wrapping_sub(1) & 0x0F) as u8;
                *slot = *wide;
                self.len += 1 + len;
                Ok(())
            }
            _ => self.push(id, tail.get(..len).unwrap_or_default()).map(drop),
        }
    }

    /// Pads to 32 bits, writes profile and length, and answers the length of the block; 0 if it has no elements.
    #[inline]
    pub(super) fn finish(self) -> Result<usize, BlockError> {
        if self.len == BLOCK_HEADER_LEN {
            return Ok(0);
        }
        let end = self.len.next_multiple_of(4);
        match self.out.get_mut(self.len..).and_then(|out| out.first_chunk_mut::<4>()) {
            // Four bytes at once, even where fewer are padding.
            Some(slot) => *slot = [0; 4],
            None => self.out.get_mut(self.len..end).ok_or(BlockError::Full)?.fill(0),
        }
        let [p0, p1] = if self.two_byte { [0x10, 0x00] } else { [0xBE, 0xDE] };
        let [w0, w1] = (((end - 4) / 4) as u16).to_be_bytes();
        self.out.get_mut(..4).ok_or(BlockError::Full)?.copy_from_slice(&[p0, p1, w0, w1]);
        Ok(end)
    }
}

#[cfg(test)]
mod tests;
