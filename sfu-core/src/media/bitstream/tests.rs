use super::*;
use proptest::prelude::*;

/// What encoders say of pictures of 320×180, and of 322×182 with all their colours.
const SPS: [u8; 23] = [
    0x67, 0x42, 0xC0, 0x0D, 0xDA, 0x05, 0x06, 0x7E, 0x7C, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00,
    0x00, 0x0F, 0x03, 0xC5, 0x0A, 0xA8,
];
const SPS_444: [u8; 27] = [
    0x67, 0xF4, 0x00, 0x0D, 0x91, 0x9B, 0x28, 0x2A, 0x33, 0xC7, 0xC5, 0xE0, 0x22, 0x00, 0x00, 0x03, 0x00,
    0x02, 0x00, 0x00, 0x03, 0x00, 0x78, 0x1E, 0x28, 0x53, 0x2C,
];
const AV1: [u8; 15] =
    [0x12, 0x00, 0x0A, 0x0B, 0x00, 0x00, 0x00, 0x04, 0x3C, 0xFE, 0xCC, 0xDA, 0xF9, 0x00, 0x40];

#[test]
fn nal_units_are_what_is_between_start_codes() {
    let frame = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0x65, 0, 0, 1, 9];
    assert_eq!(AnnexBNals::new(&frame).collect::<Vec<_>>(), [&[0x67, 1][..], &[0x65, 0, 0, 1, 9]]);
    assert_eq!(AnnexBNals::new(&[0x65, 1]).count(), 0);
}

#[test]
fn sizes_of_key_frames_are_read() {
    let vp8 = [0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x42, 0xE0, 0x01];
    assert_eq!(vp8_size(&vp8), Some((640, 480)));
    assert_eq!(vp8_size(&[0x11, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01]), None);
    // Marker, profile 0, key frame that is shown; sync code; BT.601, 640x360.
    let vp9 = [0x82, 0x49, 0x83, 0x42, 0x20, 0x27, 0xF0, 0x16, 0x70];
    assert_eq!(vp9_key_frame(&vp9), Some(Vp9Header { profile: 0, width: 640, height: 360 }));
    assert_eq!(vp9_key_frame(&[0x86, 0x49, 0x83, 0x42, 0x20, 0x27, 0xF0, 0x16, 0x70]), None);
    let sps = H264Sps::parse(&SPS).unwrap();
    assert_eq!((sps.profile, sps.constraints, sps.level), (0x42, 0xC0, 0x0D));
    assert_eq!((sps.width, sps.height), (320, 180));
    let sps = H264Sps::parse(&SPS_444).unwrap();
    assert_eq!((sps.profile, sps.width, sps.height), (0xF4, 322, 182));
    assert!((0..12).all(|len| H264Sps::parse(&SPS_444[..len]).is_none()));
    let (header, unit) = Av1SequenceHeader::find(&AV1).unwrap();
    assert_eq!((header.width, header.height, header.profile, header.level), (320, 180, 0, 0));
    assert!(header.subsampled_x && header.subsampled_y && !header.monochrome && !header.high_bit_depth);
    assert_eq!(unit, &AV1[2..]);
    assert!((0..AV1.len()).all(|len| Av1SequenceHeader::find(&AV1[..len]).is_none()));
}

proptest! {
    #[test]
    fn hostile_headers_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..120), first: u8) {
        let _ = (vp8_size(&bytes), vp9_key_frame(&bytes), Av1SequenceHeader::parse(&bytes));
        let nal = [&[0x67, first][..], &bytes].concat();
        let _ = (H264Sps::parse(&nal), AnnexBNals::new(&bytes).count());
        let obu = [&[0x0A, bytes.len() as u8][..], &bytes].concat();
        let _ = (Av1SequenceHeader::find(&obu), Av1Obus::new(&bytes).count());
    }
}
