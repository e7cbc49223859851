use super::*;
use crate::rtp::header::tests::packets;
use proptest::prelude::*;
use std::collections::BTreeMap;

const INFO: PacketInfo = PacketInfo::new(Codec::Vp8);
const PACKET: [u8; 24] = [
    0x90, 0xE0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 1, 0x31, 0, 0xCB, 0, // header
    1, 2, 3, 4,
];

fn ids() -> ExtensionIds {
    ExtensionIds::default()
        .with(ExtensionKind::TransportCc, 3)
        .with(ExtensionKind::AudioLevel, 5)
        .with(ExtensionKind::DependencyDescriptor, 20)
}

fn buffer(tail: usize) -> Vec<u8> {
    let mut buf = PACKET.to_vec();
    buf.resize(PACKET.len() + tail, 0xEE);
    buf
}

fn ingress<'a>(buf: &'a mut [u8], ids: &'a ExtensionIds) -> RtpPacket<'a> {
    let header = RtpHeader::parse(&PACKET).unwrap();
    RtpPacket::ingress(buf, &header, ids, &INFO)
}

#[test]
fn fields_are_read_in_place() {
    let (mut buf, ids) = (buffer(0), ids());
    let mut packet = ingress(&mut buf, &ids);
    assert_eq!((packet.ssrc(), packet.timestamp(), packet.sequence_number()), (3, 2, 1));
    assert_eq!((packet.payload_type(), packet.marker(), packet.len()), (96, true, 24));
    assert_eq!((packet.payload(), packet.is_empty()), (&[1, 2, 3, 4][..], false));
    assert_eq!(packet.as_bytes(), Some(&PACKET[..]));
    assert_eq!(packet.extension(ExtensionKind::TransportCc), Some(&[0, 0xCB][..]));
    assert_eq!(packet.extension(ExtensionKind::Mid), None);
    assert!(!packet.outcome().header_changed && !packet.outcome().payload_changed);
    packet.set_marker(false);
    assert!(!packet.marker() && packet.payload_type() == 96 && packet.outcome().header_changed);
    packet.set_marker(true);
    packet.set_payload_type(0x80 | 63);
    assert_eq!((packet.payload_type(), packet.marker()), (63, true));
}

#[test]
fn padding_is_not_part_of_the_packet() {
    let ids = ids();
    let mut buf = [0xA0, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xAA, 0, 0, 3];
    let header = RtpHeader::parse(&buf).unwrap();
    let packet = RtpPacket::ingress(&mut buf, &header, &ids, &INFO);
    assert_eq!(packet.as_bytes(), Some(&[0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xAA][..]));
}

#[test]
fn a_payload_grows_into_tail_room_without_showing_old_bytes() {
    let (mut buf, ids) = (buffer(3), ids());
    let mut packet = ingress(&mut buf, &ids);
    packet.set_payload_len(7).unwrap();
    assert_eq!(packet.payload(), [1, 2, 3, 4, 0, 0, 0]);
    assert_eq!(packet.set_payload_len(8), Err(PacketError::NoRoom { needed: 8, room: 7 }));
    packet.set_payload_len(1).unwrap();
    packet.replace_payload(&[9; 7]).unwrap();
    assert_eq!(packet.payload(), [9; 7]);
    assert!(packet.replace_payload(&[9; 8]).is_err());
    assert!(packet.outcome().payload_changed && !packet.outcome().must_drop);
}

#[test]
fn setting_an_extension_moves_the_payload() {
    let (mut buf, ids) = (buffer(8), ids());
    let mut packet = ingress(&mut buf, &ids);
    packet.set_extension(ExtensionKind::TransportCc, &[7, 8]).unwrap();
    assert_eq!(packet.len(), 24);
    packet.set_extension(ExtensionKind::AudioLevel, &[0x7F]).unwrap();
    assert_eq!(packet.header_bytes()[12..], [0xBE, 0xDE, 0, 2, 0x31, 7, 8, 0x50, 0x7F, 0, 0, 0]);
    assert_eq!(packet.payload(), [1, 2, 3, 4]);
    packet.set_extension(ExtensionKind::DependencyDescriptor, &[]).unwrap();
    assert_eq!(packet.header_bytes()[12..], [0x10, 0, 0, 3, 3, 2, 7, 8, 5, 1, 0x7F, 20, 0, 0, 0, 0]);
    assert_eq!(packet.payload(), [1, 2, 3, 4]);
    let room = packet.set_extension(ExtensionKind::DependencyDescriptor, &[1; 9]);
    assert_eq!(room, Err(PacketError::NoRoom { needed: 40, room: 32 }));
    assert!(
        packet.remove_extension(ExtensionKind::TransportCc)
            && !packet.remove_extension(ExtensionKind::TransportCc)
    );
    assert!(packet.remove_extension(ExtensionKind::AudioLevel));
    assert!(packet.remove_extension(ExtensionKind::DependencyDescriptor));
    assert_eq!(packet.as_bytes().unwrap()[10..], [0, 3, 1, 2, 3, 4]);
    assert_eq!(packet.header_bytes()[0], 0x80);
    assert_eq!(packet.set_extension(ExtensionKind::Mid, b"0"), Err(PacketError::NotNegotiated));
    assert_eq!(packet.set_extension_by_id(1, &[0; 256]), Err(PacketError::ExtensionTooLong(256)));
    assert!(packet.outcome().header_changed && !packet.outcome().payload_changed);
}

