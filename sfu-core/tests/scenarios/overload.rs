//! What a media thread leaves out when more comes than it can carry, and that all comes back.
use std::collections::BTreeSet;

use sfu_core::control::{EventBody, SrtpCryptoSuite, Target};
use sfu_core::plugin::{ConsumerId, Nil};
use sfu_core::testing::{self, Bench, Build, Conditions, Direction, Media, PeerOptions};

use crate::{ms, seconds};

/// The step at which nobody gets video.
const LAST: u8 = 10;

/// Sequence numbers without a gap and without a wish for what is missing.
fn closed_up(bench: &Bench<Nil>, c: ConsumerId) {
    assert_eq!((bench.receiver(c).lost(), bench.receiver(c).nacks_sent), (0, 0), "{c:?}");
    let numbers: Vec<u64> = bench.received(c).iter().map(|packet| packet.extended).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{c:?}: {numbers:?}");
}

/// Packets of frames that lack some, which a decoder could not use. Frames of the bench have three packets each.
fn broken(bench: &Bench<Nil>, c: ConsumerId) -> Vec<u32> {
    let frames: BTreeSet<u32> = bench.received(c).iter().map(|packet| packet.timestamp).collect();
    let size = |time: u32| bench.received(c).iter().filter(|packet| packet.timestamp == time).count();
    frames.into_iter().filter(|time| size(*time) != 3).collect()
}

#[test]
fn audio_is_never_left_out() {
    for workers in [1, 2] {
        for step in 0..=LAST {
            let mut bench = Build::<Nil>::new().workers(workers).start();
            let p = bench.audio_producer();
            let listeners = bench.consumers(p, 9);
            for worker in 0..workers {
                bench.overload(worker, step);
            }
            bench.play(&[p], seconds(1));
            for c in listeners {
                assert_eq!(bench.received(c).len(), 50, "step {step}, {workers} workers");
                closed_up(&bench, c);
            }
        }
    }
}

#[test]
fn nothing_is_sent_again_from_level_1_on_and_all_is_when_it_is_over() {
    for step in [1, 2] {
        let mut bench = Build::<Nil>::new().start();
        let p = bench.video_producer();
        let viewer = bench.peer();
        let c = bench.consume(viewer, p);
        bench.play(&[p], seconds(1));
        bench.overload(0, step);
        bench.set_path(viewer, Direction::ToPeer, Conditions::perfect().loss(1.0));
        bench.frame(p);
        bench.set_path(viewer, Direction::ToPeer, Conditions::perfect());
        bench.play(&[p], ms(200));
        assert_eq!(bench.receiver(c).lost(), 3, "step {step}");
        assert!(bench.receiver(c).nacks_sent > 0);
        assert_eq!((bench.counter("retransmitted"), bench.receiver(c).rtx_packets), (0, 0));
        assert!(bench.counter("shed_retransmissions") >= 3);
        bench.overload(0, 0);
        bench.play(&[p], ms(300));
        assert_eq!(bench.receiver(c).lost(), 0, "step {step}");
    }
}

#[test]
fn what_was_missed_shortly_before_the_end_is_asked_for_then() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.video_producer();
    let c = bench.consumer(p);
    bench.play(&[p], seconds(1));
    let plis = bench.sender(p).plis;
    bench.overload(0, 1);
    bench.send(p, testing::vp8(1000).lost());
    bench.play(&[p], ms(200));
    assert_eq!(bench.sender(p).nacks, 0, "not as long as there is no time for the answer");
    bench.overload(0, 0);
    bench.play(&[p], ms(200));
    assert_eq!(bench.sender(p).nacked.len(), 1);
    assert_eq!((bench.receiver(c).lost(), bench.sender(p).plis - plis), (0, 0));
}

#[test]
fn what_was_missed_long_before_the_end_costs_one_key_frame() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.video_producer();
    let _c = bench.consumer(p);
    bench.play(&[p], seconds(1));
    let before = bench.sender(p).plis;
    bench.overload(0, 1);
    for n in 0..20 {
        bench.send(p, testing::vp8(1000 + n).lost());
        bench.play(&[p], ms(100));
    }
    bench.play(&[p], seconds(1));
    assert_eq!((bench.sender(p).nacks, bench.sender(p).plis - before), (0, 0));
    bench.overload(0, 0);
    bench.play(&[p], seconds(2));
    assert_eq!(bench.sender(p).plis - before, 1);
    assert!(bench.sender(p).nacked.is_empty(), "{:?}", bench.sender(p).nacked);
}

