//! The sockets of a media thread as the engine asks for them.
use std::net::SocketAddr;

use crate::control::{ControlError, ListenInfo, Protocol};
use crate::engine::{Random, SocketFactory, bind_allowed};
use crate::net::{Net, Route, SocketId, TcpOptions, UdpOptions};

/// Opens sockets on the network layer.
pub(crate) struct NetSockets<'a> {
    /// The network layer.
    pub(crate) net: &'a mut Net,
    /// Sockets to close once the turn's datagrams have left, the goodbyes among them: see [`NetSockets::close_all`].
    pub(crate) closing: &'a mut Vec<SocketId>,
}

impl SocketFactory for NetSockets<'_> {
    fn open(&mut self, listen: &ListenInfo) -> Result<(SocketId, SocketAddr), ControlError> {
        // A port of a transport that was closed in the same turn is free.
        self.close_all();
        let id = bind_allowed(listen, Random::system().u32(), |address| self.bind(listen, address))?;
        Ok((id, self.net.local_addr(id).unwrap_or(SocketAddr::new(listen.ip, listen.port))))
    }

    fn close(&mut self, socket: SocketId) {
        self.closing.push(socket);
    }

    fn hand_over(&mut self, socket: SocketId, routes: &[Route]) -> Result<(), ControlError> {
        self.net.hand_over(socket, routes).map_err(|error| {
            ControlError::limit(format!(
                "control.ports: a port can't be left to others, it stays as it is: {error}"
            ))
        })
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.net.counters().iter().collect()
    }
}

impl NetSockets<'_> {
    /// Closes what is to be closed.
    pub(crate) fn close_all(&mut self) {
        for socket in self.closing.drain(..) {
            self.net.remove(socket);
        }
    }

    fn bind(&mut self, listen: &ListenInfo, address: SocketAddr) -> Result<SocketId, crate::net::BindError> {
        match listen.protocol {
            Protocol::Udp => {
                let default = UdpOptions::default();
                let options = UdpOptions {
                    recv_buffer: listen.recv_buffer_size.map_or(default.recv_buffer, |size| size as usize),
                    send_buffer: listen.send_buffer_size.map_or(default.send_buffer, |size| size as usize),
                    reuse_port: listen.udp_reuse_port,
                    ipv6_only: listen.ipv6_only,
                    ..default
                };
                self.net.add_udp(address, options)
            }
            Protocol::Tcp => {
                let options = TcpOptions {
                    ipv6_only: listen.ipv6_only,
                    recv_buffer: listen.recv_buffer_size.map(|size| size as usize),
                    send_buffer: listen.send_buffer_size.map(|size| size as usize),
                    ..TcpOptions::default()
                };
                self.net.add_tcp(address, options)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
    use std::time::Duration;

    use super::*;
    use crate::control::ErrorKind;
    use crate::net::{NetOptions, Outbox, Route};

    fn listen(protocol: Protocol, port_range: Option<(u16, u16)>) -> ListenInfo {
        ListenInfo { protocol, port_range, ..ListenInfo::udp(Ipv4Addr::LOCALHOST) }
    }

    #[test]
    fn a_goodbye_still_leaves_by_a_socket_that_is_to_be_closed() {
        let (mut net, mut closing) = (Net::new(NetOptions::default()).unwrap(), Vec::new());
        let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut sockets = NetSockets { net: &mut net, closing: &mut closing };
        let (socket, address) = sockets.open(&listen(Protocol::Udp, None)).unwrap();
        sockets.close(socket);
        let remote = peer.local_addr().unwrap();
        let mut outbox = Outbox::default();
        outbox.push_single(Route { socket, protocol: Protocol::Udp, remote, local: None }, |slot| {
            slot.get_mut(..3)?.copy_from_slice(b"bye");
            Some(3)
        });
        net.flush(&mut outbox);
        NetSockets { net: &mut net, closing: &mut closing }.close_all();
        let mut buffer = [0; 16];
        assert_eq!(peer.recv_from(&mut buffer).unwrap(), (3, address));
        assert_eq!(net.local_addr(socket), None);
    }

    #[test]
    fn an_address_of_another_machine_is_refused_at_once_however_long_the_range() {
        let (mut net, mut closing) = (Net::new(NetOptions::default()).unwrap(), Vec::new());
        let mut sockets = NetSockets { net: &mut net, closing: &mut closing };
        // Of those that are for documentation (RFC 5737).
        let elsewhere = ListenInfo { ip: [192, 0, 2, 1].into(), ..listen(Protocol::Udp, Some((1, 65_535))) };
        let error = sockets.open(&elsewhere).unwrap_err().to_string();
        assert!(error.contains("no interface has the address") && !error.contains("range"), "{error}");
    }

    #[test]
    fn a_range_is_refused_while_its_ports_are_taken_and_free_in_the_turn_that_closes_them() {
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            let (mut net, mut closing) = (Net::new(NetOptions::default()).unwrap(), Vec::new());
            let mut sockets = NetSockets { net: &mut net, closing: &mut closing };
            let (first, address) = sockets.open(&listen(protocol, None)).unwrap();
            let range = listen(protocol, Some((address.port(), address.port())));
            let error = sockets.open(&range).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Limit);
            assert!(error.to_string().contains("is left; close transports or widen it"), "{error}");
            sockets.close(first);
            let (second, again) = sockets.open(&range).unwrap();
            assert_eq!(
                (again, net.local_addr(first), net.local_addr(second)),
                (address, None, Some(address))
            );
        }
    }

    #[test]
    fn an_address_is_bound_again_only_by_those_who_all_say_so() {
        let (mut net, mut closing) = (Net::new(NetOptions::default()).unwrap(), Vec::new());
        let mut sockets = NetSockets { net: &mut net, closing: &mut closing };
        for (first, second, works) in
            [(false, false, false), (false, true, false), (true, false, false), (true, true, true)]
        {
            let info = ListenInfo { udp_reuse_port: first, ..listen(Protocol::Udp, None) };
            let (_, address) = sockets.open(&info).unwrap();
            let again = ListenInfo { udp_reuse_port: second, port: address.port(), ..info };
            match sockets.open(&again) {
                Ok((_, same)) => assert!(works && same == address, "{first} {second}"),
                Err(error) => {
                    assert!(!works, "{error}");
                    assert!(error.text.contains(&address.to_string()), "{error}");
                }
            }
        }
    }

    #[test]
    fn ipv6_alone_leaves_the_port_of_ipv4_free() {
        for (protocol, only) in
            [Protocol::Udp, Protocol::Tcp].into_iter().flat_map(|p| [(p, false), (p, true)])
        {
            let (mut net, mut closing) = (Net::new(NetOptions::default()).unwrap(), Vec::new());
            let mut sockets = NetSockets { net: &mut net, closing: &mut closing };
            let any =
                ListenInfo { ip: Ipv6Addr::UNSPECIFIED.into(), ipv6_only: only, ..listen(protocol, None) };
            // Somebody else may have a port of IPv4 that is free under IPv6 alone; nobody has ten such by chance.
            let mut works = false;
            for _ in 0..10 {
                let Ok((_, address)) = sockets.open(&any) else {
                    return crate::testing::skipped("there is no IPv6 here");
                };
                let v4 = ListenInfo {
                    ip: Ipv4Addr::UNSPECIFIED.into(),
                    port: address.port(),
                    ..listen(protocol, None)
                };
                works |= sockets.open(&v4).is_ok();
            }
            assert_eq!(works, only, "{protocol}");
        }
    }
}
