//! Receiving batches of datagrams: recvmmsg, with coalesced messages (GRO) taken apart.
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::MAX_DATAGRAM;
use super::counters::NetCounters;
use super::io::Arrival;
use super::route::{Protocol, Route, SocketId};
use super::sockaddr::{Received, decode};
use super::sys::{self, Envelope, MESSAGES, Meta};
use super::udp::UdpSocket;

/// The longest message that GRO can make.
const GRO_SIZE: usize = 65_536;

/// Distance of two buffers. Not a multiple of 4096, for else the heads of all messages would share a few cache lines.
const STRIDE: usize = GRO_SIZE + 17 * 64;

/// About so many datagrams of one socket are worked on before it is others' turn. A message that the kernel coalesced has up to 64.
pub(super) const BUDGET: usize = 256;

/// Messages that a socket may read after little came.
const QUIET: usize = 8;

/// An age beyond that, in nanoseconds, is none: the system's clock was set meanwhile.
const OLDEST: u64 = 250_000_000;

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
    /// Datagrams of this batch delivered.
    delivered: usize,
    /// When it was read: by our clock, and by the one that the kernel's stamps are of, in nanoseconds since 1970.
    read: Option<(Instant, u64)>,
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
            delivered: 0,
            read: None,
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

    /// Reads one batch from `socket`, as many messages as it may; nothing when there is none.
    pub(super) fn receive(&mut self, socket: &UdpSocket, counters: &mut NetCounters) {
        let local = (!socket.sender.wildcard).then_some(socket.local.ip());
        self.owner = Some(Owner { id: socket.id, of: socket.of, local });
        (self.count, self.next, self.offset, self.delivered) = (0, 0, 0, 0);
        self.asked = socket.messages;
        let size = if socket.gro { GRO_SIZE } else { MAX_DATAGRAM };
        for _ in 0..ERRORS {
            let buffers = self.bytes.chunks_exact_mut(STRIDE).filter_map(|buffer| buffer.get_mut(..size));
            let buffers = buffers.take(socket.messages);
            match sys::receive(socket.fd(), buffers, &mut self.envelopes, &mut self.metas) {
                Ok(count) => {
                    self.count = count;
                    self.read = (socket.stamps && count > 0)
                        .then(|| SystemTime::now().duration_since(UNIX_EPOCH).ok())
                        .flatten()
                        .map(|clock| (Instant::now(), clock.as_nanos() as u64));
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
        on_datagram: &mut impl FnMut(Arrival, Route, &mut [u8]) -> ControlFlow<()>,
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
                    let at = self.read.zip(received.arrived).and_then(|(read, stamp)| arrival(read, stamp));
                    let arrival = Arrival { now, at: at.unwrap_or(now) };
                    let route = Route { socket: owner.of, protocol: Protocol::Udp, remote, local };
                    for datagram in message.chunks_mut(received.segment.unwrap_or(meta.len)) {
                        self.offset += datagram.len();
                        if datagram.len() > MAX_DATAGRAM {
                            counters.truncated += 1;
                            continue;
                        }
                        self.delivered += 1;
                        counters.datagrams_in += 1;
                        counters.bytes_in += datagram.len() as u64;
                        on_datagram(arrival, route, datagram)?;
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

    /// How many messages its socket may read in its next turn: as full as those of this batch they are within the budget, and they are
    /// no more than twice as many, since room for each has to be set up.
    pub(super) fn next_messages(&self) -> usize {
        let each = self.delivered.div_ceil(self.count.max(1)).max(1);
        (BUDGET / each).min(2 * self.count.max(QUIET / 2)).clamp(1, MESSAGES)
    }
}

/// When something came that the kernel stamped with `stamp`, seen from a read at both times of `read`; `None` where that makes no sense.
#[inline]
fn arrival((at, clock): (Instant, u64), stamp: u64) -> Option<Instant> {
    let age = clock.wrapping_sub(stamp);
    if age <= OLDEST { at.checked_sub(Duration::from_nanos(age)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_as_old_as_it_says_unless_the_clock_was_set_meanwhile() {
        let (at, clock) = (Instant::now(), 1_800_000_000_000_000_000);
        assert_eq!(arrival((at, clock), clock), Some(at));
        assert_eq!(arrival((at, clock), clock - 7_000_000), Some(at - Duration::from_millis(7)));
        for nonsense in [clock - 250_000_001, clock + 1, 0, u64::MAX] {
            assert_eq!(arrival((at, clock), nonsense), None, "{nonsense}");
        }
    }
}
