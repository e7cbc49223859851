//! Ports that several WebRTC transports share.
use super::sockets::ListenCandidate;
use crate::control::TransportId;
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
}
