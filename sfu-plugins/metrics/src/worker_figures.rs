//! Figures of media threads.
use sfu_core::control::WorkerStats;

use crate::exposition::{Entity, Exposition};
use crate::family::{Family, Kind};
use crate::labels::LabelText;
use crate::ledger::Ledger;

/// How a counter of the core is shown.
struct Shown {
    /// Its name in the core.
    counter: &'static str,
    name: &'static str,
    kind: Kind,
    /// The label that tells it from others of the family.
    label: Option<(&'static str, &'static str)>,
    help: &'static str,
}

const fn counter(counter: &'static str, name: &'static str, help: &'static str) -> Shown {
    Shown { counter, name, kind: Kind::Counter, label: None, help }
}

const fn gauge(counter: &'static str, name: &'static str, help: &'static str) -> Shown {
    Shown { counter, name, kind: Kind::Gauge, label: None, help }
}

/// Something that went no further, and why.
const fn dropped(counter: &'static str) -> Shown {
    Shown {
        counter,
        name: "sfu_dropped",
        kind: Kind::Counter,
        label: Some(("reason", counter)),
        help: "Datagrams, packets and messages that went no further, by reason.",
    }
}

const fn labelled(
    counter: &'static str,
    name: &'static str,
    label: (&'static str, &'static str),
    help: &'static str,
) -> Shown {
    Shown { counter, name, kind: Kind::Counter, label: Some(label), help }
}

const TCP: &str = "TCP connections by what happened to them.";
const HANDSHAKES: &str = "DTLS handshakes by outcome.";
const PLUGIN_DROPS: &str = "RTP packets that plugins dropped, by direction.";

