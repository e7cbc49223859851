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

fn rewrite<'a>(extensions: &'a ExtensionMap, mid: &'a [u8]) -> HeaderRewrite<'a> {
    HeaderRewrite { ssrc: 0xAABB_CCDD, payload_type: 100, timestamp: 77, marker: true, extensions, mid }
}

#[test]
fn ids_are_mapped_and_own_extensions_are_reserved() {
    let egress = ExtensionIds::default()
        .with(ExtensionKind::Mid, 4)
        .with(ExtensionKind::TransportCc, 2)
        .with(ExtensionKind::AbsSendTime, 1)
        .with(ExtensionKind::AudioLevel, 10);
    let map = ExtensionMap::between(&ingress(), &egress);
    let source = RtpHeader::parse(&PACKET).unwrap();
    let mut out = [0xFF; 256];
    let header = write_header(&mut out, &PACKET, &source, &rewrite(&map, b"12")).unwrap();
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
    let mut out = [0; 12];
    let header = write_header(&mut out, &PACKET, &source, &rewrite(&ExtensionMap::default(), b"0")).unwrap();
    assert_eq!(header, EgressHeader { len: 12, ..EgressHeader::default() });
    assert_eq!(out[..2], [0x80, 0xE4]);
}

#[test]
fn a_high_id_or_a_long_value_takes_the_two_byte_form() {
    let source = RtpHeader::parse(&PACKET).unwrap();
    let mut out = [0; 256];
    let high =
        ExtensionIds::default().with(ExtensionKind::AudioLevel, 20).with(ExtensionKind::TransportCc, 3);
    let map = ExtensionMap::between(&ingress(), &high);
    let header = write_header(&mut out, &PACKET, &source, &rewrite(&map, b"")).unwrap();
    assert_eq!(out[12..24], [0x10, 0, 0, 2, 3, 2, 0, 0, 20, 1, 0x85, 0]);
    assert_eq!(header, EgressHeader { len: 24, transport_cc_offset: 18, abs_send_time_offset: 0 });

    let mid = ExtensionIds::default().with(ExtensionKind::Mid, 1);
    let map = ExtensionMap::between(&ExtensionIds::default(), &mid);
    let header = write_header(&mut out, &PACKET, &source, &rewrite(&map, &[b'm'; 17])).unwrap();
    assert_eq!((header.len, &out[12..18]), (36, &[0x10, 0, 0, 5, 1, 17][..]));
}

#[test]
fn a_header_that_does_not_fit_is_an_error() {
    let source = RtpHeader::parse(&PACKET).unwrap();
    let mut out = [0; 300];
    let egress = ExtensionIds::default().with(ExtensionKind::Mid, 1);
    let map = ExtensionMap::between(&ingress(), &egress);
    let fits = rewrite(&map, &[b'm'; 238]);
    assert_eq!(write_header(&mut out, &PACKET, &source, &fits).unwrap().len, 256);
    let mid = [b'm'; 239];
    let long = rewrite(&map, &mid);
    assert_eq!(write_header(&mut out, &PACKET, &source, &long), Err(RtpError::NoRoom(256)));
    assert_eq!(write_header(&mut out[..11], &PACKET, &source, &fits), Err(RtpError::NoRoom(11)));
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

fn full_map() -> (ExtensionIds, ExtensionMap) {
    let ids = |first: u8| {
        let mut ids = ExtensionIds::default();
        for (id, kind) in (first..).zip(ExtensionKind::ALL) {
            ids.set(kind, id);
        }
        ids
    };
    (ids(2), ExtensionMap::between(&ids(1), &ids(2)))
}

proptest! {
    #[test]
    fn hostile_packets_give_readable_headers(packet in packets(), room in 0usize..300, mid in prop::collection::vec(any::<u8>(), 0..20)) {
        let Ok(source) = RtpHeader::parse(&packet) else { return Ok(()) };
        let (egress, map) = full_map();
        let mut out = vec![0; room];
        if let Ok(header) = write_header(&mut out, &packet, &source, &rewrite(&map, &mid)) {
            let written = &out[..header.len.into()];
            prop_assert_eq!(EgressHeader::locate(written, &egress), Ok(header));
            prop_assert_eq!(RtpHeader::parse(written).unwrap().ssrc, 0xAABB_CCDD);
        }
    }

    #[test]
    fn the_oracle_reads_what_was_written(packet in valid_packets(), mid in prop::collection::vec(any::<u8>(), 1..17)) {
        let bytes = packet.marshal().unwrap();
        let source = RtpHeader::parse(&bytes).unwrap();
        let (egress, map) = full_map();
        let mut out = [0; 256];
        let header = write_header(&mut out, &bytes, &source, &rewrite(&map, &mid)).unwrap();
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
