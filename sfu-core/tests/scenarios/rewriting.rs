//! Numbers and times go on over pauses and switches, and video begins with a key frame.
use sfu_core::control::Command;
use sfu_core::plugin::{ConsumerId, Nil};
use sfu_core::testing::{Bench, Build, Media, Received, vp8, vp8_key};

use crate::{ms, seconds};

fn is_key(packet: &Received) -> bool {
    packet.payload.get(4..7) == Some(&[0x9d, 0x01, 0x2a])
}

/// No gap in the numbers, and times that go on as the clock does.
fn continuous(bench: &Bench<Nil>, c: ConsumerId, rate: f64) {
    assert_eq!(bench.receiver(c).lost(), 0, "{:?}", bench.receiver(c).missing());
    let packets = bench.received(c);
    for pair in packets.windows(2) {
        assert_eq!(pair[1].extended, pair[0].extended + 1);
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
        let passed = pair[1].at.duration_since(pair[0].at).as_secs_f64();
        let ticks = f64::from(pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32);
        assert!(ticks >= 0.0, "time goes back by {ticks}");
        assert!((ticks / rate - passed).abs() < 0.1, "{} s in {passed} s", ticks / rate);
    }
}

#[test]
fn a_consumer_has_its_own_numbers_and_payload_type() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.video_producer();
    let viewers = bench.consumers(p, 2);
    bench.play(&[p], ms(200));
    for c in viewers {
        let packet = &bench.received(c)[0];
        let parameters = bench.receiver(c).parameters();
        assert_eq!(packet.payload_type, parameters.codecs[0].payload_type);
        assert_ne!(packet.payload_type, bench.sender(p).parameters().codecs[0].payload_type);
        assert_eq!(Some(packet.ssrc), parameters.encodings[0].ssrc);
        assert_eq!(bench.misfits(bench.peer_of_consumer(c)), 0);
    }
}

#[test]
fn after_a_pause_it_goes_on_with_a_key_frame() {
    for workers in [1, 2] {
        let mut bench = Build::<Nil>::new().workers(workers).start();
        let p = bench.video_producer();
        let c = bench.consumer(p);
        bench.play(&[p], seconds(1));
        let before = bench.received(c).len();
        bench.pause(c);
        bench.play(&[p], seconds(3));
        assert_eq!(bench.received(c).len(), before);
        bench.resume(c);
        bench.play(&[p], seconds(1));
        assert!(bench.received(c).len() > before + 60);
        assert!(is_key(&bench.received(c)[before]));
        continuous(&bench, c, 90_000.0);
    }
}

#[test]
fn audio_needs_no_key_frame() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.audio_producer();
    let c = bench.consumer(p);
    bench.play(&[p], ms(400));
    bench.pause(c);
    bench.play(&[p], ms(400));
    bench.resume(c);
    bench.play(&[p], ms(400));
    assert_eq!(bench.received(c).len(), 40);
    continuous(&bench, c, 48_000.0);
}

#[test]
fn a_consumer_moves_to_another_producer() {
    let mut bench = Build::<Nil>::new().start();
    let (first, second) = (bench.video_producer(), bench.video_producer());
    let c = bench.consumer(first);
    bench.play(&[first, second], seconds(1));
    let before = bench.received(c).len();
    bench.command(Command::SwitchConsumer { consumer: c, producer: second });
    assert_eq!(bench.sender(second).plis, 1);
    bench.play(&[first, second], seconds(1));
    assert!(bench.received(c).len() > before + 60);
    assert!(is_key(&bench.received(c)[before]));
    continuous(&bench, c, 90_000.0);
    bench.command(Command::SwitchConsumer { consumer: c, producer: first });
    let before = bench.received(c).len();
    bench.play(&[first, second], seconds(1));
    assert!(is_key(&bench.received(c)[before]));
    continuous(&bench, c, 90_000.0);
}

