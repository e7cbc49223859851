//! Figures of a target and what is below it.
use std::time::Instant;

use super::Engine;
use super::consumer::Consumer;
use super::control::not_found;
use super::egress_stream::EgressStream;
use super::encoding::Encoding;
use super::layers::{EncodingLayers, Layer};
use super::producer::Producer;
use super::stream::rate::RateCounter;
use super::transport::{Link, Transport};
use crate::control::{
    ConsumerStats, ControlError, LayerBitrate, ProducerStats, StreamStats, Target, Traffic, TransportStats,
    WorkerStats,
};

impl Engine {
    /// Figures of a target and what is below it. Plugins' figures are added by the shell.
    pub(crate) fn stats(&mut self, now: Instant, target: Target) -> Result<WorkerStats, ControlError> {
        let exists = match target {
            Target::Worker => true,
            Target::Session(id) => self.sessions.get(id).is_some(),
            Target::Router(id) => self.routers.get(id).is_some(),
            Target::Transport(id) => self.transports.get(id).is_some(),
            Target::Producer(id) => self.producers.get(id).is_some(),
            Target::Consumer(id) => self.consumers.get(id).is_some(),
            Target::WebRtcServer(id) => self.webrtc_servers.get(id).is_some(),
            Target::DataProducer(id) => self.data_producers.get(id).is_some(),
            Target::DataConsumer(id) => self.data_consumers.get(id).is_some(),
            Target::RtpObserver(id) => self.observers.get(id).is_some(),
        };
        if !exists {
            return Err(not_found(target));
        }
        let mut stats = WorkerStats::default();
        for id in self.transports.ids() {
            let Some(transport) = self.transports.get_mut(id) else { continue };
            let wanted = match target {
                Target::Worker => true,
                Target::Session(session) => transport.session == Some(session),
                Target::Router(router) => transport.router == router,
                Target::Transport(other) => other == id,
                Target::WebRtcServer(server) => transport.server() == Some(server),
                _ => false,
            };
            if wanted {
                let router = self.routers.get(transport.router).and_then(|router| router.home);
                stats.transports.push(TransportStats {
                    router: router.unwrap_or(transport.router),
                    ..transport_stats(now, transport)
                });
            }
        }
        let has = |stats: &WorkerStats, id| {
            // All are there, and looking for each would cost their number squared.
            target == Target::Worker || stats.transports.iter().any(|transport| transport.id == id)
        };
        for id in self.producers.ids() {
            let Some(producer) = self.producers.get_mut(id) else { continue };
            let below = producer.transport().is_some_and(|transport| has(&stats, transport));
            if below || target == Target::Producer(id) {
                let transport = producer.transport().and_then(|id| self.transports.get(id));
                let round_trip = transport.and_then(|transport| transport.round_trip.smoothed());
                stats.producers.extend(producer_stats(now, producer, round_trip.map(millis)));
            }
        }
        for id in self.consumers.ids() {
            let Some(consumer) = self.consumers.get_mut(id) else { continue };
            let wanted = has(&stats, consumer.transport)
                || target == Target::Consumer(id)
                || target == Target::Producer(consumer.producer);
            if wanted {
                let producer = self.producers.get(consumer.producer);
                stats.consumers.push(consumer_stats(now, consumer, producer));
            }
        }
        for (id, producer) in self.data_producers.iter() {
            if has(&stats, producer.transport) || target == Target::DataProducer(id) {
                stats.data_producers.push(producer.stats());
            }
        }
        for (id, consumer) in self.data_consumers.iter() {
            let wanted = has(&stats, consumer.transport)
                || target == Target::DataConsumer(id)
                || target == Target::DataProducer(consumer.data_producer);
            if wanted {
                stats.data_consumers.push(consumer.stats(self.buffered(consumer).0));
            }
        }
        if target == Target::Worker {
            stats.overload.insert(self.worker(), self.overload_stats(now));
            stats.counters = self.counters.iter().map(|(name, value)| (name.to_owned(), value)).collect();
            stats.counters.insert("packets_allocated".to_owned(), self.pool.made() as u64);
            for (name, count) in [
                ("sessions", self.sessions.len()),
                ("routers", self.routers.iter().filter(|(_, router)| router.home.is_none()).count()),
                ("transports", self.transports.len()),
                ("producers", self.producers.len()),
                ("consumers", self.consumers.len()),
                (
                    "webrtc_servers",
                    self.webrtc_servers.iter().filter(|(_, server)| server.home.is_none()).count(),
                ),
                ("data_producers", self.data_producers.len()),
                ("data_consumers", self.data_consumers.len()),
                ("packets_waiting", stats.transports.iter().map(|path| path.packets_waiting as usize).sum()),
            ] {
                stats.counters.insert(name.to_owned(), count as u64);
            }
        }
        Ok(stats)
    }
}

fn bitrate(bits: u64) -> u32 {
    u32::try_from(bits).unwrap_or(u32::MAX)
}

fn millis(duration: std::time::Duration) -> f32 {
    duration.as_secs_f32() * 1000.0
}

