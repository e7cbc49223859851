//! What a file is, by its beginning.
use sfu_core::media::mjr::{MjrError, MjrMedia, MjrReader};

use crate::ebml::{
    CODEC_ID, DATE_UTC, DOC_TYPE, EBML, Elements, INFO, SEGMENT, TRACK_ENTRY, TRACK_TYPE, TRACKS, uint,
};
use crate::{ogg, pcapng};

/// Bytes of a file that are enough to tell.
pub const ENOUGH: u64 = 4096;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A recording.
    Recording(About),
    /// A recording of nothing.
    Empty,
}

/// What a recording says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// When it began, in milliseconds since 1970.
    pub started: u64,
    /// `audio`, `video` or `data`; of several, `video`.
    pub kind: &'static str,
    /// Codec in the words of MJR; of several, with commas.
    pub codec: String,
}

/// Looks at the first [`ENOUGH`] bytes of a file, or all of a shorter one; `None`: it is no recording.
pub fn sniff(head: &[u8]) -> Option<Found> {
    match MjrReader::open(head) {
        Ok(reader) => {
            let header = reader.header();
            let kind = match header.media {
                MjrMedia::Audio => "audio",
                MjrMedia::Video => "video",
                MjrMedia::Data => "data",
            };
            let codec = header.codec.chars().take(32).collect();
            return Some(Found::Recording(About { started: header.created / 1000, kind, codec }));
        }
        Err(MjrError::Aborted) => return Some(Found::Empty),
        Err(_) => {}
    }
    if let Some(started) = ogg::started(head) {
        return Some(Found::Recording(About { started, kind: "audio", codec: "opus".into() }));
    }
    capture(head).or_else(|| matroska(head)).map(Found::Recording)
}

fn capture(head: &[u8]) -> Option<About> {
    let (streams, started) = pcapng::read(head)?;
    let (mut kind, mut codecs) = ("audio", Vec::new());
    for (of, codec) in streams.iter().filter_map(|about| about.split(',').next()?.split_once(' ')) {
        if of == "video" {
            kind = "video";
        }
        codecs.extend(codec.split('+').filter(|codec| codec.len() <= 32));
    }
    codecs.sort_unstable();
    codecs.dedup();
    Some(About { started: started / 1_000_000, kind, codec: codecs.join(",") })
}

fn matroska(head: &[u8]) -> Option<About> {
    let doc_type = Elements::new(Elements::new(head).find(EBML)?).find(DOC_TYPE)?;
    if !matches!(doc_type, b"webm" | b"matroska") {
        return None;
    }
    let segment = Elements::new(Elements::new(head).find(SEGMENT)?);
    let date = Elements::new(segment.clone().find(INFO)?).find(DATE_UTC).map_or(0, uint) as i64;
    let tracks = Elements::new(segment.find(TRACKS)?).filter(|(id, _)| *id == TRACK_ENTRY);
    let (mut kind, mut codecs) = ("audio", Vec::new());
    for (_, track) in tracks.take(16) {
        let track = Elements::new(track);
        if track.clone().find(TRACK_TYPE).map(uint) == Some(1) {
            kind = "video";
        }
        let codec = match track.find(CODEC_ID)? {
            b"V_VP8" => "vp8",
            b"V_VP9" => "vp9",
            b"V_AV1" => "av1",
            b"V_MPEG4/ISO/AVC" => "h264",
            b"A_OPUS" => "opus",
            _ => continue,
        };
        if !codecs.contains(&codec) {
            codecs.push(codec);
        }
    }
    // Nanoseconds since 2001.
    let started = (date / 1_000_000).saturating_add(978_307_200_000).max(0) as u64;
    Some(About { started, kind, codec: codecs.join(",") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_recording_is_none() {
        assert_eq!(sniff(b"MJR00002"), Some(Found::Empty));
        for head in [&b""[..], b"MJR00001", b"something else", b"OggS", &[0x1A, 0x45, 0xDF, 0xA3, 0x80]] {
            assert_eq!(sniff(head), None, "{head:?}");
        }
    }

    proptest! {
        #[test]
        fn hostile_files_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), which in 0..3usize) {
            let start: [&[u8]; 3] = [b"", b"\x1A\x45\xDF\xA3\x87\x42\x82\x84webm\x18\x53\x80\x67", b"OggS OpusHead STARTED="];
            let _ = sniff(&[start[which], &bytes].concat());
        }
    }
}
