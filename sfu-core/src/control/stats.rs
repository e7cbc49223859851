//! Figures of transports and streams.
use super::*;

/// Figures of a target and what is below it.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerStats {
    /// Transports.
    pub transports: Vec<TransportStats>,
    /// Producers.
    pub producers: Vec<ProducerStats>,
    /// Consumers.
    pub consumers: Vec<ConsumerStats>,
    /// Data producers.
    pub data_producers: Vec<DataProducerStats>,
    /// Data consumers.
    pub data_consumers: Vec<DataConsumerStats>,
    /// Plugins' own figures by plugin id, merged over media threads.
    pub plugins: std::collections::BTreeMap<String, serde_json::Value>,
    /// What went wrong with each plugin, by its id, and what was done about it; with the figures of the whole worker only.
    pub plugin_faults: std::collections::BTreeMap<String, PluginFaults>,
    /// What the hot hooks of each plugin cost, by its id; with the figures of the whole worker only.
    pub plugin_costs: std::collections::BTreeMap<String, PluginCost>,
    /// Where each plugin is switched on, by its id; with the figures of the whole worker only.
    pub plugin_switches: std::collections::BTreeMap<String, PluginSwitch>,
    /// Counters of the media threads (refused, dropped, malformed …), those of their sockets among them (`net_…`), summed.
    pub counters: std::collections::BTreeMap<String, u64>,
    /// The same of each media thread by its number; with the figures of the whole worker only.
    pub counters_by_worker: std::collections::BTreeMap<u8, std::collections::BTreeMap<String, u64>>,
    /// How each media thread bears its load, by its number; with the figures of the whole worker only.
    pub overload: std::collections::BTreeMap<u8, OverloadStats>,
}

impl WorkerStats {
    /// Adds the figures of another media thread.
    pub(crate) fn merge(&mut self, other: WorkerStats) {
        self.transports.extend(other.transports);
        self.producers.extend(other.producers);
        self.consumers.extend(other.consumers);
        self.data_producers.extend(other.data_producers);
        self.data_consumers.extend(other.data_consumers);
        for (name, value) in other.counters {
            *self.counters.entry(name).or_default() += value;
        }
        for (plugin, cost) in other.plugin_costs {
            let sum = self.plugin_costs.entry(plugin).or_default();
            sum.calls += cost.calls;
            sum.nanoseconds += cost.nanoseconds;
            sum.dropped += cost.dropped;
        }
        for (plugin, switch) in other.plugin_switches {
            let merged = self.plugin_switches.entry(plugin).or_default();
            merged.on |= switch.on;
            merged.targets += switch.targets;
        }
        self.counters_by_worker.extend(other.counters_by_worker);
        self.overload.extend(other.overload);
        for (plugin, faults) in other.plugin_faults {
            self.plugin_faults.entry(plugin).or_default().add(&faults);
        }
        for (plugin, figures) in other.plugins {
            match self.plugins.entry(plugin) {
                std::collections::btree_map::Entry::Vacant(slot) => {
                    slot.insert(figures);
                }
                std::collections::btree_map::Entry::Occupied(mut slot) => {
                    crate::plugin::merge_figures(slot.get_mut(), figures);
                }
            }
        }
    }
}

/// What went wrong with a plugin since the worker started, and what was done about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginFaults {
    /// Hooks that panicked.
    pub panics: u64,
    /// Hooks that took too long, of those that were timed.
    pub overruns: u64,
    /// Entities that it was detached from.
    pub detached: u64,
    /// Times that it was made anew.
    pub rebuilt: u64,
    /// Media threads that call it no more.
    pub quarantined: u64,
    /// Commands that it had no room for.
    pub refused_commands: u64,
}

/// What the hooks on packets and messages (`rtp_in`, `data_out` …) of a plugin cost, estimated from one turn of the loop in
/// eight thousand, or in a minute, and what they dropped, which is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginCost {
    /// Calls.
    pub calls: u64,
    /// Nanoseconds in them, with some 20 for reading the clock in each.
    pub nanoseconds: u64,
    /// Packets and messages that they dropped, or that were dropped since one of them had panicked.
    pub dropped: u64,
}

