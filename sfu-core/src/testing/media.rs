//! What test peers negotiate: media with its payload types, encodings and header extensions.
use crate::control::{
    MediaKind, RtcpFeedback, RtcpParameters, RtpCodecParameters, RtpEncodingParameters,
    RtpHeaderExtensionParameters, RtpMapping, RtpMappingCodec, RtpMappingEncoding, RtpParameters,
    RtxParameters,
};
use crate::media::ExtensionKind;

/// Added to payload types for consumers, so that a test sees whether they are rewritten.
const CONSUMER_PAYLOAD_TYPE: u8 = 5;

/// What a test peer sends. Payload types and extension ids of its consumers differ from its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    pub(super) kind: MediaKind,
    pub(super) parameters: RtpParameters,
    /// Without SSRC in signaling, the encodings are learnt from MID and RID.
    pub(super) unsignaled: bool,
}

impl Media {
    /// Opus, NACK and transport-wide feedback, no RTX.
    pub fn opus() -> Self {
        let mut opus = codec("audio/opus", 111, 48_000);
        opus.channels = Some(2);
        let feedback = [("nack", ""), ("transport-cc", "")];
        let mut media = Media::new(MediaKind::Audio, opus, &feedback);
        media.parameters.header_extensions.push(extension(ExtensionKind::AudioLevel, 10));
        media
    }

    /// VP8 with RTX, NACK, PLI, FIR and transport-wide feedback.
    pub fn vp8() -> Self {
        Media::video("video/VP8").rtx()
    }

    /// Video of any codec, with all feedback and without RTX.
    pub fn video(mime_type: &str) -> Self {
        let feedback =
            [("nack", ""), ("nack", "pli"), ("ccm", "fir"), ("goog-remb", ""), ("transport-cc", "")];
        let mut media = Media::new(MediaKind::Video, codec(mime_type, 96, 90_000), &feedback);
        media.parameters.header_extensions.push(extension(ExtensionKind::VideoOrientation, 11));
        media
    }

    /// Any parameters.
    pub fn with_parameters(kind: MediaKind, parameters: RtpParameters) -> Self {
        Media { kind, parameters, unsignaled: false }
    }

    fn new(kind: MediaKind, mut codec: RtpCodecParameters, feedback: &[(&str, &str)]) -> Self {
        codec.rtcp_feedback = feedback.iter().map(|(kind, param)| RtcpFeedback::new(kind, param)).collect();
        let parameters = RtpParameters {
            mid: None,
            codecs: vec![codec],
            header_extensions: vec![
                extension(ExtensionKind::Mid, 1),
                extension(ExtensionKind::AbsSendTime, 2),
                extension(ExtensionKind::TransportCc, 3),
                extension(ExtensionKind::Rid, 4),
                extension(ExtensionKind::RepairedRid, 5),
            ],
            encodings: vec![RtpEncodingParameters::default()],
            rtcp: RtcpParameters { cname: Some("test".into()), reduced_size: true },
            msid: None,
        };
        Media { kind, parameters, unsignaled: false }
    }

    /// With RTX for each codec.
    #[must_use]
    pub fn rtx(mut self) -> Self {
        let media: Vec<u8> =
            self.parameters.codecs.iter().filter(|codec| !codec.is_rtx()).map(|c| c.payload_type).collect();
        for apt in media {
            let clock_rate = if self.kind == MediaKind::Video { 90_000 } else { 48_000 };
            let name = if self.kind == MediaKind::Video { "video/rtx" } else { "audio/rtx" };
            let mut rtx = codec(name, apt + 1, clock_rate);
            rtx.parameters.insert("apt".into(), apt.to_string());
            self.parameters.codecs.push(rtx);
        }
        self
    }

    /// Without RTX: what is repaired is sent again as it was.
    #[must_use]
    pub fn without_rtx(mut self) -> Self {
        self.parameters.codecs.retain(|codec| !codec.is_rtx());
        self
    }

    /// Without a kind of feedback, e.g. `without("transport-cc")`, its header extension included.
    #[must_use]
    pub fn without(mut self, feedback: &str) -> Self {
        for codec in &mut self.parameters.codecs {
            codec.rtcp_feedback.retain(|fb| fb.kind != feedback);
        }
        if feedback == "transport-cc" {
            self.parameters.header_extensions.retain(|e| e.uri != ExtensionKind::TransportCc.uri());
        }
        self
    }

    /// With a MID.
    #[must_use]
    pub fn mid(mut self, mid: &str) -> Self {
        self.parameters.mid = Some(mid.into());
        self
    }

