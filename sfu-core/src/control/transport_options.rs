//! How transports are made and connected.
use std::net::IpAddr;
use std::time::Duration;

use super::*;

/// Options of a WebRTC transport.
#[derive(Debug, Clone, PartialEq)]
pub struct WebRtcTransportOptions {
    /// The session that it belongs to.
    pub session: Option<SessionId>,
    /// Labels.
    pub labels: Labels,
    /// Sockets.
    pub listen: TransportListen,
    /// Offer UDP candidates.
    pub enable_udp: bool,
    /// Offer TCP passive candidates.
    pub enable_tcp: bool,
    /// Give UDP candidates the higher priority.
    pub prefer_udp: bool,
    /// Give TCP candidates the higher priority.
    pub prefer_tcp: bool,
    /// How long without a check until consent is lost; zero: never. Clamped to 10–60 s (shorter ones are for tests).
    pub ice_consent_timeout: Duration,
    /// What we assume the peer can receive at first, bit/s.
    pub initial_outgoing_bitrate: u32,
    /// Data channels.
    pub sctp: Option<SctpOptions>,
}

impl Default for WebRtcTransportOptions {
    fn default() -> Self {
        WebRtcTransportOptions {
            session: None,
            labels: Labels::new(),
            listen: TransportListen::Shared,
            enable_udp: true,
            enable_tcp: true,
            prefer_udp: true,
            prefer_tcp: false,
            ice_consent_timeout: Duration::from_secs(30),
            initial_outgoing_bitrate: 600_000,
            sctp: None,
        }
    }
}

/// Options of a plain RTP transport.
#[derive(Debug, Clone, PartialEq)]
pub struct PlainTransportOptions {
    /// The session that it belongs to.
    pub session: Option<SessionId>,
    /// Labels.
    pub labels: Labels,
    /// Socket for RTP (and RTCP with `rtcp_mux`).
    pub listen: ListenInfo,
    /// Socket for RTCP without `rtcp_mux`; by default the same address and another port.
    pub rtcp_listen: Option<ListenInfo>,
    /// RTP and RTCP on one port (RFC 5761).
    pub rtcp_mux: bool,
    /// Learn the peer's address from its first packet.
    pub comedia: bool,
    /// Protect with SRTP under keys given in `connect`; the suite of our key.
    pub srtp: Option<SrtpCryptoSuite>,
    /// SCTP on the same port, without DTLS.
    pub sctp: Option<SctpOptions>,
    /// What is sent at first, bit/s, until the peer's feedback says more; without it the estimate begins with a number of its
    /// own, and is not told until then.
    pub initial_outgoing_bitrate: Option<u32>,
}

/// On any port, RTP and RTCP together, without SRTP, to a peer that `connect` names.
impl Default for PlainTransportOptions {
    fn default() -> Self {
        PlainTransportOptions {
            session: None,
            labels: Labels::new(),
            listen: ListenInfo::default(),
            rtcp_listen: None,
            rtcp_mux: true,
            comedia: false,
            srtp: None,
            sctp: None,
            initial_outgoing_bitrate: None,
        }
    }
}

/// The peer of a plain RTP transport.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConnectPlainTransport {
    /// Its address; not given with `comedia`.
    pub ip: Option<IpAddr>,
    /// Its RTP port; not given with `comedia`.
    pub port: Option<u16>,
    /// Its RTCP port; only without `rtcp_mux`.
    pub rtcp_port: Option<u16>,
    /// Its SRTP key; only with `srtp`.
    pub srtp: Option<SrtpParameters>,
}

/// Options of a transport to another worker: RTP and RTCP on one port, streams and their ids as they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PipeTransportOptions {
    /// The session that it belongs to.
    pub session: Option<SessionId>,
    /// Labels.
    pub labels: Labels,
    /// Socket.
    pub listen: ListenInfo,
    /// Repair by RTX.
    pub enable_rtx: bool,
    /// Protect with SRTP (`AEAD_AES_256_GCM`) under keys given in `connect`.
    pub enable_srtp: bool,
    /// SCTP on the same port, without DTLS.
    pub sctp: Option<SctpOptions>,
}

/// Options of a transport whose peer is signaling itself: packets and messages go through the control API.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectTransportOptions {
    /// The session that it belongs to.
    pub session: Option<SessionId>,
    /// Labels.
    pub labels: Labels,
    /// Longest message that is delivered to a data consumer, bytes.
    pub max_send_message_size: u32,
    /// Longest message that is taken from a data producer, bytes.
    pub max_receive_message_size: u32,
}

impl Default for DirectTransportOptions {
    fn default() -> Self {
        DirectTransportOptions {
            session: None,
            labels: Labels::new(),
            max_send_message_size: 262_144,
            max_receive_message_size: 262_144,
        }
    }
}

/// Options of a server whose ports several WebRTC transports share.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WebRtcServerOptions {
    /// Addresses to listen on, at least one.
    pub listen: Vec<ListenInfo>,
}
