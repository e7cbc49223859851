//! RTP parameters that make no sense, told as the library's own worker tells them: by a TypeError.
use crate::refusal::Refusal;
use crate::schema::v3_27::rtp_parameters::{RtpCodecParameters, RtpParameters, Value};
use crate::schema::v3_27::transport::ProduceRequest;

fn wrong(text: impl std::fmt::Display) -> Refusal {
    Refusal::type_error(format_args!("signaling.mediasoup: rtpParameters: {text}"))
}

/// What a producer is to send, and how it maps to what the router knows.
pub(super) fn produced(body: &ProduceRequest) -> Result<(), Refusal> {
    codecs(&body.rtp_parameters)?;
    let encodings = &body.rtp_mapping.encodings;
    if body.rtp_parameters.encodings.len() != encodings.len() {
        return Err(wrong("encodings: there is another number of them in rtpMapping"));
    }
    // One alone can be told by its MID.
    let needs_name = encodings.len() > 1 || body.rtp_parameters.mid.as_deref().unwrap_or_default().is_empty();
    if needs_name && encodings.iter().any(|encoding| encoding.ssrc.is_none() && encoding.rid.is_none()) {
        return Err(wrong("encodings: each needs an ssrc or a rid; one alone may have a mid in their place"));
    }
    if encodings.iter().any(|encoding| encoding.mapped_ssrc == 0) {
        return Err(wrong("encodings: one has no mappedSsrc in rtpMapping"));
    }
    Ok(())
}

/// Codecs, what refers to them, and header extensions.
pub(super) fn codecs(parameters: &RtpParameters) -> Result<(), Refusal> {
    let all = &parameters.codecs;
    let media = |payload_type| all.iter().any(|codec| codec.payload_type == payload_type && is_media(codec));
    if !all.iter().any(is_media) {
        return Err(wrong("codecs: there is none for media"));
    }
    for (place, codec) in all.iter().enumerate() {
        if all.iter().take(place).any(|other| other.payload_type == codec.payload_type) {
            return Err(wrong(format_args!("codecs: payloadType {} is there twice", codec.payload_type)));
        }
        if is_rtx(codec) && !apt(codec).is_some_and(media) {
            return Err(wrong(format_args!(
                "codecs: apt of RTX (payloadType {}) has to be the payloadType of a codec for media",
                codec.payload_type
            )));
        }
    }
    if parameters.encodings.is_empty() {
        return Err(wrong("encodings: there are none"));
    }
    if let Some(unknown) = parameters
        .encodings
        .iter()
        .filter_map(|encoding| encoding.codec_payload_type)
        .find(|payload_type| !media(*payload_type))
    {
        return Err(wrong(format_args!("encodings: codecPayloadType {unknown} is no codec for media")));
    }
    if parameters.header_extensions.iter().any(|extension| extension.id == 0) {
        return Err(wrong("headerExtensions: 0 is no id"));
    }
    Ok(())
}

/// An encoding that names no codec has the first one; dumps say so.
pub(super) fn fill_payload_types(parameters: &mut RtpParameters) {
    let first = parameters.codecs.iter().find(|codec| is_media(codec)).map(|codec| codec.payload_type);
    for encoding in &mut parameters.encodings {
        encoding.codec_payload_type = encoding.codec_payload_type.or(first);
    }
}

/// Neither repair nor redundancy.
fn is_media(codec: &RtpCodecParameters) -> bool {
    let subtype = codec.mime_type.split('/').nth(1).unwrap_or_default();
    !["rtx", "ulpfec", "x-ulpfecuc", "flexfec", "red"].iter().any(|other| subtype.eq_ignore_ascii_case(other))
}

fn is_rtx(codec: &RtpCodecParameters) -> bool {
    codec.mime_type.split('/').nth(1).is_some_and(|subtype| subtype.eq_ignore_ascii_case("rtx"))
}

