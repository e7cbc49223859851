//! One association of `sctp-proto`, with the endpoint that knows its tags.
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sctp_proto::{
    Association, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, ServerConfig, TransportConfig,
};

use super::SctpConfig;

/// The protocol has no use for it: packets go where the transport sends them.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), super::packet::PORT);
/// User data of a DATA chunk at the most. The state machine leaves a chunk's header out where it bundles, so that a packet may
/// have 19 bytes more than two headers would make of it: 1191, which fit into 1280 with DTLS, UDP and IPv6.
const MAX_PAYLOAD: u32 = 1144;
/// The first guess of a round trip, ms.
const RTO_INITIAL: u64 = 500;
/// Less than a peer may delay its acknowledgement (RFC 9260 section 6.2), so what we send asks for it at once, ms.
const RTO_MIN: u64 = 120;
/// So often an INIT is repeated, over three minutes.
const MAX_INIT_RETRANSMITS: usize = 8;

/// What endpoints and associations are made of.
#[derive(Debug, Clone)]
pub(super) struct PeerConfig {
    endpoint: Arc<EndpointConfig>,
    server: Arc<ServerConfig>,
}

impl PeerConfig {
    pub(super) fn new(config: &SctpConfig) -> Self {
        let saturated = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let transport = TransportConfig::default()
            .with_max_send_message_size(saturated(config.max_send_message_size))
            .with_max_receive_message_size(saturated(config.max_receive_message_size))
            .with_max_receive_buffer_size(config.receive_window)
            .with_max_init_retransmits(Some(MAX_INIT_RETRANSMITS))
            .with_rto_initial_ms(RTO_INITIAL)
            .with_rto_min_ms(RTO_MIN);
        let mut endpoint = EndpointConfig::new();
        endpoint.max_payload_size(MAX_PAYLOAD);
        let mut server = ServerConfig::new();
        server.transport = Arc::new(transport);
        PeerConfig { endpoint: Arc::new(endpoint), server: Arc::new(server) }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::new(self.endpoint.clone(), Some(self.server.clone()))
    }
}

/// One association.
#[derive(Debug)]
pub(super) struct Peer {
    endpoint: Endpoint,
    pub(super) association: Association,
    /// What the peer calls itself.
    pub(super) tag: Option<u32>,
    /// We sent the INIT.
    pub(super) is_active: bool,
}

impl Peer {
    /// Begins a handshake.
    pub(super) fn connect(config: &PeerConfig) -> Option<Self> {
        let mut endpoint = config.endpoint();
        let mut client = ClientConfig::new();
        client.transport = config.server.transport.clone();
        let (_, association) = endpoint.connect(client, NOWHERE).ok()?;
        Some(Peer { endpoint, association, tag: None, is_active: true })
    }

    /// Answers an INIT.
    pub(super) fn accept(config: &PeerConfig, now: Instant, tag: u32, init: Bytes) -> Option<Self> {
        let mut endpoint = config.endpoint();
        match endpoint.handle(now, NOWHERE, None, None, init)? {
            (_, DatagramEvent::NewAssociation(association)) => {
                Some(Peer { endpoint, association, tag: Some(tag), is_active: false })
            }
            _ => None,
        }
    }

    /// Takes a packet; false if it is none of this association's.
    pub(super) fn handle(&mut self, now: Instant, packet: Bytes) -> bool {
        match self.endpoint.handle(now, NOWHERE, None, None, packet) {
            Some((_, DatagramEvent::AssociationEvent(event))) => {
                self.association.handle_event(event);
                true
            }
            _ => false,
        }
    }

    /// Takes the INIT of a peer that began at the same time (RFC 9260 section 5.2.1): both are one association.
    ///
    /// The endpoint would make a second one of it. Another endpoint, which has seen that INIT before, makes the event.
    pub(super) fn handle_crossed_init(&mut self, config: &PeerConfig, now: Instant, tag: u32, init: Bytes) {
        let mut other = config.endpoint();
        let _ = other.handle(now, NOWHERE, None, None, init.clone());
        if let Some((_, DatagramEvent::AssociationEvent(event))) =
            other.handle(now, NOWHERE, None, None, init)
        {
            self.tag = Some(tag);
            self.association.handle_event(event);
        }
    }
}
