//! Producers: scores, orientation, traces, dumps.
use super::common::TraceDirection;
use super::rtp_parameters::{MediaKind, RtpMapping, RtpParameters, Type};
use super::{rtp_packet, rtp_stream};
use crate::flat::schema;

schema! {
    namespace "Producer";

    enum TraceEventType {
        Keyframe = 0,
        Fir = 1,
        Nack = 2,
        Pli = 3,
        Rtp = 4,
        Sr = 5,
    }

    table EnableTraceEventRequest {
        events: Vec<TraceEventType>,
    }

    table DumpResponse {
        id: String,
        kind: MediaKind,
        r#type: Type,
        rtp_parameters: RtpParameters,
        rtp_mapping: RtpMapping,
        rtp_streams: Vec<rtp_stream::Dump>,
        trace_event_types: Vec<TraceEventType>,
        paused: bool,
    }

    table GetStatsResponse {
        stats: Vec<rtp_stream::Stats>,
    }

    table SendNotification {
        data: Vec<u8>,
    }

    table Score {
        encoding_idx: u32,
        ssrc: u32,
        rid: Option<String>,
        /// 0 to 10.
        score: u8,
    }

    table ScoreNotification {
        scores: Vec<Score>,
    }

    table VideoOrientationChangeNotification {
        camera: bool,
        flip: bool,
        /// Degrees: 0, 90, 180 or 270.
        rotation: u16,
    }

    union TraceInfo {
        KeyFrameTraceInfo(KeyFrameTraceInfo) = 1,
        FirTraceInfo(FirTraceInfo) = 2,
        PliTraceInfo(PliTraceInfo) = 3,
        RtpTraceInfo(RtpTraceInfo) = 4,
        SrTraceInfo(SrTraceInfo) = 5,
    }

    table KeyFrameTraceInfo {
        rtp_packet: rtp_packet::Dump,
        is_rtx: bool,
    }

    table FirTraceInfo {
        ssrc: u32,
    }

    table PliTraceInfo {
        ssrc: u32,
    }

    table RtpTraceInfo {
        rtp_packet: rtp_packet::Dump,
        is_rtx: bool,
    }

    /// RFC 3550, section 6.4.1.
    table SrTraceInfo {
        ssrc: u32,
        ntp_sec: u32,
        ntp_frac: u32,
        rtp_ts: u32,
        packet_count: u32,
        octet_count: u32,
    }

    table TraceNotification {
        r#type: TraceEventType,
        /// Milliseconds.
        timestamp: u64,
        direction: TraceDirection,
        info: Option<TraceInfo>,
    }
}