/// The payload type that RTX repairs.
fn apt(codec: &RtpCodecParameters) -> Option<u8> {
    let parameter = codec.parameters.iter().flatten().find(|parameter| parameter.name == "apt")?;
    match &parameter.value {
        Value::Integer32(number) => u8::try_from(number.value).ok(),
        Value::String(text) => text.value.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::v3_27::rtp_parameters::{
        EncodingMapping, Integer32Value, MediaKind, Parameter, RtcpParameters, RtpEncodingParameters,
        RtpMapping,
    };

    fn codec(mime_type: &str, payload_type: u8, apt: Option<i32>) -> RtpCodecParameters {
        let parameter =
            |value| Parameter { name: "apt".into(), value: Value::Integer32(Integer32Value { value }) };
        RtpCodecParameters {
            mime_type: mime_type.into(),
            payload_type,
            clock_rate: 90_000,
            channels: None,
            parameters: Some(apt.map(parameter).into_iter().collect()),
            rtcp_feedback: None,
        }
    }

    fn produce(mid: &str, codecs: Vec<RtpCodecParameters>, ssrcs: &[Option<u32>]) -> ProduceRequest {
        let encoding = |ssrc: &Option<u32>| RtpEncodingParameters {
            ssrc: *ssrc,
            rid: None,
            codec_payload_type: None,
            rtx: None,
            dtx: false,
            scalability_mode: None,
            max_bitrate: None,
        };
        let mapping = |ssrc: &Option<u32>| EncodingMapping { rid: None, ssrc: *ssrc, mapped_ssrc: 1 };
        ProduceRequest {
            producer_id: "p".into(),
            kind: MediaKind::Video,
            rtp_parameters: RtpParameters {
                mid: Some(mid.into()),
                codecs,
                header_extensions: Vec::new(),
                encodings: ssrcs.iter().map(encoding).collect(),
                rtcp: RtcpParameters { cname: None, reduced_size: true },
                msid: None,
            },
            rtp_mapping: RtpMapping { codecs: Vec::new(), encodings: ssrcs.iter().map(mapping).collect() },
            paused: false,
            key_frame_request_delay: 0,
            enable_mediasoup_packet_id_header_extension: false,
        }
    }

    fn vp8() -> Vec<RtpCodecParameters> {
        vec![codec("video/VP8", 96, None), codec("video/rtx", 97, Some(96))]
    }

    #[test]
    fn an_encoding_alone_is_told_by_ssrc_or_mid_and_each_of_several_by_its_own() {
        assert!(produced(&produce("", vp8(), &[Some(1)])).is_ok());
        assert!(produced(&produce("0", vp8(), &[None])).is_ok());
        assert!(produced(&produce("", vp8(), &[None])).is_err());
        assert!(produced(&produce("0", vp8(), &[Some(1), None])).is_err());
    }

    #[test]
    fn codecs_that_refer_to_none_or_are_there_twice_are_type_errors() {
        for codecs in [
            vec![],
            vec![codec("video/rtx", 97, Some(97))],
            vec![codec("video/VP8", 96, None), codec("video/rtx", 97, Some(95))],
            vec![codec("video/VP8", 96, None), codec("video/rtx", 97, None)],
            vec![codec("video/VP8", 96, None), codec("video/VP9", 96, None)],
        ] {
            let text = format!("{codecs:?}");
            let refusal = produced(&produce("0", codecs, &[Some(1)])).unwrap_err();
            assert_eq!(refusal.class.name(), "TypeError", "{text}");
        }
    }

    #[test]
    fn an_encoding_that_names_no_codec_has_the_first() {
        let mut body = produce("0", vp8(), &[Some(1), Some(2)]);
        body.rtp_parameters.encodings[1].codec_payload_type = Some(5);
        assert!(produced(&body).is_err(), "5 is unknown");
        fill_payload_types(&mut body.rtp_parameters);
        let types: Vec<_> =
            body.rtp_parameters.encodings.iter().map(|encoding| encoding.codec_payload_type).collect();
        assert_eq!(types, [Some(96), Some(5)]);
    }
}
