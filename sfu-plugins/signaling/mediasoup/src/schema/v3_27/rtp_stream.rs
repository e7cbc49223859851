//! RTP streams: parameters, dumps, statistics.
use super::rtp_parameters::MediaKind;
use super::rtx_stream::RtxDump;
use crate::flat::schema;

schema! {
    namespace "RtpStream";

    table Params {
        encoding_idx: u32,
        ssrc: u32,
        payload_type: u8,
        mime_type: String,
        /// Hertz.
        clock_rate: u32,
        rid: Option<String>,
        cname: String,
        rtx_ssrc: Option<u32>,
        rtx_payload_type: Option<u8>,
        use_nack: bool,
        use_pli: bool,
        use_fir: bool,
        use_in_band_fec: bool,
        use_dtx: bool,
        spatial_layers: u8,
        temporal_layers: u8,
    }

    table Dump {
        params: Params,
        /// 0 to 10.
        score: u8,
        rtx_stream: Option<RtxDump>,
    }

    table BitrateByLayer {
        /// `spatial.temporal`.
        layer: String,
        /// Bits per second.
        bitrate: u64,
    }

    union StatsData {
        BaseStats(BaseStats) = 1,
        RecvStats(RecvStats) = 2,
        SendStats(SendStats) = 3,
    }

    table Stats {
        data: StatsData,
    }

    table BaseStats {
        /// Milliseconds.
        timestamp: u64,
        ssrc: u32,
        kind: MediaKind,
        mime_type: String,
        packets_lost: i32,
        /// 256ths.
        fraction_lost: u8,
        /// RTP timestamp units.
        jitter: u32,
        packets_discarded: u64,
        packets_retransmitted: u64,
        packets_repaired: u64,
        nack_count: u64,
        nack_packet_count: u64,
        pli_count: u64,
        fir_count: u64,
        rid: Option<String>,
        rtx_ssrc: Option<u32>,
        rtx_packets_discarded: u64,
        /// Milliseconds.
        round_trip_time: f32,
        /// 0 to 10.
        score: u8,
    }

    table RecvStats {
        /// Statistics with [`BaseStats`].
        base: Box<Stats>,
        packet_count: u64,
        byte_count: u64,
        /// Bits per second.
        bitrate: u64,
        bitrate_by_layer: Vec<BitrateByLayer>,
    }

    table SendStats {
        /// Statistics with [`BaseStats`].
        base: Box<Stats>,
        packet_count: u64,
        byte_count: u64,
        /// Bits per second.
        bitrate: u64,
    }
}
