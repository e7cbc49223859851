//! The path to a peer: consent, restart, TCP, another path.
use std::net::SocketAddr;

use sfu_core::control::{EventBody, IceState};
use sfu_core::plugin::Nil;
use sfu_core::testing::{Bench, Build, Conditions, Direction, Media, PeerOptions};

use crate::{ms, seconds};

fn bench() -> Bench<Nil> {
    Build::new().start()
}

#[test]
fn a_peer_that_falls_silent_is_disconnected_and_comes_back() {
    let mut bench = bench();
    let speaker = bench.audio_producer();
    let ann = bench.peer_with(PeerOptions::webrtc().consent_timeout(seconds(15)));
    let c = bench.consume(ann, speaker);
    bench.advance(seconds(60));
    let transport = bench.transport(ann);
    assert!(!bench.events_of(transport).contains(&EventBody::IceState(IceState::Disconnected)));
    bench.stop_checks(ann);
    bench.advance(seconds(16));
    assert!(bench.events_of(transport).contains(&EventBody::IceState(IceState::Disconnected)));
    bench.play(&[speaker], ms(200));
    assert!(bench.received(c).is_empty(), "consent is lost: nothing may be sent");
    bench.begin_checks(ann);
    bench.advance(ms(100));
    assert_eq!(bench.transport_stats(ann).ice_state, Some(IceState::Completed));
    bench.play(&[speaker], ms(200));
    assert_eq!(bench.received(c).len(), 10);
}

#[test]
fn a_peer_that_sends_media_and_checks_no_more_lives_until_it_falls_silent() {
    let mut bench = bench();
    let ann = bench.peer_with(PeerOptions::webrtc().consent_timeout(seconds(10)));
    let p = bench.produce(ann, Media::opus());
    let c = bench.consumer(p);
    bench.play(&[p], seconds(1));
    bench.stop_checks(ann);
    bench.play(&[p], seconds(40));
    let transport = bench.transport(ann);
    assert_eq!(bench.transport_stats(ann).ice_state, Some(IceState::Completed));
    assert_eq!(bench.received(c).len(), 2050);
    // Its reports are signs of life, too.
    bench.advance(seconds(20));
    assert!(!bench.events_of(transport).contains(&EventBody::IceState(IceState::Disconnected)));
    bench.set_path(ann, Direction::ToWorker, Conditions::default().loss(1.0));
    bench.advance(seconds(11));
    assert!(bench.events_of(transport).contains(&EventBody::IceState(IceState::Disconnected)));
}

#[test]
fn after_a_restart_the_old_credentials_are_good_until_the_new_are_used() {
    let mut bench = bench();
    let ann = bench.peer_with(PeerOptions::webrtc().consent_timeout(seconds(10)));
    let p = bench.produce(ann, Media::opus());
    let c = bench.consumer(p);
    let old = bench.check(ann);
    let fresh = bench.restart_ice(ann);
    assert_ne!(fresh.username_fragment, old.remote_ufrag);
    // With the old ones it lives on for longer than consent lasts.
    bench.play(&[p], seconds(30));
    assert_eq!(bench.received(c).len(), 1500);
    assert!(bench.refused_checks(ann).is_empty());
    bench.use_restart(ann, fresh);
    bench.play(&[p], seconds(1));
    assert_eq!(bench.received(c).len(), 1550);
    // Now the old ones are worthless.
    let accepted = bench.counter("stun_authenticated");
    bench.send_from(SocketAddr::from(([198, 51, 100, 7], 7)), ann, &old.bytes());
    assert_eq!(bench.counter("stun_authenticated"), accepted);
}

#[test]
fn tcp_carries_a_call_and_its_end_is_noticed() {
    let mut bench = bench();
    let ann = bench.peer_with(PeerOptions::webrtc().tcp());
    assert!(bench.is_confirmed(ann));
    let p = bench.produce(ann, Media::vp8());
    let bob = bench.peer_with(PeerOptions::webrtc().tcp());
    let c = bench.consume(bob, p);
    bench.play(&[p], seconds(1));
    assert!(bench.received(c).len() > 60);
    assert_eq!(bench.transport_stats(bob).tuple.unwrap().protocol, sfu_core::control::Protocol::Tcp);
    bench.break_tcp(bob);
    let transport = bench.transport(bob);
    assert!(bench.events_of(transport).contains(&EventBody::IceState(IceState::Disconnected)));
    let before = bench.received(c).len();
    bench.play(&[p], ms(200));
    assert_eq!(bench.received(c).len(), before);
}

#[test]
fn another_path_in_the_middle_of_a_call_loses_nothing() {
    let mut bench = bench();
    let near = Conditions::delay(ms(5));
    let ann = bench.peer_with(PeerOptions::webrtc().path(near));
    let bob = bench.peer_with(PeerOptions::webrtc().path(near));
    let p = bench.produce(ann, Media::vp8());
    let c = bench.consume(bob, p);
    bench.play(&[p], seconds(1));
    for (n, peer) in [ann, bob, ann].into_iter().enumerate() {
        let address = SocketAddr::from(([198, 51, 100, n as u8 + 1], 9000));
        bench.move_peer(peer, address);
        bench.play(&[p], seconds(1));
        assert_eq!(bench.transport_stats(peer).tuple.unwrap().remote, Some(address));
    }
    assert_eq!(bench.receiver(c).lost(), 0);
    assert!(bench.received(c).len() > 340, "{}", bench.received(c).len());
    assert_eq!(bench.sender(p).nacks, 0);
}

#[test]
fn states_are_told_in_order() {
    let mut bench = bench();
    let ann = bench.peer_with(PeerOptions::webrtc());
    let transport = bench.transport(ann);
    let told: Vec<String> = bench.events_of(transport).iter().map(|body| format!("{body:?}")).collect();
    let place =
        |what: &str| told.iter().position(|text| text.contains(what)).unwrap_or_else(|| panic!("{told:?}"));
    assert!(place("Opened") < place("IceState(Completed)"));
    assert!(place("IceState(Completed)") < place("DtlsState(Connected)"));
    assert!(place("DtlsState(Connecting)") < place("DtlsState(Connected)"));
}
