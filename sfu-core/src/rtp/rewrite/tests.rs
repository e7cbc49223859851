use super::*;
use crate::rtp::header::tests::{packets, valid_packets};
use proptest::prelude::*;
use rtc_shared::marshal::{Marshal, Unmarshal};
use rtp::header::Header;

const PACKET: [u8; 28] = [
    0x90, 0xE0, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 7, 0xBE, 0xDE, 0, 2, // header
    0x10, b'0', 0x31, 0xAA, 0xBB, 0x50, 0x85, 0x00, // mid "0", transport-cc, audio level, padding
    1, 2, 3, 4,
];

fn ingress() -> ExtensionIds {
    ExtensionIds::default()
        .with(ExtensionKind::Mid, 1)
        .with(ExtensionKind::TransportCc, 3)
        .with(ExtensionKind::AudioLevel, 5)
}

fn rewrite(extensions: &ExtensionMap) -> HeaderRewrite<'_> {
    HeaderRewrite { ssrc: 0xAABB_CCDD, payload_type: 100, timestamp: 77, marker: true, extensions }
}

#[test]
fn ids_are_mapped_and_own_extensions_are_reserved() {
    let egress = ExtensionIds::default()
        .with(ExtensionKind::Mid, 4)
        .with(ExtensionKind::TransportCc, 2)
        .with(ExtensionKind::AbsSendTime, 1)
        .with(ExtensionKind::AudioLevel, 10);
    let map = ExtensionMap::between(&ingress(), &egress, b"12");
    let source = RtpHeader::parse(&PACKET).unwrap();
    let mut out = [0xFF; 256];
    let header = write_header(&mut out, &PACKET, &source, &rewrite(&map)).unwrap();
    assert_eq!(header, EgressHeader { len: 28, abs_send_time_offset: 17, transport_cc_offset: 21 });
    let expected = [
        0x90, 0xE4, 0, 0, 0, 0, 0, 77, 0xAA, 0xBB, 0xCC, 0xDD, 0xBE, 0xDE, 0, 3, // fixed part
        0x12, 0, 0, 0, 0x21, 0, 0, 0x41, b'1', b'2', 0xA0, 0x85, // elements
    ];
    assert_eq!(out[..28], expected);
    assert_eq!(EgressHeader::locate(&out[..28], &egress), Ok(header));

    set_sequence_number(&mut out, 0x0102);
    set_transport_cc(&mut out, header.transport_cc_offset, 0x0304);
    set_abs_send_time(&mut out, header.abs_send_time_offset, 0x05_0607);
    assert_eq!(out[2..4], [1, 2]);
    assert_eq!(out[21..23], [3, 4]);
    assert_eq!(out[17..20], [5, 6, 7]);
    set_transport_cc(&mut out, 0, 0xFFFF);
    assert_eq!(out[0], 0x90);
}

#[test]
fn without_extensions_the_header_has_no_block() {
    let source = RtpHeader::parse(&PACKET).unwrap();
    let mut out = [0; 256];
    for map in [ExtensionMap::default(), ExtensionMap::between(&ingress(), &ExtensionIds::default(), b"0")] {
        let header = write_header(&mut out, &PACKET, &source, &rewrite(&map)).unwrap();
        assert_eq!(header, EgressHeader { len: 12, ..EgressHeader::default() });
        assert_eq!(out[..2], [0x80, 0xE4]);
    }
}

#[test]
fn a_high_id_or_a_long_value_takes_the_two_byte_form() {
    let source = RtpHeader::parse(&PACKET).unwrap();
    let mut out = [0; 256];
    let high =
        ExtensionIds::default().with(ExtensionKind::AudioLevel, 20).with(ExtensionKind::TransportCc, 3);
    let map = ExtensionMap::between(&ingress(), &high, b"0");
    let header = write_header(&mut out, &PACKET, &source, &rewrite(&map)).unwrap();
    assert_eq!(out[12..24], [0x10, 0, 0, 2, 3, 2, 0, 0, 20, 1, 0x85, 0]);
    assert_eq!(header, EgressHeader { len: 24, transport_cc_offset: 18, abs_send_time_offset: 0 });

    let high = ExtensionIds::default().with(ExtensionKind::Mid, 15);
    let map = ExtensionMap::between(&ingress(), &high, b"ab");
    let header = write_header(&mut out, &PACKET, &source, &rewrite(&map)).unwrap();
    assert_eq!((header.len, &out[12..20]), (20, &[0x10, 0, 0, 1, 15, 2, b'a', b'b'][..]));

    let (packet, source) = with_element(17);
    let map = ExtensionMap::between(&long_ids(), &long_ids(), b"0");
    let header = write_header(&mut out, &packet, &source, &rewrite(&map)).unwrap();
    assert_eq!((header.len, header.transport_cc_offset), (40, 18));
    assert_eq!(out[12..22], [0x10, 0, 0, 6, 3, 2, 0, 0, 7, 17]);
}

