//! What a peer, or somebody else, must not get away with.

use proptest::prelude::*;

use super::*;

#[test]
fn a_wrong_password_is_counted_and_creates_no_route() {
    let mut world = World::new();
    let other = Credentials::new("ours", &"x".repeat(22)).unwrap();
    for route in 0..100 {
        assert_eq!(world.refused(route, &Check { credentials: other, ..nominating() }.bytes()), Some(401));
        assert!(!world.agent.is_validated(route));
    }
    assert_eq!(world.agent.counters().wrong_password, 100);
    assert!(!Message::parse(&world.reply).unwrap().has_integrity(), "there is no password to sign with");
}

#[test]
fn a_fragment_of_somebody_else_is_refused() {
    let mut world = World::new();
    assert_eq!(world.refused(1, &Check { credentials: renewed(), ..check() }.bytes()), Some(401));
    assert_eq!(world.refused(1, &Check { remote_ufrag: "", ..check() }.bytes()), Some(401));
    assert_eq!(world.agent.counters().wrong_username, 2);
}

#[test]
fn incomplete_checks_are_bad_requests() {
    let mut world = World::new();
    for incomplete in [
        Check { priority: false, ..check() },
        Check { fingerprint: false, ..check() },
        Check { integrity: false, ..check() },
    ] {
        assert_eq!(world.refused(1, &incomplete.bytes()), Some(400));
    }
    assert_eq!(world.agent.counters().incomplete, 3);
    assert_eq!(world.refused(1, &Check { method: 3, ..check() }.bytes()), Some(400));
    assert_eq!(world.agent.counters().unknown_method, 1);
}

#[test]
fn a_peer_that_is_controlled_too_hears_of_the_conflict() {
    let mut world = World::new();
    assert_eq!(world.refused(1, &Check { controlled: true, ..nominating() }.bytes()), Some(487));
    assert!(Message::parse(&world.reply).unwrap().is_authentic(ours().password().as_bytes()));
    assert_eq!(world.agent.counters().role_conflicts, 1);
}

#[test]
fn unknown_attributes_are_refused_only_where_they_must_be_understood() {
    let mut world = World::new();
    assert_eq!(world.refused(1, &Check { extra: Some(0x7abc), ..check() }.bytes()), Some(420));
    let reply = Message::parse(&world.reply).unwrap();
    assert_eq!(reply.attribute(attribute::UNKNOWN_ATTRIBUTES), Some(&[0x7a, 0xbc][..]));
    assert!(reply.is_authentic(ours().password().as_bytes()));
    world.accepted(1, Check { extra: Some(0x8abc), ..check() });
    assert_eq!(world.agent.counters().unknown_attributes, 1);
}

#[test]
fn attributes_behind_the_integrity_do_not_count() {
    let mut out = [0; 300];
    let mut writer = MessageWriter::new(&mut out, Class::Request, 1, *b"transaction!");
    writer.attribute(attribute::USERNAME, b"ours:peer");
    writer.attribute(attribute::PRIORITY, &PRIORITY.to_be_bytes());
    writer.message_integrity(ours().password().as_bytes());
    writer.attribute(attribute::USE_CANDIDATE, &[]);
    writer.attribute(0x7abc, &[]);
    writer.fingerprint();
    let len = writer.finish().unwrap();
    let mut world = World::new();
    let events = world.send(1, &out[..len]);
    assert_eq!(events, [IceEvent::Selected(1), IceEvent::StateChanged(IceState::Connected)]);
}

#[test]
fn indications_and_responses_are_counted_and_get_no_answer() {
    let mut world = World::new();
    for (bits, class) in [(0x0010u16, Class::Indication), (0x0100, Class::Success), (0x0110, Class::Error)] {
        let mut out = [0; 300];
        let mut writer = MessageWriter::new(&mut out, class, 1, *b"transaction!");
        writer.attribute(attribute::USERNAME, b"ours:peer");
        writer.attribute(attribute::PRIORITY, &PRIORITY.to_be_bytes());
        writer.message_integrity(ours().password().as_bytes());
        writer.fingerprint();
        let len = writer.finish().unwrap();
        assert_eq!(u16::from_be_bytes([out[0], out[1]]), 1 | bits);
        assert_eq!(world.refused(1, &out[..len]), None);
    }
    let counters = world.agent.counters();
    assert_eq!((counters.indications, counters.responses), (1, 2));
}

#[test]
fn every_flipped_bit_of_a_check_is_noticed() {
    let bytes = nominating().bytes();
    let mut world = World::new();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        // A damaged length can hide the fingerprint inside another attribute; then it is missing instead of wrong.
        assert!(matches!(world.refused(1, &damaged), None | Some(400)), "bit {bit}");
    }
    let counters = world.agent.counters();
    assert_eq!(counters.malformed + counters.incomplete, bytes.len() as u64 * 8);
}

