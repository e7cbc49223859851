//! What the path carries decides how much of the layers a viewer gets.
use sfu_core::control::{Command, ConsumerType};
use sfu_core::plugin::{ConsumerId, Nil};
use sfu_core::testing::{Bench, Build, Conditions, Direction, Media, PeerOptions};

use super::camera::{Camera, Coding, film};
use super::decoder::{continuous, decode};
use super::simulcast::{three, watch};
use crate::{ms, seconds};

fn path(kbit: u32) -> Conditions {
    Conditions::delay(ms(20)).rate(kbit * 1000)
}

/// A viewer that asks for a key frame when it can't decode what comes, as browsers do.
fn film_for(bench: &mut Bench<Nil>, camera: &mut Camera, viewer: ConsumerId, halves: u32) {
    for _ in 0..halves {
        let before = bench.received(viewer).len();
        camera.film(bench, ms(500));
        let recent = decode(&bench.received(viewer)[before.saturating_sub(300)..], false);
        let end = bench.now();
        if recent.pictures(end - ms(500), end) < 5 {
            bench.pli(viewer);
        }
    }
}

#[test]
fn a_viewer_with_a_narrow_path_gets_the_lowest_encoding_and_others_notice_nothing() {
    for options in [PeerOptions::webrtc(), PeerOptions::plain()] {
        let mut bench = Build::<Nil>::new().start();
        let (p, mut camera) = three(&mut bench);
        let narrow = watch(&mut bench, p, options.clone().path(Conditions::delay(ms(20))));
        let wide = watch(&mut bench, p, PeerOptions::plain().path(Conditions::delay(ms(20))));
        camera.film(&mut bench, seconds(15));
        assert_eq!(
            decode(bench.received(narrow), false).layers(bench.now()).0,
            2,
            "{options:?}: with a wide path"
        );
        let began = bench.now();
        let viewer = bench.peer_of_consumer(narrow);
        bench.set_path(viewer, Direction::ToPeer, path(300));
        film_for(&mut bench, &mut camera, narrow, 80);
        let decoding = decode(bench.received(narrow), false);
        let reached = decoding.frames.iter().find(|frame| frame.at > began && frame.told.encoding == 0);
        let reached = reached.expect("the lowest encoding").at;
        assert!(reached - began < seconds(10), "{options:?}: after {:?}", reached - began);
        assert_eq!(decoding.layers(bench.now()).0, 0, "{options:?}");
        for second in 5..39 {
            let at = began + seconds(second);
            let shown = decoding.pictures(at, at + seconds(1));
            assert!(shown >= 10, "{options:?}: {shown} pictures in second {second}");
        }
        let other = decode(bench.received(wide), true);
        assert_eq!(other.layers(bench.now()).0, 2);
        assert!(other.pictures(began, bench.now()) > 29 * 40);
        continuous(bench.received(wide));
        let probed = bench.transport_stats(viewer).probation_sent.bytes;
        assert!((1000..200_000).contains(&probed), "{options:?}: {probed} bytes of padding");
        // The path gets wide again.
        bench.set_path(viewer, Direction::ToPeer, Conditions::delay(ms(20)));
        film_for(&mut bench, &mut camera, narrow, 120);
        assert_eq!(decode(bench.received(narrow), false).layers(bench.now()).0, 2, "{options:?}: wide again");
    }
}

#[test]
fn the_estimate_of_the_peer_counts_where_it_gives_one() {
    let mut bench = Build::<Nil>::new().start();
    let (p, mut camera) = three(&mut bench);
    let c = watch(&mut bench, p, PeerOptions::plain());
    let viewer = bench.peer_of_consumer(c);
    for (bitrate, encoding) in [(200_000, 0), (500_000, 1), (2_000_000, 2), (150_000, 0)] {
        for _ in 0..15 {
            bench.remb(c, bitrate);
            camera.film(&mut bench, seconds(1));
        }
        assert_eq!(decode(bench.received(c), true).layers(bench.now()).0, encoding, "{bitrate}");
        assert_eq!(bench.transport_stats(viewer).available_outgoing_bitrate, Some(bitrate as u32));
    }
    continuous(bench.received(c));
}

#[test]
fn the_limit_of_a_transport_is_shared_by_priority() {
    let mut bench = Build::<Nil>::new().start();
    let (one, mut first) = three(&mut bench);
    let (two, mut second) = three(&mut bench);
    let viewer = bench.peer();
    let consumers = [one, two].map(|p| {
        bench.try_consume_with(viewer, p, |options| options.kind = ConsumerType::Simulcast).unwrap()
    });
    let transport = bench.transport(viewer);
    bench.command(Command::SetMaxOutgoingBitrate { transport, bitrate: 1_200_000 });
    bench.command(Command::SetPriority { consumer: consumers[1], priority: 10 });
    film(&mut bench, &mut [&mut first, &mut second], seconds(5));
    let layers = consumers.map(|c| decode(bench.received(c), true).layers(bench.now()).0);
    assert_eq!(layers, [0, 2]);
    bench.command(Command::SetPriority { consumer: consumers[1], priority: 1 });
    bench.command(Command::SetPriority { consumer: consumers[0], priority: 10 });
    film(&mut bench, &mut [&mut first, &mut second], seconds(15));
    let layers = consumers.map(|c| decode(bench.received(c), true).layers(bench.now()).0);
    assert_eq!(layers, [2, 0]);
    bench.command(Command::SetMaxOutgoingBitrate { transport, bitrate: 0 });
    film(&mut bench, &mut [&mut first, &mut second], seconds(15));
    let layers = consumers.map(|c| decode(bench.received(c), true).layers(bench.now()).0);
    assert_eq!(layers, [2, 2]);
}

#[test]
fn svc_gives_up_layers_on_a_narrow_path() {
    let (coding, mode) = (Coding::Vp9Full, "L3T3");
    let mut bench = Build::<Nil>::new().start();
    let speaker = bench.peer();
    let p = bench.produce(speaker, Media::video("video/VP9").rtx().scalability_mode(mode));
    let mut camera = Camera::new(p, coding, &[1200], 3, 3);
    let viewer = bench.peer_with(PeerOptions::plain().path(path(5_000)));
    let c = bench.try_consume_with(viewer, p, |options| options.kind = ConsumerType::Svc).unwrap();
    camera.film(&mut bench, seconds(5));
    bench.set_path(viewer, Direction::ToPeer, path(500));
    film_for(&mut bench, &mut camera, c, 40);
    let decoding = decode(bench.received(c), false);
    let end = bench.now();
    assert!(decoding.layers(end).1 < 2, "{coding:?}: {:?}", decoding.layers(end));
    let shown = decoding.pictures(end - seconds(10), end);
    assert!(shown > 100, "{coding:?}: {shown} pictures in 10 s");
}