#[test]
fn what_was_sent_before_a_switch_can_still_be_asked_for_or_is_not_confused() {
    let mut bench = Build::<Nil>::new().start();
    let (first, second) = (bench.video_producer(), bench.video_producer());
    let c = bench.consumer(first);
    bench.play(&[first, second], ms(500));
    let old: Vec<Received> = bench.received(c).to_vec();
    bench.command(Command::SwitchConsumer { consumer: c, producer: second });
    bench.play(&[first, second], ms(500));
    let viewer = bench.peer_of_consumer(c);
    let numbers: Vec<u16> = bench.received(c).iter().map(|packet| packet.sequence).collect();
    bench.tap(viewer, sfu_core::testing::Direction::ToPeer);
    bench.nack(c, &numbers);
    // What comes again must be what was under that number; nothing at all is fine too.
    for datagram in bench.tap(viewer, sfu_core::testing::Direction::ToPeer) {
        let Some((_, _, ssrc)) = datagram.rtp() else { continue };
        assert_ne!(ssrc, bench.receiver(c).ssrc());
        let header = 12 + 4 + 4 * usize::from(u16::from_be_bytes([datagram.0[14], datagram.0[15]]));
        let number = u16::from_be_bytes([datagram.0[header], datagram.0[header + 1]]);
        let original = old.iter().chain(bench.received(c)).find(|packet| packet.sequence == number).unwrap();
        assert_eq!(&datagram.0[header + 2..], &original.payload[..]);
    }
}

#[test]
fn simulcast_layers_switch_at_key_frames() {
    let mut bench = Build::<Nil>::new().start();
    let peer = bench.peer();
    let p = bench.produce(peer, Media::vp8().mid("v").simulcast(&["l", "h"]));
    let c = bench.consumer(p);
    bench.play(&[p], seconds(1));
    for spatial in [0, 1, 0] {
        let before = bench.received(c).len();
        bench.command(Command::SetPreferredLayers { consumer: c, spatial, temporal: None });
        bench.play(&[p], seconds(1));
        assert_eq!(bench.consumer_stats(c).stream.encoding, spatial);
        assert!(bench.received(c).len() > before + 60);
        assert_eq!(bench.receiver(c).lost(), 0);
    }
}

#[test]
fn numbers_go_on_over_their_wrap() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.video_producer();
    let c = bench.consumer(p);
    bench.send(p, vp8_key(0).sequence(65_000));
    for n in 1..1200 {
        bench.send(p, vp8(n));
        bench.advance(ms(5));
    }
    assert_eq!(bench.received(c).len(), 1200);
    assert_eq!(bench.receiver(c).lost(), 0);
    assert_eq!(bench.sender(p).nacks, 0);
}

#[test]
fn a_sender_that_begins_anew_is_followed() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.audio_producer();
    let c = bench.consumer(p);
    bench.play(&[p], seconds(1));
    let next = bench.sender(p).next_sequence(0).wrapping_add(30_000);
    bench.send(p, sfu_core::testing::opus(5000).sequence(next));
    bench.play(&[p], seconds(1));
    assert!(bench.received(c).len() >= 99, "{}", bench.received(c).len());
    assert_eq!(bench.receiver(c).lost(), 0);
}

#[test]
fn a_key_frame_whose_beginning_comes_last_is_sent_whole() {
    // The numbers of the origin may have wrapped before its packets went to another media thread.
    for (workers, wrapped) in [(1, false), (2, false), (2, true)] {
        let mut bench = Build::<Nil>::new().workers(workers).start();
        let p = bench.video_producer();
        if wrapped {
            for n in 0..100 {
                bench.send(p, vp8(0).sequence(65_535u16.wrapping_add(n)));
            }
        }
        let c = bench.consumer(p);
        let part = |n: u32| {
            let mut payload = vec![0; 20];
            payload.extend(n.to_be_bytes());
            sfu_core::testing::Rtp::new(3000, payload)
        };
        bench.send(p, vp8(0).timestamp(0).sequence(99));
        bench.send(p, vp8_key(1).marker(false).lost());
        for n in 2..10 {
            bench.send(p, part(n).marker(n == 9));
        }
        assert!(bench.received(c).is_empty());
        bench.advance(ms(200));
        // The sender was asked for it, and sent it again.
        assert_eq!(bench.receiver(c).numbers(), (1..10).collect::<Vec<_>>(), "{workers} workers, {wrapped}");
        assert_eq!(bench.receiver(c).lost(), 0);
    }
}