/// A packet with one element of `len` bytes and id 7, in the two-byte form.
fn with_element(len: usize) -> (Vec<u8>, RtpHeader) {
    let words = (2 + len).div_ceil(4);
    let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x10, 0, 0, words as u8, 7, len as u8];
    packet.resize(16 + 4 * words, 0);
    packet[18..18 + len].fill(0xDD);
    let header = RtpHeader::parse(&packet).unwrap();
    (packet, header)
}

fn long_ids() -> ExtensionIds {
    ExtensionIds::default().with(ExtensionKind::DependencyDescriptor, 7).with(ExtensionKind::TransportCc, 3)
}

#[test]
fn a_short_element_of_the_two_byte_form_leaves_in_the_one_byte_form() {
    let mut out = [0; 256];
    let (packet, source) = with_element(16);
    let map = ExtensionMap::between(&long_ids(), &long_ids(), b"");
    let header = write_header(&mut out, &packet, &source, &rewrite(&map)).unwrap();
    assert_eq!((header.len, header.transport_cc_offset), (36, 17));
    assert_eq!(out[12..21], [0xBE, 0xDE, 0, 5, 0x31, 0, 0, 0x7F, 0xDD]);
}

#[test]
fn a_header_that_does_not_fit_is_an_error() {
    let mut out = [0; 256];
    let map = ExtensionMap::between(&long_ids(), &long_ids(), b"");
    let (packet, source) = with_element(234);
    assert_eq!(write_header(&mut out, &packet, &source, &rewrite(&map)).unwrap().len, 256);
    let (packet, source) = with_element(235);
    assert_eq!(write_header(&mut out, &packet, &source, &rewrite(&map)), Err(RtpError::NoRoom(256)));
}

#[test]
fn a_mid_that_is_too_long_is_not_written() {
    let mut out = [0; 256];
    let source = RtpHeader::parse(&PACKET).unwrap();
    let egress = ExtensionIds::default().with(ExtensionKind::Mid, 1);
    for (len, header_len) in [(16, 36), (17, 12), (300, 12)] {
        let map = ExtensionMap::between(&ingress(), &egress, &vec![b'm'; len]);
        assert_eq!(write_header(&mut out, &PACKET, &source, &rewrite(&map)).unwrap().len, header_len);
    }
}

#[test]
fn unknown_extensions_are_mapped_by_number() {
    let mut map = ExtensionMap::default();
    assert!(map.map(200, 9) && map.map(7, 8) && map.map(0, 3));
    assert_eq!((map.outgoing(200), map.outgoing(7), map.outgoing(0), map.outgoing(201)), (9, 8, 0, 0));
    for id in 100..107 {
        assert!(map.map(id, 1));
    }
    assert!(!map.map(107, 1));
}

#[test]
fn reserved_ids_end_a_one_byte_block() {
    let mut map = ExtensionMap::default();
    assert!(map.map(1, 1) && map.map(15, 2));
    let mut packet =
        [0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 2, 0x10, 7, 0xF0, 8, 9, 0x10, 9, 0];
    for ending in [0xF0, 0x01] {
        packet[18] = ending;
        let source = RtpHeader::parse(&packet).unwrap();
        let mut out = [0; 256];
        assert_eq!(write_header(&mut out, &packet, &source, &rewrite(&map)).unwrap().len, 20);
        assert_eq!(out[12..20], [0xBE, 0xDE, 0, 1, 0x10, 7, 0, 0]);
    }
}

fn all_ids(first: u8) -> ExtensionIds {
    let mut ids = ExtensionIds::default();
    for (id, kind) in (first..).zip(ExtensionKind::ALL) {
        ids.set(kind, id);
    }
    ids
}

fn full_map(mid: &[u8]) -> (ExtensionIds, ExtensionMap) {
    (all_ids(2), ExtensionMap::between(&all_ids(1), &all_ids(2), mid))
}

