//! Bytes of a peer that means harm: no panic, no memory without a bound.
use bytes::BufMut;
use proptest::prelude::*;

use super::*;
use crate::transport::sctp::packet::write_checksum;

/// A packet of side 0 to side 1 with chunks of our choice: it has the right tag.
fn forged(template: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut packet = template[..packet::HEADER].to_vec();
    for chunk in chunks {
        packet.extend_from_slice(chunk);
        packet.resize(packet.len().next_multiple_of(4), 0);
    }
    write_checksum(&mut packet);
    packet
}

fn chunk(kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
    let mut chunk = vec![kind, flags];
    chunk.put_u16(value.len() as u16 + 4);
    chunk.extend_from_slice(value);
    chunk
}

/// A connected path, a packet that side 0 sent, and the number of the next DATA of side 0.
fn target() -> (Path, Bytes, u32) {
    let mut path = Path::connected(SctpConfig::default(), ORDERED);
    path.send(0, 0, b"template").unwrap();
    let (_, _, template) = path.flying.back().cloned().unwrap();
    let tsn = packet::chunks(&template).find(|chunk| chunk.kind == DATA).and_then(|chunk| chunk.u32_at(0));
    path.run_for(Duration::from_millis(500));
    (path, template, tsn.unwrap() + 1)
}

fn data(tsn: u32, flags: u8, stream: u16, ssn: u16, payload: &[u8]) -> Vec<u8> {
    data_of(53, tsn, flags, stream, ssn, payload)
}

fn data_of(ppid: u32, tsn: u32, flags: u8, stream: u16, ssn: u16, payload: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    value.put_u32(tsn);
    value.put_u16(stream);
    value.put_u16(ssn);
    value.put_u32(ppid);
    value.extend_from_slice(payload);
    chunk(DATA, flags, &value)
}

fn any_chunk() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![0..16u8, Just(64), Just(130), Just(192), Just(194), any::<u8>()];
    (kind, any::<u8>(), proptest::collection::vec(any::<u8>(), 0..80)).prop_map(|(k, f, v)| chunk(k, f, &v))
}

/// Chunks whose numbers are near those that are expected.
fn plausible_chunk() -> impl Strategy<Value = (u8, u8, u8, Vec<u16>)> {
    (0..9u8, any::<u8>(), any::<u8>(), proptest::collection::vec(0..20u16, 0..12))
}

