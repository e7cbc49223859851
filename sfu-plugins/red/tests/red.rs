//! Who gets what of redundant audio, in virtual time, with one media thread and with two.
use std::time::Duration;

use sfu_core::control::{ConsumerId, MediaKind, ProducerId, RtcpFeedback, RtpCodecParameters, Target};
use sfu_core::plugin::{Cons, Nil};
use sfu_core::serde_json::{Value, json};
use sfu_core::testing::{Bench, Build, Media, PeerOptions, Received, Rtp, conformance};
use sfu_red::Red;

type Alone = Bench<Cons<Red, Nil>>;

const OPUS: u8 = 111;
const RED: u8 = 63;
/// The kit adds this to payload types for consumers.
const SHIFT: u8 = 5;

/// Benches with one media thread and with two, on from the beginning.
fn benches(options: Value) -> impl Iterator<Item = Alone> {
    [1, 2].into_iter().map(move |workers| {
        let config = json!({ "red": { "enabled": true, "options": options } });
        Build::of::<Red>().workers(workers).config(config).start()
    })
}

/// Opus with RED in the first place, with or without NACK.
fn redundant(nack: bool) -> Media {
    let mut parameters =
        sfu_core::control::RtpParameters::single(RtpCodecParameters::opus(OPUS), 0x0011_0000);
    let red = RtpCodecParameters {
        mime_type: "audio/red".into(),
        payload_type: RED,
        ..RtpCodecParameters::opus(OPUS)
    };
    parameters.codecs.insert(0, red);
    if nack {
        for codec in &mut parameters.codecs {
            codec.rtcp_feedback.push(RtcpFeedback::new("nack", ""));
        }
    }
    Media::with_parameters(MediaKind::Audio, parameters)
}

/// What a packet of the sender carries as Opus; the number is in the last four bytes.
fn speech(n: u32) -> Vec<u8> {
    [&[0xfc, n as u8, 0xfe][..], &n.to_be_bytes()].concat()
}

/// The `n`th packet of a sender of RED with so many earlier packets in it.
fn packet(n: u32, earlier: u32) -> Rtp {
    let mut payload = Vec::new();
    let before: Vec<u32> = (1..=earlier.min(n - 1)).rev().collect();
    for back in &before {
        let (offset, len) = (back * 960, speech(n - back).len() as u32);
        payload.extend((0x8000_0000 | u32::from(OPUS) << 24 | offset << 10 | len).to_be_bytes());
    }
    payload.push(OPUS);
    before.iter().for_each(|back| payload.extend(speech(n - back)));
    payload.extend(speech(n));
    Rtp::new(n * 960, payload).payload_type(RED)
}

/// A sender of RED on the first media thread, and on the last one a receiver with RED and one without.
struct Call {
    bench: Alone,
    producer: ProducerId,
    with: ConsumerId,
    without: ConsumerId,
}

impl Call {
    fn new(mut bench: Alone, media: Media) -> Call {
        let last = bench.workers() - 1;
        let sender = bench.peer_with(PeerOptions::webrtc());
        let producer = bench.produce(sender, media);
        let receiver = bench.peer_with(PeerOptions::plain().worker(last));
        let with = bench
            .try_consume_with(receiver, producer, |options| {
                let codecs = &mut options.rtp_parameters.codecs;
                if !codecs.iter().any(|codec| codec.mime_type == "audio/red") {
                    // With the feedback of Opus: the core goes by the first codec.
                    let opus = codecs.first().cloned().unwrap_or_default();
                    let opus = RtpCodecParameters { payload_type: RED + SHIFT, ..opus };
                    codecs.insert(0, RtpCodecParameters { mime_type: "audio/red".into(), ..opus });
                }
            })
            .expect("a consumer with RED");
        let other = bench.peer_with(PeerOptions::plain().worker(last));
        let without = bench
            .try_consume_with(other, producer, |options| {
                options.rtp_parameters.codecs.retain(|codec| codec.mime_type == "audio/opus");
            })
            .expect("a consumer without RED");
        Call { bench, producer, with, without }
    }

