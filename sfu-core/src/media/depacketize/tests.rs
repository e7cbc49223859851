use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use rtp::codec::{av1::Av1Payloader, h264::H264Payloader, vp8::Vp8Payloader, vp9::Vp9Payloader};
use rtp::packetizer::Payloader;

/// A packet: timestamp, marker, payload.
type Packet = (u32, bool, Vec<u8>);

fn packets(payloader: &mut dyn Payloader, frames: &[Vec<u8>]) -> Vec<Packet> {
    let mut packets = vec![];
    for (timestamp, frame) in (0..).step_by(3000).zip(frames) {
        let payloads = payloader.payload(100, &Bytes::from(frame.clone())).unwrap();
        let count = payloads.len();
        packets
            .extend(payloads.into_iter().enumerate().map(|(n, p)| (timestamp, n + 1 == count, p.to_vec())));
    }
    packets
}

/// Everything that comes out, where packet numbers for which `arrives` is false are left out.
fn frames(codec: Codec, packets: &[Packet], arrives: impl Fn(usize) -> bool) -> Vec<Frame> {
    let mut depacketizer = Depacketizer::new(codec).unwrap();
    let numbered = packets.iter().enumerate().filter(|(n, _)| arrives(*n));
    numbered
        .filter_map(|(n, (timestamp, marker, payload))| {
            depacketizer.push(65530u16.wrapping_add(n as u16), *timestamp, *marker, payload).unwrap()
        })
        .collect()
}

fn data(frames: Vec<Frame>) -> Vec<Vec<u8>> {
    frames.into_iter().map(|frame| frame.data).collect()
}

fn vp8_frames(sizes: &[usize]) -> Vec<Vec<u8>> {
    sizes
        .iter()
        .enumerate()
        .map(|(n, size)| [vec![u8::from(n != 0)], vec![n as u8; *size]].concat())
        .collect()
}

const SPS: [u8; 8] = [0, 0, 0, 1, 0x67, 0x42, 0xC0, 0x1F];
const PPS: [u8; 6] = [0, 0, 0, 1, 0x68, 0xCE];

fn h264_frame(nal: u8, size: usize) -> Vec<u8> {
    [&[0, 0, 0, 1, nal][..], &vec![0xAB; size]].concat()
}

#[test]
fn vp8_frames_come_out_as_they_went_in() {
    let sent = vp8_frames(&[500, 3, 250, 98, 99]);
    let mut payloader = Vp8Payloader::default();
    payloader.enable_picture_id = true;
    let packets = packets(&mut payloader, &sent);
    let got = frames(Codec::Vp8, &packets, |_| true);
    assert_eq!(
        got.iter().map(|frame| frame.key_frame).collect::<Vec<_>>(),
        [true, false, false, false, false]
    );
    assert_eq!(got.iter().map(|frame| frame.timestamp).collect::<Vec<_>>(), [0, 3000, 6000, 9000, 12000]);
    assert_eq!(data(got), sent);
}

#[test]
fn a_lost_packet_costs_its_frame_only() {
    let sent = vp8_frames(&[150, 150, 150, 150]);
    let packets = packets(&mut Vp8Payloader::default(), &sent);
    assert_eq!(packets.len(), 8);
    assert_eq!(data(frames(Codec::Vp8, &packets, |n| n != 2)), [&sent[..1], &sent[2..]].concat());
    assert_eq!(data(frames(Codec::Vp8, &packets, |n| n != 3)), [&sent[..1], &sent[2..]].concat());
    assert_eq!(data(frames(Codec::Vp8, &packets, |n| n != 3 && n != 4)), [&sent[..1], &sent[3..]].concat());
    assert_eq!(data(frames(Codec::Vp8, &packets, |n| n > 0)), sent[1..]);
}

#[test]
fn a_late_packet_is_ignored() {
    let mut depacketizer = Depacketizer::new(Codec::Vp8).unwrap();
    assert_eq!(depacketizer.push(5, 0, false, &[0x10, 1, 1]), Ok(None));
    assert_eq!(depacketizer.push(4, 0, true, &[0x10, 1, 1]), Ok(None));
    let frame = depacketizer.push(6, 0, true, &[0x00, 2]).unwrap().unwrap();
    assert_eq!((frame.data, depacketizer.dropped()), (vec![1, 1, 2], 0));
}

#[test]
fn a_frame_without_end_is_dropped() {
    let mut depacketizer = Depacketizer::new(Codec::Vp8).unwrap();
    assert_eq!(depacketizer.push(5, 0, false, &[0x10, 1, 1]), Ok(None));
    let frame = depacketizer.push(6, 10, true, &[0x10, 2]).unwrap().unwrap();
    assert_eq!((frame.data, frame.timestamp, depacketizer.dropped()), (vec![2], 10, 1));
}