fn plausible((kind, flags, offset, numbers): &(u8, u8, u8, Vec<u16>), next: u32) -> Vec<u8> {
    let near = next.wrapping_add(u32::from(*offset)).wrapping_sub(8);
    let mut value = Vec::new();
    match kind {
        0..=2 => {
            let stream = numbers.first().copied().unwrap_or(0);
            let ssn = numbers.get(1).copied().unwrap_or(0);
            data(near, flags & 7, stream, ssn, &vec![1; numbers.len() * 40])
        }
        3 => {
            value.put_u32(near);
            value.put_u32(1 << 20);
            value.put_u16(numbers.len() as u16 / 2);
            value.put_u16(0);
            numbers.iter().for_each(|number| value.put_u16(*number));
            chunk(3, 0, &value)
        }
        4 | 5 => {
            value.put_u32(near);
            numbers.iter().for_each(|number| value.put_u16(*number));
            chunk(192, 0, &value)
        }
        _ => {
            let len = 16 + 2 * numbers.len() as u16;
            value.put_u16(if *kind == 8 { 16 } else { 13 });
            value.put_u16(len);
            value.put_u32(near);
            value.put_u32(next);
            value.put_u32(near);
            numbers.iter().for_each(|number| value.put_u16(*number));
            chunk(130, 0, &value)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_at_any_time_do_no_harm(packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..20)) {
        let mut path = Path::new(SctpConfig::default());
        for packet in &packets {
            path.deliver(0, packet);
        }
        path.connect(0);
        for packet in &packets {
            let mut packet = packet.clone();
            write_checksum(&mut packet);
            path.deliver(0, &packet);
        }
        path.run_for(Duration::from_secs(5));
    }

    #[test]
    fn any_chunks_under_the_right_tag_do_no_harm(packets in proptest::collection::vec(proptest::collection::vec(any_chunk(), 1..5), 1..20)) {
        let (mut path, template, _) = target();
        for chunks in &packets {
            path.deliver(1, &forged(&template, chunks));
            path.run_for(Duration::from_millis(20));
        }
        prop_assert!(path.sides[1].phase() != SctpPhase::Failed, "the state machine panicked, or took it for an error");
    }

    #[test]
    fn plausible_chunks_in_any_order_do_no_harm(packets in proptest::collection::vec(proptest::collection::vec(plausible_chunk(), 1..4), 1..40)) {
        let (mut path, template, next) = target();
        path.sides[1].open_stream(0, ORDERED);
        for chunks in &packets {
            let _ = path.send(1, 0, b"something to acknowledge");
            let chunks: Vec<Vec<u8>> = chunks.iter().map(|chunk| plausible(chunk, next)).collect();
            path.deliver(1, &forged(&template, &chunks));
            path.run_for(Duration::from_millis(20));
        }
        prop_assert!(path.sides[1].phase() != SctpPhase::Failed, "the state machine panicked, or took it for an error");
    }
}

#[test]
fn fragments_without_an_end_end_the_association_before_they_fill_memory() {
    let (mut path, template, next) = target();
    let mut sent = 0;
    for number in 0..100_000u32 {
        // One byte each, of messages that never begin.
        let fragment = data(next + 1 + number, 0, 0, 9, &[1]);
        if !path.deliver(1, &forged(&template, &[fragment])) {
            break;
        }
        sent += 1;
        path.flying.clear();
    }
    assert!(sent <= 16_385, "{sent} were kept");
    assert_eq!(path.sides[1].phase(), SctpPhase::Closed);
}

#[test]
fn messages_that_would_open_channels_are_dropped_and_counted() {
    let (mut path, template, next) = target();
    for (number, ppid) in [50, 52, 50, 51].into_iter().enumerate() {
        let message = data_of(ppid, next + number as u32, 3, 0, 1 + number as u16, b"x");
        path.deliver(1, &forged(&template, &[message]));
    }
    assert_eq!(path.identifiers(1), [53, 53, 51], "the first is the template");
    assert_eq!(path.sides[1].take_control_messages(), 2);
    assert_eq!(path.sides[1].take_control_messages(), 0);
}

#[test]
fn streams_that_nobody_signaled_end_the_association_before_they_fill_memory() {
    let (mut path, template, next) = target();
    for stream in 0..20_000u16 {
        let message = data(next + u32::from(stream), 3, stream, u16::from(stream == 0), b"x");
        path.deliver(1, &forged(&template, &[message]));
        path.flying.clear();
    }
    assert_eq!(path.sides[1].phase(), SctpPhase::Closed);
    assert!(path.messages(1).len() < 5000);
}

#[test]
fn a_stream_that_is_reset_in_the_middle_of_a_message_lives_again() {
    let (mut path, template, next) = target();
    path.deliver(1, &forged(&template, &[data(next, 2, 0, 1, &[1; 500])]));
    // Reset request: type 13, its number, ours, the last number sent, stream 0. Request numbers begin with the first TSN.
    let mut value = Vec::new();
    value.put_u16(13);
    value.put_u16(18);
    value.put_u32(next - 1);
    value.put_u32(0);
    value.put_u32(next);
    value.put_u16(0);
    path.deliver(1, &forged(&template, &[chunk(130, 0, &value)]));
    let request = |packet: &Bytes| {
        let mut requests = packet::chunks(packet).filter(|c| c.kind == 130 && c.u16_at(0) == Some(13));
        requests.next().and_then(|chunk| chunk.u32_at(4))
    };
    let reset_in_return = path.flying.iter().find_map(|(_, _, packet)| request(packet));
    path.flying.clear();
    // The real peer knows nothing of this.
    path.lets_through = |_, _| false;
    path.run_for(Duration::from_secs(1));
    assert!(path.has_seen(1, &Seen::Reset(0)));
    // The reset in return is acknowledged: type 16, its number, performed.
    let mut value = Vec::new();
    value.put_u16(16);
    value.put_u16(12);
    value.put_u32(reset_in_return.unwrap());
    value.put_u32(1);
    path.deliver(1, &forged(&template, &[chunk(130, 0, &value)]));
    path.deliver(1, &forged(&template, &[data(next + 1, 3, 0, 0, b"new life")]));
    assert_eq!(path.messages(1).last(), Some(&&b"new life"[..]));
}

#[test]
fn an_acknowledgement_with_more_gaps_than_fit_is_shortened() {
    let (mut path, template, next) = target();
    for number in 0..2000u32 {
        let message = data(next + 1 + 2 * number, 7, 0, 0, &[1; 300]);
        // Whatever leaves is checked for its size.
        path.deliver(1, &forged(&template, &[message]));
        path.flying.clear();
    }
    assert_eq!(path.sides[1].phase(), SctpPhase::Connected);
}
