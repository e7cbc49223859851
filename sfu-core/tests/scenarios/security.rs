//! What strangers and liars get: nothing.
use std::net::SocketAddr;

use sfu_core::control::{DtlsState, IceState, SrtpCryptoSuite};
use sfu_core::plugin::Nil;
use sfu_core::testing::{self, Bench, Build, Direction, Media, PeerOptions};

use crate::{ms, seconds};

fn bench() -> Bench<Nil> {
    Build::new().start()
}

fn stranger() -> SocketAddr {
    ([203, 0, 113, 9], 4444).into()
}

#[test]
fn a_wrong_fingerprint_is_refused() {
    for server in [false, true] {
        let mut bench = bench();
        let options = PeerOptions::webrtc().wrong_fingerprint();
        let peer = bench.peer_with(if server { options.dtls_server() } else { options });
        let p = bench.produce(peer, Media::opus());
        let c = bench.consumer(p);
        bench.advance(seconds(5));
        bench.send(p, testing::opus(1));
        assert_eq!(bench.transport_stats(peer).dtls_state, Some(DtlsState::Failed));
        assert_eq!(bench.counter("fingerprint_mismatch"), 1);
        assert!(bench.received(c).is_empty());
        assert_eq!(bench.counter("rtp_authenticated"), 0);
    }
}

#[test]
fn a_wrong_password_is_refused() {
    let mut bench = bench();
    let peer = bench.peer_with(PeerOptions::webrtc().silent());
    let mut check = bench.check(peer);
    check.remote_password = "x".repeat(32);
    bench.send_from(stranger(), peer, &check.bytes());
    let mut check = bench.check(peer);
    check.remote_ufrag = "nobody".into();
    bench.send_from(stranger(), peer, &check.bytes());
    assert_eq!(bench.transport_stats(peer).ice_state, Some(IceState::New));
    assert_eq!(bench.transport_stats(peer).stun_refused, 1);
    assert_eq!(bench.counter("stun_authenticated"), 0);
    assert_eq!(bench.counter("stun_unknown"), 1);
    // An error of 401 may be answered, never a success.
    for (_, datagram) in bench.strays() {
        assert_eq!(&datagram.0[..2], &[0x01, 0x11], "not an error");
    }
}

#[test]
fn replayed_and_forged_media_is_refused_and_creates_nothing() {
    let mut bench = bench();
    let ann = bench.peer_with(PeerOptions::webrtc());
    let p = bench.produce(ann, Media::opus());
    let c = bench.consumer(p);
    bench.tap(ann, Direction::ToWorker);
    bench.play(&[p], ms(1600));
    let sent = bench.tap(ann, Direction::ToWorker);
    let (rtp, rtcp): (Vec<_>, Vec<_>) =
        sent.into_iter().filter(|d| !d.is_stun()).partition(|datagram| !datagram.is_rtcp());
    assert!(!rtcp.is_empty());
    let before = bench.received(c).len();
    let authenticated = (bench.counter("rtp_authenticated"), bench.counter("rtcp_authenticated"));
    for datagram in rtp.iter().chain(&rtcp) {
        bench.send_raw(ann, &datagram.0);
    }
    assert_eq!(bench.counter("srtp_replayed"), (rtp.len() + rtcp.len()) as u64);
    for datagram in rtp.iter().chain(&rtcp) {
        for at in [1, 3, 9, datagram.0.len() - 1] {
            let mut forged = datagram.0.clone();
            forged[at] ^= 0x40;
            bench.send_raw(ann, &forged);
        }
        bench.send_raw(ann, &datagram.0[..datagram.0.len() - 3]);
    }
    assert_eq!((bench.counter("rtp_authenticated"), bench.counter("rtcp_authenticated")), authenticated);
    assert_eq!(bench.received(c).len(), before);
    assert_eq!(bench.producer_stats(p).streams.len(), 1);
    assert!(bench.transport_stats(ann).srtp_failures > 0);
    // And the real ones go on.
    bench.play(&[p], ms(100));
    assert_eq!(bench.received(c).len(), before + 5);
}

#[test]
fn media_before_dtls_is_refused() {
    let mut bench = bench();
    let peer = bench.peer_with(PeerOptions::webrtc().silent());
    bench.set_filter(peer, Direction::ToWorker, |datagram| !datagram.is_dtls());
    let p = bench.produce(peer, Media::opus());
    let c = bench.consumer(p);
    let packet = [0x80, 111, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];
    bench.send_raw(peer, &packet);
    let check = bench.check(peer);
    bench.send_raw(peer, &check.bytes());
    bench.send_raw(peer, &packet);
    assert!(bench.received(c).is_empty());
    assert_eq!(bench.counter("media_refused"), 1);
    assert_eq!(bench.counter("unknown_source"), 1);
    assert_eq!(bench.counter("rtp_authenticated"), 0);
}

