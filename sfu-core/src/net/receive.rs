//! Receiving batches of datagrams: recvmmsg, with coalesced messages (GRO) taken apart.
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::Instant;

use super::MAX_DATAGRAM;
use super::counters::NetCounters;
use super::route::{Protocol, Route, SocketId};
use super::sockaddr::{Received, decode};
use super::sys::{self, Envelope, MESSAGES, Meta};
use super::udp::UdpSocket;

/// The longest message that GRO can make.
const GRO_SIZE: usize = 65_536;

/// Distance of two buffers. Not a multiple of 4096, for else the heads of all messages would share a few cache lines.
const STRIDE: usize = GRO_SIZE + 17 * 64;

/// Receive errors that one read passes over before it gives way to other sockets.
const ERRORS: usize = 16;

/// The receive buffers of one media thread: at most one batch of one socket at a time.
///
/// 2 MiB of address space; pages that no message reached take no memory.
pub(super) struct ReceiveBatch {
    bytes: Vec<u8>,
    envelopes: [Envelope; MESSAGES],
    metas: [Meta; MESSAGES],
    /// Whose messages these are.
    owner: Option<Owner>,
    count: usize,
    /// How many the read that brought them would have taken.
    asked: usize,
    /// The message to deliver next, and how much of it was delivered.
    next: usize,
    offset: usize,
}

/// What delivery has to know of the socket.
#[derive(Debug, Clone, Copy)]
struct Owner {
    id: SocketId,
    /// The socket that they are said to come by.
    of: SocketId,
    /// The address that it is bound to, unless it is a wildcard address.
    local: Option<IpAddr>,
}

impl ReceiveBatch {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; MESSAGES * STRIDE],
            envelopes: [Envelope::default(); MESSAGES],
            metas: [Meta::default(); MESSAGES],
            owner: None,
            count: 0,
            asked: 0,
            next: 0,
            offset: 0,
        }
    }

    /// Whether messages of `socket` are still to be delivered.
    pub(super) fn holds(&self, socket: SocketId) -> bool {
        self.next < self.count && self.owner.is_some_and(|owner| owner.id == socket)
    }

    /// Whether the last read got as much as it may: there may be more.
    pub(super) fn is_full(&self) -> bool {
        self.count > 0 && self.count == self.asked
    }

    /// Forgets the messages of `socket`.
    pub(super) fn forget(&mut self, socket: SocketId) {
        if self.holds(socket) {
            self.next = self.count;
        }
    }

    /// Reads one batch from `socket`; nothing when there is none.
    pub(super) fn receive(&mut self, socket: &UdpSocket, counters: &mut NetCounters) {
        let local = (!socket.sender.wildcard).then_some(socket.local.ip());
        self.owner = Some(Owner { id: socket.id, of: socket.of, local });
        (self.count, self.next, self.offset) = (0, 0, 0);
        self.asked = MESSAGES;
        let size = if socket.gro { GRO_SIZE } else { MAX_DATAGRAM };
        for _ in 0..ERRORS {
            let buffers = self.bytes.chunks_exact_mut(STRIDE).filter_map(|buffer| buffer.get_mut(..size));
            match sys::receive(socket.fd(), buffers, &mut self.envelopes, &mut self.metas) {
                Ok(count) => {
                    self.count = count;
                    return;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                // What ICMP says of some peer is not worth a socket: nothing in it is authenticated.
                Err(_) => counters.receive_errors += 1,
            }
        }
    }

    /// Delivers what was read, datagram by datagram, until `on_datagram` breaks off; call again for the rest.
    pub(super) fn deliver(
        &mut self,
        now: Instant,
        counters: &mut NetCounters,
        on_datagram: &mut impl FnMut(Instant, Route, &mut [u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(owner) = self.owner else { return ControlFlow::Continue(()) };
        while self.next < self.count {
            let at = self.next;
            let resumed = self.offset > 0;
            let parts = (self.metas.get(at), self.envelopes.get(at), self.bytes.get_mut(at * STRIDE..));
            let (Some(meta), Some(envelope), Some(bytes)) = parts else { break };
            let message = bytes.get_mut(self.offset..meta.len).unwrap_or_default();
            let remote = envelope.name.get(..meta.name_len).and_then(decode);
            let received = envelope.control.get(..meta.control_len).map(Received::parse).unwrap_or_default();
            if !resumed {
                counters.messages_in += 1;
            }
            match remote {
                _ if meta.truncated => counters.truncated += 1,
                Some(remote) if meta.len > 0 => {
                    let local = received.local.or(owner.local);
                    let route = Route { socket: owner.of, protocol: Protocol::Udp, remote, local };
                    for datagram in message.chunks_mut(received.segment.unwrap_or(meta.len)) {
                        self.offset += datagram.len();
                        if datagram.len() > MAX_DATAGRAM {
                            counters.truncated += 1;
                            continue;
                        }
                        counters.datagrams_in += 1;
                        counters.bytes_in += datagram.len() as u64;
                        on_datagram(now, route, datagram)?;
                    }
                }
                _ => counters.unusable += 1,
            }
            self.next += 1;
            self.offset = 0;
        }
        self.next = self.count;
        ControlFlow::Continue(())
    }
}
