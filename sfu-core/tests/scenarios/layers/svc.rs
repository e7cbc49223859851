//! Layers of one encoding: VP9 and AV1 with three spatial and three temporal layers, K-SVC and full SVC, and VP8 with temporal layers.
use sfu_core::control::{Command, ConsumerType, EventBody, Layers, Reply};
use sfu_core::media::ExtensionKind;
use sfu_core::plugin::{ConsumerId, Nil};
use sfu_core::testing::{Bench, Build, Media, Received};

use super::camera::{Camera, Coding, Told};
use super::decoder::{continuous, decode, vp8_numbers};
use crate::{ms, seconds};

fn call(coding: Coding) -> (Bench<Nil>, Camera, ConsumerId) {
    let mut bench = Build::<Nil>::new().start();
    let speaker = bench.peer();
    let (media, spatial) = match coding {
        Coding::Vp8 => (Media::vp8().scalability_mode("L1T3"), 1),
        Coding::Vp9Full => (Media::video("video/VP9").rtx().scalability_mode("L3T3"), 3),
        Coding::Vp9Key => (Media::video("video/VP9").rtx().scalability_mode("L3T3_KEY"), 3),
        Coding::Av1Key => {
            (Media::video("video/AV1").rtx().scalability_mode("L3T3_KEY").dependency_descriptor(), 3)
        }
    };
    let p = bench.produce(speaker, media);
    let viewer = bench.peer();
    let c = bench.try_consume_with(viewer, p, |options| options.kind = ConsumerType::Svc).unwrap();
    (bench, Camera::new(p, coding, &[900], spatial, 3), c)
}

fn prefer(bench: &mut Bench<Nil>, consumer: ConsumerId, spatial: u8, temporal: u8) {
    let reply = bench.command(Command::SetPreferredLayers { consumer, spatial, temporal: Some(temporal) });
    assert_eq!(reply, Reply::Layers(Some(Layers { spatial, temporal: Some(temporal) })));
}

/// The last packet of each picture has the marker bit, and no other.
fn markers(packets: &[Received]) {
    for pair in packets.windows(2) {
        let last = pair[0].timestamp != pair[1].timestamp;
        assert_eq!(pair[0].marker, last, "{:?}", Told::read(&pair[0].payload));
    }
}

#[test]
fn figures_of_a_producer_tell_the_rate_of_each_layer() {
    let (mut bench, mut camera, c) = call(Coding::Vp9Full);
    camera.film(&mut bench, seconds(3));
    let producer = bench.consumer_stats(c).producer;
    let stream = bench.producer_stats(producer).streams.remove(0);
    let told: Vec<(u8, u8)> = stream.layers.iter().map(|layer| (layer.spatial, layer.temporal)).collect();
    let all: Vec<(u8, u8)> =
        (0..3).flat_map(|spatial| (0..3).map(move |temporal| (spatial, temporal))).collect();
    assert_eq!(told, all);
    let grows = |row: &[sfu_core::control::LayerBitrate]| row.windows(2).all(|p| p[0].bitrate < p[1].bitrate);
    assert!(stream.layers.chunks(3).all(grows), "{:?}", stream.layers);
    let (top, whole) = (stream.layers[8].bitrate, stream.bitrate);
    assert!(top.abs_diff(whole) < whole / 5, "all layers together: {top} of {whole}");
}

#[test]
fn layers_are_chosen_and_what_remains_is_decodable() {
    for coding in [Coding::Vp9Full, Coding::Vp9Key, Coding::Av1Key] {
        let (mut bench, mut camera, c) = call(coding);
        camera.film(&mut bench, seconds(2));
        assert_eq!(decode(bench.received(c), true).layers(bench.now()), (0, 2, 2), "{coding:?}");
        for (spatial, temporal) in [(0, 2), (2, 2), (1, 0), (1, 2), (2, 1), (0, 0), (2, 2), (1, 1)] {
            prefer(&mut bench, c, spatial, temporal);
            camera.film(&mut bench, seconds(3));
            let decoding = decode(bench.received(c), true);
            assert_eq!(decoding.layers(bench.now()), (0, spatial, temporal), "{coding:?}");
        }
        continuous(bench.received(c));
        markers(bench.received(c));
        assert_eq!(bench.sender(camera.producer).nacks, 0);
    }
}

#[test]
fn in_k_svc_only_the_chosen_layer_is_sent_between_key_pictures() {
    for coding in [Coding::Vp9Key, Coding::Av1Key] {
        let (mut bench, mut camera, c) = call(coding);
        camera.film(&mut bench, seconds(2));
        let told: Vec<Told> = bench.received(c).iter().map(|packet| Told::read(&packet.payload)).collect();
        assert!(told.iter().any(|told| told.spatial == 0) && told.iter().any(|told| told.spatial == 1));
        assert!(told.iter().filter(|told| told.picture > 5 && !told.references.is_empty()).all(|told| {
            told.spatial == 2 || told.references.iter().any(|(picture, _)| *picture == told.picture)
        }));
    }
}