#[test]
fn video_of_some_is_paused_between_pictures_and_goes_on_with_a_key_frame() {
    for (step, paused) in [(3, 2), (6, 8), (LAST, 16)] {
        for workers in [1, 2] {
            let mut bench = Build::<Nil>::new().workers(workers).start();
            let p = bench.video_producer();
            let viewers = bench.consumers(p, 16);
            bench.play(&[p], seconds(1));
            let counts = |bench: &Bench<Nil>| -> Vec<usize> {
                viewers.iter().map(|c| bench.received(*c).len()).collect()
            };
            let (before, asked) = (counts(&bench), bench.sender(p).plis);
            let worker = workers - 1;
            bench.overload(worker, step);
            bench.play(&[p], seconds(1));
            let during = counts(&bench);
            let silent = before.iter().zip(&during).filter(|(before, during)| before == during).count();
            let whole =
                before.iter().zip(&during).filter(|(before, during)| **during >= **before + 90).count();
            assert_eq!((silent, whole), (paused, 16 - paused), "step {step}, {workers} workers");
            assert_eq!(bench.sender(p).plis, asked, "nobody asks for what it would not get");
            assert!(bench.counter("shed_video") > 0);
            bench.overload(worker, 0);
            bench.play(&[p], seconds(2));
            let asked = bench.sender(p).plis - asked;
            assert_eq!(asked, 1, "step {step}, {workers} workers: all share one key frame");
            for c in &viewers {
                let after = bench.received(*c).len();
                let was = during[viewers.iter().position(|other| other == c).unwrap()];
                assert!(after >= was + 150, "step {step}: {c:?} got {} packets in two seconds", after - was);
                closed_up(&bench, *c);
                assert_eq!(broken(&bench, *c), [0; 0], "{c:?}");
            }
        }
    }
}

#[test]
fn who_is_paused_and_asks_for_a_key_frame_costs_none() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.video_producer();
    let viewers = bench.consumers(p, 4);
    bench.play(&[p], seconds(2));
    bench.overload(0, LAST);
    bench.play(&[p], ms(100));
    let before = bench.sender(p).plis;
    for _ in 0..5 {
        viewers.iter().for_each(|c| bench.pli(*c));
        bench.play(&[p], seconds(1));
    }
    assert_eq!(bench.sender(p).plis, before);
}

/// SRTP counts rollovers by the numbers that it sees: more than half a round of them must not pass unseen.
#[test]
fn video_that_nobody_gets_is_hardly_decrypted_and_goes_on_after_rollovers() {
    let mut bench = Build::<Nil>::new().start();
    let speaker = bench.peer_with(PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm));
    let (audio, video) = (bench.produce(speaker, Media::opus()), bench.produce(speaker, Media::vp8()));
    let (heard, seen) = (bench.consumer(audio), bench.consumer(video));
    bench.play(&[audio, video], seconds(1));
    bench.overload(0, LAST);
    let before =
        (bench.received(heard).len(), bench.received(seen).len(), bench.counter("rtp_authenticated"));
    const PACKETS: u32 = 40_000;
    for n in 0..PACKETS {
        bench.send(video, testing::vp8(n));
    }
    let opened = bench.counter("rtp_authenticated") - before.2;
    assert!(opened <= u64::from(PACKETS / 8 + 1), "{opened} opened");
    assert_eq!(bench.counter("shed_ingress") + opened, u64::from(PACKETS));
    bench.play(&[audio, video], seconds(1));
    assert_eq!(bench.received(heard).len(), before.0 + 50);
    assert_eq!(bench.received(seen).len(), before.1);
    bench.overload(0, 0);
    bench.play(&[audio, video], seconds(2));
    assert_eq!(bench.counter("srtp_failed"), 0);
    assert!(bench.received(seen).len() >= before.1 + 120, "{}", bench.received(seen).len());
    closed_up(&bench, seen);
}

#[test]
fn nobody_but_a_known_peer_is_counted_as_left_out() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.video_producer();
    let peer = bench.peer_of_producer(p);
    bench.overload(0, LAST);
    let mut packet = vec![0x80, 96, 0, 1, 0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef];
    packet.extend([0; 100]);
    bench.send_from("192.0.2.1:9".parse().unwrap(), peer, &packet);
    bench.send_raw(peer, &packet);
    for len in 1..12 {
        bench.send_raw(peer, &packet[..len]);
    }
    assert_eq!(bench.counter("shed_ingress"), 0);
}

#[test]
fn levels_are_told_once_each_and_shown_in_the_figures() {
    let mut bench = Build::<Nil>::new().workers(2).start();
    for step in [1, 2, 3, 7, 4, 2, 0] {
        bench.overload(1, step);
        bench.advance(ms(100));
    }
    let told: Vec<(u8, u8)> = bench
        .events_of(Target::Worker)
        .into_iter()
        .filter_map(|event| match event {
            EventBody::Overload { worker, level } => Some((worker, level)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [(1, 1), (1, 2), (1, 3), (1, 2), (1, 0)]);
    let figures = bench.worker_stats().overload;
    let shown =
        |worker: u8| (figures[&worker].level, figures[&worker].episodes, figures[&worker].milliseconds);
    assert_eq!(shown(0), (0, 0, [0, 0, 0]));
    assert_eq!(shown(1), (0, 1, [100, 200, 300]));
}
