//! What the header of a file says of one track.
use sfu_core::media::bitstream::{AnnexBNals, Av1SequenceHeader, H264Sps, vp8_size, vp9_key_frame};
use sfu_core::media::{Codec, Frame};

use crate::ebml::*;

/// Longest parameter set of H264 that a header holds, in bytes.
const MAX_SET: usize = 512;

const SPS: u8 = 7;
const PPS: u8 = 8;

/// The head of an Opus stream of two channels, without anything to skip (RFC 7845 section 5.1).
pub const OPUS_HEAD: [u8; 19] =
    [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', 1, 2, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0];

/// Whether files that are played can hold a codec.
pub fn is_playable(codec: Codec) -> bool {
    is_webm(codec) || codec == Codec::H264
}

/// Whether WebM has a codec, or it takes Matroska.
pub fn is_webm(codec: Codec) -> bool {
    matches!(codec, Codec::Vp8 | Codec::Vp9 | Codec::Av1 | Codec::Opus)
}

/// What is known of a track before its first frame is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackEntry {
    codec: Codec,
    private: Vec<u8>,
    /// Width and height in pixels, of video.
    size: Option<(u32, u32)>,
}

/// The parameter sets of an H264 stream, as they came.
#[derive(Debug, Clone, Default)]
pub struct ParameterSets {
    sps: Vec<u8>,
    pps: Vec<u8>,
}

impl ParameterSets {
    /// Keeps the sets in a frame of Annex B form.
    fn take(&mut self, frame: &[u8]) {
        for nal in AnnexBNals::new(frame).filter(|nal| nal.len() <= MAX_SET) {
            match nal.first().map(|byte| byte & 0x1F) {
                Some(SPS) => nal.clone_into(&mut self.sps),
                Some(PPS) => nal.clone_into(&mut self.pps),
                _ => {}
            }
        }
    }

    /// An AVC decoder configuration record (ISO/IEC 14496-15 section 5.3.3), with lengths of 4 bytes.
    fn record(&self) -> Option<(H264Sps, Vec<u8>)> {
        let sps = H264Sps::parse(&self.sps)?;
        if self.pps.is_empty() {
            return None;
        }
        let mut record = vec![1, sps.profile, sps.constraints, sps.level, 0xFF, 0xE1];
        record.extend((self.sps.len() as u16).to_be_bytes());
        record.extend(&self.sps);
        record.push(1);
        record.extend((self.pps.len() as u16).to_be_bytes());
        record.extend(&self.pps);
        Some((sps, record))
    }
}

impl TrackEntry {
    /// The entry of a track that begins with this key frame; `None` if the frame doesn't say what it takes.
    pub fn of(codec: Codec, frame: &Frame, sets: &mut ParameterSets) -> Option<TrackEntry> {
        let entry = |private, size| Some(TrackEntry { codec, private, size });
        match codec {
            Codec::Opus => entry(OPUS_HEAD.to_vec(), None),
            _ if !frame.key_frame => {
                sets.take(if codec == Codec::H264 { &frame.data } else { &[] });
                None
            }
            Codec::Vp8 => {
                let (width, height) = vp8_size(&frame.data)?;
                entry(Vec::new(), Some((width.into(), height.into())))
            }
            Codec::Vp9 => {
                let header = vp9_key_frame(&frame.data)?;
                entry(Vec::new(), Some((header.width, header.height)))
            }
            Codec::H264 => {
                sets.take(&frame.data);
                let (sps, record) = sets.record()?;
                entry(record, Some((sps.width, sps.height)))
            }
            Codec::Av1 => {
                let (header, unit) = Av1SequenceHeader::find(&frame.data)?;
                let flag = |is: bool, bit: u8| u8::from(is) << bit;
                // An AV1 codec configuration record (AV1-ISOBMFF section 2.3.3).
                let mut record = vec![
                    0x81,
                    header.profile << 5 | header.level,
                    flag(header.high_tier, 7)
                        | flag(header.high_bit_depth, 6)
                        | flag(header.twelve_bits, 5)
                        | flag(header.monochrome, 4)
                        | flag(header.subsampled_x, 3)
                        | flag(header.subsampled_y, 2)
                        | header.chroma_sample_position,
                    0,
                ];
                record.extend((unit.len() <= MAX_SET).then_some(unit)?);
                entry(record, Some((header.width, header.height)))
            }
            _ => None,
        }
    }

    /// Whether it is video.
    pub fn is_video(&self) -> bool {
        self.size.is_some()
    }

