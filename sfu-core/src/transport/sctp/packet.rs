//! What this side reads of SCTP packets itself (RFC 9260 section 3): enough to tell them apart, to count, and to keep
//! away what the protocol's state machine must not see.

use bytes::{Bytes, BytesMut};

/// Bytes before the first chunk: ports, verification tag, checksum.
pub(super) const HEADER: usize = 12;
/// The port on both sides (RFC 8841 section 5.2 leaves it open; everybody uses this one).
pub(crate) const PORT: u16 = 5000;

pub(super) const DATA: u8 = 0;
pub(super) const INIT: u8 = 1;
pub(super) const INIT_ACK: u8 = 2;
pub(super) const SACK: u8 = 3;
pub(super) const HEARTBEAT: u8 = 4;
pub(super) const HEARTBEAT_ACK: u8 = 5;
pub(super) const ABORT: u8 = 6;
pub(super) const ERROR: u8 = 9;
pub(super) const RE_CONFIG: u8 = 130;
pub(super) const FORWARD_TSN: u8 = 192;

/// One chunk of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk<'a> {
    /// Its type.
    pub(super) kind: u8,
    /// With its four bytes of header, without padding.
    pub(super) bytes: &'a [u8],
}

impl Chunk<'_> {
    /// The big-endian number at `offset` behind the chunk's header.
    pub(super) fn u32_at(&self, offset: usize) -> Option<u32> {
        self.bytes.get(4 + offset..).and_then(|rest| rest.first_chunk()).map(|raw| u32::from_be_bytes(*raw))
    }

    /// The big-endian number at `offset` behind the chunk's header.
    pub(super) fn u16_at(&self, offset: usize) -> Option<u16> {
        self.bytes.get(4 + offset..).and_then(|rest| rest.first_chunk()).map(|raw| u16::from_be_bytes(*raw))
    }

    /// Why the peer ends the association, as an ABORT chunk tells it (RFC 9260 section 3.3.10): the first cause's code and its text.
    pub(super) fn abort_cause(&self) -> (u16, String) {
        let text = self.bytes.get(8..).unwrap_or_default().iter().take(80);
        let text = text.filter(|byte| byte.is_ascii_graphic() || **byte == b' ');
        (self.u16_at(0).unwrap_or(0), text.map(|byte| char::from(*byte)).collect())
    }

    /// Bytes of user data in a DATA chunk.
    pub(super) fn user_data_len(&self) -> usize {
        self.bytes.len().saturating_sub(16)
    }
}

/// The chunks of a packet, up to the first that is cut off.
pub(super) fn chunks(packet: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = packet.get(HEADER..).unwrap_or_default();
    std::iter::from_fn(move || {
        let &[kind, _, high, low] = rest.first_chunk()?;
        let len = usize::from(u16::from_be_bytes([high, low]));
        let bytes = rest.get(..len).filter(|_| len >= 4)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(Chunk { kind, bytes })
    })
}

/// The verification tag, which tells the packets of one association from all others.
pub(super) fn verification_tag(packet: &[u8]) -> Option<u32> {
    packet.get(4..8)?.try_into().ok().map(u32::from_be_bytes)
}

/// Whether a datagram is an SCTP packet for our port with the right checksum.
pub(crate) fn is_sctp(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER + 4
        && datagram.len().is_multiple_of(4)
        && datagram.get(2..4) == Some(&PORT.to_be_bytes())
        && datagram.get(8..12) == Some(&checksum(datagram).to_le_bytes())
}

/// CRC32c over a packet whose checksum field counts as zero (RFC 9260 appendix A); little-endian on the wire.
pub(super) fn checksum(packet: &[u8]) -> u32 {
    let step = |crc: u32, byte: u8| TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8);
    let (before, after) = packet.split_at(packet.len().min(8));
    let crc = before.iter().fold(u32::MAX, |crc, byte| step(crc, *byte));
    let crc = (0..after.len().min(4)).fold(crc, |crc, _| step(crc, 0));
    !after.iter().skip(4).fold(crc, |crc, byte| step(crc, *byte))
}

