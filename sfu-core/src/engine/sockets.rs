//! What the engine needs of the network layer: sockets by name, never the sockets themselves.
use std::net::SocketAddr;

use crate::control::{ControlError, ListenInfo, Protocol};
use crate::net::{BindError, Listening, Route, SocketId};

/// Opens and closes sockets for the engine.
pub(crate) trait SocketFactory {
    /// Opens a socket as `listen` says; answers its name and the address that it is bound to.
    fn open(&mut self, listen: &ListenInfo) -> Result<(SocketId, SocketAddr), ControlError>;
    /// Closes a socket or an accepted TCP connection; what was left to be sent in the same turn still leaves.
    fn close(&mut self, socket: SocketId);
    /// Leaves the port of a socket to whoever binds it next; the peers of `routes` stay.
    fn hand_over(&mut self, socket: SocketId, routes: &[Route]) -> Result<(), ControlError> {
        let _ = (socket, routes);
        Ok(())
    }
    /// What the network layer counts, by name, since its start.
    fn counters(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// Lets `bind` try the ports that `listen` allows until it takes one. In a range it begins anywhere (`chance`), so that ports are
/// not used again at once.
///
/// Fails where the range makes no sense, where another port would not help, and with the last reason of `bind` where no port
/// is left.
pub(crate) fn bind_allowed<T>(
    listen: &ListenInfo,
    chance: u32,
    mut bind: impl FnMut(SocketAddr) -> Result<T, BindError>,
) -> Result<T, ControlError> {
    let (first, last) = match (listen.port, listen.port_range) {
        (0, Some(range)) => range,
        (port, _) => {
            let address = SocketAddr::new(listen.ip, port);
            return bind(address).map_err(|error| ControlError::limit(format!("control.listen: {error}")));
        }
    };
    if first == 0 || first > last {
        return Err(ControlError::invalid(format!(
            "control.listen: the port range {first}–{last} is empty or has port 0; give the first and the last of 1 to 65535"
        )));
    }
    let count = u32::from(last - first) + 1;
    let mut failure = String::new();
    for step in 0..count {
        let port = first + (((chance % count) + step) % count) as u16;
        match bind(SocketAddr::new(listen.ip, port)) {
            Ok(bound) => return Ok(bound),
            Err(error @ (BindError::NoSuchAddress { .. } | BindError::NoSuchFamily { .. })) => {
                return Err(ControlError::limit(format!("control.listen: {error}")));
            }
            Err(error) => failure = error.to_string(),
        }
    }
    Err(ControlError::limit(format!(
        "control.listen: no {} port of the range {first}–{last} is left; close transports or widen it (the last one: {failure})",
        listen.protocol
    )))
}

/// The sockets that WebRTC transports share, and how peers are told of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedListen {
    /// Sockets, best first.
    pub(crate) sockets: Vec<Listening>,
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
    /// Which of the addresses that are listened on it belongs to, 0 the most preferred.
    pub(crate) order: u8,
    /// It is the bound address of one that is announced by another: second choice.
    pub(crate) is_internal: bool,
}
