use super::*;
use crate::rtp::codec::{LayerSet, Vp8Descriptor, Vp9Descriptor};
use proptest::prelude::*;
use std::collections::HashSet;

/// A frame: its mark, and the pictures and spatial layers that it refers to.
struct Frame {
    picture: u64,
    mark: FrameMark,
    references: Vec<(u64, u8)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Vp8,
    Full,
    Key,
}

/// Four pictures of three temporal layers, as libwebrtc sends them: layer, sync or switching up, and what is referred to.
const PATTERN: [(u8, bool, &[u64]); 4] =
    [(0, false, &[4]), (2, true, &[1]), (1, true, &[2]), (2, false, &[1, 2])];

/// One picture of a stream whose last key picture is `key`.
fn picture(kind: Kind, picture: u64, key: u64, spatial_layers: u8) -> Vec<Frame> {
    let place = picture - key;
    let (temporal, up, back) = PATTERN[(place % 4) as usize];
    let is_key = place == 0;
    (0..spatial_layers)
        .map(|spatial| {
            let mut references: Vec<(u64, u8)> = match is_key {
                true => vec![],
                false => back.iter().filter(|n| place >= **n).map(|n| (picture - n, spatial)).collect(),
            };
            let inter_layer = spatial > 0 && (is_key || kind == Kind::Full);
            if inter_layer {
                references.push((picture, spatial - 1));
            }
            let mark = match kind {
                Kind::Vp8 => FrameMark::vp8(
                    &Vp8Descriptor {
                        partition_start: true,
                        temporal_layer: Some(temporal),
                        layer_sync: up,
                        ..Default::default()
                    },
                    is_key,
                ),
                _ => FrameMark::vp9(
                    &Vp9Descriptor {
                        start: true,
                        inter_picture: !is_key,
                        inter_layer,
                        spatial_layer: Some(spatial),
                        temporal_layer: Some(temporal),
                        switching_up: up && !is_key,
                        ..Default::default()
                    },
                    kind == Kind::Key,
                ),
            };
            Frame { picture, mark, references }
        })
        .collect()
}

/// Sends pictures through a gate whose target changes: everything that passes can be decoded.
fn decodable(kind: Kind, steps: &[(u8, u8, bool)]) -> Result<Layer, TestCaseError> {
    let spatial_layers = if kind == Kind::Vp8 { 1 } else { 3 };
    let nested = kind != Kind::Key;
    let mut passed: HashSet<(u64, u8)> = HashSet::new();
    let mut gate: Option<Gate> = None;
    let (mut number, mut key) = (100, 10);
    for (index, (spatial, temporal, answer)) in steps.iter().enumerate() {
        let target = Layer::new(spatial % spatial_layers, temporal % 3);
        let at = 10 + index as u64;
        if *answer && gate.is_some_and(|gate| gate.needs_entry(target, nested)) {
            key = at;
        }
        let mut top = None;
        for frame in picture(kind, at, key, spatial_layers) {
            let mut verdicts = Vec::new();
            for part in 0..3 {
                number += 1;
                let mark = match part {
                    0 => frame.mark,
                    _ => FrameMark {
                        start: false,
                        entry: LayerSet::NONE,
                        up_temporal: 0,
                        step: false,
                        ..frame.mark
                    },
                };
                let packet = Arriving { extended: number, timestamp: at as u32 * 3000, mark: &mark };
                let gate = gate.get_or_insert_with(|| Gate::new(packet, target));
                verdicts.push(gate.admit(packet, target, nested).is_some());
            }
            prop_assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "a frame is cut in two");
            if verdicts[0] {
                for reference in &frame.references {
                    prop_assert!(
                        passed.contains(reference),
                        "{kind:?}: {:?} of {at} refers to {reference:?}",
                        frame.mark
                    );
                }
                passed.insert((frame.picture, frame.mark.spatial));
                top = Some(frame.mark.spatial);
            }
        }
        if let (Some(top), Some(gate)) = (top, gate) {
            prop_assert_eq!(top, gate.current().spatial, "the highest layer that passes is the current one");
        }
    }
    Ok(gate.map(|gate| gate.current()).unwrap_or_default())
}

proptest! {
    #[test]
    fn what_passes_can_be_decoded(
        kind in prop_oneof![Just(Kind::Vp8), Just(Kind::Full), Just(Kind::Key)],
        steps in proptest::collection::vec((0u8..3, 0u8..3, any::<bool>()), 1..200),
    ) {
        decodable(kind, &steps)?;
    }

    #[test]
    fn the_target_is_reached(
        kind in prop_oneof![Just(Kind::Vp8), Just(Kind::Full), Just(Kind::Key)],
        from in (0u8..3, 0u8..3), to in (0u8..3, 0u8..3),
    ) {
        let mut steps = vec![(from.0, from.1, true); 8];
        steps.extend(vec![(to.0, to.1, true); 12]);
        let spatial = if kind == Kind::Vp8 { 0 } else { to.0 };
        prop_assert_eq!(decodable(kind, &steps)?, Layer::new(spatial, to.1));
    }
}

fn arriving(extended: u64, timestamp: u32, mark: &FrameMark) -> Arriving<'_> {
    Arriving { extended, timestamp, mark }
}

#[test]
fn a_late_packet_is_judged_by_what_held_at_its_place() {
    let key = FrameMark::key();
    let upper = FrameMark { temporal: 1, needed: LayerSet::from(0, 1), ..Default::default() };
    let base = FrameMark { needed: LayerSet::from(0, 0), ..Default::default() };
    let (high, low) = (Layer::new(0, 1), Layer::new(0, 0));
    let mut gate = Gate::new(arriving(1, 0, &key), high);
    assert!(gate.admit(arriving(1, 0, &key), high, true).is_some());
    assert!(gate.admit(arriving(3, 3000, &upper), high, true).is_some());
    assert!(gate.admit(arriving(4, 6000, &base), low, true).is_some());
    assert!(gate.admit(arriving(5, 9000, &upper), low, true).is_none());
    assert!(gate.admit(arriving(2, 3000, &upper), low, true).is_some(), "its picture was sent");
}

#[test]
fn in_k_svc_going_down_waits_for_a_key_picture_and_in_full_svc_it_does_not() {
    for (kind, waits) in [(Kind::Key, true), (Kind::Full, false)] {
        let nested = kind != Kind::Key;
        let mut number = 0;
        let mut gate: Option<Gate> = None;
        for at in 10..20 {
            let target = Layer::new(if at < 12 { 2 } else { 1 }, 2);
            for frame in picture(kind, at, 10, 3) {
                number += 1;
                let packet = arriving(number, at as u32, &frame.mark);
                let gate = gate.get_or_insert_with(|| Gate::new(packet, target));
                gate.admit(packet, target, nested);
            }
        }
        assert_eq!(gate.unwrap().current().spatial, if waits { 2 } else { 1 });
        assert_eq!(gate.unwrap().needs_entry(Layer::new(1, 2), nested), waits);
    }
}