    /// The element, for the track of this number.
    pub fn to_bytes(&self, number: u8, uid: u64, name: &str) -> Vec<u8> {
        let mut out = Vec::new();
        put_master(&mut out, TRACK_ENTRY, |out| {
            put_uint(out, TRACK_NUMBER, number.into());
            put_uint(out, TRACK_UID, uid.max(1));
            put_uint(out, TRACK_TYPE, if self.is_video() { 1 } else { 2 });
            put_uint(out, FLAG_LACING, 0);
            put(out, NAME, name.as_bytes());
            let id: &[u8] = match self.codec {
                Codec::Vp8 => b"V_VP8",
                Codec::Vp9 => b"V_VP9",
                Codec::Av1 => b"V_AV1",
                Codec::H264 => b"V_MPEG4/ISO/AVC",
                _ => b"A_OPUS",
            };
            put(out, CODEC_ID, id);
            if !self.private.is_empty() {
                put(out, CODEC_PRIVATE, &self.private);
            }
            match self.size {
                Some((width, height)) => put_master(out, VIDEO, |out| {
                    put_uint(out, PIXEL_WIDTH, width.into());
                    put_uint(out, PIXEL_HEIGHT, height.into());
                }),
                None => {
                    // A decoder is right after so many nanoseconds.
                    put_uint(out, SEEK_PRE_ROLL, 80_000_000);
                    put_master(out, AUDIO, |out| {
                        put_float(out, SAMPLING_FREQUENCY, 48_000.0);
                        put_uint(out, CHANNELS, 2);
                    });
                }
            }
        });
        out
    }
}

/// A frame as containers hold it: H264 with lengths instead of start codes, parameter sets kept; all else as it is.
pub fn to_sample(codec: Codec, frame: Vec<u8>) -> Vec<u8> {
    if codec != Codec::H264 {
        return frame;
    }
    let mut sample = Vec::with_capacity(frame.len());
    for nal in AnnexBNals::new(&frame) {
        sample.extend((nal.len() as u32).to_be_bytes());
        sample.extend_from_slice(nal);
    }
    sample
}

/// Whether a frame of H264 holds a picture, and not only what is about pictures.
pub fn has_picture(codec: Codec, frame: &[u8]) -> bool {
    codec != Codec::H264
        || AnnexBNals::new(frame).any(|nal| nal.first().is_some_and(|byte| matches!(byte & 0x1F, 1..=5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(key_frame: bool, data: &[u8]) -> Frame {
        Frame { timestamp: 0, key_frame, data: data.to_vec() }
    }

    #[test]
    fn parameter_sets_may_come_before_the_picture() {
        let sets = &mut ParameterSets::default();
        let sps = [0, 0, 0, 1, 0x67, 0x42, 0xC0, 0x1F, 0xF4, 0x05, 0x01, 0xE8];
        let idr = [0, 0, 0, 1, 0x65, 1, 2, 3];
        assert_eq!(TrackEntry::of(Codec::H264, &frame(true, &idr), sets), None);
        assert_eq!(TrackEntry::of(Codec::H264, &frame(true, &sps), sets), None);
        assert!(!has_picture(Codec::H264, &sps) && has_picture(Codec::H264, &idr));
        TrackEntry::of(Codec::H264, &frame(false, &[0, 0, 0, 1, 0x68, 9]), sets);
        let entry = TrackEntry::of(Codec::H264, &frame(true, &idr), sets).unwrap();
        assert!(entry.is_video());
        assert_eq!(entry.private.get(..8), Some(&[1, 0x42, 0xC0, 0x1F, 0xFF, 0xE1, 0, 8][..]));
        assert!(entry.private.ends_with(&[1, 0, 2, 0x68, 9]));
    }

    #[test]
    fn samples_have_lengths() {
        let annex_b = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x65];
        assert_eq!(to_sample(Codec::H264, annex_b.to_vec()), [0, 0, 0, 2, 0x67, 1, 0, 0, 0, 1, 0x65]);
        assert_eq!(to_sample(Codec::Vp8, annex_b.to_vec()), annex_b);
    }

    #[test]
    fn what_says_no_size_begins_no_track() {
        let sets = &mut ParameterSets::default();
        for codec in [Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264] {
            assert_eq!(TrackEntry::of(codec, &frame(true, &[0; 20]), sets), None);
        }
        let vp8 = [0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01];
        assert!(TrackEntry::of(Codec::Vp8, &frame(false, &vp8), sets).is_none());
        assert_eq!(TrackEntry::of(Codec::Vp8, &frame(true, &vp8), sets).unwrap().size, Some((640, 480)));
    }
}