fn traffic(now: Instant, counter: &mut RateCounter) -> Traffic {
    Traffic { bytes: counter.bytes(), bitrate: bitrate(counter.bits_per_second(now)) }
}

/// RTP as it was before it was protected. Tags are counted with the datagrams that they come in; what they take of the last second
/// they take of the whole.
fn without_tags(protected: Traffic, tags: u64) -> Traffic {
    let bytes = protected.bytes.saturating_sub(tags);
    let share = u128::from(protected.bitrate) * u128::from(bytes) / u128::from(protected.bytes.max(1));
    Traffic { bytes, bitrate: u32::try_from(share).unwrap_or(u32::MAX) }
}

/// What is left of `all` without `other`.
fn rest(now: Instant, all: &mut RateCounter, other: &mut RateCounter) -> Traffic {
    let (all, other) = (traffic(now, all), traffic(now, other));
    Traffic {
        bytes: all.bytes.saturating_sub(other.bytes),
        bitrate: all.bitrate.saturating_sub(other.bitrate),
    }
}

fn transport_stats(now: Instant, transport: &mut Transport) -> TransportStats {
    let stun_refused = match &transport.link {
        Link::WebRtc(link) => {
            let c = link.ice.counters();
            c.malformed
                + c.unknown_method
                + c.incomplete
                + c.wrong_username
                + c.wrong_password
                + c.unknown_attributes
                + c.role_conflicts
        }
        Link::Plain(_) | Link::Direct(_) => 0,
    };
    let tuples = (transport.tuple(), transport.rtcp_tuple());
    let tag_len = transport.rtp_tag_len();
    let counters = &mut transport.counters;
    let rtx_received = traffic(now, &mut counters.rtx_received);
    let rtx_sent = traffic(now, &mut counters.rtx_sent);
    let protected = rest(now, &mut counters.received, &mut counters.other_received);
    let rtp_received = without_tags(protected, counters.rtp_received * tag_len);
    let all_sent = rest(now, &mut counters.sent, &mut counters.other_sent);
    let probation_sent = traffic(now, &mut counters.probation_sent);
    let rtp_sent = Traffic {
        bytes: all_sent.bytes.saturating_sub(rtx_sent.bytes + probation_sent.bytes),
        bitrate: all_sent.bitrate.saturating_sub(rtx_sent.bitrate + probation_sent.bitrate),
    };
    TransportStats {
        id: transport.id,
        router: transport.router,
        session: transport.session,
        labels: transport.labels.clone(),
        ice_state: transport.ice_state(),
        dtls_state: transport.dtls_state(),
        sctp_state: transport.sctp.as_ref().map(|link| link.state()),
        tuple: tuples.0,
        rtcp_tuple: tuples.1,
        srtp: transport.suite(),
        bytes_received: transport.counters.received.bytes(),
        bytes_sent: transport.counters.sent.bytes(),
        rtp_packets_received: transport.counters.rtp_received,
        rtp_packets_sent: transport.counters.rtp_sent,
        packets_paced: transport.counters.paced,
        packets_waiting: transport.queue.len() as u32,
        longest_wait: transport.counters.longest_wait as f32 / 1000.0,
        receive_bitrate: bitrate(transport.counters.received.bits_per_second(now)),
        send_bitrate: bitrate(transport.counters.sent.bits_per_second(now)),
        rtp_received,
        rtp_sent,
        rtx_received,
        rtx_sent,
        probation_sent,
        max_incoming_bitrate: transport.max_incoming_bitrate,
        max_outgoing_bitrate: transport.max_outgoing_bitrate,
        min_outgoing_bitrate: transport.min_outgoing_bitrate,
        packet_loss_received: transport.counters.loss_received.average(),
        packet_loss_sent: transport.counters.loss_sent.average(),
        available_outgoing_bitrate: transport.available_outgoing(now).or(transport.peer_estimate),
        available_incoming_bitrate: transport.remb.as_ref().map(|remb| bitrate(remb.bitrate())),
        round_trip_time: transport.round_trip.smoothed().map(millis),
        srtp_failures: transport.counters.srtp_failed,
        srtp_replays: transport.counters.srtp_replayed,
        stun_refused,
        unknown_streams: transport.counters.unknown_streams,
    }
}

fn producer_stats(
    now: Instant,
    producer: &mut Producer,
    round_trip_time: Option<f32>,
) -> Option<ProducerStats> {
    let transport = producer.transport()?;
    let parameters = &producer.parameters;
    let streams = producer
        .encodings
        .iter_mut()
        .enumerate()
        .filter_map(|(index, encoding)| received(now, index as u8, encoding, parameters))
        .map(|stream| StreamStats { round_trip_time, ..stream })
        .collect();
    Some(ProducerStats {
        id: producer.id,
        transport,
        kind: producer.kind,
        labels: producer.labels.clone(),
        paused: producer.paused,
        dropped_by_plugins: producer.dropped_by_plugins,
        streams,
    })
}