    fn send(&mut self, packet: Rtp) {
        self.bench.send(self.producer, packet);
        self.bench.advance(Duration::from_millis(20));
    }

    fn figure(&mut self, name: &str) -> u64 {
        self.bench.stats("red")[name].as_u64().unwrap_or_else(|| panic!("no figure {name}"))
    }
}

/// Numbers in the Opus packets that a receiver without RED got.
fn plain(received: &[Received]) -> Vec<u32> {
    let number = |packet: &Received| {
        assert_eq!(packet.payload_type, OPUS + SHIFT);
        let n = packet.number();
        assert_eq!(packet.payload, speech(n));
        n
    };
    received.iter().map(number).collect()
}

/// Of packets that a receiver with RED got: their own numbers, and the numbers of those that they carry again.
fn opened(received: &[Received]) -> Vec<(u32, Vec<u32>)> {
    let open = |packet: &Received| {
        assert_eq!(packet.payload_type, RED + SHIFT);
        let own = packet.number();
        let (mut rest, mut blocks) = (&packet.payload[..], Vec::new());
        while rest[0] & 0x80 != 0 {
            let word = u32::from_be_bytes(rest[..4].try_into().unwrap());
            assert_eq!((word >> 24) as u8 & 0x7f, OPUS + SHIFT, "the receiver's payload type");
            blocks.push((word >> 10 & 0x3fff, (word & 0x3ff) as usize));
            rest = &rest[4..];
        }
        assert_eq!(rest[0], OPUS + SHIFT);
        rest = &rest[1..];
        let mut earlier = Vec::new();
        for (offset, len) in blocks {
            let n = own - offset / 960;
            assert_eq!(rest[..len], speech(n));
            earlier.push(n);
            rest = &rest[len..];
        }
        assert_eq!(rest, speech(own));
        (own, earlier)
    };
    received.iter().map(open).collect()
}

#[test]
fn who_has_no_red_gets_opus_and_who_has_it_gets_red() {
    for bench in benches(json!({})) {
        let mut call = Call::new(bench, redundant(true));
        for n in 1..=50 {
            call.send(packet(n, 2));
        }
        assert_eq!(plain(call.bench.received(call.without)), (1..=50).collect::<Vec<_>>());
        let expected: Vec<(u32, Vec<u32>)> =
            (1..=50).map(|n| (n, if n == 1 { vec![] } else { vec![n - 1] })).collect();
        assert_eq!(opened(call.bench.received(call.with)), expected);
        for consumer in [call.with, call.without] {
            assert_eq!(call.bench.receiver(consumer).lost(), 0);
        }
        assert_eq!((call.figure("received_packets"), call.figure("sent_packets")), (50, 50));
        assert_eq!((call.figure("restored_packets"), call.figure("malformed_packets")), (0, 0));
        assert_eq!((call.figure("senders"), call.figure("receivers")), (1, 1));
    }
}

#[test]
fn a_sender_of_plain_opus_gets_redundancy_too() {
    for bench in benches(json!({ "packets": 3 })) {
        let mut call = Call::new(bench, Media::opus());
        for n in 1..=20 {
            call.send(Rtp::new(n * 960, speech(n)));
        }
        assert_eq!(plain(call.bench.received(call.without)), (1..=20).collect::<Vec<_>>());
        let opened = opened(call.bench.received(call.with));
        assert_eq!(opened[9], (10, vec![7, 8, 9]));
        assert_eq!(opened.len(), 20);
    }
}