/// Where a plugin is switched on: by configuration and by requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginSwitch {
    /// For the whole worker: what opens gets it, unless a nearer level says otherwise.
    pub on: bool,
    /// Entities for which, with all below them, a request switched it on or off.
    pub targets: u64,
}

impl PluginFaults {
    fn add(&mut self, other: &PluginFaults) {
        self.panics += other.panics;
        self.overruns += other.overruns;
        self.detached += other.detached;
        self.rebuilt += other.rebuilt;
        self.quarantined += other.quarantined;
        self.refused_commands += other.refused_commands;
    }
}

/// Figures of a transport.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransportStats {
    /// The transport.
    pub id: TransportId,
    /// Its router.
    pub router: RouterId,
    /// Its session.
    pub session: Option<SessionId>,
    /// Its labels.
    pub labels: Labels,
    /// State of ICE, WebRTC only.
    pub ice_state: Option<IceState>,
    /// State of DTLS, WebRTC only.
    pub dtls_state: Option<DtlsState>,
    /// State of SCTP, where there is some.
    pub sctp_state: Option<SctpState>,
    /// Path in use.
    pub tuple: Option<TransportTuple>,
    /// Path of RTCP in use, without `rtcp_mux`.
    pub rtcp_tuple: Option<TransportTuple>,
    /// SRTP suite in use.
    pub srtp: Option<SrtpCryptoSuite>,
    /// Bytes received, all protocols.
    pub bytes_received: u64,
    /// Bytes sent, all protocols.
    pub bytes_sent: u64,
    /// RTP packets received and authenticated.
    pub rtp_packets_received: u64,
    /// RTP packets sent.
    pub rtp_packets_sent: u64,
    /// Packets that waited for their turn because too many would have left at once.
    pub packets_paced: u64,
    /// Packets that wait now.
    pub packets_waiting: u32,
    /// How long one of them waited at the most, ms.
    pub longest_wait: f32,
    /// Bit/s received over the last second.
    pub receive_bitrate: u32,
    /// Bit/s sent over the last second.
    pub send_bitrate: u32,
    /// RTP and RTX, received.
    pub rtp_received: Traffic,
    /// RTP without RTX and probing, sent.
    pub rtp_sent: Traffic,
    /// RTX received.
    pub rtx_received: Traffic,
    /// RTX sent.
    pub rtx_sent: Traffic,
    /// Sent to probe for bandwidth.
    pub probation_sent: Traffic,
    /// What the peer may send at the most, bit/s; 0: no limit.
    pub max_incoming_bitrate: u32,
    /// What is sent at the most, bit/s; 0: no limit.
    pub max_outgoing_bitrate: u32,
    /// What is sent at the least, bit/s; 0: no bound.
    pub min_outgoing_bitrate: u32,
    /// Loss of what the peer sends, 0–1, where transport-wide numbers tell.
    pub packet_loss_received: Option<f64>,
    /// Loss of what we send, 0–1, where the peer's feedback tells.
    pub packet_loss_sent: Option<f64>,
    /// What the peer can receive as far as known, bit/s.
    pub available_outgoing_bitrate: Option<u32>,
    /// What we told the peer that it may send, bit/s.
    pub available_incoming_bitrate: Option<u32>,
    /// Round trip in ms from ICE or RTCP.
    pub round_trip_time: Option<f32>,
    /// Packets that failed authentication.
    pub srtp_failures: u64,
    /// Packets refused as replayed.
    pub srtp_replays: u64,
    /// STUN messages refused.
    pub stun_refused: u64,
    /// Packets dropped because they fit no producer.
    pub unknown_streams: u64,
}

/// Bytes, and how many of them in the last second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Bytes since the beginning.
    pub bytes: u64,
    /// Bit/s over the last second.
    pub bitrate: u32,
}

/// Bit/s of one layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct LayerBitrate {
    /// Spatial layer.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// Bit/s over the last second.
    pub bitrate: u32,
}

