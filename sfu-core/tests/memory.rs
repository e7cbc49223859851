//! What is closed gives its memory back. A program of its own: nothing else allocates meanwhile.
use std::time::Duration;

use sfu_core::control::SrtpCryptoSuite;
use sfu_core::plugin::Nil;
use sfu_core::testing::{Bench, Build, Media, PeerId, PeerOptions};
use sfu_counting_allocator::{CountingAllocator, held};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// A packet of VP8 that begins a key frame.
const VP8: [u8; 14] = [0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0, 1, 0, 1, 7, 7, 7];

/// Somebody calls somebody, with audio and video both of which arrive.
fn call(bench: &mut Bench<Nil>, peers: &PeerOptions) -> [PeerId; 2] {
    let caller = bench.peer_with(peers.clone());
    let called = bench.peer_with(peers.clone());
    let audio = bench.produce(caller, Media::opus());
    let video = bench.produce(caller, Media::vp8());
    for producer in [audio, video] {
        bench.consume(called, producer);
    }
    bench.flood(audio, &[7; 60], 3, Duration::from_millis(20));
    bench.flood(video, &VP8, 3, Duration::from_millis(20));
    [caller, called]
}

/// So many calls at the same time; all end, and what is kept for a while after an end has passed.
fn calls(bench: &mut Bench<Nil>, peers: &PeerOptions, count: usize) {
    let ids: Vec<_> = (0..count).map(|_| call(bench, peers)).collect();
    for peer in ids.into_iter().flatten() {
        let session = bench.session(peer);
        bench.close(session);
    }
    bench.forget_everybody();
    bench.advance(Duration::from_secs(60));
    bench.take_events();
}

/// Bytes that are held more after many calls at the same time than after a few, for each call that was there more.
fn left_of_a_call(peers: &PeerOptions) -> f64 {
    const FEW: usize = 20;
    const MANY: usize = 1000;
    let mut bench = Build::<Nil>::new().start();
    calls(&mut bench, peers, FEW);
    let after_few = held();
    calls(&mut bench, peers, MANY);
    (held() as f64 - after_few as f64) / (MANY - FEW) as f64
}

#[test]
fn a_thousand_calls_that_end_give_their_memory_back() {
    let left = left_of_a_call(&PeerOptions::srtp(SrtpCryptoSuite::AeadAes128Gcm).without_reports());
    // Places in tables, by which a name of before is told from one of now, stay: 16 bytes for each of two sessions, two transports, two
    // producers and two consumers and a free list of 4, doubled at the worst where tables grow by doubling, and as much for timers.
    assert!(left < 1024.0, "{left} bytes of each call are left");
}
