//! One of several encodings at a time, each with temporal layers.
use sfu_core::control::{Command, ConsumerType, EventBody, Layers, Reply};
use sfu_core::plugin::{ConsumerId, Nil, ProducerId};
use sfu_core::testing::{self, Bench, Build, Conditions, Direction, Media, PeerOptions, Rtp};

use super::camera::{Camera, Coding};
use super::decoder::{continuous, decode, vp8_numbers};
use crate::{ms, seconds};

pub fn three(bench: &mut Bench<Nil>) -> (ProducerId, Camera) {
    let speaker = bench.peer();
    let p =
        bench.produce(speaker, Media::vp8().mid("v").simulcast(&["l", "m", "h"]).scalability_mode("L1T3"));
    (p, Camera::new(p, Coding::Vp8, &[100, 300, 900], 1, 3))
}

pub fn watch(bench: &mut Bench<Nil>, p: ProducerId, options: PeerOptions) -> ConsumerId {
    let viewer = bench.peer_with(options);
    bench.try_consume_with(viewer, p, |options| options.kind = ConsumerType::Simulcast).unwrap()
}

fn prefer(bench: &mut Bench<Nil>, consumer: ConsumerId, spatial: u8, temporal: Option<u8>) -> Option<Layers> {
    match bench.command(Command::SetPreferredLayers { consumer, spatial, temporal }) {
        Reply::Layers(layers) => layers,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_producer_says_what_kind_of_consumer_fits_it() {
    let mut bench = Build::<Nil>::new().start();
    let speaker = bench.peer();
    let transport = bench.transport(speaker);
    let mut kind_of = |media: Media, mid: &str| {
        let p = bench.produce(speaker, media.mid(mid));
        let viewer = bench.peer();
        let c = bench.consume(viewer, p);
        let _ = transport;
        bench.command(Command::SetPreferredLayers { consumer: c, spatial: 9, temporal: None })
    };
    let all = |spatial, temporal| Reply::Layers(Some(Layers { spatial, temporal: Some(temporal) }));
    assert_eq!(kind_of(Media::vp8(), "a"), Reply::Layers(None));
    assert_eq!(kind_of(Media::vp8().simulcast(&["l", "h"]).scalability_mode("L1T2"), "b"), all(1, 1));
}

#[test]
fn what_is_preferred_is_forwarded_within_two_seconds_and_everything_goes_on() {
    for workers in [1, 2] {
        let mut bench = Build::<Nil>::new().workers(workers).start();
        let (p, mut camera) = three(&mut bench);
        let c = watch(&mut bench, p, PeerOptions::plain().worker(workers - 1));
        camera.film(&mut bench, seconds(2));
        for (spatial, temporal) in [(0, 2), (2, 2), (1, 0), (1, 2), (2, 1), (0, 0), (2, 2), (1, 1)] {
            let effective = prefer(&mut bench, c, spatial, Some(temporal));
            assert_eq!(effective, Some(Layers { spatial, temporal: Some(temporal) }));
            camera.film(&mut bench, seconds(3));
            let decoding = decode(bench.received(c), true);
            assert_eq!(decoding.layers(bench.now()), (spatial, 0, temporal), "{workers} workers");
            assert_eq!(bench.consumer_stats(c).stream.encoding, spatial);
        }
        continuous(bench.received(c));
        vp8_numbers(bench.received(c));
        assert_eq!(bench.sender(p).nacks, 0);
        let told = bench.events_of(c).into_iter().filter_map(|event| match event {
            EventBody::Layers(layers) => layers.map(|layers| (layers.spatial, layers.temporal.unwrap())),
            _ => None,
        });
        let told: Vec<_> = told.collect();
        assert_eq!(told.last(), Some(&(1, 1)), "{told:?}");
        assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "{told:?}");
    }
}

#[test]
fn the_old_encoding_goes_on_until_the_key_frame_of_the_new_one() {
    let mut bench = Build::<Nil>::new().start();
    let (p, mut camera) = three(&mut bench);
    let c = watch(&mut bench, p, PeerOptions::plain());
    camera.film(&mut bench, seconds(2));
    prefer(&mut bench, c, 0, None);
    camera.film(&mut bench, seconds(2));
    bench.sender_mut(p).key_frame_wanted = false;
    let peer = bench.peer_of_producer(p);
    // The sender does not hear that a key frame is wanted.
    bench.set_path(peer, Direction::ToPeer, Conditions::perfect().loss(1.0));
    prefer(&mut bench, c, 2, None);
    camera.film(&mut bench, ms(600));
    assert_eq!(decode(bench.received(c), true).layers(bench.now()).0, 0);
    bench.set_path(peer, Direction::ToPeer, Conditions::perfect());
    camera.film(&mut bench, seconds(2));
    assert_eq!(decode(bench.received(c), true).layers(bench.now()).0, 2);
    continuous(bench.received(c));
    vp8_numbers(bench.received(c));
}

#[test]
fn an_encoding_that_stops_is_replaced_by_the_next_lower_one_and_comes_back() {
    let mut bench = Build::<Nil>::new().start();
    let (p, mut camera) = three(&mut bench);
    let c = watch(&mut bench, p, PeerOptions::plain());
    camera.film(&mut bench, seconds(3));
    assert_eq!(decode(bench.received(c), true).layers(bench.now()).0, 2);
    camera.switch(2, false);
    camera.film(&mut bench, seconds(4));
    assert_eq!(decode(bench.received(c), true).layers(bench.now()).0, 1);
    camera.switch(1, false);
    camera.switch(0, false);
    camera.film(&mut bench, seconds(4));
    assert_eq!(bench.events_of(c).last(), Some(&EventBody::Layers(None)));
    for encoding in 0..3 {
        camera.switch(encoding, true);
    }
    camera.film(&mut bench, seconds(4));
    assert_eq!(decode(bench.received(c), true).layers(bench.now()).0, 2);
    continuous(bench.received(c));
    vp8_numbers(bench.received(c));
}

#[test]
fn after_switches_what_is_asked_for_again_is_the_same() {
    // Without RTX the same packet comes again, which SRTP takes for a replay unless it had been lost.
    for (media, options) in
        [(Media::vp8(), PeerOptions::webrtc()), (Media::vp8().without_rtx(), PeerOptions::plain())]
    {
        let mut bench = Build::<Nil>::new().start();
        let speaker = bench.peer();
        let media = media.mid("v").simulcast(&["l", "m", "h"]).scalability_mode("L1T3");
        let p = bench.produce(speaker, media);
        let mut camera = Camera::new(p, Coding::Vp8, &[100, 300, 900], 1, 3);
        let c = watch(&mut bench, p, options);
        bench.receiver_mut(c).asks = false;
        camera.film(&mut bench, seconds(3));
        let from = bench.received(c).len();
        for (spatial, temporal) in [(0, 1), (1, 2), (0, 2)] {
            prefer(&mut bench, c, spatial, Some(temporal));
            camera.film(&mut bench, ms(400));
        }
        let first: Vec<_> = bench.received(c)[from..].to_vec();
        assert!(first.len() > 60);
        bench.advance(ms(200));
        let numbers: Vec<u16> = first.iter().map(|packet| packet.sequence).collect();
        bench.nack(c, &numbers);
        bench.advance(ms(100));
        let again = bench.receiver(c).again.clone();
        assert_eq!(again.len(), first.len());
        for packet in &first {
            let same = again.iter().find(|other| other.extended == packet.extended).unwrap();
            assert_eq!(
                (&same.payload, same.marker, same.timestamp),
                (&packet.payload, packet.marker, packet.timestamp)
            );
        }
    }
}

#[test]
fn loss_on_both_sides_is_repaired_over_switches() {
    for seed in 0..3 {
        let mut bench = Build::<Nil>::new().seed(seed).start();
        let (p, mut camera) = three(&mut bench);
        let c = watch(&mut bench, p, PeerOptions::plain().path(Conditions::delay(ms(20))));
        camera.film(&mut bench, seconds(2));
        let lossy = Conditions::delay(ms(20)).loss(0.02).reorder(0.02).jitter(ms(3));
        let viewer = bench.peer_of_consumer(c);
        bench.set_path(viewer, Direction::ToPeer, lossy);
        let speaker = bench.peer_of_producer(p);
        bench.set_path(speaker, Direction::ToWorker, lossy);
        for (spatial, temporal) in [(0, 2), (2, 1), (2, 2), (1, 0), (2, 2)] {
            prefer(&mut bench, c, spatial, Some(temporal));
            camera.film(&mut bench, seconds(2));
        }
        bench.set_path(viewer, Direction::ToPeer, Conditions::delay(ms(20)));
        bench.set_path(speaker, Direction::ToWorker, Conditions::perfect());
        camera.film(&mut bench, seconds(2));
        let decoding = decode(bench.received(c), false);
        assert!(decoding.frames.len() > 200, "seed {seed}: {} frames", decoding.frames.len());
        // What came too late from the encoding that was left is lost with it: a few frames at each switch.
        assert!(decoding.broken.len() < 60, "seed {seed}: {} broken", decoding.broken.len());
        assert_eq!(decoding.layers(bench.now()), (2, 0, 2), "seed {seed}");
    }
}

#[test]
fn ten_viewers_who_join_within_a_second_cost_two_key_frames_and_see_something_within_a_second() {
    let mut bench = Build::<Nil>::new().start();
    let (p, mut camera) = three(&mut bench);
    let first = watch(&mut bench, p, PeerOptions::plain());
    camera.film(&mut bench, seconds(5));
    let keys = camera.keys;
    let mut joined = Vec::new();
    for _ in 0..10 {
        let c = watch(&mut bench, p, PeerOptions::plain());
        joined.push((c, bench.now()));
        camera.film(&mut bench, ms(90));
    }
    camera.film(&mut bench, seconds(1));
    assert!(camera.keys - keys <= 2, "{} key frames", camera.keys - keys);
    for (c, at) in joined {
        let shown = decode(bench.received(c), true).frames[0].at;
        assert!(shown - at <= seconds(1), "after {:?}", shown - at);
    }
    continuous(bench.received(first));
}

#[test]
fn a_consumer_begins_with_the_layers_that_it_prefers() {
    let mut bench = Build::<Nil>::new().start();
    let (p, mut camera) = three(&mut bench);
    camera.film(&mut bench, seconds(1));
    let viewer = bench.peer();
    let c = bench
        .try_consume_with(viewer, p, |options| {
            options.kind = ConsumerType::Simulcast;
            options.preferred_layers = Some(Layers { spatial: 1, temporal: Some(1) });
        })
        .unwrap();
    camera.film(&mut bench, seconds(2));
    let decoding = decode(bench.received(c), true);
    assert!(decoding.frames.iter().all(|frame| frame.told.encoding == 1 && frame.told.temporal < 2));
    assert_eq!(decoding.layers(bench.now()), (1, 0, 1));
}

/// Behind the bursts of somebody else's stream, packets of the old encoding wait when those of the new one come.
#[test]
fn layers_change_while_packets_wait_and_what_is_sent_again_is_what_was_sent() {
    let mut bench = Build::<Nil>::new().pacing(true).start();
    let media = Media::vp8().mid("v").simulcast(&["l", "m", "h"]).scalability_mode("L1T3");
    let speaker = bench.peer();
    let p = bench.produce(speaker, media.without_rtx());
    let mut camera = Camera::new(p, Coding::Vp8, &[100, 300, 900], 1, 3);
    let c = watch(&mut bench, p, PeerOptions::plain());
    let busy = bench.video_producer();
    let viewer = bench.peer_of_consumer(c);
    let large = bench.consume(viewer, busy);
    let mut waited = 0;
    for round in 0..300u32 {
        if round % 15 == 0 {
            prefer(&mut bench, c, ((round / 15 * 2) % 3) as u8, None);
        }
        for n in 0..40 {
            let packet = if n == 0 { testing::vp8_key(round) } else { Rtp::new(round * 3000, vec![0; 1200]) };
            bench.send(busy, packet.timestamp(round * 3000).marker(n == 39));
        }
        camera.film(&mut bench, ms(33));
        waited = waited.max(bench.transport_stats(viewer).packets_paced);
        if round % 60 == 59 {
            // Without RTX it has to be the same to the last byte.
            let recent: Vec<u16> = bench.received(c).iter().rev().take(300).map(|p| p.sequence).collect();
            bench.nack(c, &recent);
        }
    }
    bench.advance(ms(100));
    assert!(waited > 5000, "{waited} packets waited");
    let receiver = bench.receiver(c);
    assert!(receiver.again.len() > 500, "{}", receiver.again.len());
    for again in &receiver.again {
        let first = receiver.packets.iter().find(|first| first.extended == again.extended).unwrap();
        assert_eq!(again.bytes, first.bytes);
    }
    continuous(bench.received(c));
    vp8_numbers(bench.received(c));
    let decoding = decode(bench.received(c), true);
    let encodings: std::collections::BTreeSet<u8> =
        decoding.frames.iter().map(|frame| frame.told.encoding).collect();
    assert_eq!(encodings.len(), 3);
    assert_eq!(bench.receiver(large).lost(), 0);
}