/// Figures of one RTP stream.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamStats {
    /// Encoding index.
    pub encoding: u8,
    /// SSRC.
    pub ssrc: u32,
    /// SSRC of RTX.
    pub rtx_ssrc: Option<u32>,
    /// RID.
    pub rid: Option<String>,
    /// Codec, e.g. `video/VP8`.
    pub mime_type: String,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// Packets, without duplicates.
    pub packets: u64,
    /// Bytes with RTP header.
    pub bytes: u64,
    /// Packets lost, after repair.
    pub packets_lost: i64,
    /// Loss of the last report, 0–255.
    pub fraction_lost: u8,
    /// Packets that came twice or too late.
    pub packets_discarded: u64,
    /// Packets of RTX that came twice, too late, or for nothing.
    pub rtx_packets_discarded: u64,
    /// Packets sent again, or that RTX brought.
    pub packets_retransmitted: u64,
    /// Packets that a retransmission repaired.
    pub packets_repaired: u64,
    /// NACK messages.
    pub nacks: u64,
    /// Packets asked for in them.
    pub nack_packets: u64,
    /// PLI messages.
    pub plis: u64,
    /// FIR messages.
    pub firs: u64,
    /// Key frames seen.
    pub key_frames: u64,
    /// Jitter in ms.
    pub jitter: f32,
    /// Round trip in ms.
    pub round_trip_time: Option<f32>,
    /// Bit/s over the last second.
    pub bitrate: u32,
    /// Bit/s by layer, where layers are seen (producer).
    pub layers: Vec<LayerBitrate>,
    /// 0–10.
    pub score: u8,
    /// Width and height of the last key frame, where the codec shows it.
    pub resolution: Option<(u16, u16)>,
}

/// Figures of a producer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProducerStats {
    /// The producer.
    pub id: ProducerId,
    /// Its transport.
    pub transport: TransportId,
    /// Audio or video.
    pub kind: MediaKind,
    /// Its labels.
    pub labels: Labels,
    /// Paused.
    pub paused: bool,
    /// Packets that plugins dropped on ingress.
    pub dropped_by_plugins: u64,
    /// Its encodings that sent something.
    pub streams: Vec<StreamStats>,
}

/// Figures of a consumer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerStats {
    /// The consumer.
    pub id: ConsumerId,
    /// Its producer.
    pub producer: ProducerId,
    /// Its transport.
    pub transport: TransportId,
    /// Audio or video.
    pub kind: MediaKind,
    /// Its labels.
    pub labels: Labels,
    /// Paused by command.
    pub paused: bool,
    /// Its producer is paused.
    pub producer_paused: bool,
    /// Packets that plugins dropped on egress.
    pub dropped_by_plugins: u64,
    /// The outgoing stream; of a pipe, that of the first encoding.
    pub stream: StreamStats,
    /// Of a pipe, the streams of the other encodings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<StreamStats>,
}

/// Figures of a data producer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataProducerStats {
    /// The data producer.
    pub id: DataProducerId,
    /// Its transport.
    pub transport: TransportId,
    /// Its labels.
    pub labels: Labels,
    /// Label of the data channel.
    pub label: String,
    /// Sub-protocol of the data channel.
    pub protocol: String,
    /// Messages received.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages that plugins dropped on ingress.
    pub dropped_by_plugins: u64,
}

/// Figures of a data consumer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataConsumerStats {
    /// The data consumer.
    pub id: DataConsumerId,
    /// Its data producer.
    pub data_producer: DataProducerId,
    /// Its transport.
    pub transport: TransportId,
    /// Its labels.
    pub labels: Labels,
    /// Label of the data channel.
    pub label: String,
    /// Sub-protocol of the data channel.
    pub protocol: String,
    /// Messages sent.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that wait.
    pub buffered_amount: u32,
    /// Messages dropped because too many bytes waited.
    pub dropped: u64,
    /// Messages that plugins dropped on egress.
    pub dropped_by_plugins: u64,
}
