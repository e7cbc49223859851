//! Passive TCP for ICE (RFC 6544): listeners and accepted connections with the framing of RFC 4571.
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use socket2::{Domain, SockAddr, Socket, Type};

use super::MAX_DATAGRAM;
use super::counters::NetCounters;
use super::error::BindError;
use super::framing::{self, Frame, HEADER};
use super::io::Arrival;
use super::route::{Protocol, Route, SocketId};
use super::sockaddr::canonical;
use super::sys;

/// Connections that the kernel keeps waiting for us.
const LISTEN_BACKLOG: i32 = 256;

/// Bytes of a connection's receive buffer; it exists once the peer has sent something.
const INPUT: usize = 4 * (HEADER + MAX_DATAGRAM);

/// Bytes of send buffer that a connection keeps when it was stalled and is no longer.
const KEPT: usize = 16 * 1024;

/// Bytes that may wait in the kernel unsent: media that waits longer is too old.
const UNSENT: i32 = 64 * 1024;

/// How a TCP listener is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpOptions {
    /// Several sockets, such as one for each media thread, share the port (`SO_REUSEPORT`). Off.
    pub reuse_port: bool,
    /// `[::]` serves IPv6 only, not IPv4 as well. Off.
    pub ipv6_only: bool,
    /// `SO_RCVBUF` of each connection in bytes; `None` leaves it to the system, which adapts it.
    pub recv_buffer: Option<usize>,
    /// `SO_SNDBUF` of each connection in bytes; `None` leaves it to the system, which adapts it.
    pub send_buffer: Option<usize>,
}

/// A socket that accepts connections.
#[derive(Debug)]
pub(super) struct Listener {
    socket: TcpListener,
    /// The address it is bound to.
    pub(super) local: SocketAddr,
    /// Accepting is paused, since the system has nothing left for another connection.
    pub(super) paused: bool,
}

impl Listener {
    /// Opens a listener on `address`; port 0 takes any free one.
    pub(super) fn bind(address: SocketAddr, options: TcpOptions) -> Result<Self, BindError> {
        Self::open(address, options).map_err(|source| BindError::new(Protocol::Tcp, address, source))
    }

    fn open(address: SocketAddr, options: TcpOptions) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(options.ipv6_only)?;
        }
        // Connections of a former run in TIME_WAIT must not keep the port; a live listener still does.
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(options.reuse_port)?;
        // Connections take over what the listener has. A smaller buffer than asked for is no reason not to start.
        if let Some(size) = options.recv_buffer {
            let _ = socket.set_recv_buffer_size(size);
        }
        if let Some(size) = options.send_buffer {
            let _ = socket.set_send_buffer_size(size);
        }
        socket.bind(&SockAddr::from(address))?;
        socket.listen(LISTEN_BACKLOG)?;
        let socket = TcpListener::from(socket);
        let local = canonical(socket.local_addr()?);
        Ok(Self { socket, local, paused: false })
    }

    pub(super) fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.socket.accept()
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// How reading a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadEnd {
    /// Nothing more at present.
    Open,
    /// The receiver of the datagrams broke off; the rest waits.
    Break,
    /// The peer closed it, or it failed.
    Closed,
    /// The peer sent a frame that is too long.
    Oversize,
}

/// One accepted connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    pub(super) route: Route,
    /// The address that the peer connected to.
    pub(super) local: SocketAddr,
    /// Whether the engine has validated the peer.
    pub(super) confirmed: bool,
    /// Whether the poller watches for room to write.
    pub(super) watches_room: bool,
    input: Vec<u8>,
    /// What of `input` is filled and not delivered: from, to.
    unread: (usize, usize),
    /// Whether frames wait because the receiver of datagrams broke off.
    broken_off: bool,
    output: Vec<u8>,
    /// How much of `output` is sent.
    sent: usize,
    /// Whether the kernel did not take all of `output` since it was empty.
    stalled: bool,
    /// Bytes that `output` may hold unsent.
    bound: usize,
}