#[test]
fn a_shared_payload_is_copied_at_the_first_change_only() {
    let (mut head, ids, shared) = ([0u8; 64], ids(), [1, 2, 3, 4]);
    head[..20].copy_from_slice(&PACKET[..20]);
    let mut private = [0xEE; 16];
    let mut packet = RtpPacket::egress(&mut head, 20, &shared, Some(&mut private), &ids, &INFO);
    packet.set_extension(ExtensionKind::AudioLevel, &[1]).unwrap();
    assert_eq!((packet.payload(), packet.as_bytes()), (&shared[..], None));
    assert!(!packet.outcome().payload_changed);
    packet.payload_mut().unwrap()[0] = 9;
    packet.payload_mut().unwrap()[1] = 8;
    packet.set_payload_len(6).unwrap();
    assert_eq!(packet.payload(), [9, 8, 3, 4, 0, 0]);
    let mut bytes = [0; 64];
    let len = packet.copy_to(&mut bytes).unwrap();
    assert_eq!((len, &bytes[24..len]), (30, packet.payload()));
    assert_eq!(packet.extension(ExtensionKind::AudioLevel), Some(&[1][..]));
    let outcome = packet.outcome();
    assert_eq!((outcome.header_len, outcome.payload_len, outcome.payload_changed), (24, 6, true));
    assert_eq!(private[..6], [9, 8, 3, 4, 0, 0]);
    assert_eq!(shared, [1, 2, 3, 4]);
}

#[test]
fn without_a_private_buffer_the_packet_is_dropped() {
    let (mut head, ids) = ([0u8; 20], ids());
    head.copy_from_slice(&PACKET[..20]);
    let mut packet = RtpPacket::egress(&mut head, 20, &[1, 2], None, &ids, &INFO);
    assert_eq!(packet.payload_mut(), Err(PacketError::PoolEmpty));
    assert!(packet.outcome().must_drop && !packet.outcome().payload_changed);
    assert_eq!(packet.payload(), [1, 2]);
}

#[test]
fn foreign_extension_blocks_are_left_alone() {
    let ids = ids();
    let mut buf = [0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 5, 0];
    let header = RtpHeader::parse(&buf).unwrap();
    let mut packet = RtpPacket::ingress(&mut buf, &header, &ids, &INFO);
    assert_eq!(packet.set_extension_by_id(1, &[]), Err(PacketError::ForeignExtensions));
}

#[derive(Clone, Debug)]
enum Change {
    Set(u8, Vec<u8>),
    Remove(u8),
    Len(usize),
    Replace(Vec<u8>),
    Poke(u8),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        (0..20u8, prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(id, value)| Change::Set(id, value)),
        (0..20u8).prop_map(Change::Remove),
        (0..80usize).prop_map(Change::Len),
        prop::collection::vec(any::<u8>(), 0..80).prop_map(Change::Replace),
        any::<u8>().prop_map(Change::Poke),
    ];
    prop::collection::vec(change, 0..12)
}

/// Does the changes to the packet and to a simple model of it, and compares them after each.
fn check(packet: &mut RtpPacket<'_>, changes: Vec<Change>) -> Result<(), TestCaseError> {
    let model_of = |packet: &RtpPacket<'_>| -> BTreeMap<u8, Vec<u8>> {
        let header = RtpHeader::parse(packet.header_bytes()).unwrap();
        // The first element of an id counts.
        header.elements(packet.header_bytes()).fold(BTreeMap::new(), |mut map, element| {
            map.entry(element.id).or_insert_with(|| element.value.to_vec());
            map
        })
    };
    let mut extensions = model_of(packet);
    let mut payload = packet.payload().to_vec();
    let fixed = packet.header_bytes()[1..12].to_vec();
    for change in changes {
        match change {
            Change::Set(id, value) => {
                if packet.set_extension_by_id(id, &value).is_ok() {
                    extensions.insert(id, value);
                }
            }
            Change::Remove(id) => {
                if packet.remove_extension_by_id(id) {
                    extensions.remove(&id);
                }
            }
            Change::Len(len) => {
                if packet.set_payload_len(len).is_ok() {
                    payload.resize(len, 0);
                }
            }
            Change::Replace(bytes) => {
                if packet.replace_payload(&bytes).is_ok() {
                    payload = bytes;
                }
            }
            Change::Poke(byte) => {
                if let Ok([first, ..]) = packet.payload_mut() {
                    *first = byte;
                    payload[0] = byte;
                }
            }
        }
        prop_assert_eq!(packet.payload(), &payload[..]);
        prop_assert_eq!(model_of(packet), extensions.clone());
        prop_assert_eq!(&packet.header_bytes()[1..12], &fixed[..]);
        let mut bytes = vec![0; packet.len()];
        packet.copy_to(&mut bytes).unwrap();
        let header = RtpHeader::parse(&bytes).unwrap();
        prop_assert_eq!(header.payload(&bytes), &payload[..]);
    }
    Ok(())
}

proptest! {
    #[test]
    fn changes_to_hostile_packets_do_what_they_say(bytes in packets(), tail in 0usize..64, changes in changes()) {
        let Ok(header) = RtpHeader::parse(&bytes) else { return Ok(()) };
        let ids = ids();
        let mut owned = bytes.clone();
        owned.resize(bytes.len() + tail, 0xEE);
        check(&mut RtpPacket::ingress(&mut owned, &header, &ids, &INFO), changes.clone())?;

        let mut head = bytes[..header.payload_offset.into()].to_vec();
        head[0] &= !0x20;
        head.resize(head.len() + tail, 0xEE);
        let mut private = [0; 40];
        let (payload, len) = (header.payload(&bytes), header.payload_offset);
        let mut other = head.clone();
        check(&mut RtpPacket::egress(&mut other, len, payload, Some(&mut private), &ids, &INFO), changes.clone())?;
        check(&mut RtpPacket::egress(&mut head, len, payload, None, &ids, &INFO), changes)?;
        prop_assert_eq!(payload, header.payload(&bytes));
    }
}
