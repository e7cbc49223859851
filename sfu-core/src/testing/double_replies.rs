//! What the stand-ins answer about plain transports and producers.
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
