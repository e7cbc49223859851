//! What a plain RTP stream carries.
use std::collections::BTreeMap;

use sfu_core::control::{MediaKind, RtcpFeedback, RtpCodecParameters};

/// Codecs whose clock rate and channels need not be told.
const KNOWN: [(&str, u32, Option<u8>); 9] = [
    ("audio/opus", 48_000, Some(2)),
    ("audio/PCMU", 8_000, None),
    ("audio/PCMA", 8_000, None),
    ("audio/G722", 8_000, None),
    ("video/VP8", 90_000, None),
    ("video/VP9", 90_000, None),
    ("video/H264", 90_000, None),
    ("video/H265", 90_000, None),
    ("video/AV1", 90_000, None),
];

/// Payload formats that repair or wrap others, so that a stream of them alone can't be played.
const NO_MEDIA: [&str; 7] = ["rtx", "red", "ulpfec", "flexfec", "flexfec-03", "cn", "telephone-event"];

/// A codec as a request for plain RTP names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Codec {
    /// `video/VP8`.
    pub(crate) mime_type: String,
    /// Hz.
    pub(crate) clock_rate: u32,
    /// Audio only.
    pub(crate) channels: Option<u8>,
}

impl Codec {
    /// Reads `VP8` or `video/VP8`, filling in what is known of it. The error says what is wrong.
    pub(crate) fn named(
        kind: MediaKind,
        name: &str,
        clock_rate: Option<u32>,
        channels: Option<u8>,
    ) -> Result<Codec, String> {
        let mime_type = mime_type(kind, name)?;
        let short = mime_type.split_once('/').map_or("", |(_, short)| short);
        if NO_MEDIA.iter().any(|other| short.eq_ignore_ascii_case(other)) {
            return Err(format!(
                "codec: `{short}` carries no media of its own; name the codec that it goes with"
            ));
        }
        let known = KNOWN.iter().find(|(known, ..)| known.eq_ignore_ascii_case(&mime_type));
        let clock_rate = clock_rate
            .or(known.map(|known| known.1))
            .filter(|rate| (1..=1_000_000).contains(rate))
            .ok_or_else(|| format!("clockRate: is needed for {mime_type}, 1 to 1000000 Hz"))?;
        if channels == Some(0) || (channels.is_some() && kind == MediaKind::Video) {
            return Err("channels: at least 1, and for audio only".into());
        }
        Ok(Codec {
            mime_type: known.map_or(mime_type, |known| known.0.to_owned()),
            clock_rate,
            channels: channels.or(known.and_then(|known| known.2)),
        })
    }

    /// The codec as RTP parameters.
    pub(crate) fn to_parameters(
        &self,
        kind: MediaKind,
        payload_type: u8,
        parameters: BTreeMap<String, String>,
    ) -> RtpCodecParameters {
        RtpCodecParameters {
            mime_type: self.mime_type.clone(),
            payload_type,
            clock_rate: self.clock_rate,
            channels: self.channels,
            parameters,
            rtcp_feedback: feedback(kind),
        }
    }
}

/// What plain RTP peers may be asked for by RTCP: they rarely send again, so no NACK; video may begin anew.
pub(crate) fn feedback(kind: MediaKind) -> Vec<RtcpFeedback> {
    match kind {
        MediaKind::Audio => Vec::new(),
        MediaKind::Video => vec![RtcpFeedback::new("nack", "pli"), RtcpFeedback::new("ccm", "fir")],
    }
}

/// `video/VP8` of `VP8` or `video/VP8`, letters as they are written.
pub(crate) fn mime_type(kind: MediaKind, name: &str) -> Result<String, String> {
    let prefix = prefix(kind);
    let short = match name.split_once('/') {
        Some((of, short)) if of.eq_ignore_ascii_case(prefix) => short,
        Some(_) => return Err(format!("codec: `{}` is no {prefix} codec", shown(name))),
        None => name,
    };
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if short.is_empty() || short.len() > 32 || !short.bytes().all(good) {
        return Err(format!("codec: `{}` is no codec; write `VP8` or `video/VP8`", shown(name)));
    }
    Ok(format!("{prefix}/{short}"))
}

/// Whether a format parameter can stand in SDP.
pub(crate) fn is_parameter(name: &str, value: &str) -> bool {
    let good_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=64).contains(&name.len())
        && name.bytes().all(good_name)
        && value.len() <= 4096
        && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')
}

/// The first part of the MIME type, which is also the media type of SDP.
pub(crate) fn prefix(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_codec_needs_its_name_only() {
        let opus = Codec::named(MediaKind::Audio, "OPUS", None, None).unwrap();
        assert_eq!(
            (opus.mime_type.as_str(), opus.clock_rate, opus.channels),
            ("audio/opus", 48_000, Some(2))
        );
        let vp8 = Codec::named(MediaKind::Video, "video/vp8", None, None).unwrap();
        assert_eq!((vp8.mime_type.as_str(), vp8.clock_rate), ("video/VP8", 90_000));
        assert_eq!(Codec::named(MediaKind::Audio, "L16", Some(44_100), Some(1)).unwrap().clock_rate, 44_100);
    }

    #[test]
    fn what_is_no_codec_is_refused() {
        for (kind, name, rate, channels) in [
            (MediaKind::Video, "audio/opus", None, None),
            (MediaKind::Audio, "", None, None),
            (MediaKind::Audio, "audio/", None, None),
            (MediaKind::Audio, "L16", None, None),
            (MediaKind::Audio, "opus", Some(0), None),
            (MediaKind::Audio, "opus", None, Some(0)),
            (MediaKind::Video, "VP8", None, Some(2)),
            (MediaKind::Video, "rtx", Some(90_000), None),
            (MediaKind::Video, "VP8/90000", None, None),
            (MediaKind::Video, "VP8\r\na=x", None, None),
        ] {
            assert!(Codec::named(kind, name, rate, channels).is_err(), "{name}");
        }
    }
}
