//! Figures of media threads.
use sfu_core::control::WorkerStats;

use crate::exposition::{Entity, Exposition};
use crate::family::Family;
use crate::labels::LabelText;
use crate::ledger::Ledger;

/// Counters of the core that are shown as counters: their names there and here, and what they are.
const COUNTERS: &[(&str, &str, &str)] = &[
    (
        "net_datagrams_in",
        "sfu_received_datagrams",
        "Datagrams received, frames on TCP connections among them.",
    ),
    ("net_bytes_in", "sfu_received_bytes", "Bytes of received datagrams."),
    (
        "net_messages_in",
        "sfu_received_messages",
        "UDP messages that they came in; fewer where the kernel put some together.",
    ),
    ("net_datagrams_out", "sfu_sent_datagrams", "Datagrams sent, frames on TCP connections among them."),
    ("net_bytes_out", "sfu_sent_bytes", "Bytes of sent datagrams."),
    ("net_sends", "sfu_send_calls", "Send calls of UDP that succeeded."),
    ("net_gso_sends", "sfu_send_calls_gso", "Send calls that carried several datagrams (GSO)."),
    (
        "net_gso_refused",
        "sfu_send_calls_gso_refused",
        "Send calls with several datagrams that the kernel refused.",
    ),
    ("net_would_block", "sfu_send_calls_blocked", "Send calls that found a buffer or queue full."),
    ("net_receive_errors", "sfu_receive_errors", "Errors that receive calls reported."),
    (
        "net_accept_paused",
        "sfu_accept_pauses",
        "Times that accepting was paused for want of descriptors or memory.",
    ),
    ("datagrams", "sfu_handled_datagrams", "Datagrams that the engine was handed."),
    ("stun_authenticated", "sfu_stun_messages", "STUN messages that passed the integrity check."),
    ("dtls_taken", "sfu_dtls_datagrams", "DTLS datagrams of which something was of use."),
    (
        "fingerprint_mismatch",
        "sfu_dtls_fingerprint_mismatches",
        "Certificates without the signaled fingerprint.",
    ),
    ("sctp_taken", "sfu_sctp_packets", "SCTP packets that an association took."),
    ("rtp_authenticated", "sfu_rtp_packets_received", "RTP packets that passed authentication."),
    ("rtcp_authenticated", "sfu_rtcp_packets_received", "RTCP packets that passed authentication."),
    ("retransmitted", "sfu_retransmitted_packets", "RTP packets sent again on request."),
    (
        "retransmission_missed",
        "sfu_retransmissions_missed",
        "RTP packets asked for that were no longer there.",
    ),
    ("fillers", "sfu_filler_packets", "Empty packets sent under numbers that would be missing for ever."),
    (
        "paced",
        "sfu_paced_packets",
        "RTP packets that waited for their turn because too many would have left at once.",
    ),
    (
        "paced_early",
        "sfu_paced_packets_early",
        "RTP packets that left before their turn because too many waited.",
    ),
    ("plugin_commands_void", "sfu_void_commands", "Commands of plugins on entities that were gone."),
];

/// Likewise, what goes up and down.
const GAUGES: &[(&str, &str, &str)] = &[
    ("packets_allocated", "sfu_packet_buffers", "Packet buffers made so far, in use or free."),
    ("packets_waiting", "sfu_waiting_packets", "RTP packets that wait for their turn to leave now."),
    ("sessions", "sfu_sessions", "Sessions now."),
    ("routers", "sfu_routers", "Routers now."),
    ("webrtc_servers", "sfu_webrtc_servers", "Servers of ports for WebRTC transports now."),
    ("transports", "sfu_transports", "Transports now."),
    ("producers", "sfu_producers", "Producers now, stand-ins for those of other media threads among them."),
    ("consumers", "sfu_consumers", "Consumers now."),
    ("data_producers", "sfu_data_producers", "Data producers now."),
    ("data_consumers", "sfu_data_consumers", "Data consumers now."),
];

/// Counters of the core that make one family together, told apart by a label: its name, the label, its values and the counters,
/// and what they are.
type Together = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const TOGETHER: &[Together] = &[
    (
        "sfu_tcp_connections",
        "event",
        &[
            ("accepted", "net_tcp_accepted"),
            ("refused", "net_tcp_refused"),
            ("unconfirmed", "net_tcp_unconfirmed"),
            ("oversize", "net_tcp_oversize"),
            ("closed", "net_tcp_closed"),
        ],
        "TCP connections by what happened to them.",
    ),
    (
        "sfu_dtls_handshakes",
        "outcome",
        &[("connected", "dtls_connected"), ("failed", "dtls_failed")],
        "DTLS handshakes by outcome.",
    ),
    (
        "sfu_shed",
        "kind",
        &[
            ("retransmission", "shed_retransmissions"),
            ("padding", "shed_padding"),
            ("video", "shed_video"),
            ("ingress", "shed_ingress"),
        ],
        "Packets left out because of overload, by kind.",
    ),
    (
        "sfu_dropped_by_plugins",
        "direction",
        &[("in", "dropped_by_plugins_in"), ("out", "dropped_by_plugins_out")],
        "RTP packets that plugins dropped, by direction.",
    ),
];

