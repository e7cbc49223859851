use sfu_core::control::{BandwidthEstimator, Trace, TraceDirection, TraceInfo, TracedPacket};

use crate::schema::v3_27::common::TraceDirection as Direction;
use crate::schema::v3_27::rtp_packet::Dump;
use crate::schema::v3_27::{consumer, producer, transport};

fn direction(direction: TraceDirection) -> Direction {
    match direction {
        TraceDirection::In => Direction::DirectionIn,
        TraceDirection::Out => Direction::DirectionOut,
    }
}

fn packet(packet: TracedPacket) -> Dump {
    Dump {
        payload_type: packet.payload_type,
        sequence_number: packet.sequence_number,
        timestamp: packet.timestamp,
        marker: packet.marker,
        ssrc: packet.ssrc,
        is_key_frame: packet.is_key_frame,
        size: packet.size.into(),
        payload_size: packet.payload_size.into(),
        spatial_layer: packet.spatial_layer,
        temporal_layer: packet.temporal_layer,
        mid: packet.mid,
        rid: packet.rid,
        rrid: packet.repaired_rid,
        wide_sequence_number: packet.transport_sequence_number,
    }
}

/// A trace of a transport; `None` for what transports don't trace.
pub(crate) fn transport_trace(trace: Trace) -> Option<transport::TraceNotification> {
    use transport::TraceEventType as Type;
    let (r#type, info) = match trace.info {
        TraceInfo::Probation(_) => (Type::Probation, None),
        TraceInfo::Bandwidth(bandwidth) => {
            let info = transport::BweTraceInfo {
                bwe_type: match bandwidth.estimator {
                    BandwidthEstimator::TransportCc => transport::BweType::TransportCc,
                    BandwidthEstimator::Remb => transport::BweType::Remb,
                },
                desired_bitrate: bandwidth.desired.into(),
                effective_desired_bitrate: bandwidth.effective_desired.into(),
                min_bitrate: bandwidth.min.into(),
                max_bitrate: bandwidth.max.into(),
                start_bitrate: bandwidth.start.into(),
                max_padding_bitrate: bandwidth.max_padding.into(),
                available_bitrate: bandwidth.available.into(),
            };
            (Type::Bwe, Some(transport::TraceInfo::BweTraceInfo(info)))
        }
        _ => return None,
    };
    let direction = direction(trace.direction);
    Some(transport::TraceNotification { r#type, timestamp: trace.timestamp, direction, info })
}

/// A trace of a producer; `None` for what producers don't trace.
pub(crate) fn producer_trace(trace: Trace) -> Option<producer::TraceNotification> {
    use producer::TraceEventType as Type;
    use producer::TraceInfo as Info;
    let (r#type, info) = match trace.info {
        TraceInfo::Rtp { packet: traced, is_rtx } => {
            let info = producer::RtpTraceInfo { rtp_packet: packet(traced), is_rtx };
            (Type::Rtp, Some(Info::RtpTraceInfo(info)))
        }
        TraceInfo::KeyFrame { packet: traced, is_rtx } => {
            let info = producer::KeyFrameTraceInfo { rtp_packet: packet(traced), is_rtx };
            (Type::Keyframe, Some(Info::KeyFrameTraceInfo(info)))
        }
        TraceInfo::Nack => (Type::Nack, None),
        TraceInfo::Pli(ssrc) => (Type::Pli, Some(Info::PliTraceInfo(producer::PliTraceInfo { ssrc }))),
        TraceInfo::Fir(ssrc) => (Type::Fir, Some(Info::FirTraceInfo(producer::FirTraceInfo { ssrc }))),
        TraceInfo::SenderReport {
            ssrc,
            ntp_seconds,
            ntp_fraction,
            rtp_timestamp,
            packet_count,
            octet_count,
        } => {
            let info = producer::SrTraceInfo {
                ssrc,
                ntp_sec: ntp_seconds,
                ntp_frac: ntp_fraction,
                rtp_ts: rtp_timestamp,
                packet_count,
                octet_count,
            };
            (Type::Sr, Some(Info::SrTraceInfo(info)))
        }
        TraceInfo::Probation(_) | TraceInfo::Bandwidth(_) => return None,
    };
    let direction = direction(trace.direction);
    Some(producer::TraceNotification { r#type, timestamp: trace.timestamp, direction, info })
}

/// A trace of a consumer; `None` for what consumers don't trace.
pub(crate) fn consumer_trace(trace: Trace) -> Option<consumer::TraceNotification> {
    use consumer::TraceEventType as Type;
    use consumer::TraceInfo as Info;
    let (r#type, info) = match trace.info {
        TraceInfo::Rtp { packet: traced, is_rtx } => {
            let info = consumer::RtpTraceInfo { rtp_packet: packet(traced), is_rtx };
            (Type::Rtp, Some(Info::RtpTraceInfo(info)))
        }
        TraceInfo::KeyFrame { packet: traced, is_rtx } => {
            let info = consumer::KeyFrameTraceInfo { rtp_packet: packet(traced), is_rtx };
            (Type::Keyframe, Some(Info::KeyFrameTraceInfo(info)))
        }
        TraceInfo::Nack => (Type::Nack, None),
        TraceInfo::Pli(ssrc) => (Type::Pli, Some(Info::PliTraceInfo(consumer::PliTraceInfo { ssrc }))),
        TraceInfo::Fir(ssrc) => (Type::Fir, Some(Info::FirTraceInfo(consumer::FirTraceInfo { ssrc }))),
        TraceInfo::SenderReport { .. } | TraceInfo::Probation(_) | TraceInfo::Bandwidth(_) => return None,
    };
    let direction = direction(trace.direction);
    Some(consumer::TraceNotification { r#type, timestamp: trace.timestamp, direction, info })
}
