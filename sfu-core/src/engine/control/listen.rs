//! Sockets to listen on, and what peers are told of them.
use std::net::{IpAddr, SocketAddr};

use crate::control::{ControlError, ListenInfo};
use crate::engine::SocketFactory;
use crate::engine::sockets::ListenCandidate;
use crate::net::{Listening, SocketId};

/// Sockets that were opened, and how peers reach them.
pub(super) struct Opened {
    /// The sockets.
    pub(super) listen: Vec<Listening>,
    /// What candidates say, best first.
    pub(super) candidates: Vec<ListenCandidate>,
    /// Those of the sockets that were opened for the caller alone.
    pub(super) own: Vec<SocketId>,
}

/// Opens all, or none.
pub(super) fn open_all(
    infos: &[ListenInfo],
    sockets: &mut dyn SocketFactory,
) -> Result<Opened, ControlError> {
    let mut opened = Opened { listen: Vec::new(), candidates: Vec::new(), own: Vec::new() };
    for (order, info) in infos.iter().enumerate() {
        match sockets.open(info) {
            Ok((socket, address)) => {
                opened.listen.push(Listening { socket, protocol: info.protocol, address });
                opened.own.push(socket);
                opened.candidates.extend(candidates(info, order.min(255) as u8, address));
            }
            Err(error) => {
                close_all(&opened.own, sockets);
                return Err(error);
            }
        }
    }
    Ok(opened)
}

/// Closes sockets.
pub(super) fn close_all(own: &[SocketId], sockets: &mut dyn SocketFactory) {
    for socket in own {
        sockets.close(*socket);
    }
}

/// What peers are told of a socket: the announced address, and the one it is bound to if that is not announced or to be told all
/// the same. For the latter, where it is none in particular, every address of the machine stands.
fn candidates(info: &ListenInfo, order: u8, bound: SocketAddr) -> Vec<ListenCandidate> {
    let is_announced = info.announced_address.is_some();
    let candidate = |address: String, is_internal| ListenCandidate {
        protocol: info.protocol,
        address,
        port: bound.port(),
        order,
        is_internal,
    };
    let mut all: Vec<_> =
        info.announced_address.iter().map(|address| candidate(address.clone(), false)).collect();
    if is_announced && !info.expose_internal_ip {
        return all;
    }
    if bound.ip().is_unspecified() {
        let same_family = |ip: &IpAddr| {
            if bound.is_ipv6() { !info.ipv6_only || ip.is_ipv6() } else { ip.is_ipv4() }
        };
        let addresses = crate::net::local_addresses().into_iter().filter(same_family);
        all.extend(addresses.map(|ip| candidate(ip.to_string(), is_announced)));
    } else {
        all.push(candidate(bound.ip().to_string(), is_announced));
    }
    all
}
