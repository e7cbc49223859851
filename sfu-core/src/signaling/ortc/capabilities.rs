//! What a router or a receiver can carry.
use std::collections::BTreeMap;

use crate::control::{MediaKind, RtcpFeedback, RtpCodecParameters};
use crate::signaling::sdp::{Direction, MediaDescription};

/// What a router or a receiver can carry.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RtpCapabilities {
    /// Media codecs and their RTX companions (`video/rtx`, with parameter `apt`), in order of preference.
    pub codecs: Vec<RtpCodecCapability>,
    /// Header extensions.
    pub header_extensions: Vec<RtpHeaderExtension>,
}

/// One codec that can be carried.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RtpCodecCapability {
    /// Audio or video.
    pub kind: MediaKind,
    /// `audio/opus`, `video/VP8`, `video/rtx` …; compared without regard to case.
    pub mime_type: String,
    /// Payload type, 0–127.
    pub preferred_payload_type: u8,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// Number of channels, audio only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// Format parameters, values as text.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// RTCP feedback.
    #[serde(default)]
    pub rtcp_feedback: Vec<RtcpFeedback>,
}

impl RtpCodecCapability {
    /// The codec under its preferred payload type.
    pub fn to_parameters(&self) -> RtpCodecParameters {
        RtpCodecParameters {
            mime_type: self.mime_type.clone(),
            payload_type: self.preferred_payload_type,
            clock_rate: self.clock_rate,
            channels: self.channels,
            parameters: self.parameters.clone(),
            rtcp_feedback: self.rtcp_feedback.clone(),
        }
    }

    /// The codec as a capability of a receiver that has listed it.
    fn of_parameters(kind: MediaKind, codec: &RtpCodecParameters) -> Self {
        RtpCodecCapability {
            kind,
            mime_type: codec.mime_type.clone(),
            preferred_payload_type: codec.payload_type,
            clock_rate: codec.clock_rate,
            channels: codec.channels,
            parameters: codec.parameters.clone(),
            rtcp_feedback: codec.rtcp_feedback.clone(),
        }
    }

    /// Whether this is an RTX companion (RFC 4588).
    pub fn is_rtx(&self) -> bool {
        self.subtype().eq_ignore_ascii_case("rtx")
    }

    /// The payload type that an RTX companion repairs (`apt`).
    pub fn apt(&self) -> Option<u8> {
        self.parameters.get("apt")?.parse().ok()
    }

    /// The mime type behind the slash: `opus`, `VP8` …
    pub fn subtype(&self) -> &str {
        self.mime_type.split_once('/').map_or("", |(_, subtype)| subtype)
    }
}

/// One header extension that can be carried.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RtpHeaderExtension {
    /// Audio or video.
    pub kind: MediaKind,
    /// The URI that names it.
    pub uri: String,
    /// Id, 1–255.
    pub preferred_id: u8,
    /// Whether its owner sends or receives it.
    pub direction: ExtensionDirection,
}

/// Whether the owner of capabilities sends or receives a header extension.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ExtensionDirection {
    /// Both.
    #[default]
    Sendrecv,
    /// Sends it.
    Sendonly,
    /// Receives it.
    Recvonly,
    /// Neither.
    Inactive,
}

impl ExtensionDirection {
    /// Whether its owner sends it.
    pub fn sends(self) -> bool {
        matches!(self, ExtensionDirection::Sendrecv | ExtensionDirection::Sendonly)
    }
    /// Whether its owner receives it.
    pub fn receives(self) -> bool {
        matches!(self, ExtensionDirection::Sendrecv | ExtensionDirection::Recvonly)
    }
}

impl From<Direction> for ExtensionDirection {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Sendrecv => ExtensionDirection::Sendrecv,
            Direction::Sendonly => ExtensionDirection::Sendonly,
            Direction::Recvonly => ExtensionDirection::Recvonly,
            Direction::Inactive => ExtensionDirection::Inactive,
        }
    }
}

impl RtpCapabilities {
    /// What the peer that wrote a section can carry in it, under its own payload types and ids.
    ///
    /// Empty for a section that is neither audio nor video.
    pub fn of_section(section: &MediaDescription) -> Self {
        let Some(kind) = section.kind.media() else { return RtpCapabilities::default() };
        let codecs = section.codecs.iter().map(|c| RtpCodecCapability::of_parameters(kind, c)).collect();
        let header_extensions = section.header_extensions.iter().map(|e| RtpHeaderExtension {
            kind,
            uri: e.uri.clone(),
            preferred_id: e.id,
            direction: e.direction.unwrap_or_default().into(),
        });
        RtpCapabilities { codecs, header_extensions: header_extensions.collect() }
    }

    /// Media codecs (no RTX) of a kind.
    pub fn media_codecs(&self, kind: MediaKind) -> impl Iterator<Item = &RtpCodecCapability> {
        self.codecs.iter().filter(move |codec| codec.kind == kind && !codec.is_rtx())
    }

    /// The RTX companion of a payload type.
    pub fn rtx_of(&self, payload_type: u8) -> Option<&RtpCodecCapability> {
        self.codecs.iter().find(|codec| codec.is_rtx() && codec.apt() == Some(payload_type))
    }

    /// Names of the media codecs of a kind, each once, comma separated.
    pub fn codec_names(&self, kind: MediaKind) -> String {
        let mut names: Vec<&str> = self.media_codecs(kind).map(|codec| codec.subtype()).collect();
        names.dedup();
        names.join(", ")
    }
}
