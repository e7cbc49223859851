use super::*;
use proptest::prelude::*;
use sfu_core::control::{MediaKind as Kind, RtpCodecParameters, RtpParameters};

const MS: Duration = Duration::from_millis(1);

pub(crate) fn formats(kind: Kind, codecs: &[(u8, &str)]) -> Arc<Formats> {
    let codec = |(payload_type, mime): &(u8, &str)| RtpCodecParameters {
        mime_type: (*mime).into(),
        payload_type: *payload_type,
        clock_rate: if kind == Kind::Audio { 48_000 } else { 90_000 },
        ..Default::default()
    };
    let codecs = codecs.iter().map(codec).collect();
    Arc::new(Formats::of(kind, &RtpParameters { codecs, ..Default::default() }))
}

/// A packet of one SSRC; video frames of one packet each, unless a test says otherwise.
pub(crate) fn rtp(payload_type: u8, number: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type | u8::from(marker) << 7];
    packet.extend(number.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend([1, 2, 3, 4]);
    packet.extend(payload);
    packet
}

pub(crate) const VP8_KEY: [u8; 11] = [0x10, 0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01];
pub(crate) const VP8_INTER: [u8; 3] = [0x10, 0x11, 0x02];

struct Bench {
    lane: Lane,
    out: Vec<Sample>,
}

impl Bench {
    fn new(keep: bool) -> Bench {
        let formats = formats(Kind::Video, &[(96, "video/VP8"), (98, "video/VP9")]);
        Bench { lane: Lane::new(formats, keep, 0), out: Vec::new() }
    }

    /// Frame `n` comes, 10 ms after the one before.
    fn frame(&mut self, n: u16, key_frame: bool) {
        let payload: &[u8] = if key_frame { &VP8_KEY } else { &VP8_INTER };
        let packet = rtp(96, n, u32::from(n) * 900, true, payload);
        self.lane.push(&packet, MS * 10 * u32::from(n), false, &mut self.out);
    }

    /// What came out, in units of 10 ms.
    fn shown(&mut self) -> Vec<i64> {
        self.out.drain(..).map(|sample| (sample.at + 5_000_000) / 10_000_000).collect()
    }
}

#[test]
fn frames_come_out_in_order_and_on_time() {
    let mut bench = Bench::new(false);
    for n in [1, 2, 4, 3, 5] {
        bench.frame(n, n == 1);
    }
    let entry = bench.out[0].entry.clone().unwrap();
    assert!(entry.is_video() && bench.out[1].entry.is_none());
    assert_eq!(bench.out[1].lasts, 10_000_000);
    assert_eq!(bench.shown(), [1, 2, 3, 4, 5]);
    assert_eq!(bench.lane.take_figures(), Figures { packets: 5, lost_frames: 0 });
    assert!(!bench.lane.take_key_frame_wish());
}

#[test]
fn after_a_loss_there_is_nothing_until_a_key_frame() {
    for (keep, expected) in [(false, vec![1, 2, 70, 71]), (true, [1, 2].into_iter().chain(4..=71).collect())]
    {
        let mut bench = Bench::new(keep);
        for n in (1..72).filter(|n| *n != 3) {
            bench.frame(n, n == 1 || n == 70);
        }
        assert_eq!(bench.shown(), expected, "keep: {keep}");
        assert!(bench.lane.take_key_frame_wish() && !bench.lane.take_key_frame_wish());
        assert_eq!(bench.lane.take_figures().lost_frames, if keep { 0 } else { 66 });
    }
}

#[test]
fn padding_between_pictures_is_no_loss() {
    let mut bench = Bench::new(false);
    // Of the numbers of packets two are missing after each picture; of those of pictures the sixth is.
    for n in (0..70u16).filter(|n| *n != 5) {
        let mut payload = vec![0x90, 0x80, (0x7A + n as u8) & 0x7F];
        payload.extend_from_slice(if n == 0 { &VP8_KEY[1..] } else { &VP8_INTER[1..] });
        let packet = rtp(96, n * 3, u32::from(n) * 900, true, &payload);
        bench.lane.push(&packet, MS * 10 * u32::from(n), false, &mut bench.out);
    }
    bench.lane.drain(&mut bench.out);
    assert_eq!(bench.shown(), [0, 1, 2, 3, 4]);
    assert!(bench.lane.take_key_frame_wish());
}