#[test]
fn dtls_before_ice_is_refused() {
    let mut bench = bench();
    let peer = bench.peer_with(PeerOptions::webrtc().silent());
    bench.send_raw(peer, &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
    assert_eq!(bench.transport_stats(peer).dtls_state, Some(DtlsState::New));
    assert!(bench.tap(peer, Direction::ToPeer).is_empty());
}

#[test]
fn comedia_learns_from_a_good_packet_only() {
    let mut bench = bench();
    let peer = bench.peer_with(PeerOptions::plain().comedia());
    let p = bench.produce(peer, Media::opus());
    bench.send_from(stranger(), peer, b"\x80\x6f");
    bench.send_from(stranger(), peer, b"hello");
    // RTP of an SSRC that nobody signaled.
    bench.send_from(stranger(), peer, &[0x80, 0x6f, 0, 1, 0, 0, 0, 0, 9, 9, 9, 9, 1, 2, 3]);
    assert!(bench.transport_stats(peer).tuple.unwrap().remote.is_none());
    bench.send(p, testing::opus(1));
    let learnt = bench.transport_stats(peer).tuple.unwrap().remote.unwrap();
    assert_ne!(learnt, stranger());
    // From now on nobody else is heard.
    let c = bench.consumer(p);
    bench.send_from(stranger(), peer, &[0x80, 0x6f, 0, 1, 0, 0, 0, 0, 9, 9, 9, 9, 1, 2, 3]);
    assert_eq!(bench.counter("media_refused"), 1);
    bench.send(p, testing::opus(2));
    assert_eq!(bench.receiver(c).numbers(), [2]);
}

#[test]
fn comedia_with_srtp_learns_from_an_authentic_packet_only() {
    let mut bench = bench();
    let peer = bench.peer_with(PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm).comedia());
    let p = bench.produce(peer, Media::opus());
    let ssrc = bench.sender(p).ssrcs(0).unwrap().0.to_be_bytes();
    let mut forged = vec![0x80, 0x6f, 0, 1, 0, 0, 0, 0];
    forged.extend(ssrc);
    forged.extend([0; 40]);
    bench.send_from(stranger(), peer, &forged);
    // RTCP alike.
    bench.send_from(
        stranger(),
        peer,
        &[0x80, 201, 0, 1, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0],
    );
    assert!(bench.transport_stats(peer).tuple.unwrap().remote.is_none());
    assert_eq!(bench.transport_stats(peer).srtp_failures, 2);
    bench.send(p, testing::opus(1));
    assert!(bench.transport_stats(peer).tuple.unwrap().remote.is_some());
}

#[test]
fn strangers_are_not_heard() {
    let mut bench = bench();
    let ann = bench.peer_with(PeerOptions::webrtc());
    let p = bench.produce(ann, Media::opus());
    let c = bench.consumer(p);
    bench.tap(ann, Direction::ToWorker);
    bench.set_filter(ann, Direction::ToWorker, |datagram| datagram.rtp().is_none());
    bench.play(&[p], ms(100));
    let stolen: Vec<_> =
        bench.tap(ann, Direction::ToWorker).into_iter().filter(|d| d.rtp().is_some()).collect();
    assert_eq!(stolen.len(), 5);
    // Authentic bytes from an address that ICE never saw.
    for datagram in &stolen {
        bench.send_from(stranger(), ann, &datagram.0);
    }
    assert!(bench.received(c).is_empty());
    assert_eq!(bench.counter("unknown_source"), 5);
    for first in 0..=255u8 {
        for len in [0, 1, 2, 11, 12, 20, 60] {
            let mut bytes = vec![first; len];
            if let Some(second) = bytes.get_mut(1) {
                *second = 200;
            }
            bench.send_to_worker(0, stranger(), &bytes);
            bench.send_from(stranger(), ann, &bytes);
        }
    }
    assert_eq!(bench.transport_stats(ann).dtls_state, Some(DtlsState::Connected));
    assert!(bench.strays().is_empty(), "a stranger was answered");
}

#[test]
fn garbage_from_the_peer_itself_hurts_nobody() {
    let mut bench = bench();
    let ann = bench.peer_with(PeerOptions::webrtc());
    let plain = bench.peer();
    let p = bench.produce(ann, Media::vp8());
    let c = bench.consume(plain, p);
    let q = bench.produce(plain, Media::vp8());
    let _ = bench.consume(ann, q);
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    for round in 0..3000 {
        let len = usize::from(next()) * (1 + round % 6) + usize::from(next() % 4);
        let mut bytes: Vec<u8> = (0..len).map(|_| next()).collect();
        if let Some(first) = bytes.first_mut() {
            *first = match round % 3 {
                0 => 0x80 | (*first & 0x3f),
                1 => *first & 0x3f,
                _ => *first,
            };
        }
        bench.send_raw(ann, &bytes);
        bench.send_raw(plain, &bytes);
    }
    bench.play(&[p], seconds(1));
    assert!(bench.received(c).len() > 60);
}

#[test]
fn a_goodbye_closes_the_transport_for_media() {
    let mut bench = bench();
    let ann = bench.peer_with(PeerOptions::webrtc());
    let p = bench.produce(ann, Media::opus());
    let c = bench.consumer(p);
    bench.play(&[p], ms(100));
    let before = bench.received(c).len();
    bench.hang_up(ann);
    bench.play(&[p], ms(100));
    assert_eq!(bench.received(c).len(), before);
    assert_eq!(bench.transport_stats(ann).dtls_state, Some(DtlsState::Closed));
}

#[test]
fn who_said_goodbye_is_sent_nothing_and_only_its_own_late_media_is_refused() {
    for workers in [1, 2] {
        let mut bench: Bench<Nil> = Build::new().workers(workers).start();
        let ann = bench.peer_with(PeerOptions::webrtc().worker(0));
        let bob = bench.peer_with(PeerOptions::webrtc().worker(workers - 1));
        let (p, back) = (bench.produce(ann, Media::vp8()), bench.produce(bob, Media::opus()));
        let (c, _) = (bench.consume(bob, p), bench.consume(ann, back));
        bench.play(&[p, back], seconds(2));
        let before = bench.received(c).len();
        assert!(before > 0);
        // Reports and feedback are due in this time.
        bench.hang_up(bob);
        bench.play(&[p], seconds(3));
        assert_eq!(bench.received(c).len(), before);
        assert_eq!((bench.counter("send_failed"), bench.counter("media_refused")), (0, 0));
        // What was still on its way.
        bench.send(back, testing::opus(1_000));
        assert_eq!((bench.counter("send_failed"), bench.counter("media_refused")), (0, 1));
    }
}
