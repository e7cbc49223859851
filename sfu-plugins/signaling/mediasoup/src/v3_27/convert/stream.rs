use sfu_core::control::{StreamDump, StreamStats};

use crate::schema::v3_27::rtp_parameters::MediaKind;
use crate::schema::v3_27::rtp_stream::{
    BaseStats, BitrateByLayer, Dump, Params, RecvStats, SendStats, Stats, StatsData,
};
use crate::schema::v3_27::rtx_stream::{self, RtxDump};

pub(crate) fn stream_dump(stream: StreamDump) -> Dump {
    let rtx_stream = stream.rtx_ssrc.zip(stream.rtx_payload_type).map(|(ssrc, payload_type)| RtxDump {
        params: rtx_stream::Params {
            ssrc,
            payload_type,
            mime_type: rtx_mime_type(&stream.mime_type),
            clock_rate: stream.clock_rate,
            rrid: Some(stream.rid.clone().unwrap_or_default()),
            cname: stream.cname.clone(),
        },
    });
    Dump {
        params: Params {
            encoding_idx: stream.encoding.into(),
            ssrc: stream.ssrc,
            payload_type: stream.payload_type,
            mime_type: stream.mime_type,
            clock_rate: stream.clock_rate,
            // The library wants a text, of dumps alone.
            rid: Some(stream.rid.unwrap_or_default()),
            cname: stream.cname,
            rtx_ssrc: stream.rtx_ssrc,
            rtx_payload_type: stream.rtx_payload_type,
            use_nack: stream.use_nack,
            use_pli: stream.use_pli,
            use_fir: stream.use_fir,
            use_in_band_fec: stream.use_in_band_fec,
            use_dtx: stream.use_dtx,
            spatial_layers: stream.spatial_layers,
            temporal_layers: stream.temporal_layers,
        },
        score: stream.score,
        rtx_stream,
    }
}

fn rtx_mime_type(mime_type: &str) -> String {
    format!("{}/rtx", mime_type.split('/').next().unwrap_or("video"))
}

/// Figures of a stream that arrives, at a time in milliseconds since 1970.
pub(crate) fn received(stream: StreamStats, kind: MediaKind, timestamp: u64) -> Stats {
    let layer = |one: &sfu_core::control::LayerBitrate| BitrateByLayer {
        layer: format!("{}.{}", one.spatial, one.temporal),
        bitrate: one.bitrate.into(),
    };
    let received = RecvStats {
        packet_count: stream.packets,
        byte_count: stream.bytes,
        bitrate: stream.bitrate.into(),
        bitrate_by_layer: stream.layers.iter().map(layer).collect(),
        base: Box::new(base(stream, kind, timestamp)),
    };
    Stats { data: StatsData::RecvStats(received) }
}

/// Figures of a stream that leaves.
pub(crate) fn sent(stream: StreamStats, kind: MediaKind, timestamp: u64) -> Stats {
    let sent = SendStats {
        packet_count: stream.packets,
        byte_count: stream.bytes,
        bitrate: stream.bitrate.into(),
        base: Box::new(base(stream, kind, timestamp)),
    };
    Stats { data: StatsData::SendStats(sent) }
}

fn base(stream: StreamStats, kind: MediaKind, timestamp: u64) -> Stats {
    Stats {
        data: StatsData::BaseStats(BaseStats {
            timestamp,
            ssrc: stream.ssrc,
            kind,
            mime_type: stream.mime_type,
            packets_lost: stream.packets_lost.clamp(i32::MIN.into(), i32::MAX.into()) as i32,
            fraction_lost: stream.fraction_lost,
            // Ours is in milliseconds.
            jitter: (f64::from(stream.jitter) * f64::from(stream.clock_rate) / 1000.0).round() as u32,
            packets_discarded: stream.packets_discarded,
            packets_retransmitted: stream.packets_retransmitted,
            packets_repaired: stream.packets_repaired,
            nack_count: stream.nacks,
            nack_packet_count: stream.nack_packets,
            pli_count: stream.plis,
            fir_count: stream.firs,
            rid: stream.rid,
            rtx_ssrc: stream.rtx_ssrc,
            rtx_packets_discarded: stream.rtx_packets_discarded,
            round_trip_time: stream.round_trip_time.unwrap_or(0.0),
            score: stream.score,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_told_in_units_of_the_rtp_clock() {
        let stream = StreamStats { jitter: 2.5, clock_rate: 48_000, ..StreamStats::default() };
        let StatsData::RecvStats(stats) = received(stream, MediaKind::Audio, 7).data else { unreachable!() };
        let StatsData::BaseStats(base) = stats.base.data else { unreachable!() };
        assert_eq!((base.jitter, base.timestamp), (120, 7));
    }

    #[test]
    fn retransmissions_are_of_the_mediums_own_rtx() {
        let stream = StreamDump {
            mime_type: "audio/opus".into(),
            rtx_ssrc: Some(5),
            rtx_payload_type: Some(97),
            ..StreamDump::default()
        };
        let dump = stream_dump(stream);
        assert_eq!(dump.params.rid.as_deref(), Some(""), "absent, the library does not read it");
        let rtx = dump.rtx_stream.unwrap().params;
        assert_eq!((rtx.ssrc, rtx.payload_type, rtx.mime_type.as_str()), (5, 97, "audio/rtx"));
    }
}