#[test]
fn a_higher_layer_waits_for_a_picture_that_it_can_be_decoded_from() {
    for coding in [Coding::Vp9Key, Coding::Av1Key] {
        let (mut bench, mut camera, c) = call(coding);
        camera.film(&mut bench, seconds(2));
        camera.gives_key_frames = false;
        prefer(&mut bench, c, 0, 2);
        camera.film(&mut bench, ms(500));
        assert_eq!(decode(bench.received(c), true).layers(bench.now()), (0, 2, 2), "{coding:?}: until then");
        camera.gives_key_frames = true;
        camera.film(&mut bench, seconds(3));
        assert_eq!(decode(bench.received(c), true).layers(bench.now()), (0, 0, 2), "{coding:?}");
        camera.gives_key_frames = false;
        prefer(&mut bench, c, 2, 2);
        camera.film(&mut bench, ms(500));
        assert_eq!(decode(bench.received(c), true).layers(bench.now()), (0, 0, 2), "{coding:?}: until then");
        camera.gives_key_frames = true;
        camera.film(&mut bench, seconds(3));
        assert_eq!(decode(bench.received(c), true).layers(bench.now()), (0, 2, 2), "{coding:?}");
    }
}

#[test]
fn without_a_dependency_descriptor_layers_of_av1_look_like_pictures_of_their_own() {
    let (mut bench, mut camera, with) = call(Coding::Av1Key);
    let viewer = bench.peer();
    let without = bench
        .try_consume_with(viewer, camera.producer, |options| {
            options.kind = ConsumerType::Svc;
            let uri = ExtensionKind::DependencyDescriptor.uri();
            options.rtp_parameters.header_extensions.retain(|extension| extension.uri != uri);
        })
        .unwrap();
    camera.film(&mut bench, seconds(2));
    let times = |id: ConsumerId| {
        let first = bench.received(id)[0].timestamp;
        let key = bench.received(id).iter().filter(|packet| Told::read(&packet.payload).picture == 0);
        let told = |packet: &Received| {
            (Told::read(&packet.payload).spatial, packet.timestamp.wrapping_sub(first), packet.marker)
        };
        key.map(told).collect::<Vec<_>>()
    };
    assert_eq!(
        times(without),
        (0..3)
            .flat_map(|layer| [false, false, true].map(|last| (layer, u32::from(layer), last)))
            .collect::<Vec<_>>()
    );
    assert!(times(with).iter().all(|(_, later, _)| *later == 0));
    continuous(bench.received(without));
    // Again the same.
    let sent = bench.received(without).iter().rev().find(|packet| Told::read(&packet.payload).spatial == 2);
    let sent = sent.unwrap().clone();
    bench.nack(without, &[sent.sequence]);
    bench.advance(ms(100));
    let again = bench.receiver(without).again.last().unwrap();
    assert_eq!((again.timestamp, again.marker, &again.payload), (sent.timestamp, sent.marker, &sent.payload));
}

#[test]
fn going_down_in_full_svc_costs_no_key_frame() {
    let (mut bench, mut camera, c) = call(Coding::Vp9Full);
    camera.film(&mut bench, seconds(2));
    let keys = camera.keys;
    prefer(&mut bench, c, 0, 2);
    camera.film(&mut bench, ms(200));
    assert_eq!(decode(bench.received(c), true).frames.last().unwrap().told.spatial, 0);
    assert_eq!(camera.keys, keys);
    prefer(&mut bench, c, 2, 2);
    camera.film(&mut bench, ms(500));
    assert_eq!(camera.keys, keys + 1);
}

#[test]
fn a_spatial_layer_that_stops_is_noticed_and_comes_back() {
    for coding in [Coding::Vp9Full, Coding::Vp9Key] {
        let (mut bench, mut camera, c) = call(coding);
        camera.film(&mut bench, seconds(2));
        camera.spatial_on = 2;
        camera.film(&mut bench, seconds(4));
        assert_eq!(decode(bench.received(c), true).layers(bench.now()), (0, 1, 2), "{coding:?}");
        camera.spatial_on = 3;
        bench.sender_mut(camera.producer).key_frame_wanted = true;
        camera.film(&mut bench, seconds(4));
        assert_eq!(decode(bench.received(c), true).layers(bench.now()), (0, 2, 2), "{coding:?}");
        let last = bench.events_of(c).into_iter().rev().find(|event| matches!(event, EventBody::Layers(_)));
        assert_eq!(last, Some(EventBody::Layers(Some(Layers { spatial: 2, temporal: Some(2) }))));
        continuous(bench.received(c));
    }
}

#[test]
fn temporal_layers_of_vp8_are_left_out_without_a_gap_in_any_number() {
    let (mut bench, mut camera, c) = call(Coding::Vp8);
    camera.film(&mut bench, seconds(2));
    for temporal in [0, 2, 1, 2, 0, 1] {
        prefer(&mut bench, c, 0, temporal);
        camera.film(&mut bench, seconds(1) + ms(300));
        assert_eq!(decode(bench.received(c), true).layers(bench.now()), (0, 0, temporal));
    }
    continuous(bench.received(c));
    vp8_numbers(bench.received(c));
}

#[test]
fn a_simple_consumer_of_layered_video_gets_all_of_it() {
    let (mut bench, mut camera, _) = call(Coding::Vp9Full);
    let viewer = bench.peer();
    let c = bench.consume(viewer, camera.producer);
    camera.film(&mut bench, seconds(2));
    assert_eq!(decode(bench.received(c), true).layers(bench.now()), (0, 2, 2));
    let reply = bench.command(Command::SetPreferredLayers { consumer: c, spatial: 0, temporal: None });
    assert_eq!(reply, Reply::Layers(None));
}
