use super::*;
use proptest::prelude::*;
use sfu_core::control::{RtpCodecParameters, RtpParameters};

fn formats(names: &[&str]) -> Arc<Vec<Format>> {
    let codec = |(mime, payload_type): (&&str, u8)| RtpCodecParameters {
        mime_type: (*mime).into(),
        payload_type,
        clock_rate: 90_000,
        ..Default::default()
    };
    let codecs = names.iter().zip(96..).map(codec).collect();
    Arc::new(Format::all(&RtpParameters { codecs, ..Default::default() }))
}

fn track(names: &[&str]) -> Track {
    let producer = "0.1.0".parse().expect("an id");
    let (formats, figures) = (formats(names), Arc::default());
    let video = names.iter().all(|name| name.starts_with("video"));
    let about = json!({ "labels": { "stream": "cam" } });
    Track::new(Opening { producer, encoding: 0, video, about, formats, figures })
}

/// A packet that is a whole frame of VP8.
fn vp8(number: u16, key: bool) -> (u16, u8, Vec<u8>) {
    let tag = [if key { 0x10 } else { 0x31 }, 0, 0];
    (number, 96, [&[0x10][..], &tag, &number.to_be_bytes()].concat())
}

/// What comes of packets under an SSRC, 10 ms apart.
fn through(track: &mut Track, ssrc: u32, packets: &[(u16, u8, Vec<u8>)]) -> Vec<Outcome> {
    let mut out = Vec::new();
    for (n, (number, payload_type, payload)) in packets.iter().enumerate() {
        let rtp = Rtp {
            marker: true,
            payload_type: *payload_type,
            sequence_number: *number,
            timestamp: u32::from(*number) * 3000,
            ssrc,
            payload,
        };
        track.take(&rtp, n as u64 * 10_000_000, false, &mut out);
    }
    out
}

/// Timestamps of frames in frames, and whether something is missing before; `None` for a restart.
fn told(outcomes: &[Outcome]) -> Vec<Option<(u32, bool)>> {
    let told = |outcome: &Outcome| match outcome {
        Outcome::Frame(ready) => Some((ready.frame.timestamp / 3000, ready.discontinuity)),
        Outcome::Restart => None,
    };
    outcomes.iter().map(told).collect()
}

#[test]
fn frames_come_in_order_and_a_gap_is_told_once() {
    let mut track = track(&["video/VP8"]);
    let mut packets: Vec<_> = [1, 2, 4, 3, 5].map(|n| vp8(n, n == 1)).into();
    // 6 is lost, and given up after 200 ms.
    packets.extend((7..=28).map(|n| vp8(n, n == 25)));
    let outcomes = through(&mut track, 1, &packets);
    let frames: Vec<(u32, bool)> = told(&outcomes).into_iter().flatten().collect();
    let expected = [1, 2, 3, 4, 5].into_iter().chain(7..=28).map(|n| (n, n == 7));
    assert_eq!(frames, expected.collect::<Vec<_>>());
    assert!(!track.is_damaged(), "a key frame came after the loss");
    through(&mut track, 1, &[vp8(60, false)]);
    track.finish(&mut Vec::new());
    assert!(track.is_damaged());
}

#[test]
fn another_source_begins_anew() {
    let mut track = track(&["video/VP8"]);
    let mut outcomes = through(&mut track, 1, &[vp8(1000, true), vp8(1001, false)]);
    outcomes.extend(through(&mut track, 2, &[vp8(900, true), vp8(901, false)]));
    let expected = [Some((1000, false)), Some((1001, false)), None, Some((900, true)), Some((901, false))];
    assert_eq!(told(&outcomes), expected);
}

#[test]
fn a_sender_that_changes_its_codec_goes_on_in_another_stream() {
    let mut track = track(&["video/VP8", "video/VP9"]);
    // A VP9 payload of one packet: begin and end of a key picture.
    let vp9 = |number| (number, 97, vec![0x0C, 0x82, 1, 2]);
    let outcomes =
        through(&mut track, 1, &[vp8(1, true), vp9(2), (3, 99, vec![1]), vp8(4, true), vp8(5, false)]);
    let lanes = outcomes.iter().map(|outcome| match outcome {
        Outcome::Frame(ready) => (ready.lane, ready.frame.timestamp / 3000, ready.discontinuity),
        Outcome::Restart => panic!("the numbering goes on"),
    });
    let lanes: Vec<(usize, u32, bool)> = lanes.collect();
    assert_eq!(lanes, [(0, 1, false), (1, 2, true), (0, 4, true), (0, 5, false)]);
    let hello = track.hello(1, 9).unwrap();
    assert_eq!(
        (&hello["codec"], &hello["stream"], &hello["channels"]),
        (&json!("vp9"), &json!(9), &json!(null))
    );
    assert_eq!(hello["labels"]["stream"], "cam");
}

#[test]
fn key_frames_are_asked_for_once_a_second() {
    let mut track = track(&["video/VP8"]);
    let asked: Vec<bool> = (0..25).map(|n| track.ask(n * 100_000_000)).collect();
    assert_eq!(asked.iter().filter(|asked| **asked).count(), 3);
}

proptest! {
    #[test]
    fn hostile_packets_never_panic_and_frames_are_never_empty(
        packets in prop::collection::vec(
            (any::<u16>(), 96u8..100, prop::collection::vec(any::<u8>(), 0..40), 0u32..3, any::<bool>()), 0..200),
        near: bool,
    ) {
        let mut track = track(&["video/VP8", "video/H264", "video/AV1", "audio/opus"]);
        let mut out = Vec::new();
        for (n, (number, payload_type, payload, ssrc, flag)) in packets.iter().enumerate() {
            let sequence_number = if near { n as u16 + number % 3 } else { *number };
            let rtp = Rtp {
                marker: *flag,
                payload_type: *payload_type,
                sequence_number,
                timestamp: u32::from(*number),
                ssrc: if near { 1 } else { *ssrc },
                payload,
            };
            track.take(&rtp, n as u64 * 1_000_000, number % 50 == 0, &mut out);
        }
        track.finish(&mut out);
        for outcome in out {
            if let Outcome::Frame(ready) = outcome {
                prop_assert!(!ready.frame.data.is_empty());
            }
        }
    }
}

#[test]
fn what_was_known_of_the_clock_of_one_source_is_not_said_of_the_next() {
    let mut track = track(&["video/VP8"]);
    track.clock = Some(Reading { timestamp: 3000, at: -20_000_000 });
    let mut outcomes = through(&mut track, 1, &[vp8(1, true)]);
    outcomes.extend(through(&mut track, 2, &[vp8(1, true)]));
    let ages: Vec<Option<i64>> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Frame(ready) => Some(ready.age),
            Outcome::Restart => None,
        })
        .collect();
    assert_eq!(ages, [Some(20_000), None]);
}
