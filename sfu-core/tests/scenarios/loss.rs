//! Loss on both sides is repaired.
use sfu_core::control::SrtpCryptoSuite;
use sfu_core::plugin::Nil;
use sfu_core::testing::{self, Build, Conditions, Direction, Media, PeerOptions};

use crate::{ms, seconds};

#[test]
fn ten_percent_loss_on_both_sides_ends_with_nothing_lost() {
    for (workers, seed, media) in [
        (1, 1, Media::vp8()),
        (2, 2, Media::vp8()),
        (1, 3, Media::vp8().without_rtx()),
        (2, 4, Media::opus()),
        (1, 5, Media::opus().rtx()),
    ] {
        let mut bench = Build::<Nil>::new().workers(workers).seed(seed).start();
        let lossy = Conditions::delay(ms(25)).loss(0.07).jitter(ms(4));
        let ann = bench.peer_with(PeerOptions::webrtc().path(Conditions::delay(ms(25))));
        let bob = bench.peer_with(PeerOptions::webrtc().worker(workers - 1).path(Conditions::delay(ms(25))));
        let p = bench.produce(ann, media.clone());
        let c = bench.consume(bob, p);
        for peer in [ann, bob] {
            bench.set_path(peer, Direction::ToWorker, lossy);
            bench.set_path(peer, Direction::ToPeer, lossy);
        }
        bench.play(&[p], seconds(5));
        // The last packets make the gaps before them seen.
        for peer in [ann, bob] {
            bench.set_path(peer, Direction::ToWorker, Conditions::delay(ms(25)));
            bench.set_path(peer, Direction::ToPeer, Conditions::delay(ms(25)));
        }
        bench.play(&[p], ms(200));
        bench.advance(seconds(2));
        let text = format!("{workers} workers, seed {seed}");
        assert_eq!(bench.receiver(c).lost(), 0, "{text}: {:?}", bench.receiver(c).missing());
        assert!(bench.sender(p).nacks > 5, "{text}");
        let (inbound, outbound) =
            (bench.producer_stats(p).streams[0].clone(), bench.consumer_stats(c).stream);
        assert_eq!(inbound.packets_lost, 0, "{text}: {inbound:?}");
        assert!(inbound.nack_packets > 5 && inbound.packets_repaired > 5, "{text}: {inbound:?}");
        assert!(outbound.nack_packets > 5 && outbound.packets_repaired > 5, "{text}: {outbound:?}");
        assert!(outbound.packets_retransmitted >= outbound.packets_repaired, "{text}");
        if media == Media::vp8() {
            assert!(inbound.packets_retransmitted > 0 && bench.receiver(c).repaired > 5, "{text}");
        }
        let numbers = bench.receiver(c).numbers();
        assert!(numbers.windows(2).all(|pair| pair[1] > pair[0]), "{text}: {numbers:?}");
    }
}

/// Numbers find their place, and nonces too, as far back as the engine remembers.
#[test]
fn a_repair_a_thousand_packets_late_still_reaches_the_viewer() {
    let webrtc = PeerOptions::webrtc;
    let srtp = |suite| PeerOptions::srtp(suite);
    for (options, late, arrives) in [
        (webrtc(), 1000, true),
        (srtp(SrtpCryptoSuite::AeadAes128Gcm), 300, true),
        (srtp(SrtpCryptoSuite::AeadAes128Gcm), 1000, true),
        (srtp(SrtpCryptoSuite::AeadAes128Gcm), 1023, true),
        (srtp(SrtpCryptoSuite::AeadAes128Gcm), 1024, false),
        (srtp(SrtpCryptoSuite::AeadAes256Gcm), 1000, true),
        (srtp(SrtpCryptoSuite::AesCm128HmacSha1_80), 1000, true),
        (PeerOptions::plain(), 1000, true),
    ] {
        for (workers, media) in [(1, Media::vp8()), (2, Media::vp8()), (1, Media::vp8().without_rtx())] {
            let text = format!("{options:?}, {workers} workers, {late} late");
            let mut bench = Build::<Nil>::new().workers(workers).start();
            let p = {
                let speaker = bench.peer();
                bench.produce(speaker, media)
            };
            let viewer = bench.peer_with(options.clone().worker(workers - 1));
            let c = bench.consume(viewer, p);
            bench.sender_mut(p).answers = false;
            // Numbers wrap in between.
            let first = 65_000;
            bench.send(p, testing::vp8_key(1).sequence(first));
            bench.send(p, testing::vp8(2).lost());
            for n in 3..3 + late {
                bench.send(p, testing::vp8(n));
            }
            assert_eq!(bench.receiver(c).lost(), 1, "{text}");
            bench.send(p, testing::vp8(2).sequence(first + 1));
            assert_eq!(bench.receiver(c).lost(), usize::from(!arrives), "{text}");
            let expected: Vec<u32> = (1..3 + late).filter(|n| arrives || *n != 2).collect();
            assert_eq!(bench.receiver(c).numbers(), expected, "{text}");
            assert_eq!(bench.counter("send_failed"), 0, "{text}");
        }
    }
}

