//! What an engine holds while packets wait, and what it gives back.
use std::time::Duration;

use crate::plugin::Nil;
use crate::testing::{self, Bench, Build, Media, PeerOptions, Rtp};

/// A viewer of a speaker's video, on a path where bursts are spread.
fn call() -> (Bench<Nil>, testing::PeerId, crate::control::ProducerId, crate::control::ConsumerId) {
    let mut bench = Build::<Nil>::new().pacing(true).start();
    let speaker = bench.peer();
    let video = bench.produce(speaker, Media::vp8());
    let viewer = bench.peer_with(PeerOptions::plain());
    let seen = bench.consume(viewer, video);
    bench.play(&[video], Duration::from_millis(500));
    (bench, viewer, video, seen)
}

fn burst(bench: &mut Bench<Nil>, video: crate::control::ProducerId, packets: u32) {
    for n in 0..packets {
        bench.send(video, Rtp::new(90_000, vec![0; 1200]).marker(n == packets - 1));
    }
}

fn holds_memory(bench: &mut Bench<Nil>, viewer: testing::PeerId) -> bool {
    let id = bench.transport(viewer);
    bench.engine(0).transports.get(id).is_some_and(|path| path.queue.has_memory())
}

#[test]
fn a_queue_keeps_its_memory_for_the_next_burst_and_gives_it_back_after_the_last() {
    let (mut bench, viewer, video, _) = call();
    assert!(!holds_memory(&mut bench, viewer), "nothing has waited yet");
    for _ in 0..3 {
        burst(&mut bench, video, 100);
        bench.advance(Duration::from_secs(5));
        assert!(holds_memory(&mut bench, viewer));
    }
    bench.advance(Duration::from_secs(8));
    assert!(!holds_memory(&mut bench, viewer));
}

#[test]
fn deadlines_do_not_pile_up_and_packets_are_given_back() {
    let (mut bench, viewer, video, seen) = call();
    bench.advance(Duration::from_secs(3));
    let before = bench.engine(0).sizes();
    for _ in 0..50 {
        burst(&mut bench, video, 300);
        assert_eq!(bench.engine(0).pace_timers.len(), 1);
        bench.advance(Duration::from_millis(41));
        assert_eq!(bench.engine(0).pace_timers.len(), 0);
    }
    burst(&mut bench, video, 300);
    assert!(bench.engine(0).sizes().queued > 250);
    bench.close(seen);
    bench.close(bench.transport(viewer));
    assert_eq!(bench.engine(0).sizes().queued, 0);
    bench.advance(Duration::from_secs(5));
    let after = bench.engine(0).sizes();
    assert_eq!((after.timers, after.privates), (before.timers - 1, 0));
}

#[test]
fn a_transport_where_nothing_waits_is_no_larger_than_it_has_to_be() {
    assert!(size_of::<super::Pacer>() <= 120, "{}", size_of::<super::Pacer>());
    assert_eq!(size_of::<super::super::send_queue::SendQueue>(), 8);
    assert!(size_of::<super::Entry>() <= 64, "{}", size_of::<super::Entry>());
}
