//! Pipes: all encodings go over as they are.
use sfu_core::control::{Command, ConsumerType, Reply, RtpEncodingParameters, RtxParameters};
use sfu_core::plugin::Nil;
use sfu_core::testing::{Build, Conditions, Direction, PeerOptions};

use super::camera::Told;
use super::simulcast::three;
use crate::{ms, seconds};

fn encodings(first: u32, rtx: bool) -> Vec<RtpEncodingParameters> {
    let encoding = |n: u32| RtpEncodingParameters {
        ssrc: Some(first + n),
        rtx: rtx.then_some(RtxParameters { ssrc: first + 100 + n }),
        ..Default::default()
    };
    (0..3).map(encoding).collect()
}

#[test]
fn a_pipe_carries_every_encoding_under_its_own_ssrc_with_its_own_timestamps() {
    for rtx in [false, true] {
        let mut bench = Build::<Nil>::new().start();
        let (p, mut camera) = three(&mut bench);
        let other = bench.peer_with(PeerOptions::plain().path(Conditions::delay(ms(10))));
        let c = bench
            .try_consume_with(other, p, |options| {
                options.kind = ConsumerType::Pipe;
                options.rtp_parameters.encodings = encodings(7_000_000, rtx);
            })
            .unwrap();
        camera.film(&mut bench, seconds(2));
        bench.set_path(other, Direction::ToPeer, Conditions::delay(ms(10)).loss(0.03));
        camera.film(&mut bench, seconds(3));
        bench.set_path(other, Direction::ToPeer, Conditions::delay(ms(10)));
        camera.film(&mut bench, ms(200));
        bench.advance(ms(300));
        let receivers = bench.receivers(c);
        assert_eq!(receivers.len(), 3);
        for (encoding, receiver) in receivers.into_iter().enumerate() {
            assert_eq!(receiver.ssrc(), 7_000_000 + encoding as u32);
            assert_eq!(receiver.lost(), 0, "{encoding}: {:?}", receiver.missing());
            assert!(receiver.packets.len() > 400, "{encoding}: {}", receiver.packets.len());
            assert_eq!(receiver.repaired > 0, rtx);
            let first =
                receiver.packets.iter().map(|packet| Told::read(&packet.payload)).min_by_key(|t| t.picture);
            for packet in &receiver.packets {
                let told = Told::read(&packet.payload);
                assert_eq!(usize::from(told.encoding), encoding);
                let ahead = told.picture + 1;
                let base = 0xFFFF_0000u32.wrapping_add(encoding as u32 * 1_000_000_007);
                assert_eq!(packet.timestamp, base.wrapping_add(3000 * ahead), "verbatim");
            }
            assert_eq!(
                first.unwrap().picture,
                receiver.packets.iter().map(|p| Told::read(&p.payload).picture).min().unwrap()
            );
        }
        let reply = bench.command(Command::SetPreferredLayers { consumer: c, spatial: 0, temporal: None });
        assert_eq!(reply, Reply::Layers(None));
    }
}

#[test]
fn the_other_end_asks_each_encoding_for_its_own_key_frame_and_gets_reports_of_each() {
    let mut bench = Build::<Nil>::new().start();
    let (p, mut camera) = three(&mut bench);
    let other = bench.peer();
    let c = bench
        .try_consume_with(other, p, |options| {
            options.kind = ConsumerType::Pipe;
            options.rtp_parameters.encodings = encodings(8_000_000, true);
        })
        .unwrap();
    camera.film(&mut bench, seconds(4));
    for receiver in bench.receivers(c) {
        let told = receiver.sender_reports.iter().any(|report| report.ssrc == receiver.ssrc());
        assert!(told, "no report about {}", receiver.ssrc());
    }
    let before = bench.sender(p).plis;
    bench.pli(c);
    assert_eq!(bench.sender(p).plis - before, 1);
    bench.pause(c);
    camera.film(&mut bench, seconds(1));
    bench.resume(c);
    camera.film(&mut bench, seconds(1));
    assert!(bench.receivers(c).iter().all(|receiver| receiver.lost() == 0));
}

#[test]
fn a_pipe_needs_as_many_encodings_as_its_producer_has() {
    let mut bench = Build::<Nil>::new().start();
    let (p, _) = three(&mut bench);
    let other = bench.peer();
    for wrong in [encodings(1, false)[..2].to_vec(), vec![encodings(1, false)[0].clone(); 3]] {
        let refused = bench.try_consume_with(other, p, |options| {
            options.kind = ConsumerType::Pipe;
            options.rtp_parameters.encodings = wrong;
        });
        assert!(refused.is_err());
    }
}
