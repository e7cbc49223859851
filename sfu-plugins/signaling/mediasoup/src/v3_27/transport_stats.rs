use std::time::{SystemTime, UNIX_EPOCH};

use sfu_core::control::{Dump, TransportStats};

use super::convert::sctp_state;
use super::detail::TransportDetail;
use super::perform::Answer;
use super::{Desk, direct_transport, pipe_transport, plain_transport, webrtc_transport};
use crate::refusal::Refusal;
use crate::registry::Link;
use crate::schema::v3_27::request::Method;
use crate::schema::v3_27::transport::Stats;

/// Now, in milliseconds since 1970.
pub(super) fn timestamp() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

impl Desk {
    pub(super) async fn transport_stats(&mut self, id: &str, method: Method) -> Answer {
        let (key, facts) = self.transport(id, method)?;
        let figures = self.control.stats(facts.id.into()).await?;
        let stats = figures.transports.into_iter().find(|stats| stats.id == facts.id);
        let stats = stats.ok_or_else(|| Refusal::not_found(format_args!("{id} has no figures")))?;
        // How plain and pipe transports were made is no figure.
        let link = match (facts.link, self.dump(facts.id)) {
            (Link::Plain | Link::Pipe, dump) => match dump.await? {
                Dump::Transport(dump) => Some(dump.link),
                _ => None,
            },
            _ => None,
        };
        let round_trip_time = stats.round_trip_time.or_else(|| {
            // They have one way; the shortest is that with the least waiting.
            figures.consumers.iter().filter_map(|consumer| consumer.stream.round_trip_time).reduce(f32::min)
        });
        let base = Stats { round_trip_time, ..base(id, &stats) };
        let default = TransportDetail::default();
        let detail = self.registry.get(key).and_then(|entry| entry.detail.transport()).unwrap_or(&default);
        let body = match (facts.link, &link) {
            (Link::WebRtc, _) => Some(webrtc_transport::stats(base, &stats, detail)),
            (Link::Direct, _) => Some(direct_transport::stats(base)),
            (Link::Plain, Some(link)) => plain_transport::stats(base, &stats, link, detail),
            (Link::Pipe, Some(link)) => pipe_transport::stats(base, &stats, link, detail),
            _ => None,
        };
        body.map(Some)
            .ok_or_else(|| Refusal::error("signaling.mediasoup: this is the dump of something else"))
    }
}

fn base(id: &str, stats: &TransportStats) -> Stats {
    // No limit is not told.
    let limit = |bitrate: u32| (bitrate > 0).then_some(u64::from(bitrate));
    Stats {
        transport_id: id.to_owned(),
        timestamp: timestamp(),
        sctp_state: stats.sctp_state.map(sctp_state),
        bytes_received: stats.bytes_received,
        recv_bitrate: stats.receive_bitrate.into(),
        bytes_sent: stats.bytes_sent,
        send_bitrate: stats.send_bitrate.into(),
        rtp_bytes_received: stats.rtp_received.bytes,
        rtp_recv_bitrate: stats.rtp_received.bitrate.into(),
        rtp_bytes_sent: stats.rtp_sent.bytes,
        rtp_send_bitrate: stats.rtp_sent.bitrate.into(),
        rtx_bytes_received: stats.rtx_received.bytes,
        rtx_recv_bitrate: stats.rtx_received.bitrate.into(),
        rtx_bytes_sent: stats.rtx_sent.bytes,
        rtx_send_bitrate: stats.rtx_sent.bitrate.into(),
        probation_bytes_sent: stats.probation_sent.bytes,
        probation_send_bitrate: stats.probation_sent.bitrate.into(),
        available_outgoing_bitrate: stats.available_outgoing_bitrate.map(u64::from),
        available_incoming_bitrate: stats.available_incoming_bitrate.map(u64::from),
        max_incoming_bitrate: limit(stats.max_incoming_bitrate),
        max_outgoing_bitrate: limit(stats.max_outgoing_bitrate),
        min_outgoing_bitrate: limit(stats.min_outgoing_bitrate),
        rtp_packet_loss_received: stats.packet_loss_received,
        rtp_packet_loss_sent: stats.packet_loss_sent,
        round_trip_time: stats.round_trip_time,
    }
}
