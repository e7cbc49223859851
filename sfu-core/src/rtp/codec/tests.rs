use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use rtp::codec::{vp8::Vp8Packet, vp9::Vp9Packet};
use rtp::packetizer::Depacketizer;

/// First bytes of a VP8 key frame of 640 x 480 with a picture id of 15 bits, all layer fields present.
const VP8_KEY: [u8; 18] =
    [0x90, 0xF0, 0x9F, 0x26, 0x05, 0x60, 0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01, 0, 0];

#[test]
fn a_vp8_key_frame_is_described_with_its_offsets() {
    let descriptor = Vp8Descriptor::parse(&VP8_KEY).unwrap();
    assert_eq!(
        (descriptor.len, descriptor.picture_id, descriptor.picture_id_is_long),
        (6, Some(0x1F26), true)
    );
    assert_eq!(
        (descriptor.tl0_pic_idx, descriptor.temporal_layer, descriptor.layer_sync),
        (Some(5), Some(1), true)
    );
    assert_eq!((descriptor.picture_id_offset, descriptor.tl0_pic_idx_offset), (2, 4));
    assert_eq!(descriptor.resolution(&VP8_KEY), Some((640, 480)));
    assert!(is_key_frame(Codec::Vp8, &VP8_KEY));
    let mut delta = VP8_KEY;
    delta[6] |= 1;
    assert!(!is_key_frame(Codec::Vp8, &delta));
    delta[6] = 0x10;
    delta[0] = 0x91; // another partition
    assert!(!is_key_frame(Codec::Vp8, &delta));
}

#[test]
fn vp8_numbers_are_rewritten_in_place() {
    let mut payload = VP8_KEY;
    let descriptor = Vp8Descriptor::parse(&payload).unwrap();
    descriptor.set_picture_id(&mut payload, 0x7ABC);
    descriptor.set_tl0_pic_idx(&mut payload, 9);
    let rewritten = Vp8Descriptor::parse(&payload).unwrap();
    assert_eq!(rewritten, Vp8Descriptor { picture_id: Some(0x7ABC), tl0_pic_idx: Some(9), ..descriptor });
    assert_eq!(payload[6..], VP8_KEY[6..]);

    let mut short = [0x90, 0x80, 0x11, 0];
    Vp8Descriptor::parse(&short).unwrap().set_picture_id(&mut short, 0x1FF);
    assert_eq!(short, [0x90, 0x80, 0x7F, 0]);
    let mut none = [0x10, 0];
    Vp8Descriptor::parse(&none).unwrap().set_picture_id(&mut none, 0x1FF);
    assert_eq!(none, [0x10, 0]);
}

#[test]
fn a_vp9_key_frame_tells_its_layers_and_resolution() {
    // I L B V, 15-bit picture id, temporal 0, spatial 0, tl0picidx, scalability of two layers with one picture group entry.
    let mut payload = vec![
        0xAA, 0x81, 0x02, 0x01, 0x07, 0x38, 0x01, 0x40, 0x00, 0xF0, 0x02, 0x80, 0x01, 0xE0, 0x01, 0x04, 0x01,
        0xFF,
    ];
    let descriptor = Vp9Descriptor::parse(&payload).unwrap();
    assert_eq!((descriptor.len, descriptor.picture_id, descriptor.tl0_pic_idx), (17, Some(0x102), Some(7)));
    assert_eq!(
        (descriptor.spatial_layer, descriptor.temporal_layer, descriptor.inter_layer),
        (Some(0), Some(0), true)
    );
    assert_eq!((descriptor.resolution(), descriptor.is_key_frame()), (Some((640, 480)), true));
    descriptor.set_picture_id(&mut payload, 5);
    descriptor.set_tl0_pic_idx(&mut payload, 6);
    let rewritten = Vp9Descriptor::parse(&payload).unwrap();
    assert_eq!((rewritten.picture_id, rewritten.tl0_pic_idx), (Some(5), Some(6)));
    payload[0] |= 0x40; // predicted
    assert!(!is_key_frame(Codec::Vp9, &payload));
}

#[test]
fn h264_key_frames_are_found_in_every_packetization() {
    let is_key = |payload: &[u8]| is_key_frame(Codec::H264, payload);
    assert!(is_key(&[0x65, 1]) && is_key(&[0x67, 1]) && !is_key(&[0x61, 1]) && !is_key(&[0x68, 1]));
    assert!(is_key(&[0x78, 0, 1, 0x09, 0, 2, 0x67, 1]));
    assert!(!is_key(&[0x78, 0, 1, 0x09, 0, 2, 0x61, 1]) && !is_key(&[0x78, 0, 9, 0x67]));
    assert!(
        is_key(&[0x7C, 0x85, 1])
            && !is_key(&[0x7C, 0x05, 1])
            && !is_key(&[0x7C, 0x81, 1])
            && !is_key(&[0x7C])
    );
    let middle = H264Payload::parse(&[0x7C, 0x05, 1]).unwrap();
    assert_eq!((middle.nal_type, middle.start, middle.end), (5, false, false));
}

