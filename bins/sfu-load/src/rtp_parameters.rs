//! RTP parameters of light peers, in the terms of mediasoup's schema.
use sfu_mediasoup::schema::v3_27::rtp_parameters::{
    MediaKind, RtcpFeedback, RtcpParameters, RtpCodecParameters, RtpEncodingParameters,
    RtpHeaderExtensionParameters, RtpHeaderExtensionUri, RtpParameters,
};

use crate::track::{AUDIO, VIDEO};

/// Id of the header extension with transport-wide numbers.
pub const TRANSPORT_CC: u8 = 5;

/// Sound or pictures.
pub fn kind(audio: bool) -> MediaKind {
    if audio { MediaKind::Audio } else { MediaKind::Video }
}

/// The payload type of sound or pictures.
pub fn payload_type(audio: bool) -> u8 {
    if audio { AUDIO } else { VIDEO }
}

/// Streams of one source, each with its SSRC; with `feedback` packets have transport-wide numbers.
pub fn parameters(audio: bool, ssrcs: &[u32], feedback: bool) -> RtpParameters {
    let asked = RtcpFeedback { r#type: "transport-cc".into(), parameter: None };
    let codec = RtpCodecParameters {
        mime_type: if audio { "audio/opus" } else { "video/VP8" }.into(),
        payload_type: payload_type(audio),
        clock_rate: if audio { 48_000 } else { 90_000 },
        channels: audio.then_some(2),
        parameters: None,
        rtcp_feedback: feedback.then(|| vec![asked]),
    };
    let extension = RtpHeaderExtensionParameters {
        uri: RtpHeaderExtensionUri::TransportWideCcDraft01,
        id: TRANSPORT_CC,
        encrypt: false,
        parameters: None,
    };
    RtpParameters {
        mid: None,
        codecs: vec![codec],
        header_extensions: if feedback { vec![extension] } else { Vec::new() },
        encodings: ssrcs.iter().map(|ssrc| encoding(*ssrc)).collect(),
        rtcp: RtcpParameters { cname: Some("load".into()), reduced_size: true },
        msid: None,
    }
}

/// One encoding.
pub fn encoding(ssrc: u32) -> RtpEncodingParameters {
    RtpEncodingParameters {
        ssrc: Some(ssrc),
        rid: None,
        codec_payload_type: None,
        rtx: None,
        dtx: false,
        scalability_mode: None,
        max_bitrate: None,
    }
}