#[test]
fn what_was_lost_on_the_way_in_is_restored_for_everybody() {
    for nack in [false, true] {
        for bench in benches(json!({})) {
            let mut call = Call::new(bench, redundant(nack));
            call.bench.sender_mut(call.producer).answers = false;
            for n in 1..=50 {
                let packet = packet(n, 2);
                // One alone, and two in a row.
                let lost = [10, 20, 21].contains(&n);
                call.send(if lost { packet.lost() } else { packet });
            }
            let got = plain(call.bench.received(call.without));
            let mut in_order = got.clone();
            in_order.sort_unstable();
            assert_eq!(in_order, (1..=50).collect::<Vec<_>>(), "{got:?}");
            for consumer in [call.with, call.without] {
                assert_eq!(call.bench.receiver(consumer).lost(), 0);
                // Where a packet is by its number is where it was.
                let received = call.bench.received(consumer);
                let (first, n) = (received[0].sequence, received[0].number());
                for packet in received {
                    let distance = packet.sequence.wrapping_sub(first);
                    assert_eq!(u32::from(distance), packet.number() - n);
                }
            }
            // Restored packets may come without redundancy of their own.
            let of_type = |payload_type: u8| -> Vec<Received> {
                let received = call.bench.received(call.with).iter();
                received.filter(|packet| packet.payload_type == payload_type + SHIFT).cloned().collect()
            };
            let (opened, mut restored) = (opened(&of_type(RED)), plain(&of_type(OPUS)));
            assert_eq!(opened.len() + restored.len(), 50);
            restored.retain(|n| ![10, 20, 21].contains(n));
            assert!(restored.is_empty(), "{restored:?}");
            assert!(opened.contains(&(11, vec![9])) && opened.contains(&(12, vec![11])), "{opened:?}");
            assert_eq!(call.figure("restored_packets"), 3);
            assert!(call.bench.sender(call.producer).nacked.is_empty(), "nobody has to ask for it");
            call.bench.advance(Duration::from_secs(6));
            let reported =
                call.bench.sender(call.producer).reports.last().map(|report| report.cumulative_lost);
            assert_eq!(reported, Some(3), "the sender hears of its loss all the same");
        }
    }
}

#[test]
fn what_comes_after_it_was_restored_is_no_second_packet() {
    for bench in benches(json!({})) {
        let mut call = Call::new(bench, redundant(true));
        let first = call.bench.sender(call.producer).next_sequence(0);
        for n in [1, 2, 4, 3, 5, 6] {
            call.send(packet(n, 1).sequence(first.wrapping_add(n as u16)));
        }
        let mut got = plain(call.bench.received(call.without));
        got.sort_unstable();
        assert_eq!(got, [1, 2, 3, 4, 5, 6]);
        assert_eq!(call.bench.receiver(call.without).duplicates, 0);
    }
}

#[test]
fn a_payload_that_is_none_is_dropped_and_counted() {
    for bench in benches(json!({})) {
        let mut call = Call::new(bench, redundant(false));
        call.send(packet(1, 1));
        for payload in [vec![0x80 | OPUS, 0, 0], vec![OPUS], vec![96, 1, 2], vec![0x80; 900]] {
            call.send(Rtp::new(960, payload).payload_type(RED));
        }
        call.send(packet(2, 0));
        assert_eq!(plain(call.bench.received(call.without)), [1, 2]);
        assert_eq!(opened(call.bench.received(call.with)), [(1, vec![]), (2, vec![1])]);
        assert_eq!(call.bench.receiver(call.without).lost(), 0, "a drop leaves no gap");
        assert_eq!(call.figure("malformed_packets"), 4);
    }
}

#[test]
fn long_packets_carry_less_and_what_is_sent_again_is_what_was_sent() {
    for bench in benches(json!({ "packets": 2, "max_bytes": 700 })) {
        let mut call = Call::new(bench, Media::opus());
        let long = |n: u32| [&[0xfc; 296][..], &n.to_be_bytes()].concat();
        for n in 1..=10 {
            call.send(Rtp::new(n * 960, long(n)));
        }
        let received = call.bench.received(call.with);
        // One earlier packet of 300 bytes, not two.
        assert!(received[1..].iter().all(|packet| packet.payload.len() == 5 + 600), "{received:?}");
        let again = received[5].clone();
        call.bench.nack(call.with, &[again.sequence]);
        call.bench.advance(Duration::from_millis(100));
        let repeated = &call.bench.receiver(call.with).again;
        assert_eq!(repeated.len(), 1);
        assert_eq!((&repeated[0].payload, repeated[0].payload_type), (&again.payload, RED + SHIFT));
        assert_eq!(plain_lens(call.bench.received(call.without)), [300; 10]);
    }
}

