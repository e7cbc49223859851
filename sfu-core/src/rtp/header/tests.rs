use super::*;
use crate::rtp::extension::Element;
use bytes::Bytes;
use proptest::prelude::*;
use rtc_shared::marshal::{Marshal, Unmarshal};
use rtp::header::Header;
use rtp::packet::Packet;

/// Valid packets with some bytes overwritten, and arbitrary bytes.
pub(crate) fn packets() -> impl Strategy<Value = Vec<u8>> {
    let mutated = (valid_packets(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4))
        .prop_map(|(packet, changes)| {
            let mut bytes = packet.marshal().unwrap().to_vec();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        });
    prop_oneof![mutated, prop::collection::vec(any::<u8>(), 0..128)]
}

prop_compose! {
    /// Packets as the oracle builds them: CSRCs, either form of extensions, padding excluded.
    pub(crate) fn valid_packets()(
        marker: bool, payload_type in 0..128u8, sequence_number: u16, timestamp: u32, ssrc: u32,
        csrc in prop::collection::vec(any::<u32>(), 0..16),
        small in prop::collection::btree_map(1..15u8, prop::collection::vec(any::<u8>(), 1..17), 0..6),
        large in prop::collection::btree_map(1..=255u8, prop::collection::vec(any::<u8>(), 0..40), 0..6),
        two_byte: bool,
        payload in prop::collection::vec(any::<u8>(), 1..64),
    ) -> Packet {
        let mut header = Header {
            version: 2, marker, payload_type, sequence_number, timestamp, ssrc, csrc, ..Header::default()
        };
        let extensions = if two_byte { large } else { small };
        if !extensions.is_empty() {
            header.extension = true;
            header.extension_profile = if two_byte { 0x1000 } else { 0xBEDE };
        }
        for (id, value) in extensions {
            header.extensions.push(rtp::header::Extension { id, payload: Bytes::from(value) });
        }
        let len: usize = header.extensions.iter().map(|e| e.payload.len() + 1 + usize::from(two_byte)).sum();
        header.extensions_padding = len.next_multiple_of(4) - len;
        Packet { header, payload: Bytes::from(payload) }
    }
}

#[test]
fn a_packet_of_a_browser_is_read() {
    let packet = [
        0x90, 0xE0, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, 0x6C, 0x3E, 0x29, 0xBD, 0xBE, 0xDE, 0x00, 0x01, 0x31,
        0x00, 0xCB, 0x00, 0x90, 0x80, 0x9F, 0x26,
    ];
    let header = RtpHeader::parse(&packet).unwrap();
    assert_eq!((header.ssrc, header.timestamp, header.sequence_number), (0x6C3E_29BD, 2, 1));
    assert_eq!((header.payload_type, header.marker), (96, true));
    assert_eq!(header.extension(&packet, 3), Some(&[0x00, 0xCB][..]));
    assert_eq!(header.extension(&packet, 0), None);
    assert_eq!(header.payload(&packet), [0x90, 0x80, 0x9F, 0x26]);
}

#[test]
fn padding_is_cut_off_and_must_fit() {
    let mut packet = [0xA0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xAA, 0, 0, 3];
    let header = RtpHeader::parse(&packet).unwrap();
    assert_eq!((header.payload(&packet), header.padding_len), (&[0xAA][..], 3));
    packet[15] = 4;
    assert_eq!(RtpHeader::parse(&packet).unwrap().payload_len, 0);
    packet[15] = 5;
    assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Padding(5)));
    packet[15] = 0;
    assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Padding(0)));
}

#[test]
fn headers_that_are_cut_off_are_refused() {
    assert_eq!(RtpHeader::parse(&[0x80; 11]), Err(RtpError::Truncated(11)));
    assert_eq!(RtpHeader::parse(&[0x81; 15]), Err(RtpError::Truncated(15)));
    assert_eq!(RtpHeader::parse(&[0x90; 15]), Err(RtpError::Truncated(15)));
    assert_eq!(RtpHeader::parse(&[0x90; 40]), Err(RtpError::Truncated(40)));
    assert_eq!(RtpHeader::parse(&[0x40; 40]), Err(RtpError::Version(1)));
    assert_eq!(RtpHeader::parse(&[0x80; 65536]), Err(RtpError::TooLong(65536)));
}

proptest! {
    #[test]
    fn hostile_packets_never_panic_and_never_leave_the_packet(packet in packets()) {
        if let Ok(header) = RtpHeader::parse(&packet) {
            let lens = [header.payload_offset, header.payload_len, header.padding_len.into()];
            prop_assert_eq!(lens.into_iter().map(usize::from).sum::<usize>(), packet.len());
            for Element { id, offset, value } in header.elements(&packet) {
                prop_assert_ne!(id, 0);
                let start = usize::from(header.extension_offset + offset);
                prop_assert_eq!(&packet[start..start + value.len()], value);
            }
        }
    }

    #[test]
    fn what_the_oracle_wrote_reads_equal(packet in valid_packets()) {
        let bytes = packet.marshal().unwrap();
        let header = RtpHeader::parse(&bytes).unwrap();
        prop_assert_eq!(header.ssrc, packet.header.ssrc);
        prop_assert_eq!(header.timestamp, packet.header.timestamp);
        prop_assert_eq!(header.sequence_number, packet.header.sequence_number);
        prop_assert_eq!(header.payload_type, packet.header.payload_type);
        prop_assert_eq!(header.marker, packet.header.marker);
        prop_assert_eq!(header.payload(&bytes), &packet.payload[..]);
        let csrcs: Vec<u8> = packet.header.csrc.iter().flat_map(|csrc| csrc.to_be_bytes()).collect();
        prop_assert_eq!(header.csrcs(&bytes), &csrcs[..]);
        let ours: Vec<_> = header.elements(&bytes).map(|e| (e.id, e.value.to_vec())).collect();
        let theirs: Vec<_> = packet.header.extensions.iter().map(|e| (e.id, e.payload.to_vec())).collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn the_oracle_agrees_on_what_is_a_packet(packet in packets()) {
        // With extensions it is more lenient: it takes whatever follows a broken element for payload.
        let theirs = Packet::unmarshal(&mut &packet[..]);
        match (RtpHeader::parse(&packet), theirs) {
            (Ok(ours), Ok(theirs)) if ours.extension_profile == ExtensionProfile::None => {
                prop_assert_eq!(ours.ssrc, theirs.header.ssrc);
                prop_assert_eq!(ours.payload(&packet), &theirs.payload[..]);
            }
            (Ok(ours), Err(_)) => prop_assert_ne!(ours.extension_profile, ExtensionProfile::None),
            _ => {}
        }
    }
}
