//! What the engine needs of the network layer: sockets by name, never the sockets themselves.
use std::net::SocketAddr;

use crate::control::{ControlError, ListenInfo, Protocol};
use crate::net::SocketId;

/// Opens and closes sockets for the engine.
pub(crate) trait SocketFactory {
    /// Opens a socket as `listen` says; answers its name and the address that it is bound to.
    fn open(&mut self, listen: &ListenInfo) -> Result<(SocketId, SocketAddr), ControlError>;
    /// Closes a socket.
    fn close(&mut self, socket: SocketId);
}

/// The sockets that WebRTC transports share, and how peers are told of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedListen {
    /// Sockets with the addresses that they are bound to.
    pub(crate) sockets: Vec<(SocketId, SocketAddr)>,
    /// What candidates say, best first.
    pub(crate) candidates: Vec<ListenCandidate>,
}

/// One address that peers are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListenCandidate {
    /// UDP or TCP.
    pub(crate) protocol: Protocol,
    /// IP address, or announced host name.
    pub(crate) address: String,
    /// Port.
    pub(crate) port: u16,
}
