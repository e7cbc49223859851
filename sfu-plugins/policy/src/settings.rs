//! What is allowed, and what can be asked.
use std::fmt;

use sfu_core::control::MediaKind;
use sfu_core::plugin::{config, request};
use sfu_core::schemars::JsonSchema;
use sfu_core::serde::{Deserialize, Serialize};

/// What is allowed: the options of `enable`, and of `[plugins.policy.options]`. Whatever is left out is not limited.
#[config]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Codecs that may be published, such as `audio/opus` and `video/VP8`, in upper or lower case; empty allows all.
    pub codecs: Vec<MimeType>,
    /// Bit/s that an audio producer may send, RTP headers included; 0 allows any.
    pub audio_bitrate: u32,
    /// Packets per second that an audio producer may send; 0 allows any.
    pub audio_packets: u32,
    /// Bit/s that a video producer may send, all its encodings and RTP headers included; 0 allows any.
    pub video_bitrate: u32,
    /// Packets per second that a video producer may send, all its encodings included; 0 allows any.
    pub video_packets: u32,
}

impl Options {
    /// Bit/s and packets per second for a kind of media; 0 where there is no limit.
    pub(crate) fn limits(&self, kind: MediaKind) -> (u32, u32) {
        match kind {
            MediaKind::Audio => (self.audio_bitrate, self.audio_packets),
            MediaKind::Video => (self.video_bitrate, self.video_packets),
        }
    }

    /// Whether a codec may be published.
    pub(crate) fn allows(&self, mime_type: &str) -> bool {
        self.codecs.is_empty() || self.codecs.iter().any(|allowed| allowed.0.eq_ignore_ascii_case(mime_type))
    }

    /// The list of codecs, as a client reads it.
    pub(crate) fn list(&self) -> String {
        self.codecs.iter().map(|codec| codec.0.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// The name of a codec, `audio/…` or `video/…` (RFC 4855).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(crate = "sfu_core::serde", try_from = "String")]
#[schemars(crate = "sfu_core::schemars")]
pub struct MimeType(String);

impl TryFrom<String> for MimeType {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = text.split_once('/').filter(|(kind, codec)| {
            ["audio", "video"].iter().any(|known| kind.eq_ignore_ascii_case(known)) && !codec.is_empty()
        });
        match known {
            Some(_) => Ok(MimeType(text)),
            None => Err(format!("`{text}` names no codec; write one as `audio/opus` or `video/VP8`")),
        }
    }
}

impl fmt::Display for MimeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Requests, about an entity and what is below it, or about all.
#[request]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// What producers may send, and what they lost.
    Status {},
}
