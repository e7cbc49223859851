//! What a producer sends, in the words of the recording format.
use sfu_core::control::{MediaKind, RtpCodecParameters, RtpParameters};
use sfu_core::media::Codec;
use sfu_core::media::mjr::{MjrHeader, MjrMedia};

/// Longest format parameters in bytes that go into a file: its header has room for 1499 bytes in all.
const MAX_FMTP: usize = 600;

/// One way to send media, under one payload type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// RTP payload type.
    pub payload_type: u8,
    /// Codec in the words of the format, `vp8`.
    pub codec: &'static str,
    /// The codec.
    pub media: Codec,
    /// Format parameters as in SDP.
    pub fmtp: Option<String>,
}

/// Everything about a producer that its files say.
#[derive(Debug, Clone)]
pub struct Formats {
    /// Audio or video.
    pub kind: MediaKind,
    /// The ways that can be recorded; comfort noise, telephone events and repair streams are none.
    pub formats: Vec<Format>,
    /// Packets of any other payload type are recorded, too.
    pub takes_any: bool,
    /// Header extensions with ids from 1 to 15.
    pub extensions: Vec<(u8, String)>,
}

impl Formats {
    /// The formats of a producer; none if it sends nothing that can be recorded.
    pub fn of(kind: MediaKind, parameters: &RtpParameters) -> Formats {
        let formats = parameters
            .codecs
            .iter()
            .filter_map(|codec| {
                let name = codec_name(codec).filter(|(of, _)| *of == kind)?.1;
                let media = Codec::from_mime(&codec.mime_type)?;
                Some(Format { payload_type: codec.payload_type, codec: name, media, fmtp: fmtp(codec) })
            })
            .collect();
        let extensions = parameters
            .header_extensions
            .iter()
            .filter(|extension| (1..=15).contains(&extension.id))
            .map(|extension| (extension.id, extension.uri.clone()))
            .collect();
        Formats { kind, formats, takes_any: false, extensions }
    }

    /// The format with this payload type.
    pub fn get(&self, payload_type: u8) -> Option<&Format> {
        self.formats.iter().find(|format| format.payload_type == payload_type)
    }

    /// Whether packets of this payload type are recorded.
    pub fn takes(&self, payload_type: u8) -> bool {
        self.takes_any || self.get(payload_type).is_some()
    }

    /// The header of a file in this format, without extensions.
    pub fn header(&self, format: &Format) -> MjrHeader {
        let media = match self.kind {
            MediaKind::Audio => MjrMedia::Audio,
            MediaKind::Video => MjrMedia::Video,
        };
        let mut header = MjrHeader::new(media, format.codec);
        header.fmtp.clone_from(&format.fmtp);
        header
    }

    /// `audio` or `video`.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
        }
    }
}

fn codec_name(codec: &RtpCodecParameters) -> Option<(MediaKind, &'static str)> {
    Some(match Codec::from_mime(&codec.mime_type)? {
        Codec::Opus => (MediaKind::Audio, "opus"),
        Codec::MultiOpus => (MediaKind::Audio, "multiopus"),
        Codec::Pcmu => (MediaKind::Audio, "pcmu"),
        Codec::Pcma => (MediaKind::Audio, "pcma"),
        Codec::G722 => (MediaKind::Audio, "g722"),
        Codec::L16 if codec.clock_rate == 48_000 => (MediaKind::Audio, "l16-48"),
        Codec::L16 => (MediaKind::Audio, "l16"),
        Codec::Vp8 => (MediaKind::Video, "vp8"),
        Codec::Vp9 => (MediaKind::Video, "vp9"),
        Codec::H264 => (MediaKind::Video, "h264"),
        Codec::H265 => (MediaKind::Video, "h265"),
        Codec::Av1 => (MediaKind::Video, "av1"),
        _ => return None,
    })
}

fn fmtp(codec: &RtpCodecParameters) -> Option<String> {
    let pairs: Vec<String> = codec.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let fmtp = pairs.join(";");
    (!fmtp.is_empty() && fmtp.len() <= MAX_FMTP).then_some(fmtp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sfu_core::control::RtpHeaderExtensionParameters;

    fn codec(mime: &str, payload_type: u8, clock_rate: u32) -> RtpCodecParameters {
        RtpCodecParameters { mime_type: mime.into(), payload_type, clock_rate, ..Default::default() }
    }

    #[test]
    fn codecs_have_the_names_that_readers_know() {
        let names = |kind, codecs: Vec<RtpCodecParameters>| {
            let formats = Formats::of(kind, &RtpParameters { codecs, ..Default::default() });
            formats.formats.iter().map(|format| (format.payload_type, format.codec)).collect::<Vec<_>>()
        };
        let video = ["VP8", "vp9", "H264", "AV1", "H265", "rtx", "red", "flexfec-03"];
        let video =
            (96u8..).zip(video).map(|(pt, name)| codec(&format!("video/{name}"), pt, 90_000)).collect();
        let expected = [(96, "vp8"), (97, "vp9"), (98, "h264"), (99, "av1"), (100, "h265")];
        assert_eq!(names(MediaKind::Video, video), expected);
        let audio = ["opus", "PCMU", "PCMA", "G722", "multiopus", "telephone-event", "CN", "L16"];
        let mut audio: Vec<_> =
            (0u8..).zip(audio).map(|(pt, name)| codec(&format!("audio/{name}"), pt, 16_000)).collect();
        audio.push(codec("audio/L16", 9, 48_000));
        audio.push(codec("video/VP8", 10, 90_000));
        let expected =
            [(0, "opus"), (1, "pcmu"), (2, "pcma"), (3, "g722"), (4, "multiopus"), (7, "l16"), (9, "l16-48")];
        assert_eq!(names(MediaKind::Audio, audio), expected);
    }

    #[test]
    fn the_header_says_profile_and_extensions() {
        let mut vp9 = codec("video/VP9", 98, 90_000);
        vp9.parameters.insert("profile-id".into(), "2".into());
        let mut long = codec("video/H264", 99, 90_000);
        long.parameters.insert("sprop-parameter-sets".into(), "x".repeat(700));
        let extension = |id, uri: &str| RtpHeaderExtensionParameters { uri: uri.into(), id };
        let formats = Formats::of(
            MediaKind::Video,
            &RtpParameters {
                codecs: vec![vp9, long],
                header_extensions: vec![extension(3, "urn:three"), extension(16, "urn:sixteen")],
                ..Default::default()
            },
        );
        assert_eq!(formats.header(formats.get(98).unwrap()).fmtp.as_deref(), Some("profile-id=2"));
        assert_eq!(formats.header(formats.get(99).unwrap()).fmtp, None);
        assert_eq!(formats.extensions, [(3, "urn:three".to_owned())]);
        assert!(formats.get(97).is_none());
    }
}
