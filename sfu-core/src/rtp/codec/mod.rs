//! What an SFU reads in the payload of each codec: frame starts, key frames, layers, and where the numbers are that it rewrites.

mod av1;
pub(crate) mod bits;
mod dependency_descriptor;
mod frame_mark;
mod h264;
mod h265;
mod number_edit;
mod opus;
mod scalability_mode;
mod vp8;
mod vp9;

pub use av1::Av1Aggregation;
pub use dependency_descriptor::{
    DependencyDescriptor, DescriptorEdit, MAX_DESCRIPTOR_LEN, TemplateStructure,
};
pub use frame_mark::{FrameMark, LayerSet, MAX_SPATIAL_LAYERS, MAX_TEMPORAL_LAYERS};
pub use h264::{H264Nals, H264Payload};
pub use h265::is_h265_key_frame;
pub use number_edit::{MAX_EDITED, NumberEdit};
pub use opus::{OpusToc, is_opus_dtx};
pub use scalability_mode::ScalabilityMode;
pub use vp8::Vp8Descriptor;
pub use vp9::{Vp9Descriptor, Vp9Scalability};

/// Audio or video.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// Audio.
    Audio,
    /// Video.
    Video,
}

/// The codec of an RTP stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Opus (RFC 7587).
    Opus,
    /// Opus with more than two channels.
    MultiOpus,
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722.
    G722,
    /// Linear PCM, 16 bits.
    L16,
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628).
    Vp9,
    /// H.264 (RFC 6184).
    H264,
    /// H.265 (RFC 7798).
    H265,
    /// AV1 (AV1 RTP specification).
    Av1,
    /// Audio that is forwarded without being looked into.
    OtherAudio,
    /// Video that is forwarded without being looked into.
    OtherVideo,
}

impl Codec {
    /// The codec that a MIME type such as `video/VP8` names, in any case; `None` if it is neither audio nor video.
    pub fn from_mime(mime: &str) -> Option<Self> {
        let (kind, name) = mime.split_once('/')?;
        let is = |codec: &str| name.eq_ignore_ascii_case(codec);
        if kind.eq_ignore_ascii_case("audio") {
            Some(match () {
                () if is("opus") => Self::Opus,
                () if is("multiopus") => Self::MultiOpus,
                () if is("PCMU") => Self::Pcmu,
                () if is("PCMA") => Self::Pcma,
                () if is("G722") => Self::G722,
                () if is("L16") => Self::L16,
                () => Self::OtherAudio,
            })
        } else if kind.eq_ignore_ascii_case("video") {
            Some(match () {
                () if is("VP8") => Self::Vp8,
                () if is("VP9") => Self::Vp9,
                () if is("H264") => Self::H264,
                () if is("H265") => Self::H265,
                () if is("AV1") => Self::Av1,
                () => Self::OtherVideo,
            })
        } else {
            None
        }
    }

    /// Audio or video.
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::H265 | Self::Av1 | Self::OtherVideo => {
                MediaKind::Video
            }
            _ => MediaKind::Audio,
        }
    }
}

/// Whether `payload` (one RTP packet's) belongs to the start of a frame from which decoding can start. Always false for audio.
#[inline]
pub fn is_key_frame(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Vp8 => {
            Vp8Descriptor::parse(payload).is_some_and(|descriptor| descriptor.is_key_frame(payload))
        }
        Codec::Vp9 => Vp9Descriptor::parse(payload).is_some_and(|descriptor| descriptor.is_key_frame()),
        Codec::H264 => H264Payload::parse(payload).is_some_and(|payload| payload.key_frame),
        Codec::H265 => is_h265_key_frame(payload),
        Codec::Av1 => Av1Aggregation::parse(payload).is_some_and(|header| header.new_sequence),
        _ => false,
    }
}

/// Width and height in pixels, where a key frame's payload says them without decoding (VP8, VP9).
pub fn resolution(codec: Codec, payload: &[u8]) -> Option<(u16, u16)> {
    match codec {
        Codec::Vp8 => Vp8Descriptor::parse(payload)?.resolution(payload),
        Codec::Vp9 => Vp9Descriptor::parse(payload)?.resolution(),
        _ => None,
    }
}

/// Reads the bytes of a payload descriptor in order.
struct Cursor<'p> {
    payload: &'p [u8],
    offset: usize,
}

impl<'p> Cursor<'p> {
    fn new(payload: &'p [u8]) -> Self {
        Self { payload, offset: 0 }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.payload.get(self.offset)?;
        self.offset += 1;
        Some(byte)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    /// A picture id of 7 or 15 bits, and whether it is the long one.
    fn picture_id(&mut self) -> Option<(u16, bool)> {
        let first = self.byte()?;
        if first & 0x80 == 0 {
            return Some((u16::from(first), false));
        }
        Some((u16::from_be_bytes([first & 0x7F, self.byte()?]), true))
    }
}

#[cfg(test)]
mod tests;