#[test]
fn every_flipped_bit_of_a_check_with_a_good_fingerprint_is_noticed() {
    let bytes = Check { fingerprint: false, ..nominating() }.bytes();
    let mut world = World::new();
    for bit in (4 * 8..bytes.len() * 8).filter(|bit| !(20 * 8..24 * 8).contains(bit)) {
        let mut forged = bytes.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        let length = (forged.len() - 20 + 8) as u16;
        forged[2..4].copy_from_slice(&length.to_be_bytes());
        let crc = super::super::integrity::fingerprint(&forged);
        forged.extend([0x80, 0x28, 0, 4]);
        forged.extend(crc.to_be_bytes());
        let events = world.send(1, &forged);
        assert_eq!(events, [], "bit {bit}");
    }
    assert_eq!((world.agent.state(), world.agent.counters().accepted), (IceState::New, 0));
}

#[test]
fn a_message_cut_at_any_length_is_dropped() {
    let bytes = nominating().bytes();
    let mut world = World::new();
    for len in 0..bytes.len() {
        assert_eq!(world.refused(1, &bytes[..len]), None);
        // Also with a length field that fits.
        if len >= 20 {
            let mut cut = bytes[..len].to_vec();
            cut[2..4].copy_from_slice(&((len - 20) as u16).to_be_bytes());
            world.refused(1, &cut);
        }
    }
    assert_eq!(world.agent.counters().accepted, 0);
}

#[test]
fn no_answer_is_longer_than_it_may_be_and_none_is_cut() {
    let mut check = Check { credentials: ours(), extra: Some(0x7abc), ..check() };
    check.controlled = true;
    let bytes = check.bytes();
    let mut agent = IceAgent::<Route>::new(ours(), ConsentTimeout::OFF);
    for room in 0..MAX_REPLY_LEN {
        let mut out = vec![0xee; room];
        let outcome = agent.on_stun(Instant::now(), 1, "[2001:db8::1]:1".parse().unwrap(), &bytes, &mut out);
        if let Some(len) = outcome.reply_len {
            assert!(Message::parse(&out[..len]).is_ok());
        }
        assert_eq!(outcome.reply_len.is_some(), room >= 88, "{room}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), stun: bool) {
        if stun && bytes.len() >= 20 {
            let length = (bytes.len() - 20) as u16;
            bytes[0] &= 3;
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            bytes[4..8].copy_from_slice(&0x2112_A442u32.to_be_bytes());
        }
        let mut world = World::new();
        world.send(1, &bytes);
        let _ = parse_username(&bytes);
        if let Ok(message) = Message::parse(&bytes) {
            let _ = (message.nomination(), message.xor_mapped_address(), message.error_code(), message.ufrags());
        }
        prop_assert_eq!(world.agent.state(), IceState::New);
    }

    #[test]
    fn attributes_come_back_as_they_were_written(
        attributes in prop::collection::vec((0x8100u16..0x9000, prop::collection::vec(any::<u8>(), 0..40)), 0..10),
        address: (bool, u128, u16),
    ) {
        let ip = if address.0 {
            std::net::IpAddr::V6(std::net::Ipv6Addr::from_bits(address.1))
        } else {
            std::net::IpAddr::V4(std::net::Ipv4Addr::from_bits(address.1 as u32))
        };
        let mut out = vec![0; 1000];
        let mut writer = MessageWriter::new(&mut out, Class::Indication, 0x0bc, [9; 12]);
        for (kind, value) in &attributes {
            writer.attribute(*kind, value);
        }
        writer.xor_mapped_address(SocketAddr::new(ip, address.2));
        writer.error_code(487, "Role Conflict");
        writer.message_integrity(b"secret");
        writer.fingerprint();
        let len = writer.finish().unwrap();
        let message = Message::parse(&out[..len]).unwrap();
        let read: Vec<_> = message.attributes().map(|(kind, value)| (kind, value.to_vec())).take(attributes.len()).collect();
        prop_assert_eq!(read, attributes);
        prop_assert_eq!(message.xor_mapped_address(), Some(SocketAddr::new(ip.to_canonical(), address.2)));
        prop_assert_eq!((message.class(), message.method(), message.error_code()), (Class::Indication, 0x0bc, Some(487)));
        prop_assert!(message.is_authentic(b"secret") && !message.is_authentic(b"secreT"));
    }

    #[test]
    fn whatever_the_peer_does_the_bounds_hold(
        steps in prop::collection::vec((0u8..20, any::<bool>(), prop::option::of(0u32..6), 0u64..12, 0u8..8), 1..80),
    ) {
        let mut world = World::new();
        for (route, use_candidate, nomination, wait, action) in steps {
            world.pass(wait);
            world.agent.handle_timeout(world.now);
            match action {
                0 => { world.agent.remove_route(route); }
                _ => {
                    let nomination = nomination.map(|value| (attribute::NOMINATION, value));
                    world.accepted(route, Check { use_candidate, nomination, ..check() });
                    prop_assert!(world.agent.is_validated(route), "who just checked is validated");
                }
            }
            let agent = &world.agent;
            prop_assert!(agent.routes().len() <= 8);
            let alive = matches!(agent.state(), IceState::Connected | IceState::Completed);
            prop_assert_eq!(alive, agent.selected().is_some());
            prop_assert_eq!(alive, !agent.routes().is_empty());
            prop_assert_eq!(alive, agent.poll_timeout().is_some());
            prop_assert!(agent.selected().is_none_or(|selected| agent.routes().contains(&selected)));
        }
    }
}