impl Connection {
    /// Takes over an accepted connection that may keep `bound` bytes waiting to be sent.
    pub(super) fn new(id: SocketId, stream: TcpStream, remote: SocketAddr, bound: usize) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        // A refinement, so no reason to refuse the connection.
        let _ = sys::set_option(stream.as_fd(), libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, UNSENT);
        let local = canonical(stream.local_addr()?);
        let route =
            Route { socket: id, protocol: Protocol::Tcp, remote: canonical(remote), local: Some(local.ip()) };
        Ok(Self {
            stream,
            route,
            local,
            confirmed: false,
            watches_room: false,
            input: Vec::new(),
            unread: (0, 0),
            broken_off: false,
            output: Vec::new(),
            sent: 0,
            stalled: false,
            bound,
        })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Delivers the frames that were left when the last call was broken off; when none was, reads once and delivers what came.
    ///
    /// Never both: whoever breaks off each time would hear of this connection alone.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        counters: &mut NetCounters,
        on_datagram: &mut impl FnMut(Arrival, Route, &mut [u8]) -> ControlFlow<()>,
    ) -> ReadEnd {
        let end = match self.broken_off {
            true => self.deliver(now, counters, on_datagram),
            false => self.read(now, counters, on_datagram),
        };
        self.broken_off = end == ReadEnd::Break;
        end
    }

    fn read(
        &mut self,
        now: Instant,
        counters: &mut NetCounters,
        on_datagram: &mut impl FnMut(Arrival, Route, &mut [u8]) -> ControlFlow<()>,
    ) -> ReadEnd {
        if self.input.is_empty() {
            self.input.resize(INPUT, 0);
        }
        // Less than one frame is left over, so there is always room.
        self.input.copy_within(self.unread.0..self.unread.1, 0);
        self.unread = (0, self.unread.1 - self.unread.0);
        match self.stream.read(self.input.get_mut(self.unread.1..).unwrap_or_default()) {
            Ok(0) => ReadEnd::Closed,
            Ok(count) => {
                self.unread.1 += count;
                self.deliver(now, counters, on_datagram)
            }
            Err(error) if is_transient(&error) => ReadEnd::Open,
            Err(_) => ReadEnd::Closed,
        }
    }

    fn deliver(
        &mut self,
        now: Instant,
        counters: &mut NetCounters,
        on_datagram: &mut impl FnMut(Arrival, Route, &mut [u8]) -> ControlFlow<()>,
    ) -> ReadEnd {
        loop {
            let unread = self.input.get_mut(self.unread.0..self.unread.1).unwrap_or_default();
            match framing::split(unread) {
                Frame::Partial => return ReadEnd::Open,
                Frame::Oversize => {
                    counters.truncated += 1;
                    return ReadEnd::Oversize;
                }
                Frame::Whole([]) => self.unread.0 += HEADER,
                Frame::Whole(frame) => {
                    self.unread.0 += HEADER + frame.len();
                    counters.datagrams_in += 1;
                    counters.bytes_in += frame.len() as u64;
                    if on_datagram(Arrival::in_turn(now), self.route, frame).is_break() {
                        return ReadEnd::Break;
                    }
                }
            }
        }
    }

    /// Queues a frame; false when the buffer is full, and then nothing of it is queued.
    pub(super) fn queue(&mut self, frame: &[u8]) -> bool {
        let Ok(len) = u16::try_from(frame.len()) else { return false };
        if self.output.len() - self.sent + HEADER + frame.len() > self.bound {
            return false;
        }
        // Moved only when that frees more than it copies; so the vector stays under twice the bound.
        let full = self.output.len() + HEADER + frame.len() > self.output.capacity();
        if full && self.sent > self.output.len() / 2 {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        self.output.extend_from_slice(&len.to_be_bytes());
        self.output.extend_from_slice(frame);
        true
    }

    /// Whether something waits to be sent.
    pub(super) fn has_output(&self) -> bool {
        self.sent < self.output.len()
    }

    /// Bytes of memory of the send buffer.
    #[cfg(test)]
    pub(super) fn output_capacity(&self) -> usize {
        self.output.capacity()
    }

    /// Bytes that wait to be sent.
    #[cfg(test)]
    pub(super) fn output_len(&self) -> usize {
        self.output.len() - self.sent
    }

    /// Writes what waits until the kernel takes no more.
    pub(super) fn write(&mut self, counters: &mut NetCounters) -> io::Result<()> {
        while let Some(rest) = self.output.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_transient(&error) => {
                    counters.would_block += 1;
                    self.stalled = true;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.sent = 0;
        // A connection that was stalled once needs its full buffer no longer.
        if self.stalled && self.output.capacity() > KEPT {
            self.output = Vec::new();
        }
        self.stalled = false;
        Ok(())
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
