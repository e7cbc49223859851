//! The WebRTC link: ICE finds the path, DTLS agrees on keys.
use std::net::SocketAddr;

use super::dtls::{AwsLcDtls, Fingerprint};
use super::ice::IceAgent;
use crate::control::{DtlsRole, DtlsState, IceCandidate, IceState, WebRtcServerId};
use crate::net::{Listening, Route, SocketId};

/// ICE and DTLS of one transport.
pub(crate) struct WebRtcLink {
    /// Answers the peer's checks.
    pub(crate) ice: IceAgent<Route>,
    /// The association; made once the peer's parameters are known and its first datagram or our turn has come.
    pub(crate) dtls: Option<AwsLcDtls>,
    /// How far it is.
    pub(crate) dtls_state: DtlsState,
    /// Our role, once `connect` decided it.
    pub(crate) role: Option<DtlsRole>,
    /// What the peer's certificate must match.
    pub(crate) fingerprints: Vec<Fingerprint>,
    /// Sockets that belong to this transport alone.
    pub(crate) own_sockets: Vec<SocketId>,
    /// All sockets that it may be reached on.
    pub(crate) listen: Vec<Listening>,
    /// The server that they belong to.
    pub(crate) server: Option<WebRtcServerId>,
    /// What peers are told of them.
    pub(crate) candidates: Vec<IceCandidate>,
}

impl WebRtcLink {
    /// State of ICE in the control API's terms.
    pub(crate) fn ice_state(&self) -> IceState {
        state(self.ice.state())
    }

    /// The address that a path begins at here. Accepted TCP connections have the listener's: of several the one with the address
    /// that was hit.
    pub(crate) fn local_address(&self, route: &Route) -> Option<SocketAddr> {
        let of_protocol = || self.listen.iter().filter(|listening| listening.protocol == route.protocol);
        of_protocol()
            .find(|listening| listening.socket == route.socket)
            .or_else(|| of_protocol().find(|listening| Some(listening.address.ip()) == route.local))
            .or_else(|| of_protocol().next())
            .map(|listening| listening.address)
    }
}

/// State of ICE in the control API's terms.
pub(crate) fn state(state: super::ice::IceState) -> IceState {
    match state {
        super::ice::IceState::New => IceState::New,
        super::ice::IceState::Connected => IceState::Connected,
        super::ice::IceState::Completed => IceState::Completed,
        super::ice::IceState::Disconnected => IceState::Disconnected,
    }
}
