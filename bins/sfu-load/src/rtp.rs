//! What light peers read of RTP headers (RFC 3550 §5.1, RFC 8285).
use crate::track::HEADER;

/// Bytes of an RTP header with its CSRCs and extension.
pub fn header_len(packet: &[u8], first: u8) -> Option<usize> {
    let fixed = HEADER + 4 * usize::from(first & 0x0f);
    if first & 0x10 == 0 {
        return Some(fixed);
    }
    let words = packet.get(fixed + 2..fixed + 4)?.first_chunk::<2>()?;
    Some(fixed + 4 + 4 * usize::from(u16::from_be_bytes(*words)))
}

/// The first two bytes of an element of a one-byte header extension (RFC 8285 §4.2), in a packet without CSRCs.
pub fn extension_value(packet: &[u8], header_len: usize, id: u8) -> Option<u16> {
    let (profile, mut rest) = packet.get(HEADER..header_len)?.split_at_checked(4)?;
    if profile.first_chunk::<2>() != Some(&[0xbe, 0xde]) {
        return None;
    }
    while let Some((&first, behind)) = rest.split_first() {
        let len = if first == 0 { 0 } else { usize::from(first & 0x0f) + 1 };
        if first >> 4 == id {
            return behind.first_chunk::<2>().copied().map(u16::from_be_bytes);
        }
        rest = behind.get(len..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transport_wide_number_is_found_among_other_elements() {
        let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 2];
        packet.extend([0x10, b'v', 0, 0x51, 0x12, 0x34, 0, 0, 7]);
        let len = header_len(&packet, packet[0]).unwrap();
        assert_eq!((len, packet[len]), (24, 7));
        assert_eq!(extension_value(&packet, len, 5), Some(0x1234));
        assert_eq!(extension_value(&packet, len, 6), None);
        assert_eq!(header_len(&packet[..14], 0x90), None, "cut");
    }
}
