//! What a plain RTP stream carries, and how its producer's labels say it.
use std::collections::BTreeMap;

use sfu_core::control::{Labels, MediaKind, ProducerStats, RtcpFeedback, RtpCodecParameters};

/// Codecs whose clock rate, channels and usual payload type need not be told.
const KNOWN: [(&str, u32, Option<u8>, u8); 9] = [
    ("audio/opus", 48_000, Some(2), 111),
    ("audio/PCMU", 8_000, None, 0),
    ("audio/PCMA", 8_000, None, 8),
    ("audio/G722", 8_000, None, 9),
    ("video/VP8", 90_000, None, 96),
    ("video/VP9", 90_000, None, 98),
    ("video/H264", 90_000, None, 102),
    ("video/H265", 90_000, None, 104),
    ("video/AV1", 90_000, None, 45),
];

/// Payload formats that repair or wrap others, so that a stream of them alone can't be played.
const NO_MEDIA: [&str; 7] = ["rtx", "red", "ulpfec", "flexfec", "flexfec-03", "cn", "telephone-event"];

/// A codec under a payload type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Codec {
    /// `video/VP8`.
    pub(crate) mime_type: String,
    /// Hz.
    pub(crate) clock_rate: u32,
    /// Audio only.
    pub(crate) channels: Option<u8>,
    /// 0–127, if known.
    pub(crate) payload_type: Option<u8>,
    /// Format parameters (`a=fmtp`).
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Codec {
    /// Reads `VP8` or `video/VP8`, filling in what is known of it. The error says what is wrong.
    pub(crate) fn named(
        kind: MediaKind,
        name: &str,
        clock_rate: Option<u32>,
        channels: Option<u8>,
    ) -> Result<Codec, String> {
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
        if NO_MEDIA.iter().any(|other| short.eq_ignore_ascii_case(other)) {
            return Err(format!(
                "codec: `{short}` carries no media of its own; name the codec that it goes with"
            ));
        }
        let mime_type = format!("{prefix}/{short}");
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
            payload_type: None,
            parameters: BTreeMap::new(),
        })
    }

    /// What a producer sends: by the labels of plain RTP, else by its figures once it sent something.
    pub(crate) fn of(producer: &ProducerStats) -> Option<Codec> {
        if let Some(codec) = Codec::from_labels(producer.kind, &producer.labels) {
            return Some(codec);
        }
        let mime_type =
            producer.streams.iter().map(|stream| stream.mime_type.as_str()).find(|mime| !mime.is_empty())?;
        Codec::named(producer.kind, mime_type, None, None).ok()
    }

    /// Puts the codec on the labels of a producer (`codec`, `payload_type`, `fmtp`), so that other signaling crates,
    /// which see figures and labels only, can offer it. Parameters too long for a label are left out.
    pub(crate) fn label(&self, labels: Labels) -> Labels {
        let channels = self.channels.map(|channels| format!("/{channels}")).unwrap_or_default();
        let mut labels = labels.with("codec", format!("{}/{}{channels}", self.mime_type, self.clock_rate));
        if let Some(payload_type) = self.payload_type {
            labels.set("payload_type", payload_type.to_string());
        }
        if !self.parameters.is_empty() {
            labels.set("fmtp", self.fmtp());
        }
        labels
    }

    fn from_labels(kind: MediaKind, labels: &Labels) -> Option<Codec> {
        let mut parts = labels.get("codec")?.splitn(4, '/');
        let (of, short) = (parts.next()?, parts.next()?);
        let clock_rate = parts.next()?.parse().ok()?;
        let channels = parts.next().map(str::parse).transpose().ok()?;
        let mut codec = Codec::named(kind, &format!("{of}/{short}"), Some(clock_rate), channels).ok()?;
        codec.payload_type = labels.get("payload_type").and_then(|text| text.parse().ok());
        let pairs = labels.get("fmtp").unwrap_or_default().split(';').filter_map(|pair| pair.split_once('='));
        codec.parameters = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        codec.parameters.retain(|name, value| is_parameter(name, value));
        Some(codec)
    }

    /// The payload type to send it under: its own, else the usual one, else 97.
    pub(crate) fn usual_payload_type(&self) -> u8 {
        let usual = || KNOWN.iter().find(|known| known.0 == self.mime_type).map_or(97, |known| known.3);
        self.payload_type.unwrap_or_else(usual)
    }

    /// The parameters in the form of `a=fmtp`.
    pub(crate) fn fmtp(&self) -> String {
        let pairs: Vec<String> =
            self.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(";")
    }

    /// The codec as RTP parameters. Plain RTP peers rarely resend, so no NACK; video may be asked for a key frame.
    pub(crate) fn to_parameters(&self, kind: MediaKind, payload_type: u8) -> RtpCodecParameters {
        RtpCodecParameters {
            mime_type: self.mime_type.clone(),
            payload_type,
            clock_rate: self.clock_rate,
            channels: self.channels,
            parameters: self.parameters.clone(),
            rtcp_feedback: match kind {
                MediaKind::Audio => Vec::new(),
                MediaKind::Video => vec![RtcpFeedback::new("nack", "pli"), RtcpFeedback::new("ccm", "fir")],
            },
        }
    }
}

/// Whether a format parameter can stand in a label and in SDP.
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
        assert_eq!(
            (vp8.mime_type.as_str(), vp8.clock_rate, vp8.usual_payload_type()),
            ("video/VP8", 90_000, 96)
        );
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

    #[test]
    fn labels_bring_a_codec_back() {
        for (kind, name) in
            [(MediaKind::Video, "H264"), (MediaKind::Audio, "opus"), (MediaKind::Audio, "PCMU")]
        {
            let mut codec = Codec::named(kind, name, None, None).unwrap();
            codec.payload_type = Some(121);
            codec.parameters.insert("packetization-mode".into(), "1".into());
            codec.parameters.insert("sprop-parameter-sets".into(), "Z0IA==,aM4=".into());
            assert_eq!(Codec::from_labels(kind, &codec.label(Labels::new())), Some(codec));
        }
    }

    #[test]
    fn odd_labels_give_no_codec() {
        for label in ["", "video", "video/VP8", "video/VP8/x", "audio/opus/48000/2", "video/VP8/90000/2/3"] {
            let labels = Labels::new().with("codec", label);
            assert_eq!(Codec::from_labels(MediaKind::Video, &labels), None, "{label}");
        }
    }
}