fn mime_type(parameters: &crate::control::RtpParameters, payload_type: u8) -> String {
    let codec = parameters.codecs.iter().find(|codec| codec.payload_type == payload_type);
    codec.map(|codec| codec.mime_type.clone()).unwrap_or_default()
}

fn received(
    now: Instant,
    index: u8,
    encoding: &mut Encoding,
    parameters: &crate::control::RtpParameters,
) -> Option<StreamStats> {
    let requested = encoding.stream.as_ref()?.nack.as_ref().map_or(0, |nack| nack.requested());
    let receiving = encoding.stream.as_mut()?;
    let stream = &mut receiving.stream;
    Some(StreamStats {
        encoding: index,
        ssrc: receiving.ssrc,
        rtx_ssrc: encoding.rtx_ssrc,
        rid: encoding.rid.clone(),
        mime_type: mime_type(parameters, receiving.payload_type),
        clock_rate: receiving.clock_rate,
        packets: stream.rate().packets(),
        bytes: stream.rate().bytes(),
        packets_lost: stream.lost_for_good(),
        fraction_lost: stream.fraction_lost(),
        packets_discarded: stream.discarded(),
        rtx_packets_discarded: stream.rtx_discarded() + stream.needless(),
        packets_retransmitted: stream.retransmitted(),
        packets_repaired: stream.repaired(),
        nacks: encoding.nacks,
        nack_packets: requested,
        plis: encoding.plis,
        firs: encoding.firs,
        key_frames: encoding.key_frame_count,
        jitter: stream.jitter() as f32 * 1000.0 / receiving.clock_rate.max(1) as f32,
        round_trip_time: None,
        bitrate: bitrate(stream.rate().bits_per_second(now)),
        layers: encoding.layers.as_mut().map_or_else(Vec::new, |layers| layer_bitrates(now, layers)),
        score: stream.score(),
        resolution: encoding.resolution,
    })
}

/// What receivers of each layer are sent, of those that come.
fn layer_bitrates(now: Instant, layers: &mut EncodingLayers) -> Vec<LayerBitrate> {
    let mut rates = Vec::new();
    for spatial in 0..layers.spatial_layers() {
        for temporal in 0..layers.temporal_layers() {
            let bitrate = layers.bitrate(now, Layer::new(spatial, temporal));
            if bitrate > 0 && layers.is_active(now, spatial) {
                rates.push(LayerBitrate { spatial, temporal, bitrate });
            }
        }
    }
    rates
}

fn consumer_stats(now: Instant, consumer: &mut Consumer, producer: Option<&Producer>) -> ConsumerStats {
    let clock_rate = consumer.codecs.media().next().map_or(90_000, |codec| codec.clock_rate);
    let media = consumer.parameters.codecs.iter().find(|codec| !codec.is_rtx());
    let mime_type = media.map(|codec| codec.mime_type.clone()).unwrap_or_default();
    let mut streams = consumer.streams_mut().zip(0..).map(|(stream, index)| StreamStats {
        encoding: stream.encoding.unwrap_or(index),
        mime_type: mime_type.clone(),
        resolution: stream.encoding.and_then(|index| producer?.encodings.get(usize::from(index))?.resolution),
        ..sent(now, clock_rate, stream)
    });
    let (stream, others) = (streams.next().unwrap_or_default(), streams.collect());
    ConsumerStats {
        id: consumer.id,
        producer: producer.map_or(consumer.producer, Producer::known_as),
        transport: consumer.transport,
        kind: consumer.kind,
        labels: consumer.labels.clone(),
        paused: consumer.paused,
        producer_paused: consumer.producer_paused,
        dropped_by_plugins: consumer.dropped_by_plugins,
        stream,
        others,
    }
}

fn sent(now: Instant, clock_rate: u32, egress: &mut EgressStream) -> StreamStats {
    let (ssrc, rtx_ssrc, stream) = (egress.ssrc, egress.rtx_ssrc(), &mut egress.stream);
    let report = stream.report().copied();
    StreamStats {
        encoding: 0,
        ssrc,
        rtx_ssrc,
        rid: None,
        mime_type: String::new(),
        clock_rate,
        packets: stream.rate().packets(),
        bytes: stream.rate().bytes(),
        packets_lost: report.map_or(0, |report| i64::from(report.cumulative_lost)),
        fraction_lost: report.map_or(0, |report| report.fraction_lost),
        packets_discarded: stream.late(),
        rtx_packets_discarded: 0,
        packets_retransmitted: stream.resent(),
        packets_repaired: stream.repaired(),
        nacks: egress.nacks,
        nack_packets: egress.nack_packets,
        plis: egress.plis,
        firs: egress.firs,
        key_frames: egress.key_frames,
        jitter: report.map_or(0.0, |report| report.jitter as f32 * 1000.0 / clock_rate as f32),
        round_trip_time: stream.round_trip().smoothed().map(millis),
        bitrate: bitrate(stream.rate().bits_per_second(now)),
        layers: Vec::new(),
        score: stream.score(),
        resolution: None,
    }
}
