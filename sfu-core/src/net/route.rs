//! Where a datagram came from and where one goes.
use std::net::{IpAddr, SocketAddr};

/// A socket of this media thread: an UDP socket or one accepted TCP connection.
///
/// The number is given by the network layer and never reused while the thread lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u32);

/// The transport protocol under a [`Route`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Datagrams.
    Udp,
    /// A passive TCP connection with RFC 4571 framing.
    Tcp,
}

/// One path to a peer: our socket, the peer's address, and the address of ours that the peer hit.
///
/// On a socket bound to a wildcard address `local` makes the reply leave from the address that was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route {
    /// Our socket.
    pub socket: SocketId,
    /// UDP or TCP.
    pub protocol: Protocol,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The local address that the peer's packet was sent to, where the system tells.
    pub local: Option<IpAddr>,
}

/// One socket that peers reach us on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listening {
    /// Its name.
    pub socket: SocketId,
    /// UDP, or a listener for TCP.
    pub protocol: Protocol,
    /// The address that it is bound to.
    pub address: SocketAddr,
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        })
    }
}
