use super::*;
use crate::rtp::header::tests::packets;
use proptest::prelude::*;

fn ids(elements: Elements<'_>) -> Vec<(u8, Vec<u8>)> {
    elements.map(|element| (element.id, element.value.to_vec())).collect()
}

#[test]
fn one_byte_elements_skip_padding_and_stop_at_id_15() {
    let block = [0, 0, 0x21, 7, 8, 0, 0x30, 9, 0xF0, 0, 0x40, 1];
    assert_eq!(ids(Elements::new(ExtensionProfile::OneByte, &block)), [(2, vec![7, 8]), (3, vec![9])]);
    assert_eq!(ids(Elements::new(ExtensionProfile::OneByte, &[0x01, 1, 0x40, 1])), []);
}

#[test]
fn two_byte_elements_may_be_empty_and_high() {
    let block = [200, 0, 0, 15, 2, 7, 8, 1, 200, 0];
    assert_eq!(ids(Elements::new(ExtensionProfile::TwoByte, &block)), [(200, vec![]), (15, vec![7, 8])]);
}

#[test]
fn other_profiles_have_no_elements() {
    assert_eq!(ids(Elements::new(ExtensionProfile::Other(0xABAC), &[0x10, 1, 0x10, 1])), []);
}

#[test]
fn every_kind_is_found_by_its_uri() {
    for kind in ExtensionKind::ALL {
        assert_eq!(ExtensionKind::from_uri(kind.uri()), Some(kind));
        assert_eq!(ExtensionKind::ALL[kind as usize], kind);
    }
    assert_eq!(ExtensionKind::from_uri("urn:example"), None);
}

#[test]
fn an_id_belongs_to_one_kind() {
    let mut ids = ExtensionIds::default().with(ExtensionKind::Mid, 1).with(ExtensionKind::Rid, 99);
    assert_eq!(
        (ids.kind(1), ids.kind(99), ids.kind(0)),
        (Some(ExtensionKind::Mid), Some(ExtensionKind::Rid), None)
    );
    ids.set(ExtensionKind::AudioLevel, 1);
    assert_eq!((ids.kind(1), ids.id(ExtensionKind::Mid)), (Some(ExtensionKind::AudioLevel), 0));
    ids.set(ExtensionKind::Rid, 0);
    assert_eq!(ids.kind(99), None);
}

#[test]
fn the_table_gives_decoded_values() {
    let packet = [
        0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xBE, 0xDE, 0, 4, 0x21, 0x12, 0x34, 0x32, 1, 2, 3, 0x40, 0x85,
        0x50, 0x0E, 0x21, 9, 9, 0, 0,
    ];
    let ids = ExtensionIds::default()
        .with(ExtensionKind::TransportCc, 2)
        .with(ExtensionKind::AbsSendTime, 3)
        .with(ExtensionKind::AudioLevel, 4)
        .with(ExtensionKind::VideoOrientation, 5)
        .with(ExtensionKind::Mid, 6);
    let header = RtpHeader::parse(&packet).unwrap();
    let table = ExtensionTable::scan(&packet, &header, &ids);
    assert_eq!(table.transport_cc(&packet), Some(0x1234));
    assert_eq!(table.abs_send_time(&packet), Some(0x01_0203));
    let level = AudioLevel { level: 5, voice: true };
    assert_eq!((table.audio_level(&packet), level.to_byte()), (Some(level), 0x85));
    let orientation = VideoOrientation { back_camera: true, flipped: true, rotation: 180 };
    assert_eq!(table.video_orientation(&packet), Some(orientation));
    assert_eq!(table.get(&packet, ExtensionKind::Mid), None);
}

proptest! {
    #[test]
    fn the_table_agrees_with_the_search(packet in packets()) {
        let Ok(header) = RtpHeader::parse(&packet) else { return Ok(()) };
        let mut ids = ExtensionIds::default();
        for (id, kind) in (1..).zip(ExtensionKind::ALL) {
            ids.set(kind, id);
        }
        let table = ExtensionTable::scan(&packet, &header, &ids);
        for kind in ExtensionKind::ALL {
            prop_assert_eq!(table.get(&packet, kind), header.extension(&packet, ids.id(kind)));
        }
    }
}
