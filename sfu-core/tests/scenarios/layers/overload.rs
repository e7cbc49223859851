//! What layers a media thread forwards that does not keep up.
use sfu_core::control::ConsumerType;
use sfu_core::plugin::{ConsumerId, Nil};
use sfu_core::testing::{Bench, Build, Media, PeerOptions};

use super::camera::{Camera, Coding};
use super::decoder::{continuous, decode, vp8_numbers};
use super::simulcast::{three, watch};
use crate::{ms, seconds};

/// Steps, and the encoding, spatial and temporal layer that are still forwarded.
type Expected = [(u8, (u8, u8, u8)); 4];

fn follow(bench: &mut Bench<Nil>, camera: &mut Camera, c: ConsumerId, expected: Expected) {
    camera.film(bench, seconds(2));
    for (step, layers) in expected {
        bench.overload(0, step);
        camera.film(bench, seconds(3));
        let decoding = decode(bench.received(c), true);
        assert_eq!(decoding.layers(bench.now()), layers, "step {step}");
    }
    continuous(bench.received(c));
    assert_eq!((bench.receiver(c).lost(), bench.sender(camera.producer).nacks), (0, 0));
}

#[test]
fn of_spatial_layers_the_highest_goes_first_and_comes_back_decodable() {
    for (coding, mode) in [(Coding::Vp9Full, "L3T3"), (Coding::Vp9Key, "L3T3_KEY")] {
        let mut bench = Build::<Nil>::new().start();
        let speaker = bench.peer();
        let p = bench.produce(speaker, Media::video("video/VP9").rtx().scalability_mode(mode));
        let viewer = bench.peer();
        let c = bench.try_consume_with(viewer, p, |options| options.kind = ConsumerType::Svc).unwrap();
        let mut camera = Camera::new(p, coding, &[900], 3, 3);
        let expected = [(1, (0, 2, 2)), (2, (0, 1, 2)), (3, (0, 0, 0)), (0, (0, 2, 2))];
        follow(&mut bench, &mut camera, c, expected);
    }
}

#[test]
fn of_encodings_the_highest_that_is_sent_goes_first() {
    let mut bench = Build::<Nil>::new().start();
    let (p, mut camera) = three(&mut bench);
    let c = watch(&mut bench, p, PeerOptions::plain());
    follow(&mut bench, &mut camera, c, [(1, (2, 0, 2)), (2, (1, 0, 2)), (3, (0, 0, 0)), (0, (2, 0, 2))]);
    vp8_numbers(bench.received(c));
    camera.switch(2, false);
    camera.film(&mut bench, seconds(3));
    bench.overload(0, 2);
    camera.film(&mut bench, seconds(3));
    assert_eq!(decode(bench.received(c), true).layers(bench.now()).0, 0, "there were two");
}

#[test]
fn where_there_is_one_spatial_layer_pictures_are_left_out() {
    let mut bench = Build::<Nil>::new().start();
    let speaker = bench.peer();
    let p = bench.produce(speaker, Media::vp8().scalability_mode("L1T3"));
    let viewer = bench.peer();
    let c = bench.try_consume_with(viewer, p, |options| options.kind = ConsumerType::Svc).unwrap();
    let mut camera = Camera::new(p, Coding::Vp8, &[900], 1, 3);
    follow(&mut bench, &mut camera, c, [(1, (0, 0, 2)), (2, (0, 0, 1)), (3, (0, 0, 0)), (0, (0, 0, 2))]);
    vp8_numbers(bench.received(c));
}

#[test]
fn twenty_viewers_come_back_within_two_seconds_for_few_key_frames() {
    let mut bench = Build::<Nil>::new().start();
    let (p, mut camera) = three(&mut bench);
    let viewers: Vec<ConsumerId> = (0..20).map(|_| watch(&mut bench, p, PeerOptions::plain())).collect();
    camera.film(&mut bench, seconds(3));
    bench.overload(0, 7);
    camera.film(&mut bench, seconds(5));
    // Each encoding is asked for by itself, and again while it waits for the one that it goes to.
    let asked = bench.sender(p).plis;
    bench.overload(0, 0);
    camera.film(&mut bench, ms(2000));
    let asked = bench.sender(p).plis - asked;
    assert!(asked <= 4, "{asked} requests");
    let came_back = bench.now();
    camera.film(&mut bench, seconds(1));
    for c in viewers {
        let decoding = decode(bench.received(c), true);
        assert_eq!(decoding.layers(bench.now()), (2, 0, 2), "{c:?}");
        assert!(decoding.pictures(came_back, bench.now()) >= 28, "{c:?}");
        continuous(bench.received(c));
    }
}