    /// Several encodings with these RIDs, lowest first; their SSRCs are not signaled but learnt from the packets.
    #[must_use]
    pub fn simulcast(mut self, rids: &[&str]) -> Self {
        self.parameters.encodings = rids
            .iter()
            .map(|rid| RtpEncodingParameters { rid: Some((*rid).into()), ..Default::default() })
            .collect();
        self.unsignaled = true;
        self
    }

    /// With a scalability mode, `L3T3_KEY`, of each encoding.
    #[must_use]
    pub fn scalability_mode(mut self, mode: &str) -> Self {
        for encoding in &mut self.parameters.encodings {
            encoding.scalability_mode = Some(mode.into());
        }
        self
    }

    /// With the Dependency Descriptor.
    #[must_use]
    pub fn dependency_descriptor(mut self) -> Self {
        self.parameters.header_extensions.push(extension(ExtensionKind::DependencyDescriptor, 12));
        self
    }

    /// SSRCs are not signaled: MID, RID or the payload type say where a packet belongs.
    #[must_use]
    pub fn unsignaled(mut self) -> Self {
        self.unsignaled = true;
        self
    }

    /// Gives every encoding its SSRCs, counted from `first`; answers what is signaled, and the SSRCs of media and RTX.
    pub(super) fn numbered(&self, first: u32) -> (RtpParameters, Vec<(u32, u32)>) {
        let mut parameters = self.parameters.clone();
        let has_rtx = parameters.codecs.iter().any(RtpCodecParameters::is_rtx);
        let mut ssrcs = Vec::new();
        for (index, encoding) in parameters.encodings.iter_mut().enumerate() {
            let media = encoding.ssrc.unwrap_or(first + 2 * index as u32);
            let rtx = encoding.rtx.map_or(first + 2 * index as u32 + 1, |rtx| rtx.ssrc);
            ssrcs.push((media, rtx));
            if !self.unsignaled {
                encoding.ssrc = Some(media);
                encoding.rtx = has_rtx.then_some(RtxParameters { ssrc: rtx });
            }
        }
        (parameters, ssrcs)
    }
}

/// How the payload types of a producer map to those of its consumers.
pub(super) fn mapping(parameters: &RtpParameters, first_ssrc: u32) -> RtpMapping {
    let mapped = |codec: &RtpCodecParameters| RtpMappingCodec {
        payload_type: codec.payload_type,
        mapped_payload_type: codec.payload_type + CONSUMER_PAYLOAD_TYPE,
    };
    let encoding = |(index, encoding): (usize, &RtpEncodingParameters)| RtpMappingEncoding {
        rid: encoding.rid.clone(),
        ssrc: encoding.ssrc,
        scalability_mode: encoding.scalability_mode.clone(),
        mapped_ssrc: first_ssrc + index as u32,
    };
    RtpMapping {
        codecs: parameters.codecs.iter().map(mapped).collect(),
        encodings: parameters.encodings.iter().enumerate().map(encoding).collect(),
    }
}

/// What a consumer of a producer with `parameters` is told.
pub(super) fn consumer_parameters(parameters: &RtpParameters, ssrc: u32, mid: &str) -> RtpParameters {
    let mut own = parameters.clone();
    for codec in &mut own.codecs {
        if let Some(apt) = codec.apt() {
            codec.parameters.insert("apt".into(), (apt + CONSUMER_PAYLOAD_TYPE).to_string());
        }
        codec.payload_type += CONSUMER_PAYLOAD_TYPE;
    }
    own.header_extensions
        .retain(|e| e.uri != ExtensionKind::Rid.uri() && e.uri != ExtensionKind::RepairedRid.uri());
    for extension in &mut own.header_extensions {
        // Other ids, still of the one-byte form.
        extension.id = 14 - (extension.id % 13);
    }
    let has_rtx = own.codecs.iter().any(RtpCodecParameters::is_rtx);
    own.encodings = vec![RtpEncodingParameters {
        ssrc: Some(ssrc),
        rtx: has_rtx.then_some(RtxParameters { ssrc: ssrc + 1 }),
        ..Default::default()
    }];
    own.mid = Some(mid.into());
    own
}

/// The id of a header extension.
pub(super) fn extension_id(parameters: &RtpParameters, kind: ExtensionKind) -> Option<u8> {
    parameters.header_extensions.iter().find(|e| e.uri == kind.uri()).map(|e| e.id)
}

fn codec(mime_type: &str, payload_type: u8, clock_rate: u32) -> RtpCodecParameters {
    RtpCodecParameters { mime_type: mime_type.into(), payload_type, clock_rate, ..Default::default() }
}

fn extension(kind: ExtensionKind, id: u8) -> RtpHeaderExtensionParameters {
    RtpHeaderExtensionParameters { uri: kind.uri().into(), id }
}
