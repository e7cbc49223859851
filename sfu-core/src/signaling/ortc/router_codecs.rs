//! The codecs and header extensions that every router carries.
use super::uri;
use super::{ExtensionDirection, RtpCapabilities, RtpCodecCapability, RtpHeaderExtension};
use crate::control::{MediaKind, RtcpFeedback};

/// First dynamic payload type that is given out; media codec and RTX companion follow each other.
const FIRST_PAYLOAD_TYPE: u8 = 100;

/// Video codecs and what tells their variants apart.
const VIDEO: [(&str, &[(&str, &str)]); 9] = [
    ("VP8", &[]),
    ("VP9", &[("profile-id", "0")]),
    ("VP9", &[("profile-id", "2")]),
    ("H264", &[("profile-level-id", "42e01f")]),
    ("H264", &[("profile-level-id", "42001f")]),
    ("H264", &[("profile-level-id", "4d001f")]),
    ("H264", &[("profile-level-id", "640c1f")]),
    ("H264", &[("profile-level-id", "64001f")]),
    ("AV1", &[("profile", "0")]),
];

/// Header extensions under the router's ids, with their direction for audio and for video, seen from the router.
const EXTENSIONS: [(&str, u8, Option<ExtensionDirection>, Option<ExtensionDirection>); 11] = {
    use ExtensionDirection::{Recvonly, Sendrecv};
    [
        (uri::MID, 1, Some(Sendrecv), Some(Sendrecv)),
        (uri::RID, 2, None, Some(Recvonly)),
        (uri::REPAIRED_RID, 3, None, Some(Recvonly)),
        (uri::ABS_SEND_TIME, 4, Some(Sendrecv), Some(Sendrecv)),
        (uri::TRANSPORT_CC, 5, Some(Recvonly), Some(Sendrecv)),
        (uri::AUDIO_LEVEL, 6, Some(Sendrecv), None),
        (uri::DEPENDENCY_DESCRIPTOR, 7, None, Some(Recvonly)),
        (uri::VIDEO_ORIENTATION, 8, None, Some(Sendrecv)),
        (uri::TRANSMISSION_OFFSET, 9, None, Some(Sendrecv)),
        (uri::ABS_CAPTURE_TIME, 10, Some(Sendrecv), Some(Sendrecv)),
        (uri::PLAYOUT_DELAY, 11, Some(Sendrecv), Some(Sendrecv)),
    ]
};

fn audio(name: &str, payload_type: u8, clock_rate: u32, channels: Option<u8>) -> RtpCodecCapability {
    RtpCodecCapability {
        kind: MediaKind::Audio,
        mime_type: format!("audio/{name}"),
        preferred_payload_type: payload_type,
        clock_rate,
        channels,
        parameters: Default::default(),
        rtcp_feedback: vec![RtcpFeedback::new("nack", ""), RtcpFeedback::new("transport-cc", "")],
    }
}

fn video(name: &str, payload_type: u8, parameters: &[(&str, &str)]) -> RtpCodecCapability {
    RtpCodecCapability {
        kind: MediaKind::Video,
        mime_type: format!("video/{name}"),
        preferred_payload_type: payload_type,
        clock_rate: 90_000,
        channels: None,
        parameters: parameters.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        rtcp_feedback: Vec::new(),
    }
}

impl RtpCapabilities {
    /// What every router carries: Opus, G.722, PCMU, PCMA; VP8, VP9 (profiles 0 and 2), H.264 (every profile of 8-bit
    /// 4:2:0), AV1 (main profile), each video codec with RTX.
    ///
    /// RED ([`RtpCapabilities::with_red`]), ULPFEC and FlexFEC are left out: the router repairs by retransmission. H.264 is listed as
    /// `packetization-mode=1`, which includes what senders in mode 0 produce.
    pub fn router() -> Self {
        let mut codecs = vec![
            audio("opus", FIRST_PAYLOAD_TYPE, 48_000, Some(2)),
            audio("G722", 9, 8_000, None),
            audio("PCMU", 0, 8_000, None),
            audio("PCMA", 8, 8_000, None),
        ];
        for (payload_type, (name, parameters)) in (FIRST_PAYLOAD_TYPE + 1..).step_by(2).zip(VIDEO) {
            let mut codec = video(name, payload_type, parameters);
            if name == "H264" {
                codec.parameters.insert("packetization-mode".into(), "1".into());
                codec.parameters.insert("level-asymmetry-allowed".into(), "1".into());
            }
            codec.rtcp_feedback = vec![
                RtcpFeedback::new("nack", ""),
                RtcpFeedback::new("nack", "pli"),
                RtcpFeedback::new("ccm", "fir"),
                RtcpFeedback::new("goog-remb", ""),
                RtcpFeedback::new("transport-cc", ""),
            ];
            codecs.push(codec);
            let apt = payload_type.to_string();
            codecs.push(video("rtx", payload_type + 1, &[("apt", &apt)]));
        }
        let mut header_extensions = Vec::new();
        for (uri, preferred_id, audio, video) in EXTENSIONS {
            for (kind, direction) in [(MediaKind::Audio, audio), (MediaKind::Video, video)] {
                header_extensions.extend(direction.map(|direction| RtpHeaderExtension {
                    kind,
                    uri: uri.into(),
                    preferred_id,
                    direction,
                }));
            }
        }
        RtpCapabilities { codecs, header_extensions }
    }
}
