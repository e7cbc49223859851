//! The plain link: RTP to and from an address that is given, or learnt from the first packet (comedia).
use std::net::SocketAddr;

use super::srtp::{MasterKey, Profile};
use crate::net::{Protocol, Route, SocketId};

/// Sockets and peer of a plain transport.
#[derive(Debug)]
pub(crate) struct PlainLink {
    /// Socket for RTP, and for RTCP with `rtcp_mux`.
    pub(crate) rtp_socket: SocketId,
    /// Where it is bound.
    pub(crate) rtp_local: SocketAddr,
    /// Socket for RTCP, without `rtcp_mux`, and where it is bound.
    pub(crate) rtcp_socket: Option<(SocketId, SocketAddr)>,
    /// Learn the peer from its first packet.
    pub(crate) comedia: bool,
    /// `connect` was called.
    pub(crate) connected: bool,
    /// Where RTP goes.
    pub(crate) rtp_remote: Option<Route>,
    /// Where RTCP goes, without `rtcp_mux`.
    pub(crate) rtcp_remote: Option<Route>,
    /// Our SRTP key, with SRTP.
    pub(crate) srtp: Option<(Profile, MasterKey)>,
    /// The peer is another worker; streams keep their ids. Whether they are repaired by RTX.
    pub(crate) pipe: Option<Pipe>,
}

/// What is different where the peer is another worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pipe {
    /// Repair by RTX.
    pub(crate) rtx: bool,
}

/// Whether a datagram on a plain transport is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlainSource {
    /// It comes from the peer.
    Peer,
    /// It comes from where a peer may yet be learnt from, if the packet is good.
    Candidate,
    /// It comes from somewhere else.
    Stranger,
}

impl PlainLink {
    /// Where RTP goes.
    #[inline]
    pub(crate) fn rtp_route(&self) -> Option<Route> {
        self.rtp_remote
    }

    /// Where RTCP goes.
    #[inline]
    pub(crate) fn rtcp_route(&self) -> Option<Route> {
        if self.rtcp_socket.is_some() { self.rtcp_remote } else { self.rtp_remote }
    }

    /// All its sockets.
    pub(crate) fn sockets(&self) -> Vec<SocketId> {
        std::iter::once(self.rtp_socket).chain(self.rtcp_socket.map(|(id, _)| id)).collect()
    }

    /// What to make of a datagram's origin. RTP of a stranger is dropped: the address is all the trust there is without SRTP.
    ///
    /// So is what comes to the wrong one of two ports: it would teach us a wrong address.
    pub(crate) fn source(&self, route: Route, is_rtcp: bool) -> PlainSource {
        let socket = self.rtcp_socket.filter(|_| is_rtcp).map_or(self.rtp_socket, |(socket, _)| socket);
        if route.socket != socket {
            return PlainSource::Stranger;
        }
        let known = if is_rtcp { self.rtcp_route() } else { self.rtp_remote };
        match known {
            Some(known) if known.remote == route.remote && known.socket == route.socket => PlainSource::Peer,
            Some(_) => PlainSource::Stranger,
            None if self.comedia => PlainSource::Candidate,
            None => PlainSource::Stranger,
        }
    }

    /// Learns the peer from an accepted packet; true if that was news.
    pub(crate) fn learn(&mut self, route: Route, is_rtcp: bool) -> bool {
        let slot = match (is_rtcp, self.rtcp_socket) {
            (true, Some(_)) => &mut self.rtcp_remote,
            // Many senders send RTCP from a port of its own, also to one port, and before the first RTP packet.
            (true, None) => return false,
            (false, _) => &mut self.rtp_remote,
        };
        if slot.is_some() {
            return false;
        }
        *slot = Some(route);
        true
    }

    /// A route from one of our sockets to `remote`.
    pub(crate) fn route_to(socket: SocketId, remote: SocketAddr) -> Route {
        Route { socket, protocol: Protocol::Udp, remote, local: None }
    }
}