/// Writes the checksum of a packet into it.
pub(super) fn write_checksum(packet: &mut [u8]) {
    let checksum = checksum(packet).to_le_bytes();
    if let Some(field) = packet.get_mut(8..12) {
        field.copy_from_slice(&checksum);
    }
}

/// Outgoing SSN Reset Request (RFC 6525 section 4.1), a parameter of RE-CONFIG.
const OUTGOING_RESET: u16 = 13;

/// Lets a request to reset streams of ours name no later TSN than `acknowledged`.
///
/// It says what the peer must have before it resets them, and is sent once all data of these streams is acknowledged; that of other
/// streams does not matter. A peer that misses some would keep the request and what comes after it: usrsctp gives the association up
/// if unordered messages are among that.
pub(super) fn bound_reset(packet: Bytes, acknowledged: u32) -> Bytes {
    let mut at = HEADER;
    let mut fields = Vec::new();
    for chunk in chunks(&packet) {
        let mut parameter = 4;
        while let Some(&[t0, t1, l0, l1]) = chunk.bytes.get(parameter..).and_then(|rest| rest.first_chunk())
            && chunk.kind == RE_CONFIG
        {
            let last = chunk.u32_at(parameter - 4 + 12);
            if u16::from_be_bytes([t0, t1]) == OUTGOING_RESET
                && last.is_some_and(|last| is_after(last, acknowledged))
            {
                fields.push(at + parameter + 12);
            }
            parameter += usize::from(u16::from_be_bytes([l0, l1])).next_multiple_of(4).max(4);
        }
        at += chunk.bytes.len().next_multiple_of(4);
    }
    if fields.is_empty() {
        return packet;
    }
    let mut bounded = BytesMut::from(&packet[..]);
    for field in fields {
        if let Some(slot) = bounded.get_mut(field..field + 4) {
            slot.copy_from_slice(&acknowledged.to_be_bytes());
        }
    }
    write_checksum(&mut bounded);
    bounded.freeze()
}

/// Asks the peer to acknowledge at once (RFC 7053), if there is DATA in a packet.
pub(super) fn ask_for_sack(packet: &mut [u8]) {
    let mut at = HEADER;
    while let Some(&[kind, _, high, low]) = packet.get(at..).and_then(|rest| rest.first_chunk()) {
        if kind == DATA
            && let Some(flags) = packet.get_mut(at + 1)
        {
            *flags |= 8;
            return write_checksum(packet);
        }
        let len = usize::from(u16::from_be_bytes([high, low]));
        at += len.max(4).next_multiple_of(4);
    }
}

/// Whether number `a` comes after `b` (RFC 1982).
pub(super) fn is_after(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let (mut crc, mut bit) = (index as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_crc32c_with_its_own_field_as_zero() {
        // "123456789" behind eight bytes and a field of zeros would test the fold alone; the vector of RFC 3720 B.4 has
        // 32 zero bytes, in which the field is zero anyway.
        assert_eq!(checksum(&[0; 32]), 0x8a91_36aa);
        let mut packet = [0; 32];
        write_checksum(&mut packet);
        assert_eq!(packet[8..12], 0x8a91_36aa_u32.to_le_bytes());
        assert_eq!(checksum(&packet), 0x8a91_36aa);
    }

    #[test]
    fn chunks_end_where_one_is_cut_off() {
        let mut packet = vec![0; HEADER];
        packet.extend_from_slice(&[11, 0, 0, 4, 9, 0, 0, 6, 1, 2, 0, 0, 3, 0, 0, 99, 0]);
        let found: Vec<_> = chunks(&packet).map(|chunk| (chunk.kind, chunk.bytes.len())).collect();
        assert_eq!(found, [(11, 4), (9, 6)]);
    }

    #[test]
    fn numbers_wrap_around() {
        assert!(is_after(1, u32::MAX) && !is_after(u32::MAX, 1) && !is_after(7, 7));
    }
}