/// Counters of what went no further: together one family, each a value of the label `reason`.
const DROPPED: &[&str] = &[
    "net_truncated",
    "net_unusable",
    "net_backlog_dropped",
    "net_send_errors",
    "net_unroutable",
    "net_tcp_dropped",
    "unknown_source",
    "unknown_protocol",
    "stun_unknown",
    "dtls_refused",
    "dtls_dropped",
    "sctp_refused",
    "sctp_dropped",
    "data_unknown_stream",
    "data_control",
    "media_refused",
    "rtp_malformed",
    "rtcp_malformed",
    "srtp_failed",
    "srtp_replayed",
    "rtp_unknown_stream",
    "rtp_discarded",
    "relay_lost",
    "data_relay_lost",
    "send_failed",
    "queue_full",
    "private_pool_empty",
    "direct_unheard",
];

/// How a counter of the core is shown.
struct Shown {
    counter: &'static str,
    family: Family,
    /// The label that tells it from others of the family.
    label: Option<(&'static str, &'static str)>,
}

/// All counters of the core that are shown.
fn shown() -> impl Iterator<Item = Shown> {
    let alone = |make: fn(&'static str, &'static str) -> Family| {
        move |(counter, name, help): &(&'static str, &'static str, &'static str)| Shown {
            counter,
            family: make(name, help),
            label: None,
        }
    };
    let together = TOGETHER.iter().flat_map(|(name, label, values, help)| {
        values.iter().map(move |(value, counter)| Shown {
            counter,
            family: Family::counter(*name, *help),
            label: Some((label, value)),
        })
    });
    let dropped = DROPPED.iter().map(|reason| Shown {
        counter: reason,
        family: Family::counter(
            "sfu_dropped",
            "Datagrams, packets and messages that went no further, by reason.",
        ),
        label: Some(("reason", reason)),
    });
    let counters = COUNTERS.iter().map(alone(Family::counter));
    let gauges = GAUGES.iter().map(alone(Family::gauge));
    counters.chain(together).chain(dropped).chain(gauges)
}

/// Adds the figures of each media thread.
pub(crate) fn add(stats: &WorkerStats, ledger: &Ledger, out: &mut Exposition) {
    let mut about = Entity::new(LabelText::new());
    about.put(Family::gauge("sfu_media_threads", "Media threads."), stats.counters_by_worker.len());
    out.add(about);
    for (worker, counters) in &stats.counters_by_worker {
        let mut entity = Entity::new(LabelText::new().with("worker", worker));
        for Shown { counter, family, label } in shown() {
            let Some(value) = counters.get(counter) else { continue };
            match label {
                Some(label) => entity.put_with(family, label, *value),
                None => entity.put(family, *value),
            }
        }
        if let Some(overload) = stats.overload.get(worker) {
            let (name, help) =
                ("sfu_overload_level", "What is left out because of overload: 0 nothing, 3 most.");
            entity.put(Family::gauge(name, help), overload.level);
        }
        let here = || stats.transports.iter().filter(|transport| transport.id.worker() == *worker);
        let received: u64 = here().map(|transport| u64::from(transport.receive_bitrate)).sum();
        let sent: u64 = here().map(|transport| u64::from(transport.send_bitrate)).sum();
        let (name, help) =
            ("sfu_receive_bits_per_second", "Bit/s received over the last second, all transports.");
        entity.put(Family::gauge(name, help), received);
        let (name, help) = ("sfu_send_bits_per_second", "Bit/s sent over the last second, all transports.");
        entity.put(Family::gauge(name, help), sent);
        out.add(entity);
    }
    for (worker, direction, medium, sums) in ledger.workers() {
        let labels =
            LabelText::new().with("worker", worker).with("direction", direction).with("kind", medium);
        let mut entity = Entity::new(labels);
        for (family, value) in sums.counters("sfu_media") {
            entity.put(family, value);
        }
        out.add(entity);
    }
}

#[cfg(test)]
mod tests {
    use sfu_core::WorkerConfig;
    use sfu_core::control::Target;

    use super::*;

    sfu_core::worker! {
        /// A worker without plugins.
        pub plugins = [];
        pub signaling = [];
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whatever_a_media_thread_counts_is_shown() {
        let mut config = WorkerConfig { workers: 2, ..WorkerConfig::default() };
        config.rtc.listen_ip = [127, 0, 0, 1].into();
        let running = Worker::builder().config(config).start().await.unwrap();
        let stats = running.control().stats(Target::Worker).await.unwrap();
        assert_eq!(stats.counters_by_worker.keys().copied().collect::<Vec<_>>(), [0, 1]);
        for counters in stats.counters_by_worker.values() {
            let hidden: Vec<_> =
                counters.keys().filter(|name| !shown().any(|shown| shown.counter == **name)).collect();
            assert!(hidden.is_empty(), "no metric shows {hidden:?}");
            let gone: Vec<_> =
                shown().map(|shown| shown.counter).filter(|name| !counters.contains_key(*name)).collect();
            assert!(gone.is_empty(), "the core has no {gone:?}");
        }
        running.stop().await;
    }
}
