//! One UDP socket of a media thread.
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, SockAddr, Socket, Type};

use super::backlog::Backlog;
use super::buffers;
use super::counters::NetCounters;
use super::error::BindError;
use super::route::{Protocol, Route, SocketId};
use super::send::{Blocked, Sender, Sent, next_call};
use super::sockaddr::{SOL_UDP, UDP_GRO, UDP_SEGMENT, canonical};
use super::sys;

/// How an UDP socket is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UdpOptions {
    /// Bytes of the kernel's receive buffer; the system may grant less (`net.core.rmem_max`). 4 MiB.
    pub recv_buffer: usize,
    /// Bytes of the kernel's send buffer; the system may grant less (`net.core.wmem_max`). 4 MiB.
    pub send_buffer: usize,
    /// Several sockets, such as one for each media thread, share the port (`SO_REUSEPORT`). Off.
    pub reuse_port: bool,
    /// The port may be taken over while this socket gets the datagrams of some peers alone, see [`Net::hand_over`](super::Net::hand_over);
    /// until then nobody else may bind it. Off.
    pub may_hand_over: bool,
    /// `[::]` serves IPv6 only, not IPv4 as well. Off.
    pub ipv6_only: bool,
    /// Let the kernel deliver several datagrams of one peer in one piece (GRO). On; ignored where it cannot.
    pub gro: bool,
    /// Give the kernel several datagrams to one peer in one piece (GSO). On; ignored where it cannot.
    pub gso: bool,
    /// Let the kernel say when datagrams came (`SO_TIMESTAMPNS`). On; ignored where it cannot.
    pub stamps: bool,
}

impl Default for UdpOptions {
    fn default() -> Self {
        Self {
            recv_buffer: 4 << 20,
            send_buffer: 4 << 20,
            reuse_port: false,
            may_hand_over: false,
            ipv6_only: false,
            gro: true,
            gso: true,
            stamps: true,
        }
    }
}

/// One UDP socket: its sending half and the datagrams that wait for it.
#[derive(Debug)]
pub(super) struct UdpSocket {
    pub(super) id: SocketId,
    /// The socket that datagrams are said to come by: itself, or the one whose branch it is.
    pub(super) of: SocketId,
    options: UdpOptions,
    pub(super) sender: Sender,
    /// The address it is bound to.
    pub(super) local: SocketAddr,
    /// Whether datagrams may arrive coalesced.
    pub(super) gro: bool,
    /// Whether the kernel says when datagrams came.
    pub(super) stamps: bool,
    /// How many messages may be read in one turn.
    pub(super) messages: usize,
    backlog: Backlog,
    /// Why the backlog waits.
    pub(super) blocked: Option<Blocked>,
    /// Whether the poller watches for room to write.
    pub(super) watches_room: bool,
    /// Whether a timer for the next try is set.
    pub(super) retries: bool,
}

impl UdpSocket {
    /// Opens a socket on `address`; port 0 takes any free one.
    pub(super) fn bind(id: SocketId, address: SocketAddr, options: UdpOptions) -> Result<Self, BindError> {
        Self::open(id, address, options).map_err(|source| BindError::new(Protocol::Udp, address, source))
    }