#[test]
fn what_is_missing_is_waited_for_and_no_longer() {
    let mut bench = Bench::new(true);
    for n in [1, 3] {
        bench.frame(n, n == 1);
    }
    assert_eq!(bench.shown(), [1]);
    bench.lane.release(MS * 30 + PATIENCE - MS, &mut bench.out);
    assert!(bench.shown().is_empty());
    bench.lane.release(MS * 30 + PATIENCE, &mut bench.out);
    assert_eq!(bench.shown(), [3]);
    bench.frame(5, false);
    bench.lane.drain(&mut bench.out);
    assert_eq!(bench.shown(), [5]);
}

#[test]
fn a_pause_another_source_and_another_codec_begin_with_a_key_frame() {
    let mut bench = Bench::new(false);
    bench.frame(1, true);
    let restart = |bench: &mut Bench, n: u16, payload: &[u8]| {
        let packet = rtp(96, n, u32::from(n) * 900, true, payload);
        bench.lane.push(&packet, MS * 10 * u32::from(n), true, &mut bench.out);
    };
    restart(&mut bench, 500, &VP8_INTER);
    assert_eq!(bench.shown(), [1]);
    bench.frame(501, true);
    bench.frame(502, false);
    assert_eq!(bench.shown(), [501, 502], "the pause has its time");
    let mut other = rtp(96, 7, 0, true, &VP8_INTER);
    other[8] = 9;
    bench.lane.push(&other, MS * 5030, false, &mut bench.out);
    other[12..].copy_from_slice(&VP8_INTER);
    let mut key = rtp(96, 8, 900, true, &VP8_KEY);
    key[8] = 9;
    bench.lane.push(&key, MS * 5040, false, &mut bench.out);
    assert_eq!(bench.shown(), [504]);
    // As from senders that call all of VP9 key frames.
    let mut vp9 = rtp(98, 9, 1800, true, &[0x0C, 0x86, 2]);
    vp9[8] = 9;
    bench.lane.push(&vp9, MS * 5050, false, &mut bench.out);
    assert!(bench.shown().is_empty(), "no key frame of VP9");
}

#[test]
fn audio_has_its_exact_length_and_no_gap_costs_more_than_itself() {
    let mut lane = Lane::new(formats(Kind::Audio, &[(111, "audio/opus")]), false, 0);
    let mut out = Vec::new();
    for n in (0..60u16).filter(|n| *n != 5) {
        // 20 ms each; a packet of nothing is none.
        let payload: &[u8] = if n == 7 { &[] } else { &[0xF8, 1, 2] };
        lane.push(&rtp(111, n, u32::from(n) * 960, false, payload), MS * 20 * u32::from(n), false, &mut out);
    }
    let times: Vec<i64> = out.iter().map(|sample| sample.at / 20_000_000).collect();
    assert_eq!(times, (0..60).filter(|n| !matches!(n, 5 | 7)).collect::<Vec<_>>());
    assert!(out.iter().all(|sample| sample.lasts == 20_000_000 && sample.key_frame));
    assert!(!lane.take_key_frame_wish());
}

proptest! {
    #[test]
    fn hostile_packets_never_panic(
        packets in prop::collection::vec(
            (prop::sample::select(vec![96u8, 97, 98, 99, 111]), any::<u16>(), any::<u32>(), any::<bool>(),
             prop::collection::vec(any::<u8>(), 0..60), any::<bool>(), any::<u8>()), 0..60),
        keep: bool,
    ) {
        let codecs = [(96, "video/VP8"), (97, "video/VP9"), (98, "video/H264"), (99, "video/AV1")];
        let mut video = Lane::new(formats(Kind::Video, &codecs), keep, 0);
        let mut audio = Lane::new(formats(Kind::Audio, &[(111, "audio/opus")]), keep, -5);
        let mut out = Vec::new();
        for (n, (payload_type, number, timestamp, marker, payload, restart, ssrc)) in packets.into_iter().enumerate() {
            let mut packet = rtp(payload_type, number % 32, timestamp, marker, &payload);
            packet[8] = ssrc % 3;
            for lane in [&mut video, &mut audio] {
                lane.push(&packet, MS * n as u32, restart && ssrc > 200, &mut out);
                lane.report(timestamp.wrapping_mul(7), i64::from(timestamp) << 20);
            }
        }
        video.drain(&mut out);
        audio.drain(&mut out);
        prop_assert!(out.iter().all(|sample| !sample.data.is_empty() && sample.lasts >= 0));
    }
}