#[test]
fn ten_viewers_ask_and_the_sender_is_asked_once_per_interval() {
    let mut bench = Build::<Nil>::new().start();
    let peer = bench.peer();
    let p = bench.try_produce_with(peer, Media::vp8(), |o| o.key_frame_request_delay = seconds(1)).unwrap();
    let viewers = bench.consumers(p, 10);
    bench.play(&[p], seconds(2));
    let before = bench.sender(p).plis;
    for (n, c) in viewers.iter().enumerate() {
        if n % 2 == 0 { bench.pli(*c) } else { bench.fir(*c) }
    }
    assert_eq!(bench.sender(p).plis - before, 1);
    // The key frame comes, and they ask again: that has to wait for the rest of the second.
    bench.play(&[p], ms(100));
    for c in &viewers {
        bench.pli(*c);
    }
    assert_eq!(bench.sender(p).plis - before, 1);
    bench.advance(seconds(1));
    assert_eq!(bench.sender(p).plis - before, 2);
}

#[test]
fn a_key_frame_request_that_got_lost_is_repeated() {
    let mut bench = Build::<Nil>::new().start();
    let p = bench.video_producer();
    let c = bench.consumer(p);
    bench.play(&[p], seconds(1));
    let sender = bench.peer_of_producer(p);
    bench.set_path(sender, Direction::ToPeer, Conditions::perfect().loss(1.0));
    bench.pli(c);
    bench.set_path(sender, Direction::ToPeer, Conditions::perfect());
    assert_eq!(bench.sender(p).plis, 0);
    bench.advance(ms(1100));
    assert_eq!(bench.sender(p).plis, 1);
}

#[test]
fn a_dtls_handshake_survives_loss() {
    for seed in 0..8 {
        let mut bench = Build::<Nil>::new().seed(seed).start();
        let lossy = Conditions::delay(ms(10)).loss(0.35);
        let peer = bench.peer_with(PeerOptions::webrtc().path(lossy));
        assert!(bench.is_connected(peer));
        let began = bench.now();
        bench.set_path(peer, Direction::ToPeer, Conditions::perfect());
        bench.set_path(peer, Direction::ToWorker, Conditions::perfect());
        bench.advance(seconds(5));
        assert!(bench.now() > began);
        let stats = bench.transport_stats(peer);
        assert_eq!(stats.dtls_state, Some(sfu_core::control::DtlsState::Connected), "seed {seed}");
    }
}

/// The worker is the side whose flight is lost: it has to repeat it by itself.
#[test]
fn the_worker_repeats_its_dtls_flight() {
    for server in [false, true] {
        let options = PeerOptions::webrtc().path(Conditions::delay(ms(10))).silent();
        let mut bench = Build::<Nil>::new().start();
        let peer = bench.peer_with(if server { options.dtls_server() } else { options });
        // The first flights of the worker get lost, and the peer keeps its own timers away by silence.
        let mut lost = 0;
        bench.set_filter(peer, Direction::ToPeer, move |datagram| {
            lost += u32::from(datagram.is_dtls());
            !datagram.is_dtls() || lost > 3
        });
        let mut first = true;
        if !server {
            bench.set_filter(peer, Direction::ToWorker, move |datagram| {
                !datagram.is_dtls() || std::mem::replace(&mut first, false)
            });
        }
        bench.tap(peer, Direction::ToPeer);
        bench.begin_checks(peer);
        bench.advance(seconds(4));
        let flights = bench.tap(peer, Direction::ToPeer).iter().filter(|datagram| datagram.is_dtls()).count();
        assert!(flights > 4, "server {server}: only {flights} datagrams in four seconds");
    }
}

/// What a viewer has seen at the end: packets that came as they were sent and packets that RTX brought, each once.
#[test]
fn a_viewer_who_loses_five_percent_both_ways_misses_next_to_nothing() {
    for (workers, seed) in [(1, 21), (2, 22)] {
        let text = format!("{workers} workers");
        let mut bench = Build::<Nil>::new().workers(workers).seed(seed).start();
        let path = Conditions::delay(ms(30)).jitter(ms(3));
        let ann = bench.peer_with(PeerOptions::webrtc());
        let bob = bench.peer_with(PeerOptions::webrtc().worker(workers - 1).path(path));
        let p = bench.produce(ann, Media::vp8());
        let c = bench.consume(bob, p);
        // One frame beforehand, so that the count has a beginning.
        bench.play(&[p], ms(30));
        bench.advance(ms(100));
        bench.set_path(bob, Direction::ToPeer, path.loss(0.05));
        bench.set_path(bob, Direction::ToWorker, path.loss(0.05));
        bench.play(&[p], seconds(30));
        // The last packet of all makes the gaps before it seen; no more is lost while the last repairs are on their way.
        bench.set_path(bob, Direction::ToPeer, path);
        bench.play(&[p], ms(30));
        bench.advance(ms(500));
        let receiver = bench.receiver(c);
        let of = |by_rtx| -> std::collections::BTreeSet<u64> {
            let packets = receiver.packets.iter().filter(|packet| packet.by_rtx == by_rtx);
            packets.map(|packet| packet.extended).collect()
        };
        let (direct, repaired) = (of(false), of(true));
        let seen: std::collections::BTreeSet<u64> = direct.union(&repaired).copied().collect();
        let expected = (seen.last().unwrap() - seen.first().unwrap() + 1) as usize;
        assert!(expected > 2700, "{text}: {expected} expected");
        let numbers = receiver.numbers();
        assert_eq!(
            numbers.last().map(|last| *last as usize),
            Some(expected),
            "{text}: nothing behind is missing"
        );
        assert!(direct.len() < expected * 97 / 100, "{text}: {} came by themselves", direct.len());
        assert!(repaired.len() > expected * 3 / 100, "{text}: {} repaired", repaired.len());
        let missing = expected - seen.len();
        assert!(missing * 1000 <= expected, "{text}: {missing} of {expected} missing");
        assert_eq!(bench.sender(p).nacks, 0, "{text}: the sender has nothing to do with it");
    }
}
