//! Figures of transports.
use sfu_core::control::{DtlsState, Labels, TransportStats, WorkerStats};

use crate::exposition::{Entity, Exposition};
use crate::family::Family;
use crate::labels::LabelText;
use crate::settings::LabelName;

/// Adds the figures of each transport.
pub(crate) fn add(stats: &WorkerStats, names: &[LabelName], out: &mut Exposition) {
    for transport in &stats.transports {
        let labels = LabelText::new()
            .with("worker", transport.id.worker())
            .with("router", transport.router)
            .with("transport", transport.id);
        let mut entity = Entity::new(chosen(labels, &transport.labels, names));
        counters(transport, &mut entity);
        gauges(transport, &mut entity);
        out.add(entity);
    }
}

/// Adds those of an entity's labels that series may have.
pub(crate) fn chosen(mut text: LabelText, labels: &Labels, names: &[LabelName]) -> LabelText {
    for name in names {
        text = text.with(name.as_str(), labels.get(name.as_str()).unwrap_or_default());
    }
    text
}

fn counters(transport: &TransportStats, entity: &mut Entity) {
    for (name, help, value) in [
        ("sfu_transport_received_bytes", "Bytes received, all protocols.", transport.bytes_received),
        ("sfu_transport_sent_bytes", "Bytes sent, all protocols.", transport.bytes_sent),
        (
            "sfu_transport_rtp_packets_received",
            "RTP packets received and authenticated.",
            transport.rtp_packets_received,
        ),
        ("sfu_transport_rtp_packets_sent", "RTP packets sent.", transport.rtp_packets_sent),
        (
            "sfu_transport_paced_packets",
            "RTP packets that waited for their turn because too many would have left at once.",
            transport.packets_paced,
        ),
        ("sfu_transport_rtx_received_bytes", "Bytes of RTX received.", transport.rtx_received.bytes),
        ("sfu_transport_rtx_sent_bytes", "Bytes of RTX sent.", transport.rtx_sent.bytes),
        (
            "sfu_transport_probation_sent_bytes",
            "Bytes sent to probe for bandwidth.",
            transport.probation_sent.bytes,
        ),
        ("sfu_transport_srtp_failures", "Packets that failed authentication.", transport.srtp_failures),
        ("sfu_transport_srtp_replays", "Packets refused as replayed.", transport.srtp_replays),
        ("sfu_transport_stun_refused", "STUN messages refused.", transport.stun_refused),
        ("sfu_transport_unknown_streams", "RTP packets that fit no producer.", transport.unknown_streams),
    ] {
        entity.put(Family::counter(name, help), value);
    }
}

fn gauges(transport: &TransportStats, entity: &mut Entity) {
    let connected =
        transport.dtls_state.map_or(transport.tuple.is_some(), |state| state == DtlsState::Connected);
    entity.put(
        Family::gauge(
            "sfu_transport_connected",
            "1 where media can flow: DTLS is connected, or without DTLS the peer's address is known.",
        ),
        connected,
    );
    for (name, help, value) in [
        (
            "sfu_transport_receive_bits_per_second",
            "Bit/s received over the last second.",
            Some(transport.receive_bitrate),
        ),
        (
            "sfu_transport_send_bits_per_second",
            "Bit/s sent over the last second.",
            Some(transport.send_bitrate),
        ),
        (
            "sfu_transport_available_outgoing_bits_per_second",
            "What the peer can receive as far as known, bit/s.",
            transport.available_outgoing_bitrate,
        ),
        (
            "sfu_transport_available_incoming_bits_per_second",
            "What the peer was told that it may send, bit/s.",
            transport.available_incoming_bitrate,
        ),
    ] {
        entity.put_some(Family::gauge(name, help), value);
    }
    for (name, help, value) in [
        (
            "sfu_transport_received_loss_ratio",
            "Loss of what the peer sends, 0 to 1.",
            transport.packet_loss_received,
        ),
        ("sfu_transport_sent_loss_ratio", "Loss of what is sent, 0 to 1.", transport.packet_loss_sent),
        (
            "sfu_transport_round_trip_seconds",
            "Round trip from ICE or RTCP.",
            transport.round_trip_time.map(seconds),
        ),
        (
            "sfu_transport_longest_wait_seconds",
            "How long a packet waited for its turn at the most, since the beginning.",
            Some(seconds(transport.longest_wait)),
        ),
    ] {
        entity.put_some(Family::gauge(name, help), value);
    }
}

/// Seconds of milliseconds.
pub(crate) fn seconds(milliseconds: f32) -> f64 {
    // Through the shortest text, so that 0.1 ms does not become 0.00010000000149.
    milliseconds.to_string().parse::<f64>().unwrap_or(0.0) / 1000.0
}
