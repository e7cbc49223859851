use std::collections::BTreeMap;

use sfu_core::control::{self, ConsumerType};

use super::bitrate;
use crate::schema::v3_27::consumer::ConsumerLayers;
use crate::schema::v3_27::rtp_parameters::{
    MediaKind, Parameter, RtpCodecParameters, RtpEncodingParameters, RtpHeaderExtensionUri, RtpMapping,
    RtpParameters, Type, Value,
};

pub(crate) fn media_kind(kind: control::MediaKind) -> MediaKind {
    match kind {
        control::MediaKind::Audio => MediaKind::Audio,
        control::MediaKind::Video => MediaKind::Video,
    }
}

pub(crate) fn media_kind_of(kind: MediaKind) -> control::MediaKind {
    match kind {
        MediaKind::Audio => control::MediaKind::Audio,
        MediaKind::Video => control::MediaKind::Video,
    }
}

pub(crate) fn consumer_type(kind: ConsumerType) -> Type {
    match kind {
        ConsumerType::Simple => Type::Simple,
        ConsumerType::Simulcast => Type::Simulcast,
        ConsumerType::Svc => Type::Svc,
        ConsumerType::Pipe => Type::Pipe,
    }
}

pub(crate) fn consumer_type_of(kind: Type) -> ConsumerType {
    match kind {
        Type::Simple => ConsumerType::Simple,
        Type::Simulcast => ConsumerType::Simulcast,
        Type::Svc => ConsumerType::Svc,
        Type::Pipe => ConsumerType::Pipe,
    }
}

pub(crate) fn layers(layers: control::Layers) -> ConsumerLayers {
    ConsumerLayers { spatial_layer: layers.spatial, temporal_layer: layers.temporal }
}

pub(crate) fn layers_of(layers: ConsumerLayers) -> control::Layers {
    control::Layers { spatial: layers.spatial_layer, temporal: layers.temporal_layer }
}

pub(crate) fn rtp_parameters(parameters: &RtpParameters) -> control::RtpParameters {
    let extension = |one: &crate::schema::v3_27::rtp_parameters::RtpHeaderExtensionParameters| {
        control::RtpHeaderExtensionParameters { uri: uri(one.uri).to_owned(), id: one.id }
    };
    control::RtpParameters {
        // An empty one is none, as for the library's own worker.
        mid: parameters.mid.clone().filter(|mid| !mid.is_empty()),
        codecs: parameters.codecs.iter().map(codec).collect(),
        header_extensions: parameters.header_extensions.iter().map(extension).collect(),
        encodings: rtp_encodings(&parameters.encodings),
        rtcp: control::RtcpParameters {
            cname: parameters.rtcp.cname.clone(),
            reduced_size: parameters.rtcp.reduced_size,
        },
        msid: parameters.msid.clone(),
    }
}

pub(crate) fn rtp_encodings(encodings: &[RtpEncodingParameters]) -> Vec<control::RtpEncodingParameters> {
    let encoding = |one: &RtpEncodingParameters| control::RtpEncodingParameters {
        ssrc: one.ssrc,
        rid: one.rid.clone().filter(|rid| !rid.is_empty()),
        codec_payload_type: one.codec_payload_type,
        rtx: one.rtx.as_ref().map(|rtx| control::RtxParameters { ssrc: rtx.ssrc }),
        dtx: one.dtx,
        scalability_mode: one.scalability_mode.clone(),
        max_bitrate: one.max_bitrate.map(bitrate),
    };
    encodings.iter().map(encoding).collect()
}