    fn open(id: SocketId, address: SocketAddr, options: UdpOptions) -> io::Result<Self> {
        let v6 = address.is_ipv6();
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        if v6 {
            socket.set_only_v6(options.ipv6_only)?;
        }
        socket.set_reuse_port(options.reuse_port || options.may_hand_over)?;
        buffers::set(&socket, options.recv_buffer, options.send_buffer);
        let wildcard = address.ip().is_unspecified();
        if wildcard && v6 {
            sys::set_option(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
        } else if wildcard {
            sys::set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
        }
        // Forged ICMP "fragmentation needed" would shrink a path's MTU and end GSO there: take the device's MTU, and let
        // routers fragment. Best effort, since it is a refinement.
        let _ =
            sys::set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT);
        if v6 {
            let _ = sys::set_option(
                socket.as_fd(),
                libc::IPPROTO_IPV6,
                libc::IPV6_MTU_DISCOVER,
                libc::IPV6_PMTUDISC_OMIT,
            );
        }
        let gro = options.gro && sys::set_option(socket.as_fd(), SOL_UDP, UDP_GRO, 1).is_ok();
        let stamps = options.stamps
            && sys::set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1).is_ok();
        // Size 0 is "no segmentation by default": it changes nothing and tells whether the kernel knows the option. One
        // that does not would ignore the control message and send the run as one giant datagram.
        let gso = options.gso && sys::set_option(socket.as_fd(), SOL_UDP, UDP_SEGMENT, 0).is_ok();
        socket.bind(&SockAddr::from(address))?;
        // Whoever gave the port away shares it; from now on nobody else does, until it is given away again.
        if options.may_hand_over && !options.reuse_port {
            socket.set_reuse_port(false)?;
        }
        let local = socket.local_addr()?.as_socket().map(canonical).unwrap_or(address);
        let sender = Sender::new(socket, v6, wildcard, gso);
        Ok(Self {
            id,
            of: id,
            options,
            sender,
            local,
            gro,
            stamps,
            messages: sys::MESSAGES,
            backlog: Backlog::default(),
            blocked: None,
            watches_room: false,
            retries: false,
        })
    }

    /// A socket for one peer of this one. The kernel gives it all that comes from there to `local`.
    pub(super) fn branch(&self, id: SocketId, local: Option<IpAddr>, remote: SocketAddr) -> io::Result<Self> {
        let address = SocketAddr::new(local.unwrap_or(self.local.ip()), self.local.port());
        let options = UdpOptions { reuse_port: true, ..self.options };
        let branch = Self::open(id, address, options)?;
        branch.sender.socket.connect(&SockAddr::from(remote))?;
        Ok(Self { of: self.id, ..branch })
    }

    /// Whether others may bind its address, too.
    pub(super) fn share(&self, share: bool) -> io::Result<()> {
        self.sender.socket.set_reuse_port(share || self.options.reuse_port)
    }

    /// Gets no datagrams any more but those that the kernel holds for it already.
    pub(super) fn deafen(&self) -> io::Result<()> {
        // The port `discard`, of an address from which nobody else's datagrams come.
        let nobody = |ip: IpAddr| SockAddr::from(SocketAddr::new(ip, 9));
        let socket = &self.sender.socket;
        match self.local.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => socket.connect(&nobody(Ipv4Addr::LOCALHOST.into())),
            IpAddr::V6(ip) if ip.is_unspecified() => {
                let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped().into();
                socket
                    .connect(&nobody(Ipv6Addr::LOCALHOST.into()))
                    .or_else(|_| socket.connect(&nobody(mapped)))
            }
            ip => socket.connect(&nobody(ip)),
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.sender.socket.as_fd()
    }

    /// How many datagrams wait.
    #[cfg(test)]
    pub(super) fn backlog_len(&self) -> usize {
        self.backlog.len()
    }

    /// Sends the datagrams of one route in their order. What does not fit now waits, and all that follows queues behind.
    pub(super) fn send<'a>(
        &mut self,
        route: &Route,
        datagrams: impl Iterator<Item = &'a [u8]>,
        counters: &mut NetCounters,
    ) {
        let mut datagrams = datagrams.peekable();
        let Some(target) = self.sender.target(route) else {
            counters.unroutable += datagrams.count() as u64;
            return;
        };
        while self.backlog.is_empty() {
            let call = next_call(&mut datagrams, self.sender.gso);
            if call.is_empty() {
                return;
            }
            if let Sent::Part(sent, blocked) = self.sender.send(&target, &call, counters) {
                self.blocked = Some(blocked);
                for part in call.iter().skip(sent) {
                    counters.backlog_dropped += self.backlog.push(route, part);
                }
            }
        }
        for datagram in datagrams {
            counters.backlog_dropped += self.backlog.push(route, datagram);
        }
    }

    /// Sends what waits, oldest first, until the socket is full again.
    pub(super) fn resend(&mut self, counters: &mut NetCounters) {
        self.blocked = None;
        while self.blocked.is_none() {
            let done = {
                let Some((route, datagrams)) = self.backlog.front() else { return };
                let call = next_call(&mut datagrams.peekable(), self.sender.gso);
                // What waits was reachable once; that does not change.
                let Some(target) = self.sender.target(&route) else { return };
                match self.sender.send(&target, &call, counters) {
                    Sent::All => call.len(),
                    Sent::Part(sent, blocked) => {
                        self.blocked = Some(blocked);
                        sent
                    }
                }
            };
            self.backlog.pop(done);
        }
    }
}
