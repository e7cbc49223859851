use super::*;
use crate::lane::tests::{VP8_INTER, VP8_KEY, formats, rtp};
use proptest::prelude::*;
use sfu_core::control::MediaKind;

const MS: Duration = Duration::from_millis(1);
/// What follows the first packet of a VP8 frame.
const VP8_REST: [u8; 3] = [0x00, 0x11, 0x02];

struct Bench {
    opening: Opening,
    /// Sequence numbers of what went on; after a pause 0 is before them.
    out: Vec<u16>,
}

impl Bench {
    fn new() -> Bench {
        let codecs = [(96, "video/VP8"), (98, "video/VP9"), (102, "video/H264")];
        Bench { opening: Opening::new(formats(MediaKind::Video, &codecs)), out: Vec::new() }
    }

    fn push(&mut self, packet: &[u8], at: Duration, restart: bool) {
        match self.opening.take(packet, at, restart) {
            Step::Pass => self.out.push(number(packet)),
            Step::Hold => {}
            Step::Open { packets, restart } => {
                self.out.extend(restart.then_some(0));
                self.out.extend(packets.iter().map(|held| number(&held.bytes)));
            }
        }
    }

    fn vp8(&mut self, n: u16, timestamp: u32, payload: &[u8], at: u32) {
        self.push(&rtp(96, n, timestamp, false, payload), at * MS, false);
    }
}

fn number(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[2], packet[3]])
}

#[test]
fn it_begins_with_a_key_frame_and_then_all_goes_on() {
    let mut bench = Bench::new();
    bench.vp8(1, 0, &VP8_INTER, 0);
    bench.vp8(2, 3000, &VP8_KEY, 33);
    bench.vp8(3, 6000, &VP8_INTER, 66);
    // It was sent again, from before the beginning: whoever comes next knows what to do with it.
    bench.vp8(1, 0, &VP8_INTER, 70);
    assert_eq!(bench.out, [2, 3, 1]);
}

#[test]
fn a_key_frame_whose_first_packet_is_overtaken_is_whole() {
    for order in [[10, 11, 12], [11, 10, 12], [12, 11, 10], [11, 12, 10]] {
        let mut bench = Bench::new();
        bench.vp8(9, 6000, &VP8_INTER, 0);
        for (at, n) in order.into_iter().enumerate() {
            let payload: &[u8] = if n == 10 { &VP8_KEY } else { &VP8_REST };
            bench.vp8(n, 9000, payload, 33 + at as u32);
        }
        assert_eq!(bench.out, [10, 11, 12], "{order:?}");
    }
}

#[test]
fn a_key_frame_whose_first_packet_is_sent_again_in_time_is_a_beginning() {
    for (late, expected) in [(399, vec![65_535, 0, 1, 2]), (401, vec![65_535, 2])] {
        let mut bench = Bench::new();
        // The frame's end, and the frame after it; its own first packet comes late.
        bench.vp8(0, 9000, &VP8_REST, 100);
        bench.vp8(1, 12_000, &VP8_INTER, 100);
        bench.vp8(2, 15_000, &VP8_INTER, 450);
        assert!(bench.out.is_empty());
        let packet = rtp(96, 65_535, 9000, false, &VP8_KEY);
        let Step::Open { packets, .. } = bench.opening.take(&packet, (100 + late) * MS, false) else {
            panic!("{late}: not a beginning");
        };
        let numbers: Vec<u16> = packets.iter().map(|held| number(&held.bytes)).collect();
        assert_eq!(numbers, expected, "{late}");
        assert_eq!(packets[0].at, if late < 400 { 100 * MS } else { 450 * MS }, "as of the frame's first");
    }
}

#[test]
fn parameter_sets_that_come_after_their_picture_go_before_it() {
    let (delimiter, sps, pps, idr, inter) = ([9, 16], [0x67, 66, 0], [0x68, 1], [0x65, 1, 2], [0x41, 1, 2]);
    let send = |bench: &mut Bench, n: u16, timestamp: u32, nal: &[u8], at: u32| {
        bench.push(&rtp(102, n, timestamp, false, nal), at * MS, false);
    };
    let mut bench = Bench::new();
    send(&mut bench, 23, 9000, &idr, 0);
    send(&mut bench, 22, 9000, &pps, 1);
    assert!(bench.out.is_empty(), "what is before it may be a parameter set");
    send(&mut bench, 21, 9000, &sps, 2);
    assert_eq!(bench.out, [21, 22, 23]);
    // In one packet.
    let mut bench = Bench::new();
    send(&mut bench, 23, 9000, &idr, 0);
    send(&mut bench, 22, 9000, &[24, 0, 3, 0x67, 66, 0, 0, 2, 0x68, 1], 1);
    assert_eq!(bench.out, [22, 23]);
    // A delimiter may be missing; without sets in it all of the frame must be there.
    let mut bench = Bench::new();
    send(&mut bench, 19, 6000, &inter, 0);
    send(&mut bench, 21, 9000, &idr, 1);
    assert!(bench.out.is_empty());
    send(&mut bench, 20, 9000, &delimiter, 2);
    assert_eq!(bench.out, [20, 21]);
    // What is before it never comes: it has what it takes elsewhere.
    let mut bench = Bench::new();
    send(&mut bench, 21, 9000, &idr, 0);
    send(&mut bench, 22, 12_000, &inter, 399);
    assert!(bench.out.is_empty());
    send(&mut bench, 23, 15_000, &inter, 400);
    assert_eq!(bench.out, [21, 22, 23]);
}