/// The scalability modes are those of `parameters`, whose encodings are mapped.
pub(crate) fn rtp_mapping(mapping: &RtpMapping, parameters: &RtpParameters) -> control::RtpMapping {
    let codec = |one: &crate::schema::v3_27::rtp_parameters::CodecMapping| control::RtpMappingCodec {
        payload_type: one.payload_type,
        mapped_payload_type: one.mapped_payload_type,
    };
    let modes = parameters.encodings.iter().map(|encoding| encoding.scalability_mode.clone());
    let encodings = mapping.encodings.iter().zip(modes.chain(std::iter::repeat(None)));
    control::RtpMapping {
        codecs: mapping.codecs.iter().map(codec).collect(),
        encodings: encodings
            .map(|(one, scalability_mode)| control::RtpMappingEncoding {
                rid: one.rid.clone().filter(|rid| !rid.is_empty()),
                ssrc: one.ssrc,
                scalability_mode,
                mapped_ssrc: one.mapped_ssrc,
            })
            .collect(),
    }
}

fn codec(codec: &RtpCodecParameters) -> control::RtpCodecParameters {
    let feedback = codec.rtcp_feedback.iter().flatten().map(|one| control::RtcpFeedback {
        kind: one.r#type.clone(),
        parameter: one.parameter.clone().unwrap_or_default(),
    });
    control::RtpCodecParameters {
        mime_type: codec.mime_type.clone(),
        payload_type: codec.payload_type,
        clock_rate: codec.clock_rate,
        // The library says 0, or nothing, for video.
        channels: codec.channels.filter(|channels| *channels > 0),
        parameters: codec.parameters.iter().flatten().map(parameter).collect::<BTreeMap<_, _>>(),
        rtcp_feedback: feedback.collect(),
    }
}

/// A format parameter with its value as SDP writes it.
fn parameter(parameter: &Parameter) -> (String, String) {
    let value = match &parameter.value {
        Value::Boolean(value) => u8::from(value.value != 0).to_string(),
        Value::Integer32(value) => value.value.to_string(),
        Value::Double(value) => value.value.to_string(),
        Value::String(value) => value.value.clone(),
        Value::Integer32Array(values) => {
            let numbers: Vec<String> = values.value.iter().flatten().map(i32::to_string).collect();
            numbers.join(",")
        }
    };
    (parameter.name.clone(), value)
}

fn uri(uri: RtpHeaderExtensionUri) -> &'static str {
    match uri {
        RtpHeaderExtensionUri::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
        RtpHeaderExtensionUri::RtpStreamId => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        RtpHeaderExtensionUri::RepairRtpStreamId => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        RtpHeaderExtensionUri::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        RtpHeaderExtensionUri::TransportWideCcDraft01 => {
            "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
        }
        RtpHeaderExtensionUri::SsrcAudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        RtpHeaderExtensionUri::DependencyDescriptor => {
            "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
        }
        RtpHeaderExtensionUri::VideoOrientation => "urn:3gpp:video-orientation",
        RtpHeaderExtensionUri::TimeOffset => "urn:ietf:params:rtp-hdrext:toffset",
        RtpHeaderExtensionUri::AbsCaptureTime => {
            "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
        }
        RtpHeaderExtensionUri::PlayoutDelay => "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
        RtpHeaderExtensionUri::MediasoupPacketId => "urn:mediasoup:params:rtp-hdrext:packet-id",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::v3_27::rtp_parameters::{
        BooleanValue, DoubleValue, Integer32Array, Integer32Value, StringValue,
    };

    #[test]
    fn values_of_format_parameters_are_written_as_in_sdp() {
        let text = |value| parameter(&Parameter { name: "p".into(), value }).1;
        assert_eq!(text(Value::Boolean(BooleanValue { value: 1 })), "1");
        assert_eq!(text(Value::Integer32(Integer32Value { value: -3 })), "-3");
        assert_eq!(text(Value::Double(DoubleValue { value: 0.5 })), "0.5");
        assert_eq!(text(Value::String(StringValue { value: "42e01f".into() })), "42e01f");
        assert_eq!(text(Value::Integer32Array(Integer32Array { value: Some(vec![0, 4, 1]) })), "0,4,1");
    }
}
