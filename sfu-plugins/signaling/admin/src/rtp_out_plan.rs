//! Which consumers plain RTP out takes.
use sfu_core::control::{
    ConsumerOptions, ConsumerType, ControlHandle, MediaKind, ProducerDescription, ProducerStats, RouterId,
    RtcpParameters, RtpCodecParameters, RtpEncodingParameters, RtpParameters, WorkerStats,
};

use crate::codec::{feedback, mime_type};
use crate::error::{ApiError, Kind};
use crate::routers;
use crate::rtp_out::{RtpOut, is_rtcp_type, nothing, random};
use crate::stream_name::StreamName;
use crate::streams::is_of;

/// One consumer to be made.
pub(crate) struct Planned {
    /// Audio or video.
    pub(crate) kind: MediaKind,
    /// Its options.
    pub(crate) options: ConsumerOptions,
}

/// One consumer for each producer of the stream that is asked for; at least one.
pub(crate) async fn consumers(
    control: &ControlHandle,
    stats: &WorkerStats,
    router: RouterId,
    name: &StreamName,
    asked: &RtpOut,
) -> Result<Vec<Planned>, ApiError> {
    let published = |producer: &&ProducerStats| {
        stats.transports.iter().any(|transport| {
            transport.id == producer.transport
                && transport.router == router
                && is_of(transport, name.as_str())
                && transport.labels.get("role").is_none_or(|role| role == routers::PUBLISHER)
        })
    };
    let wanted = |producer: &&ProducerStats| asked.kind.is_none_or(|kind| kind == producer.kind);
    let mut planned: Vec<Planned> = Vec::new();
    for producer in stats.producers.iter().filter(wanted).filter(published) {
        let described = control.describe_producer(producer.id).await?;
        let mut codec = codec(&described, producer, asked)?.clone();
        let taken: Vec<u8> = planned
            .iter()
            .flat_map(|other| &other.options.rtp_parameters.codecs)
            .map(|c| c.payload_type)
            .collect();
        codec.payload_type = free(asked.payload_type.unwrap_or(codec.payload_type), &taken);
        codec.rtcp_feedback = feedback(producer.kind);
        let several = described.rtp_parameters.encodings.len() > 1;
        planned.push(Planned {
            kind: producer.kind,
            options: ConsumerOptions {
                producer: producer.id,
                kind: if several { ConsumerType::Simulcast } else { ConsumerType::Simple },
                rtp_parameters: RtpParameters {
                    codecs: vec![codec],
                    encodings: vec![RtpEncodingParameters { ssrc: Some(random()?), ..Default::default() }],
                    rtcp: RtcpParameters { cname: Some(name.as_str().to_owned()), reduced_size: false },
                    ..Default::default()
                },
                paused: false,
                ignore_dtx: false,
                outlives_producer: false,
                preferred_layers: None,
                consumable_encodings: Vec::new(),
                labels: routers::labels(name, routers::VIEWER, "rtp-out"),
            },
        });
    }
    if planned.is_empty() { Err(nothing(name, asked.kind)) } else { Ok(planned) }
}

/// The codec that is sent: the one that is asked for, the one that came so far, or the only one there is.
fn codec<'a>(
    described: &'a ProducerDescription,
    producer: &ProducerStats,
    asked: &RtpOut,
) -> Result<&'a RtpCodecParameters, ApiError> {
    let kind = producer.kind;
    let media = || {
        let all = described.rtp_parameters.codecs.iter();
        all.filter(|codec| !codec.is_rtx() && mime_type(kind, &codec.mime_type).is_ok())
    };
    let of = |wanted: &str| media().find(|codec| codec.mime_type.eq_ignore_ascii_case(wanted));
    if let Some(name) = &asked.codec {
        let wanted = mime_type(kind, name).map_err(ApiError::invalid)?;
        return of(&wanted).ok_or_else(|| {
            let text = format!("api.rtp_out.codec: producer {} does not send {wanted}", producer.id);
            ApiError::new(Kind::State, text)
        });
    }
    let came = producer.streams.iter().find_map(|stream| of(&stream.mime_type));
    let mut any = media();
    let only =
        any.next().filter(|first| any.all(|other| other.mime_type.eq_ignore_ascii_case(&first.mime_type)));
    came.or(only).ok_or_else(|| {
        let text = format!(
            "api.rtp_out: producer {} may send several codecs and has not sent anything yet; try again when it sends, or \
             give `kind` and `codec`",
            producer.id
        );
        ApiError::new(Kind::State, text)
    })
}

/// A payload type that no other stream on the port has, and that does not look like RTCP.
fn free(wanted: u8, taken: &[u8]) -> u8 {
    let good = |number: &u8| !taken.contains(number) && !is_rtcp_type(*number);
    std::iter::once(wanted).chain(96..=127).find(good).unwrap_or(wanted)
}
