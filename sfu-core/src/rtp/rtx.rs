//! Retransmission payload format (RFC 4588 section 4): the original sequence number in front of the original payload.

use super::header::{RtpError, RtpHeader};

/// Length in bytes of the original sequence number.
pub const OSN_LEN: usize = 2;

/// Writes the header of a retransmission into `out`: the `original` header as it was sent, with the SSRC and payload type
/// of the RTX stream, followed by the original sequence number. Answers its length; the payload follows it unchanged.
/// The sequence number of the RTX stream is left to be set at departure.
#[inline]
pub fn encapsulate(out: &mut [u8], original: &[u8], ssrc: u32, payload_type: u8) -> Result<usize, RtpError> {
    let len = original.len() + OSN_LEN;
    let room = out.len();
    let out = out.get_mut(..len).ok_or(RtpError::NoRoom(room))?;
    let (head, osn) = out.split_at_mut(original.len());
    head.copy_from_slice(original);
    let Some([_, second, s0, s1, _, _, _, _, ssrc_slot @ ..]) = head.first_chunk_mut::<12>() else {
        return Err(RtpError::Truncated(original.len()));
    };
    *second = (*second & 0x80) | (payload_type & 0x7F);
    osn.copy_from_slice(&[*s0, *s1]);
    ssrc_slot.copy_from_slice(&ssrc.to_be_bytes());
    Ok(len)
}

/// Restores the original packet in place: afterwards it starts [`OSN_LEN`] bytes later in `packet`, and the answered header
/// describes `packet[OSN_LEN..]`. An RTX packet without payload (a probe) is [`RtpError::EmptyRtx`] and left as it was.
#[inline]
pub fn decapsulate(
    packet: &mut [u8],
    rtx: &RtpHeader,
    ssrc: u32,
    payload_type: u8,
) -> Result<RtpHeader, RtpError> {
    let Some(&[o0, o1]) = rtx.payload(packet).first_chunk::<OSN_LEN>() else {
        return Err(RtpError::EmptyRtx);
    };
    let header_len = usize::from(rtx.payload_offset);
    let len = packet.len();
    if header_len + OSN_LEN > len {
        return Err(RtpError::Truncated(len));
    }
    packet.copy_within(..header_len, OSN_LEN);
    let Some([_, second, s0, s1, _, _, _, _, ssrc_slot @ ..]) =
        packet.get_mut(OSN_LEN..).and_then(|packet| packet.first_chunk_mut::<12>())
    else {
        return Err(RtpError::Truncated(len));
    };
    *second = (*second & 0x80) | (payload_type & 0x7F);
    (*s0, *s1) = (o0, o1);
    ssrc_slot.copy_from_slice(&ssrc.to_be_bytes());
    Ok(RtpHeader {
        ssrc,
        payload_type: payload_type & 0x7F,
        sequence_number: u16::from_be_bytes([o0, o1]),
        payload_len: rtx.payload_len - OSN_LEN as u16,
        ..*rtx
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PACKET: [u8; 16] = [0x80, 0xE0, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 7, 1, 2, 3, 4];

    #[test]
    fn what_was_encapsulated_is_restored_in_place() {
        let mut buf = [0; 64];
        let len = encapsulate(&mut buf, &PACKET[..12], 0xAABB_CCDD, 97).unwrap();
        assert_eq!(len, 14);
        assert_eq!(buf[..14], [0x80, 0xE1, 0x12, 0x34, 0, 0, 0, 9, 0xAA, 0xBB, 0xCC, 0xDD, 0x12, 0x34]);
        buf[14..18].copy_from_slice(&PACKET[12..]);
        super::super::rewrite::set_sequence_number(&mut buf, 5);
        let packet = &mut buf[..18];
        let rtx = RtpHeader::parse(packet).unwrap();
        assert_eq!((rtx.ssrc, rtx.payload_type, rtx.sequence_number), (0xAABB_CCDD, 97, 5));
        let header = decapsulate(packet, &rtx, 7, 96).unwrap();
        assert_eq!(packet[OSN_LEN..], PACKET);
        assert_eq!(header, RtpHeader::parse(&PACKET).unwrap());
    }

    #[test]
    fn rtx_without_payload_is_a_probe() {
        let mut packet = PACKET;
        let header = RtpHeader::parse(&packet[..13]).unwrap();
        assert_eq!(decapsulate(&mut packet[..13], &header, 7, 96), Err(RtpError::EmptyRtx));
        assert_eq!(packet, PACKET);
    }

    proptest! {
        #[test]
        fn any_packet_decapsulates_to_what_it_parses_as(mut packet in crate::rtp::header::tests::packets()) {
            let Ok(rtx) = RtpHeader::parse(&packet) else { return Ok(()) };
            if let Ok(header) = decapsulate(&mut packet, &rtx, 7, 96) {
                prop_assert_eq!(RtpHeader::parse(&packet[OSN_LEN..]).unwrap(), header);
            }
        }
    }
}
