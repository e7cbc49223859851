//! Whether a consumer can go over to another producer without a new answer.
use sfu_core::control::{RtpCodecParameters, RtpParameters};

/// Whether what a producer sends is something that a consumer's receiver agreed to.
///
/// What counts is the producer's first media codec, and the parameters without which a decoder fails.
pub fn fits(producer: &RtpParameters, consumer: &RtpParameters) -> bool {
    let Some(sent) = producer.codecs.iter().find(|codec| !codec.is_rtx()) else { return false };
    consumer.codecs.iter().any(|codec| same(sent, codec))
}

fn same(a: &RtpCodecParameters, b: &RtpCodecParameters) -> bool {
    let parameter = |codec: &RtpCodecParameters, name: &str, default: &str| {
        codec.parameters.get(name).map_or(default, String::as_str).to_ascii_lowercase()
    };
    let equal = |name: &str, default: &str| parameter(a, name, default) == parameter(b, name, default);
    let mime = a.mime_type.to_ascii_lowercase();
    mime == b.mime_type.to_ascii_lowercase()
        && a.clock_rate == b.clock_rate
        && a.channels.unwrap_or(1) == b.channels.unwrap_or(1)
        && match mime.as_str() {
            // The level may differ; profile and constraints (RFC 6184 §8.1) must not.
            "video/h264" => {
                let profile = |codec| {
                    parameter(codec, "profile-level-id", "42e01f").chars().take(4).collect::<String>()
                };
                equal("packetization-mode", "0") && profile(a) == profile(b)
            }
            "video/vp9" => equal("profile-id", "0"),
            "video/av1" => equal("profile", "0"),
            _ => true,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(mime: &str, parameters: &[(&str, &str)]) -> RtpParameters {
        let codec = |mime: &str, parameters: &[(&str, &str)]| RtpCodecParameters {
            mime_type: mime.into(),
            clock_rate: 90_000,
            parameters: parameters.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
            ..Default::default()
        };
        RtpParameters {
            codecs: vec![codec(mime, parameters), codec("video/rtx", &[("apt", "96")])],
            ..Default::default()
        }
    }

    #[test]
    fn the_same_codec_fits_in_any_case_of_letters() {
        assert!(fits(&video("video/VP8", &[]), &video("video/vp8", &[])));
        assert!(!fits(&video("video/VP8", &[]), &video("video/VP9", &[])));
    }

    #[test]
    fn h264_must_have_the_same_profile_but_not_the_same_level() {
        let h264 = |id, mode| video("video/H264", &[("profile-level-id", id), ("packetization-mode", mode)]);
        assert!(fits(&h264("42e01f", "1"), &h264("42E034", "1")));
        assert!(!fits(&h264("42e01f", "1"), &h264("640c1f", "1")));
        assert!(!fits(&h264("42e01f", "1"), &h264("42e01f", "0")));
    }

    #[test]
    fn a_repair_codec_alone_fits_nothing() {
        let mut only_rtx = video("video/VP8", &[]);
        only_rtx.codecs.remove(0);
        assert!(!fits(&only_rtx, &only_rtx));
    }

    #[test]
    fn the_profile_of_vp9_counts() {
        assert!(fits(&video("video/VP9", &[]), &video("video/VP9", &[("profile-id", "0")])));
        assert!(!fits(&video("video/VP9", &[("profile-id", "2")]), &video("video/VP9", &[])));
    }
}
