//! RTP parameters in the form that ORTC and mediasoup made standard.
use std::collections::BTreeMap;

pub use crate::rtp::MediaKind;

/// How one medium is carried over RTP.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RtpParameters {
    /// The MID (RFC 9143) of the medium, at most 16 bytes.
    pub mid: Option<String>,
    /// Media codecs and their RTX companions (`video/rtx`, with parameter `apt`).
    pub codecs: Vec<RtpCodecParameters>,
    /// Header extensions (RFC 8285) with their ids.
    pub header_extensions: Vec<RtpHeaderExtensionParameters>,
    /// The encodings, lowest quality first where there are several.
    pub encodings: Vec<RtpEncodingParameters>,
    /// RTCP settings.
    pub rtcp: RtcpParameters,
    /// The `msid` of the medium (`stream-id track-id`), if any.
    pub msid: Option<String>,
}

impl RtpParameters {
    /// One codec in one stream of a known SSRC.
    pub fn single(codec: RtpCodecParameters, ssrc: u32) -> Self {
        RtpParameters {
            codecs: vec![codec],
            encodings: vec![RtpEncodingParameters { ssrc: Some(ssrc), ..Default::default() }],
            ..Default::default()
        }
    }
}

/// One codec under one payload type.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RtpCodecParameters {
    /// `audio/opus`, `video/VP8`, `video/rtx` …; compared without regard to case.
    pub mime_type: String,
    /// RTP payload type, 0–127.
    pub payload_type: u8,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// Number of channels, audio only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// Format parameters (`a=fmtp`), values as text.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// RTCP feedback that the codec supports.
    #[serde(default)]
    pub rtcp_feedback: Vec<RtcpFeedback>,
}

impl RtpCodecParameters {
    /// Opus in stereo at 48 kHz (RFC 7587).
    pub fn opus(payload_type: u8) -> Self {
        RtpCodecParameters {
            mime_type: "audio/opus".to_owned(),
            payload_type,
            clock_rate: 48_000,
            channels: Some(2),
            ..Default::default()
        }
    }
    /// A video codec at 90 kHz, like `video/VP8`.
    pub fn video(mime_type: &str, payload_type: u8) -> Self {
        RtpCodecParameters {
            mime_type: mime_type.to_owned(),
            payload_type,
            clock_rate: 90_000,
            ..Default::default()
        }
    }
    /// Whether this is an RTX companion (RFC 4588).
    pub fn is_rtx(&self) -> bool {
        self.mime_type.len() > 4
            && self.mime_type.as_bytes()[self.mime_type.len() - 4..].eq_ignore_ascii_case(b"/rtx")
    }
    /// The payload type that an RTX companion repairs (`apt`).
    pub fn apt(&self) -> Option<u8> {
        self.parameters.get("apt")?.parse().ok()
    }
    /// Whether the feedback is there, e.g. `("nack", "pli")`.
    pub fn has_feedback(&self, kind: &str, parameter: &str) -> bool {
        self.rtcp_feedback.iter().any(|fb| fb.kind == kind && fb.parameter == parameter)
    }
}

/// One kind of RTCP feedback (`a=rtcp-fb`).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RtcpFeedback {
    /// `nack`, `ccm`, `goog-remb`, `transport-cc` …
    #[serde(rename = "type")]
    pub kind: String,
    /// `pli`, `fir` …, or empty.
    #[serde(default)]
    pub parameter: String,
}

impl RtcpFeedback {
    /// Feedback of a kind, with its parameter or an empty text.
    pub fn new(kind: &str, parameter: &str) -> Self {
        RtcpFeedback { kind: kind.into(), parameter: parameter.into() }
    }
}

/// One header extension under one id.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RtpHeaderExtensionParameters {
    /// The URI that names the extension.
    pub uri: String,
    /// Its id, 1–14 in the one-byte form, up to 255 in the two-byte form.
    pub id: u8,
}

/// One encoding of a medium.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RtpEncodingParameters {
    /// Its SSRC, if signaled.
    pub ssrc: Option<u32>,
    /// Its RID (RFC 8852), if signaled.
    pub rid: Option<String>,
    /// The payload type that it uses; without one, the first media codec.
    pub codec_payload_type: Option<u8>,
    /// The RTX stream that repairs it.
    pub rtx: Option<RtxParameters>,
    /// Whether the sender may stop sending during silence.
    pub dtx: bool,
    /// Scalability mode (`L1T3`, `L3T3_KEY` …).
    pub scalability_mode: Option<String>,
    /// Bits per second at the most.
    pub max_bitrate: Option<u32>,
}

/// The RTX stream of an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct RtxParameters {
    /// Its SSRC.
    pub ssrc: u32,
}

/// RTCP settings of a medium.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RtcpParameters {
    /// The CNAME that binds the streams of one source together.
    pub cname: Option<String>,
    /// Whether reduced-size RTCP (RFC 5506) may be used.
    pub reduced_size: bool,
}

impl Default for RtcpParameters {
    fn default() -> Self {
        RtcpParameters { cname: None, reduced_size: true }
    }
}

/// How a producer's payload types and SSRCs map to the router's own ("consumable") ones.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase", default)]
pub struct RtpMapping {
    /// Payload types.
    pub codecs: Vec<RtpMappingCodec>,
    /// Encodings, in the order of the producer's.
    pub encodings: Vec<RtpMappingEncoding>,
}

impl RtpMapping {
    /// The router knows payload types and SSRCs as they are sent. Each encoding needs an SSRC, or its packets get 0.
    pub fn identity(parameters: &RtpParameters) -> Self {
        let codecs = parameters.codecs.iter().map(|codec| codec.payload_type);
        let encodings = parameters.encodings.iter().map(|encoding| RtpMappingEncoding {
            rid: encoding.rid.clone(),
            ssrc: encoding.ssrc,
            scalability_mode: encoding.scalability_mode.clone(),
            mapped_ssrc: encoding.ssrc.unwrap_or_default(),
        });
        RtpMapping {
            codecs: codecs
                .map(|payload_type| RtpMappingCodec { payload_type, mapped_payload_type: payload_type })
                .collect(),
            encodings: encodings.collect(),
        }
    }
}

/// One payload type and what consumers know it as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RtpMappingCodec {
    /// As the producer sends it.
    pub payload_type: u8,
    /// As the router knows it.
    pub mapped_payload_type: u8,
}

/// One encoding and the SSRC that the router knows it by.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RtpMappingEncoding {
    /// RID of the encoding, if it has one.
    #[serde(default)]
    pub rid: Option<String>,
    /// SSRC of the encoding, if signaled.
    #[serde(default)]
    pub ssrc: Option<u32>,
    /// Scalability mode, if any.
    #[serde(default)]
    pub scalability_mode: Option<String>,
    /// The SSRC that the router knows the encoding by.
    pub mapped_ssrc: u32,
}
