//! Ports that several WebRTC transports share.
use super::sockets::ListenCandidate;
use crate::control::{ListenInfo, TransportId, WebRtcServerId};
use crate::net::Listening;

/// A server of ports for WebRTC transports. Whose a datagram is, is told by ICE username fragment, then by path: as on the
/// sockets that all transports share.
pub(crate) struct WebRtcServer {
    /// Its sockets, all its own.
    pub(crate) listen: Vec<Listening>,
    /// What candidates say, best first.
    pub(crate) candidates: Vec<ListenCandidate>,
    /// Transports on it.
    pub(crate) transports: Vec<TransportId>,
    /// Where it was told to listen.
    pub(crate) told: Vec<ListenInfo>,
    /// The server that it is a part of, on another media thread.
    pub(crate) home: Option<WebRtcServerId>,
    /// Its parts, one per other media thread at the most.
    pub(crate) parts: Vec<WebRtcServerId>,
}