fn plain_lens(received: &[Received]) -> Vec<usize> {
    received.iter().map(|packet| packet.payload.len()).collect()
}

#[test]
fn switched_off_receivers_get_what_they_would_without_it() {
    for workers in [1, 2] {
        let bench = Build::of::<Red>().workers(workers).start();
        let mut call = Call::new(bench, Media::opus());
        let opus = |call: &mut Call, from: u32| {
            (from..from + 10).for_each(|n| call.send(Rtp::new(n * 960, speech(n))));
            call.bench.take_received(call.with)
        };
        assert_eq!(plain(&opus(&mut call, 1)).len(), 10);
        call.bench.enable("red", sfu_core::control::Target::Worker, json!({})).expect("it goes on");
        assert_eq!(opened(&opus(&mut call, 11)).len(), 10);
        call.bench.disable("red", sfu_core::control::Target::Worker).expect("it goes off");
        assert_eq!(plain(&opus(&mut call, 21)).len(), 10);
        assert_eq!(call.bench.receiver(call.with).lost(), 0);
    }
}

#[test]
fn of_a_call_over_a_path_that_loses_a_tenth_redundancy_saves_nearly_all() {
    for bench in benches(json!({})) {
        let mut call = Call::new(bench, Media::opus());
        for n in 1..=1000 {
            call.send(Rtp::new(n * 960, speech(n)));
        }
        // The same tenth is lost behind the worker for both.
        let mut state = 1u32;
        let mut arrives = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16 >= 6554
        };
        let arrived: Vec<bool> = (0..1000).map(|_| arrives()).collect();
        let lossy = |received: &[Received]| -> Vec<Received> {
            let pairs = received.iter().zip(&arrived);
            pairs.filter(|(_, arrived)| **arrived).map(|(packet, _)| packet.clone()).collect()
        };
        let without = plain(&lossy(call.bench.received(call.without))).len();
        let opened = opened(&lossy(call.bench.received(call.with)));
        let with: std::collections::BTreeSet<u32> =
            opened.into_iter().flat_map(|(own, earlier)| earlier.into_iter().chain([own])).collect();
        assert!((870..=930).contains(&without), "{without}");
        // Two in a row are one in a hundred.
        assert!(with.len() >= 980, "{} of 1000, and {without} without", with.len());
    }
}

#[test]
fn it_tells_signaling_in_which_routers_it_is_on() {
    for workers in [1, 2] {
        let mut bench = Build::of::<Red>().workers(workers).start();
        let router = bench.router(workers - 1);
        let status =
            |bench: &mut Alone| bench.request("red", Target::Router(router), json!({ "method": "status" }));
        assert_eq!(status(&mut bench).expect("an answer"), json!({ "on": false }));
        bench.enable("red", Target::Router(router), json!({})).expect("it goes on");
        assert_eq!(status(&mut bench).expect("an answer"), json!({ "on": true }));
        bench.disable("red", Target::Router(router)).expect("it goes off");
        assert_eq!(status(&mut bench).expect("an answer"), json!({ "on": false }));
        let of_all = bench.request("red", Target::Worker, json!({ "method": "status" }));
        assert!(format!("{of_all:?}").contains("ask about a router"), "{of_all:?}");
    }
}

#[test]
fn it_bears_what_every_plugin_has_to_bear() {
    conformance::<Red>();
}

#[test]
fn its_readme_has_its_configuration() {
    sfu_core::testing::check_readme::<Red>(include_str!("../README.md"));
}