#[test]
fn only_what_a_consumer_may_get_is_remembered_of_a_packet() {
    let source = RtpHeader::parse(&PACKET).unwrap();
    let carried = Carried::scan(&PACKET, &source, &ingress());
    let level: Vec<_> = carried.elements().unwrap().iter().map(|e| (e.id, e.len, e.offset)).collect();
    assert_eq!(level, [(5, 1, 22)]);
    let unknown = ExtensionIds::default().with(ExtensionKind::Mid, 1);
    assert_eq!(Carried::scan(&PACKET, &source, &unknown).elements(), Some(&[][..]));
    let (packet, source) = with_element(3);
    assert_eq!(
        Carried::scan(&packet, &source, &long_ids()).elements(),
        None,
        "the two-byte form is read each time"
    );
}

#[test]
fn a_packet_with_more_extensions_than_are_remembered_loses_none() {
    let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 4];
    packet.extend((6..13).flat_map(|id| [id << 4, id]).chain([0, 0]));
    let source = RtpHeader::parse(&packet).unwrap();
    let carried = Carried::scan(&packet, &source, &all_ids(1));
    assert_eq!(carried, Carried::UNKNOWN);
    let (_, map) = full_map(b"");
    let mut out = [0; 256];
    let header = write_carried(&mut out, &packet, &source, &carried, &rewrite(&map)).unwrap();
    let written = &out[..header.len.into()];
    let parsed = RtpHeader::parse(written).unwrap();
    let values: Vec<_> = parsed.elements(written).skip(2).map(|element| element.value[0]).collect();
    assert_eq!(values, (6..13).collect::<Vec<u8>>());
}

proptest! {
    #[test]
    fn hostile_packets_give_readable_headers(packet in packets(), mid in prop::collection::vec(any::<u8>(), 0..20)) {
        let Ok(source) = RtpHeader::parse(&packet) else { return Ok(()) };
        let (egress, map) = full_map(&mid);
        let mut out = [0xEE; 256];
        if let Ok(header) = write_header(&mut out, &packet, &source, &rewrite(&map)) {
            let written = &out[..header.len.into()];
            let mapped = source.elements(&packet).filter(|element| map.outgoing(element.id) != 0);
            let expected: Vec<_> = mapped.map(|element| (map.outgoing(element.id), element.value)).collect();
            let parsed = RtpHeader::parse(written).unwrap();
            let own = 2 + usize::from((1..=MAX_MID_LEN).contains(&mid.len()));
            let copied: Vec<_> = parsed.elements(written).skip(own).map(|element| (element.id, element.value)).collect();
            prop_assert_eq!(copied, expected);
            prop_assert_eq!(EgressHeader::locate(written, &egress), Ok(header));
            prop_assert_eq!(RtpHeader::parse(written).unwrap().ssrc, 0xAABB_CCDD);
        }
    }

    #[test]
    fn what_was_found_once_is_written_as_if_the_packet_were_read_again(
        packet in packets(),
        mid in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let Ok(source) = RtpHeader::parse(&packet) else { return Ok(()) };
        let (_, map) = full_map(&mid);
        let carried = Carried::scan(&packet, &source, &all_ids(1));
        let (mut read, mut found) = ([0; 256], [0; 256]);
        let again = write_header(&mut read, &packet, &source, &rewrite(&map));
        let once = write_carried(&mut found, &packet, &source, &carried, &rewrite(&map));
        prop_assert_eq!(once, again);
        if let Ok(header) = once {
            prop_assert_eq!(&found[..header.len.into()], &read[..header.len.into()]);
        }
    }

    #[test]
    fn the_oracle_reads_what_was_written(packet in valid_packets(), mid in prop::collection::vec(any::<u8>(), 1..17)) {
        let bytes = packet.marshal().unwrap();
        let source = RtpHeader::parse(&bytes).unwrap();
        let (egress, map) = full_map(&mid);
        let mut out = [0; 256];
        let header = write_header(&mut out, &bytes, &source, &rewrite(&map)).unwrap();
        let theirs = Header::unmarshal(&mut &out[..header.len.into()]).unwrap();
        prop_assert_eq!(theirs.csrc, packet.header.csrc);
        prop_assert_eq!((theirs.ssrc, theirs.timestamp, theirs.payload_type, theirs.marker), (0xAABB_CCDD, 77, 100, true));
        let mut expected = vec![
            (egress.id(ExtensionKind::AbsSendTime), vec![0; 3]),
            (egress.id(ExtensionKind::TransportCc), vec![0; 2]),
            (egress.id(ExtensionKind::Mid), mid),
        ];
        for extension in &packet.header.extensions {
            if map.outgoing(extension.id) != 0 {
                expected.push((map.outgoing(extension.id), extension.payload.to_vec()));
            }
        }
        let written: Vec<_> = theirs.extensions.iter().map(|e| (e.id, e.payload.to_vec())).collect();
        prop_assert_eq!(written, expected);
    }
}
