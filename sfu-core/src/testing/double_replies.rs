//! What the stand-ins answer about what was made.
use crate::control::*;

/// A new plain transport, on made-up ports.
pub(super) fn created(id: TransportId, options: &PlainTransportOptions) -> PlainTransportCreated {
    let tuple = |port: u16| TransportTuple {
        local: (options.listen.ip, port).into(),
        remote: None,
        protocol: Protocol::Udp,
    };
    PlainTransportCreated {
        id,
        tuple: tuple(40_000),
        rtcp_tuple: (!options.rtcp_mux).then(|| tuple(40_001)),
        srtp_parameters: options.srtp.map(|crypto_suite| SrtpParameters {
            crypto_suite,
            key_base64: "b3VyIGtleSBvdXIga2V5IG91ciBrZXkgb3VyIGtleSE=".into(),
        }),
    }
}

/// All that is known of a direct transport that carries nothing.
pub(super) fn direct_dump(id: TransportId, router: RouterId) -> Dump {
    let DirectTransportOptions { max_send_message_size, max_receive_message_size, .. } = Default::default();
    Dump::Transport(Box::new(TransportDump {
        id,
        router,
        extensions: ReceivedExtensions::default(),
        ssrcs: Vec::new(),
        mids: Vec::new(),
        rids: Vec::new(),
        consumer_ssrcs: Vec::new(),
        consumer_rtx_ssrcs: Vec::new(),
        sctp: None,
        trace: TraceEvents::NONE,
        link: LinkDump::Direct { max_send_message_size, max_receive_message_size },
    }))
}

/// The same once its peer is known.
pub(super) fn connected(id: TransportId, peer: &ConnectPlainTransport) -> PlainTransportCreated {
    let remote = peer.ip.zip(peer.port).map(Into::into);
    PlainTransportCreated {
        id,
        tuple: TransportTuple { local: ([127, 0, 0, 1], 40_000).into(), remote, protocol: Protocol::Udp },
        rtcp_tuple: None,
        srtp_parameters: None,
    }
}

/// What a producer was made with.
pub(super) fn described(
    id: ProducerId,
    router: RouterId,
    labels: &Labels,
    options: &ProducerOptions,
) -> ProducerDescription {
    ProducerDescription {
        id,
        router,
        kind: options.kind,
        labels: labels.clone(),
        rtp_parameters: options.rtp_parameters.clone(),
        rtp_mapping: options.rtp_mapping.clone(),
        paused: options.paused,
    }
}

/// The figures of a transport that carried nothing.
pub(super) fn idle(
    id: TransportId,
    router: RouterId,
    session: Option<SessionId>,
    labels: &Labels,
) -> TransportStats {
    TransportStats {
        id,
        router,
        session,
        labels: labels.clone(),
        ice_state: None,
        dtls_state: None,
        sctp_state: None,
        tuple: None,
        rtcp_tuple: None,
        srtp: None,
        bytes_received: 0,
        bytes_sent: 0,
        rtp_packets_received: 0,
        rtp_packets_sent: 0,
        packets_paced: 0,
        packets_waiting: 0,
        longest_wait: 0.0,
        receive_bitrate: 0,
        send_bitrate: 0,
        rtp_received: Traffic::default(),
        rtp_sent: Traffic::default(),
        rtx_received: Traffic::default(),
        rtx_sent: Traffic::default(),
        probation_sent: Traffic::default(),
        max_incoming_bitrate: 0,
        max_outgoing_bitrate: 0,
        min_outgoing_bitrate: 0,
        packet_loss_received: None,
        packet_loss_sent: None,
        available_outgoing_bitrate: None,
        available_incoming_bitrate: None,
        round_trip_time: None,
        srtp_failures: 0,
        srtp_replays: 0,
        stun_refused: 0,
        unknown_streams: 0,
    }
}