#[test]
fn vp9_pictures_come_out_as_they_went_in() {
    let sent = vp8_frames(&[500, 3, 250]);
    let packets = packets(&mut Vp9Payloader::default(), &sent);
    assert_eq!(data(frames(Codec::Vp9, &packets, |_| true)), sent);
}

#[test]
fn h264_comes_out_as_annex_b() {
    let key = [&SPS[..], &PPS, &h264_frame(0x65, 400)].concat();
    let sent = [key, h264_frame(0x41, 20), h264_frame(0x41, 300)];
    let packets = packets(&mut H264Payloader::default(), &sent);
    let got = frames(Codec::H264, &packets, |_| true);
    assert_eq!(got.iter().map(|frame| frame.key_frame).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(data(got), sent);
    // Without the start of the first one nothing is known to start a frame until the first marker.
    assert_eq!(data(frames(Codec::H264, &packets, |n| n != 0)), sent[1..]);
}

#[test]
fn av1_comes_out_with_sizes() {
    let unit = |kind: u8, size: usize| {
        let mut unit = vec![kind << 3 | 0x02];
        unit.extend(if size < 128 { vec![size as u8] } else { vec![size as u8 | 0x80, (size >> 7) as u8] });
        unit.extend(vec![kind; size]);
        unit
    };
    let sent = [[unit(1, 10), unit(6, 400)].concat(), unit(6, 5), [unit(6, 250), unit(5, 3)].concat()];
    let packets = packets(&mut Av1Payloader {}, &sent);
    let got = frames(Codec::Av1, &packets, |_| true);
    assert!(got[0].key_frame && !got[1].key_frame);
    assert_eq!(data(got), sent);
    assert_eq!(data(frames(Codec::Av1, &packets, |n| n != 1)), sent[1..]);
}

#[test]
fn audio_packets_are_frames() {
    let mut depacketizer = Depacketizer::new(Codec::Opus).unwrap();
    let frame = depacketizer.push(1, 960, false, &[0xF8, 1, 2]).unwrap().unwrap();
    assert_eq!(frame, Frame { timestamp: 960, key_frame: true, data: vec![0xF8, 1, 2] });
    assert!(Depacketizer::new(Codec::OtherVideo).is_none());
}

#[test]
fn a_frame_without_bounds_is_given_up() {
    let mut depacketizer = Depacketizer::new(Codec::Vp8).unwrap();
    let payload = vec![0; 60_000];
    depacketizer.push(0, 0, false, &[0x10, 0]).unwrap();
    let results: Vec<_> = (1..200).map(|n| depacketizer.push(n, 0, false, &payload)).collect();
    assert_eq!(results.iter().filter(|result| **result == Err(DepacketizeError::TooLong)).count(), 1);
    assert_eq!((depacketizer.dropped(), depacketizer.data.capacity()), (1, 0));
}

proptest! {
    #[test]
    fn hostile_streams_never_panic(
        codec in prop::sample::select(vec![Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1, Codec::Opus]),
        packets in prop::collection::vec((0..4u16, 0..3u32, any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..40),
    ) {
        let mut depacketizer = Depacketizer::new(codec).unwrap();
        let mut sequence = 0u16;
        for (step, timestamp, marker, payload) in packets {
            sequence = sequence.wrapping_add(step).wrapping_sub(u16::from(step == 3) * 5);
            if let Ok(Some(frame)) = depacketizer.push(sequence, timestamp, marker, &payload) {
                prop_assert!(!frame.data.is_empty());
            }
        }
    }

    #[test]
    fn lost_packets_never_give_a_wrong_frame(
        sizes in prop::collection::vec(1..400usize, 1..12),
        lost in prop::collection::btree_set(0..40usize, 0..10),
        h264: bool,
    ) {
        let sent: Vec<Vec<u8>> = if h264 {
            sizes.iter().map(|size| h264_frame(0x41, *size + 2)).collect()
        } else {
            vp8_frames(&sizes)
        };
        let codec = if h264 { Codec::H264 } else { Codec::Vp8 };
        let packets = match codec {
            Codec::H264 => packets(&mut H264Payloader::default(), &sent),
            _ => packets(&mut Vp8Payloader::default(), &sent),
        };
        for frame in frames(codec, &packets, |n| !lost.contains(&n)) {
            prop_assert_eq!(&frame.data, &sent[frame.timestamp as usize / 3000]);
        }
    }
}
