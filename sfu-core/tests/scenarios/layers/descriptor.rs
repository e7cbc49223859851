//! The Dependency Descriptor: layers of AV1, which its payload does not show.
use sfu_core::control::{Command, ConsumerType};
use sfu_core::media::ExtensionKind;
use sfu_core::plugin::{ConsumerId, Nil, ProducerId};
use sfu_core::testing::{Bench, Build, Media, Rtp};

use super::structure::bits;
use crate::ms;

/// L1T3 as libwebrtc sends it: key frame with structure, then templates by their place in four frames.
struct Av1 {
    frame: u16,
    timestamp: u32,
}

impl Av1 {
    fn send(&mut self, bench: &mut Bench<Nil>, p: ProducerId, is_key: bool) {
        let template = match (is_key, self.frame % 4) {
            (true, _) => 0,
            (_, 0) => 1,
            (_, 2) => 2,
            _ => 3,
        };
        let mut fields = vec![(3, 2), (template, 6), (u32::from(self.frame), 16)];
        if is_key {
            // Structure, no active targets told, nothing custom; id offset 0, three decode targets.
            fields.extend([(1, 1), (0, 4), (0, 6), (2, 5)]);
            // Four templates: two of T0, one of T1, one of T2.
            fields.extend([(0, 2), (1, 2), (1, 2), (3, 2)]);
            // Indications: SSS, SSS, -DS, --D.
            for letters in ["SSS", "SSS", "-DS", "--D"] {
                fields.extend(letters.chars().map(|c| ("-DSR".find(c).unwrap() as u32, 2)));
            }
            // Differences: none; 4; 2; 1. One chain (ns(4): 2 bits), protecting all (ns(1): 0 bits), its differences.
            fields.extend([(0, 1), (1, 1), (3, 4), (0, 1), (1, 1), (1, 4), (0, 1), (1, 1), (0, 4), (0, 1)]);
            fields.extend([(1, 2), (0, 4), (4, 4), (2, 4), (1, 4), (0, 1)]);
        }
        let descriptor = bits(&fields);
        // Aggregation header: one OBU, N for the key frame.
        let mut payload = vec![0x10 | u8::from(is_key) << 3, 0x32, 0, 0];
        payload.extend(u32::from(self.frame).to_be_bytes());
        let packet = Rtp::new(self.timestamp, payload).marker(true);
        bench.send(p, packet.extension(ExtensionKind::DependencyDescriptor, descriptor));
        self.frame += 1;
        self.timestamp += 3000;
        bench.advance(ms(33));
    }

    fn play(&mut self, bench: &mut Bench<Nil>, p: ProducerId, frames: u16) {
        for _ in 0..frames {
            let wanted = std::mem::take(&mut bench.sender_mut(p).key_frame_wanted);
            if wanted || self.frame == 0 {
                self.frame = self.frame.next_multiple_of(4);
                self.send(bench, p, true);
            } else {
                self.send(bench, p, false);
            }
        }
    }
}

fn call(with_descriptor: bool) -> (Bench<Nil>, ProducerId, ConsumerId) {
    let mut bench = Build::<Nil>::new().start();
    let speaker = bench.peer();
    let p = bench
        .produce(speaker, Media::video("video/AV1").rtx().scalability_mode("L1T3").dependency_descriptor());
    let viewer = bench.peer();
    let c = bench
        .try_consume_with(viewer, p, |options| {
            options.kind = ConsumerType::Svc;
            if !with_descriptor {
                let uri = ExtensionKind::DependencyDescriptor.uri();
                options.rtp_parameters.header_extensions.retain(|extension| extension.uri != uri);
            }
        })
        .unwrap();
    (bench, p, c)
}

fn descriptor_id(bench: &Bench<Nil>, c: ConsumerId) -> Option<u8> {
    let uri = ExtensionKind::DependencyDescriptor.uri();
    let extensions = &bench.receiver(c).parameters().header_extensions;
    extensions.iter().find(|extension| extension.uri == uri).map(|extension| extension.id)
}

#[test]
fn temporal_layers_of_av1_are_left_out_by_its_descriptor() {
    for with_descriptor in [false, true] {
        let (mut bench, p, c) = call(with_descriptor);
        let mut av1 = Av1 { frame: 0, timestamp: 0 };
        av1.play(&mut bench, p, 40);
        let all = bench.take_received(c);
        assert_eq!(all.len(), 40);
        bench.command(Command::SetPreferredLayers { consumer: c, spatial: 0, temporal: Some(0) });
        av1.play(&mut bench, p, 40);
        let base = bench.take_received(c);
        assert_eq!(base.len(), 10);
        assert!(base.iter().all(|packet| packet.number() % 4 == 0));
        bench.command(Command::SetPreferredLayers { consumer: c, spatial: 0, temporal: Some(1) });
        av1.play(&mut bench, p, 40);
        let middle = bench.take_received(c);
        assert!((19..=20).contains(&middle.len()), "{}", middle.len());
        assert!(middle.windows(2).all(|pair| pair[1].extended == pair[0].extended + 1));
        assert_eq!(bench.receiver(c).lost(), 0);
    }
}

#[test]
fn a_receiver_that_has_the_descriptor_is_told_which_decode_targets_are_left() {
    let (mut bench, p, c) = call(true);
    let mut av1 = Av1 { frame: 0, timestamp: 0 };
    av1.play(&mut bench, p, 8);
    bench.command(Command::SetPreferredLayers { consumer: c, spatial: 0, temporal: Some(0) });
    av1.play(&mut bench, p, 16);
    let id = descriptor_id(&bench, c).expect("the consumer has it");
    let last = bench.received(c).last().unwrap().clone();
    // Mandatory part, then: no structure, active targets told, nothing custom; and of three targets the first.
    let value = last.extension(id).unwrap();
    assert_eq!(u32::from(u16::from_be_bytes([value[1], value[2]])), last.number());
    assert_eq!(value[3..], [0b0100_0001]);
    // Again the same.
    bench.advance(ms(300));
    bench.nack(c, &[last.sequence]);
    let again = bench.receiver(c).again.last().unwrap().clone();
    assert_eq!((again.extension(id), &again.payload), (last.extension(id), &last.payload));
}

#[test]
fn a_receiver_without_it_gets_none() {
    let (mut bench, p, c) = call(false);
    Av1 { frame: 0, timestamp: 0 }.play(&mut bench, p, 8);
    assert_eq!(descriptor_id(&bench, c), None);
    let known = |id: u8| bench.receiver(c).parameters().header_extensions.iter().any(|e| e.id == id);
    assert!(bench.received(c).iter().all(|packet| packet.extensions.iter().all(|(id, _)| known(*id))));
}
