//! Consumers: layers, scores, traces, dumps.
use super::common::TraceDirection;
use super::rtp_parameters::{MediaKind, RtpEncodingParameters, RtpParameters, Type};
use super::{rtp_packet, rtp_stream};
use crate::flat::schema;

schema! {
    namespace "Consumer";

    table ConsumerLayers {
        spatial_layer: u8,
        temporal_layer: Option<u8>,
    }

    /// Scores go from 0 to 10.
    table ConsumerScore {
        score: u8,
        producer_score: u8,
        /// Of each encoding.
        producer_scores: Vec<u8>,
    }

    table SetPreferredLayersRequest {
        preferred_layers: ConsumerLayers,
    }

    table SetPreferredLayersResponse {
        preferred_layers: Option<ConsumerLayers>,
    }

    table SetPriorityRequest {
        priority: u8,
    }

    table SetPriorityResponse {
        priority: u8,
    }

    enum TraceEventType {
        Keyframe = 0,
        Fir = 1,
        Nack = 2,
        Pli = 3,
        Rtp = 4,
    }

    table EnableTraceEventRequest {
        events: Vec<TraceEventType>,
    }

    table DumpResponse {
        data: ConsumerDump,
    }

    table BaseConsumerDump {
        id: String,
        r#type: Type,
        producer_id: String,
        kind: MediaKind,
        rtp_parameters: RtpParameters,
        consumable_rtp_encodings: Vec<RtpEncodingParameters>,
        supported_codec_payload_types: Vec<u8>,
        trace_event_types: Vec<TraceEventType>,
        paused: bool,
        producer_paused: bool,
        priority: u8,
    }

    /// Layers are -1 where there is none.
    table ConsumerDump {
        base: BaseConsumerDump,
        rtp_streams: Vec<rtp_stream::Dump>,
        preferred_spatial_layer: Option<i16>,
        target_spatial_layer: Option<i16>,
        current_spatial_layer: Option<i16>,
        preferred_temporal_layer: Option<i16>,
        target_temporal_layer: Option<i16>,
        current_temporal_layer: Option<i16>,
    }

    table GetStatsResponse {
        stats: Vec<rtp_stream::Stats>,
    }

    table LayersChangeNotification {
        layers: Option<ConsumerLayers>,
    }

    table RtpNotification {
        data: Vec<u8>,
    }

    table ScoreNotification {
        score: ConsumerScore,
    }

    union TraceInfo {
        KeyFrameTraceInfo(KeyFrameTraceInfo) = 1,
        FirTraceInfo(FirTraceInfo) = 2,
        PliTraceInfo(PliTraceInfo) = 3,
        RtpTraceInfo(RtpTraceInfo) = 4,
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

    table TraceNotification {
        r#type: TraceEventType,
        /// Milliseconds.
        timestamp: u64,
        direction: TraceDirection,
        info: Option<TraceInfo>,
    }
}