#[test]
fn h265_and_av1_key_frames_are_found() {
    let h265 = |payload: &[u8]| is_key_frame(Codec::H265, payload);
    assert!(h265(&[19 << 1, 1, 0]) && h265(&[32 << 1, 1, 0]) && !h265(&[1 << 1, 1, 0]));
    assert!(
        h265(&[48 << 1, 1, 0, 1, 1 << 1, 0, 1, 33 << 1]) && !h265(&[48 << 1, 1, 0, 1, 1 << 1, 0, 9, 33 << 1])
    );
    assert!(h265(&[49 << 1, 1, 0x80 | 19]) && !h265(&[49 << 1, 1, 19]));
    assert!(is_key_frame(Codec::Av1, &[0x18, 0x0A]) && !is_key_frame(Codec::Av1, &[0x10, 0x0A]));
    assert!(!is_key_frame(Codec::Av1, &[0x98, 0x0A]) && !is_key_frame(Codec::Opus, &[0x18, 0x0A]));
}

#[test]
fn opus_packets_tell_their_duration() {
    let duration = |payload: &[u8]| OpusToc::parse(payload).map(|toc| toc.duration);
    assert_eq!(duration(&[0x78]), Some(960)); // CELT fullband 20 ms, one frame: 31 << 3 is 0xF8
    assert_eq!(duration(&[0xF8]), Some(960));
    assert_eq!(duration(&[0xF9]), Some(1920));
    assert_eq!(duration(&[0x18]), Some(2880)); // SILK narrowband 60 ms
    assert_eq!(duration(&[0x80]), Some(120));
    assert_eq!(duration(&[0xFB, 6]), Some(5760));
    assert_eq!(
        (duration(&[0xFB, 7]), duration(&[0xFB, 0]), duration(&[0xFB]), duration(&[])),
        (None, None, None, None)
    );
    assert!(is_opus_dtx(&[0xF8, 0xFF]) && !is_opus_dtx(&[0xF8, 0xFF, 0xFE]));
}

#[test]
fn mime_types_name_codecs_in_any_case() {
    assert_eq!(Codec::from_mime("VIDEO/vp8"), Some(Codec::Vp8));
    assert_eq!(Codec::from_mime("audio/OPUS"), Some(Codec::Opus));
    assert_eq!(Codec::from_mime("audio/red"), Some(Codec::OtherAudio));
    assert_eq!(Codec::from_mime("video/ulpfec").map(Codec::kind), Some(MediaKind::Video));
    assert_eq!((Codec::from_mime("application/x"), Codec::from_mime("opus")), (None, None));
}

proptest! {
    #[test]
    fn vp8_descriptors_agree_with_the_oracle(payload in prop::collection::vec(any::<u8>(), 12..20)) {
        let mut theirs = Vp8Packet::default();
        let rest = theirs.depacketize(&Bytes::from(payload.clone())).unwrap();
        let ours = Vp8Descriptor::parse(&payload).unwrap();
        prop_assert_eq!(usize::from(ours.len), payload.len() - rest.len());
        prop_assert_eq!(ours.picture_id.unwrap_or(0), theirs.picture_id);
        prop_assert_eq!(ours.tl0_pic_idx.unwrap_or(0), theirs.tl0_pic_idx);
        prop_assert_eq!(ours.temporal_layer.unwrap_or(0), theirs.tid);
        prop_assert_eq!(ours.key_idx.unwrap_or(0), theirs.key_idx);
        prop_assert_eq!((u8::from(ours.layer_sync), u8::from(ours.partition_start), ours.partition), (theirs.y, theirs.s, theirs.pid));
    }

    #[test]
    fn vp9_descriptors_agree_with_the_oracle(payload in prop::collection::vec(any::<u8>(), 60..80)) {
        let mut theirs = Vp9Packet::default();
        let rest = theirs.depacketize(&Bytes::from(payload.clone()));
        // It counts references and spatial layers otherwise, and takes reserved bits for the group flag.
        if let (Ok(rest), Some(ours)) = (rest, Vp9Descriptor::parse(&payload)) {
            if !theirs.v {
                prop_assert_eq!(usize::from(ours.len), payload.len() - rest.len());
            }
            prop_assert_eq!(ours.picture_id.unwrap_or(0), theirs.picture_id);
            prop_assert_eq!(ours.tl0_pic_idx.unwrap_or(0), theirs.tl0picidx);
            prop_assert_eq!((ours.spatial_layer.unwrap_or(0), ours.temporal_layer.unwrap_or(0)), (theirs.sid, theirs.tid));
            prop_assert_eq!((ours.start, ours.end, ours.inter_picture, ours.flexible), (theirs.b, theirs.e, theirs.p, theirs.f));
        }
    }

    #[test]
    fn hostile_payloads_never_panic(mut payload in prop::collection::vec(any::<u8>(), 0..40), picture_id: u16) {
        for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::H265, Codec::Av1, Codec::Opus] {
            let _ = is_key_frame(codec, &payload);
        }
        let _ = OpusToc::parse(&payload);
        if let Some(descriptor) = Vp8Descriptor::parse(&payload) {
            prop_assert!(usize::from(descriptor.len) <= payload.len());
            let _ = descriptor.resolution(&payload);
            descriptor.set_picture_id(&mut payload, picture_id);
            prop_assert_eq!(Vp8Descriptor::parse(&payload).unwrap().len, descriptor.len);
        }
        if let Some(descriptor) = Vp9Descriptor::parse(&payload) {
            prop_assert!(usize::from(descriptor.len) <= payload.len());
            let _ = descriptor.resolution();
            descriptor.set_picture_id(&mut payload, picture_id);
            prop_assert_eq!(Vp9Descriptor::parse(&payload).unwrap().len, descriptor.len);
        }
    }
}
