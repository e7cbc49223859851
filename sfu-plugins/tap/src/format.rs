//! What a producer may send, payload type by payload type.
use sfu_core::control::{RtpCodecParameters, RtpParameters};
use sfu_core::media::{Codec, Depacketizer};

/// One way to send media, of which frames can be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Format {
    pub(crate) codec: Codec,
    /// What was negotiated.
    pub(crate) parameters: RtpCodecParameters,
}

impl Format {
    /// The formats of a producer; comfort noise, telephone events, redundancy and repair streams are none.
    pub(crate) fn all(parameters: &RtpParameters) -> Vec<Format> {
        let format = |parameters: &RtpCodecParameters| {
            let codec = Codec::from_mime(&parameters.mime_type)?;
            Depacketizer::new(codec)?;
            Some(Format { codec, parameters: parameters.clone() })
        };
        parameters.codecs.iter().filter_map(format).collect()
    }

    /// The codec's name as negotiated, in lower case: `opus`, `vp8`, `h264`.
    pub(crate) fn name(&self) -> String {
        let mime = &self.parameters.mime_type;
        mime.split_once('/').map_or(mime.as_str(), |(_, name)| name).to_ascii_lowercase()
    }
}

/// Payload types as a set that the media thread can ask without a search.
pub(crate) fn payload_types(formats: &[Format]) -> u128 {
    formats.iter().fold(0, |set, format| set | bit(format.parameters.payload_type))
}

/// One payload type in such a set.
#[inline]
pub(crate) fn bit(payload_type: u8) -> u128 {
    1 << (payload_type & 0x7F)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_what_frames_can_be_made_of() {
        let codec = |mime: &str, payload_type| RtpCodecParameters {
            mime_type: mime.into(),
            payload_type,
            clock_rate: 90_000,
            ..Default::default()
        };
        let names =
            ["video/VP8", "video/rtx", "video/H265", "video/h264", "audio/opus", "audio/red", "audio/CN"];
        let codecs = names.iter().zip(96..).map(|(name, number)| codec(name, number)).collect();
        let formats = Format::all(&RtpParameters { codecs, ..Default::default() });
        assert_eq!(formats.iter().map(Format::name).collect::<Vec<_>>(), ["vp8", "h264", "opus"]);
        assert_eq!(payload_types(&formats), bit(96) | bit(99) | bit(100));
    }
}
