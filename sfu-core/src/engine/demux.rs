//! Which transport a datagram belongs to.
use std::collections::HashMap;
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use crate::control::TransportId;
use crate::net::{Protocol, Route, SocketId};

/// By path, by own socket, and by ICE username fragment.
///
/// Keys that a peer chooses are hashed with a random seed. Paths enter only after an authentic ICE check.
#[derive(Default)]
pub(crate) struct Demux {
    by_path: HashMap<(SocketId, SocketAddr), TransportId, RandomState>,
    by_socket: HashMap<SocketId, TransportId, RandomState>,
    /// TCP connections whose peer is known.
    by_connection: HashMap<SocketId, TransportId, RandomState>,
    by_ufrag: HashMap<Box<[u8]>, TransportId, RandomState>,
}

impl Demux {
    /// The transport of a datagram.
    #[inline]
    pub(crate) fn transport(&self, route: &Route) -> Option<TransportId> {
        match self.by_path.get(&(route.socket, route.remote)) {
            Some(id) => Some(*id),
            None => self.by_socket.get(&route.socket).copied(),
        }
    }

    /// The transport whose ICE credentials have that username fragment.
    pub(crate) fn by_ufrag(&self, ufrag: &[u8]) -> Option<TransportId> {
        self.by_ufrag.get(ufrag).copied()
    }

    /// A path was validated.
    pub(crate) fn add_path(&mut self, route: &Route, transport: TransportId) {
        self.by_path.insert((route.socket, route.remote), transport);
        if route.protocol == Protocol::Tcp {
            self.by_connection.insert(route.socket, transport);
        }
    }

    /// A path is no longer valid.
    pub(crate) fn remove_path(&mut self, route: &Route, transport: TransportId) {
        let key = (route.socket, route.remote);
        if self.by_path.get(&key) == Some(&transport) {
            self.by_path.remove(&key);
            self.by_connection.remove(&route.socket);
        }
    }

    /// A TCP connection closed: the transport that it belonged to.
    pub(crate) fn remove_connection(&mut self, socket: SocketId) -> Option<TransportId> {
        self.by_connection.remove(&socket)
    }

    /// All datagrams of a socket belong to a transport.
    pub(crate) fn add_socket(&mut self, socket: SocketId, transport: TransportId) {
        self.by_socket.insert(socket, transport);
    }

    /// A username fragment is in use.
    pub(crate) fn add_ufrag(&mut self, ufrag: &str, transport: TransportId) {
        self.by_ufrag.insert(ufrag.as_bytes().into(), transport);
    }

    /// A username fragment is no longer in use.
    pub(crate) fn remove_ufrag(&mut self, ufrag: &str) {
        self.by_ufrag.remove(ufrag.as_bytes());
    }

    /// Whether a username fragment is in use.
    pub(crate) fn has_ufrag(&self, ufrag: &str) -> bool {
        self.by_ufrag.contains_key(ufrag.as_bytes())
    }

    /// How many paths, sockets, connections and username fragments are known.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn sizes(&self) -> [usize; 4] {
        [self.by_path.len(), self.by_socket.len(), self.by_connection.len(), self.by_ufrag.len()]
    }

    /// Forgets a closed transport.
    pub(crate) fn remove(
        &mut self,
        transport: TransportId,
        routes: &[Route],
        sockets: &[SocketId],
        ufrags: &[&str],
    ) {
        for route in routes {
            self.remove_path(route, transport);
        }
        for socket in sockets {
            self.by_socket.remove(socket);
        }
        for ufrag in ufrags {
            self.remove_ufrag(ufrag);
        }
    }
}