/// Every counter of a media thread.
const COUNTERS: &[Shown] = &[
    counter(
        "net_datagrams_in",
        "sfu_received_datagrams",
        "Datagrams received, frames on TCP connections among them.",
    ),
    counter("net_bytes_in", "sfu_received_bytes", "Bytes of received datagrams."),
    counter(
        "net_messages_in",
        "sfu_received_messages",
        "UDP messages that they came in; fewer where the kernel put some together.",
    ),
    counter(
        "net_datagrams_out",
        "sfu_sent_datagrams",
        "Datagrams sent, frames on TCP connections among them.",
    ),
    counter("net_bytes_out", "sfu_sent_bytes", "Bytes of sent datagrams."),
    counter("net_sends", "sfu_send_calls", "Send calls of UDP that succeeded."),
    counter("net_gso_sends", "sfu_send_calls_gso", "Send calls that carried several datagrams (GSO)."),
    counter(
        "net_gso_refused",
        "sfu_send_calls_gso_refused",
        "Send calls with several datagrams that the kernel refused.",
    ),
    counter("net_would_block", "sfu_send_calls_blocked", "Send calls that found a buffer or queue full."),
    counter("net_receive_errors", "sfu_receive_errors", "Errors that receive calls reported."),
    counter(
        "net_accept_paused",
        "sfu_accept_pauses",
        "Times that accepting was paused for want of descriptors or memory.",
    ),
    labelled("net_tcp_accepted", "sfu_tcp_connections", ("event", "accepted"), TCP),
    labelled("net_tcp_refused", "sfu_tcp_connections", ("event", "refused"), TCP),
    labelled("net_tcp_unconfirmed", "sfu_tcp_connections", ("event", "unconfirmed"), TCP),
    labelled("net_tcp_oversize", "sfu_tcp_connections", ("event", "oversize"), TCP),
    labelled("net_tcp_closed", "sfu_tcp_connections", ("event", "closed"), TCP),
    counter("datagrams", "sfu_handled_datagrams", "Datagrams that the engine was handed."),
    counter("stun_authenticated", "sfu_stun_messages", "STUN messages that passed the integrity check."),
    counter("dtls_taken", "sfu_dtls_datagrams", "DTLS datagrams of which something was of use."),
    labelled("dtls_connected", "sfu_dtls_handshakes", ("outcome", "connected"), HANDSHAKES),
    labelled("dtls_failed", "sfu_dtls_handshakes", ("outcome", "failed"), HANDSHAKES),
    counter(
        "fingerprint_mismatch",
        "sfu_dtls_fingerprint_mismatches",
        "Certificates without the signaled fingerprint.",
    ),
    counter("sctp_taken", "sfu_sctp_packets", "SCTP packets that an association took."),
    counter("rtp_authenticated", "sfu_rtp_packets_received", "RTP packets that passed authentication."),
    counter("rtcp_authenticated", "sfu_rtcp_packets_received", "RTCP packets that passed authentication."),
    counter("retransmitted", "sfu_retransmitted_packets", "RTP packets sent again on request."),
    counter(
        "retransmission_missed",
        "sfu_retransmissions_missed",
        "RTP packets asked for that were no longer there.",
    ),
    counter(
        "fillers",
        "sfu_filler_packets",
        "Empty packets sent under numbers that would be missing for ever.",
    ),
    counter("plugin_commands_void", "sfu_void_commands", "Commands of plugins on entities that were gone."),
    labelled("dropped_by_plugins_in", "sfu_dropped_by_plugins", ("direction", "in"), PLUGIN_DROPS),
    labelled("dropped_by_plugins_out", "sfu_dropped_by_plugins", ("direction", "out"), PLUGIN_DROPS),
    dropped("net_truncated"),
    dropped("net_unusable"),
    dropped("net_backlog_dropped"),
    dropped("net_send_errors"),
    dropped("net_unroutable"),
    dropped("net_tcp_dropped"),
    dropped("unknown_source"),
    dropped("unknown_protocol"),
    dropped("stun_unknown"),
    dropped("dtls_refused"),
    dropped("dtls_dropped"),
    dropped("sctp_refused"),
    dropped("sctp_dropped"),
    dropped("data_unknown_stream"),
    dropped("data_control"),
    dropped("media_refused"),
    dropped("rtp_malformed"),
    dropped("rtcp_malformed"),
    dropped("srtp_failed"),
    dropped("srtp_replayed"),
    dropped("rtp_unknown_stream"),
    dropped("rtp_discarded"),
    dropped("relay_lost"),
    dropped("send_failed"),
    dropped("queue_full"),
    dropped("private_pool_empty"),
    dropped("direct_unheard"),
    gauge("packets_allocated", "sfu_packet_buffers", "Packet buffers made so far, in use or free."),
    gauge("sessions", "sfu_sessions", "Sessions now."),
    gauge("routers", "sfu_routers", "Routers now."),
    gauge("webrtc_servers", "sfu_webrtc_servers", "Servers of ports for WebRTC transports now."),
    gauge("transports", "sfu_transports", "Transports now."),
    gauge(
        "producers",
        "sfu_producers",
        "Producers now, stand-ins for those of other media threads among them.",
    ),
    gauge("consumers", "sfu_consumers", "Consumers now."),
    gauge("data_producers", "sfu_data_producers", "Data producers now."),
    gauge("data_consumers", "sfu_data_consumers", "Data consumers now."),
];

/// Adds the figures of each media thread.
pub(crate) fn add(stats: &WorkerStats, ledger: &Ledger, out: &mut Exposition) {
    let mut about = Entity::new(LabelText::new());
    about.put(Family::gauge("sfu_media_threads", "Media threads."), stats.counters_by_worker.len());
    out.add(about);
    for (worker, counters) in &stats.counters_by_worker {
        let mut entity = Entity::new(LabelText::new().with("worker", worker));
        for shown in COUNTERS {
            let Some(value) = counters.get(shown.counter) else { continue };
            let (name, help) = (shown.name.into(), shown.help.into());
            let family = Family { name, kind: shown.kind, help };
            match shown.label {
                Some(label) => entity.put_with(family, label, *value),
                None => entity.put(family, *value),
            }
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

/// Whether a counter of the core is shown.
#[cfg(test)]
pub(crate) fn is_shown(counter: &str) -> bool {
    COUNTERS.iter().any(|shown| shown.counter == counter)
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
            let hidden: Vec<_> = counters.keys().filter(|name| !is_shown(name)).collect();
            assert!(hidden.is_empty(), "no metric shows {hidden:?}");
            let gone: Vec<_> = COUNTERS
                .iter()
                .map(|shown| shown.counter)
                .filter(|name| !counters.contains_key(*name))
                .collect();
            assert!(gone.is_empty(), "the core has no {gone:?}");
        }
        running.stop().await;
    }
}
