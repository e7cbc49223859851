//! What waits while a transport's gate is closed, seen by its peer.
use std::time::Duration;

use crate::control::{ConsumerId, TransportId};
use crate::media::ExtensionKind;
use crate::plugin::Nil;
use crate::testing::{self, Bench, Direction, Media, PeerOptions};

struct Call {
    bench: Bench<Nil>,
    viewer: testing::PeerId,
    transport: TransportId,
}

impl Call {
    fn new() -> (Self, [crate::control::ProducerId; 2], [ConsumerId; 2]) {
        let mut bench = Bench::empty();
        let speaker = bench.peer();
        let producers = [bench.produce(speaker, Media::opus()), bench.produce(speaker, Media::vp8())];
        let viewer = bench.peer_with(PeerOptions::webrtc());
        let consumers = producers.map(|producer| bench.consume(viewer, producer));
        bench.play(&producers, Duration::from_millis(100));
        let transport = bench.transport(viewer);
        (Call { bench, viewer, transport }, producers, consumers)
    }

    fn set_open(&mut self, open: bool) {
        let now = self.bench.now();
        let engine = self.bench.engine(0);
        if let Some(transport) = engine.transports.get_mut(self.transport) {
            transport.queue.set_open(open);
        }
        if open {
            engine.drain_queue(now, self.transport);
        }
        self.bench.advance(Duration::ZERO);
    }
}

#[test]
fn audio_leaves_first_then_repairs_then_video() {
    let (mut call, [audio, video], [heard, seen]) = Call::new();
    let old: Vec<u16> = call.bench.received(seen).iter().map(|packet| packet.sequence).take(2).collect();
    call.set_open(false);
    call.bench.tap(call.viewer, Direction::ToPeer);
    call.bench.send(video, testing::vp8(500));
    call.bench.nack(seen, &old);
    call.bench.send(audio, testing::opus(500));
    let waiting = call.bench.tap(call.viewer, Direction::ToPeer);
    assert!(waiting.iter().all(|datagram| datagram.rtp().is_none()), "the gate is closed");
    call.set_open(true);
    // What was tapped since: its SSRCs say what it is.
    let (audio_ssrc, video_ssrc) = (call.bench.receiver(heard).ssrc(), call.bench.receiver(seen).ssrc());
    let order: Vec<&str> = call
        .bench
        .tap(call.viewer, Direction::ToPeer)
        .iter()
        .filter_map(|datagram| datagram.rtp())
        .map(|(_, _, ssrc)| match ssrc {
            _ if ssrc == audio_ssrc => "audio",
            _ if ssrc == video_ssrc => "video",
            _ => "repair",
        })
        .collect();
    assert_eq!(order, ["audio", "repair", "repair", "video"]);
    assert_eq!(call.bench.receiver(seen).lost() + call.bench.receiver(heard).lost(), 0);
}

#[test]
fn what_a_full_queue_loses_leaves_no_gap() {
    let (mut call, [_, video], [_, seen]) = Call::new();
    let before = call.bench.received(seen).len();
    call.set_open(false);
    for n in 0..3000 {
        call.bench.send(video, testing::vp8(1000 + n));
    }
    call.set_open(true);
    assert_eq!(call.bench.receiver(seen).lost(), 0);
    assert_eq!(call.bench.received(seen).len() - before, 1024);
    assert_eq!(call.bench.counter("queue_full"), 3000 - 1024);
    // The newest are kept.
    assert_eq!(call.bench.receiver(seen).numbers().last(), Some(&3999));
}

/// Headers of all lengths up to the longest wait; what is longer can't be sent at all, and leaves no gap either.
#[test]
fn long_headers_wait_like_short_ones_and_are_sent_again_as_they_were() {
    let (mut call, [_, video], [_, seen]) = Call::new();
    call.bench.take_received(seen);
    call.set_open(false);
    let lengths = [1, 60, 80, 100, 150, 200, 255, 1];
    for (n, len) in (500..).zip(lengths) {
        call.bench
            .send(video, testing::vp8(n).extension(ExtensionKind::VideoOrientation, vec![n as u8; len]));
    }
    call.set_open(true);
    let receiver = call.bench.receiver(seen);
    assert_eq!(receiver.numbers(), [500, 501, 502, 503, 504, 505, 507]);
    assert_eq!(receiver.lost(), 0);
    let id = receiver.parameters().header_extensions.iter();
    let id = id.clone().find(|e| e.uri == ExtensionKind::VideoOrientation.uri()).unwrap().id;
    let kept = |packet: &testing::Received| (packet.number(), packet.extension(id).map(<[u8]>::to_vec));
    let first: Vec<_> = receiver.packets.iter().map(kept).collect();
    assert!(
        first
            .iter()
            .zip([1, 60, 80, 100, 150, 200, 1])
            .all(|((n, value), len)| { value.as_deref() == Some(&vec![*n as u8; len][..]) })
    );
    let numbers: Vec<u16> = receiver.packets.iter().map(|packet| packet.sequence).collect();
    call.bench.nack(seen, &numbers);
    let again: Vec<_> = call.bench.receiver(seen).again.iter().map(kept).collect();
    assert_eq!(again, first);
}

#[test]
fn closing_a_consumer_empties_its_place_in_the_queue() {
    let (mut call, [audio, video], [heard, seen]) = Call::new();
    call.set_open(false);
    call.bench.send(video, testing::vp8(500));
    call.bench.send(audio, testing::opus(500));
    call.bench.close(seen);
    call.bench.take_received(heard);
    call.set_open(true);
    assert_eq!(call.bench.receiver(heard).numbers(), [500]);
    assert_eq!(call.bench.misfits(call.viewer), 0);
}