#[test]
fn a_pause_ends_with_a_key_frame() {
    let mut bench = Bench::new();
    bench.vp8(1, 0, &VP8_KEY, 0);
    bench.push(&rtp(96, 3, 6000, false, &VP8_REST), 1000 * MS, true);
    bench.vp8(2, 6000, &VP8_KEY, 1001);
    bench.vp8(4, 9000, &VP8_INTER, 1033);
    assert_eq!(bench.out, [1, 0, 2, 3, 4]);
}

#[test]
fn another_codec_waits_for_its_own_key_frame() {
    let mut bench = Bench::new();
    bench.vp8(1, 0, &VP8_KEY, 0);
    bench.push(&rtp(98, 3, 6000, false, &[0x40, 2]), 33 * MS, false);
    // A key frame of VP9 begins: start of a frame, not predicted.
    bench.push(&rtp(98, 4, 9000, false, &[0x08, 2]), 66 * MS, false);
    bench.vp8(2, 3000, &VP8_INTER, 70);
    bench.push(&rtp(98, 5, 12_000, false, &[0x40, 2]), 99 * MS, false);
    bench.push(&rtp(33, 6, 12_000, false, &[0x40, 2]), 99 * MS, false);
    assert_eq!(bench.out, [1, 4, 5]);
    // What waited with it and is of another codec is left out.
    let mut bench = Bench::new();
    bench.push(&rtp(98, 11, 9000, false, &[0x00, 2]), MS, false);
    bench.vp8(12, 12_000, &VP8_INTER, 2);
    bench.push(&rtp(98, 10, 9000, false, &[0x08, 2]), 3 * MS, false);
    assert_eq!(bench.out, [10, 11]);
}

#[test]
fn another_stream_has_numbers_of_its_own() {
    let mut bench = Bench::new();
    bench.vp8(11, 9000, &VP8_REST, 0);
    let mut key = rtp(96, 10, 9000, false, &VP8_KEY);
    key[8] = 9;
    bench.push(&key, MS, false);
    assert_eq!(bench.out, [10]);
}

proptest! {
    #[test]
    fn whatever_comes_what_is_held_back_is_bounded(
        packets in prop::collection::vec((any::<u16>(), 0..4u32, 0..4usize, 0..200u32, any::<bool>()), 0..300),
    ) {
        let mut bench = Bench::new();
        let payloads: [(u8, &[u8]); 4] = [(96, &VP8_REST), (102, &[0x65, 1]), (102, &[24, 0, 9]), (96, &[])];
        let mut at = Duration::ZERO;
        for (n, timestamp, kind, passed, near) in packets {
            at += passed * MS;
            let (payload_type, payload) = payloads[kind];
            let n = if near { n % 16 } else { n };
            bench.push(&rtp(payload_type, n, timestamp, false, payload), at, passed > 190);
            prop_assert!(bench.opening.held.len() <= MAX_HELD);
            prop_assert!(bench.opening.held.values().all(|held| at.saturating_sub(held.at) < PATIENCE));
        }
    }

    #[test]
    fn in_any_order_within_a_frame_nothing_of_it_is_lost(
        order in Just((0..12u16).collect::<Vec<_>>()).prop_shuffle(), first: u16,
    ) {
        let mut bench = Bench::new();
        for (at, n) in order.iter().enumerate() {
            let payload: &[u8] = if *n == 0 { &VP8_KEY } else { &VP8_REST };
            bench.vp8(first.wrapping_add(*n), 9000, payload, at as u32);
        }
        let mut numbers: Vec<u16> = bench.out.iter().map(|n| n.wrapping_sub(first)).collect();
        prop_assert_eq!(numbers.first(), Some(&0));
        numbers.sort_unstable();
        prop_assert_eq!(numbers, (0..12).collect::<Vec<_>>());
    }
}
