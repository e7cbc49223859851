//! The sockets of one media thread, and its one place to wait.
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use super::admission::{Admission, NetOptions, Verdict};
use super::counters::NetCounters;
use super::error::BindError;
use super::outbox::Outbox;
use super::poll::{Interest, Poller, Ready};
use super::receive::ReceiveBatch;
use super::route::{Protocol, Route, SocketId};
use super::send::Blocked;
use super::tcp::{Connection, Listener, ReadEnd, TcpOptions};
use super::udp::{UdpOptions, UdpSocket};
use super::waker::Waker;

/// The poller's number for the waker; socket numbers have 32 bits.
const WAKER: u64 = u64::MAX;

/// Connections accepted in one turn; the rest follow in the next.
const ACCEPTS: usize = 16;

/// Pause before sending again when the device's queue was full.
const DEVICE_PAUSE: Duration = Duration::from_millis(1);

/// Pause before accepting again when the system had nothing left for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What happened to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetEvent {
    /// A TCP connection is gone: closed by the peer, by an error, or by one of our bounds. Not sent after
    /// [`Net::remove`].
    TcpClosed(SocketId),
}

/// When a datagram came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The time of the turn, at which the wait ended.
    pub now: Instant,
    /// When the kernel got it, where it tells; else the time of the turn. A datagram that came while the turn was under way is later than
    /// that.
    pub at: Instant,
}

impl Arrival {
    /// Nobody knows more than the time of the turn.
    pub(super) fn in_turn(now: Instant) -> Self {
        Self { now, at: now }
    }
}

/// What a turn of [`Net::poll`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The time at which the wait ended.
    pub now: Instant,
    /// Whether a [`Waker`] was used since the last turn that said so.
    pub woken: bool,
    /// Whether a read of this turn found as much as it may take: more may be waiting in the kernel.
    pub behind: bool,
}

/// The sockets of one media thread, and its one place to wait.
pub struct Net {
    poller: Poller,
    waker: Waker,
    sockets: HashMap<SocketId, NetSocket, foldhash::fast::RandomState>,
    /// Sockets of single peers of a socket that was handed over. Empty but in a worker that drains.
    branches: HashMap<(SocketId, SocketAddr), SocketId, foldhash::fast::RandomState>,
    next_id: u32,
    batch: ReceiveBatch,
    /// A read of this turn found a whole batch.
    behind: bool,
    admission: Admission,
    /// What to try again, and when: few, since only a starved system causes it.
    later: Vec<(Instant, SocketId)>,
    /// Connections found broken while sending.
    broken: Vec<SocketId>,
    events: Vec<NetEvent>,
    counters: NetCounters,
    options: NetOptions,
}

enum NetSocket {
    Udp(UdpSocket),
    Listener(Listener),
    Tcp(Connection),
}

impl Net {
    /// Makes the network layer of a media thread, without sockets. Fails when the system has no descriptor left.
    pub fn new(options: NetOptions) -> io::Result<Self> {
        let (poller, waker) = (Poller::new()?, Waker::new()?);
        poller.add(waker.fd(), WAKER, Interest::Read)?;
        Ok(Self {
            poller,
            waker,
            sockets: HashMap::default(),
            branches: HashMap::default(),
            next_id: 0,
            batch: ReceiveBatch::new(),
            behind: false,
            admission: Admission::default(),
            later: Vec::new(),
            broken: Vec::new(),
            events: Vec::new(),
            counters: NetCounters::default(),
            options,
        })
    }

    /// Opens an UDP socket; port 0 takes any free one.
    pub fn add_udp(&mut self, address: SocketAddr, options: UdpOptions) -> Result<SocketId, BindError> {
        let id = self.new_id();
        let socket = UdpSocket::bind(id, address, options)?;
        self.watch(id, socket.fd()).map_err(|source| BindError::new(Protocol::Udp, address, source))?;
        self.sockets.insert(id, NetSocket::Udp(socket));
        Ok(id)
    }

    /// Opens a TCP listener; port 0 takes any free one. Each accepted connection becomes a socket of its own.
    pub fn add_tcp(&mut self, address: SocketAddr, options: TcpOptions) -> Result<SocketId, BindError> {
        let id = self.new_id();
        let listener = Listener::bind(address, options)?;
        self.watch(id, listener.fd()).map_err(|source| BindError::new(Protocol::Tcp, address, source))?;
        self.sockets.insert(id, NetSocket::Listener(listener));
        Ok(id)
    }

    /// Closes a socket; false when there is none. Connections that a listener accepted stay open.
    pub fn remove(&mut self, id: SocketId) -> bool {
        self.batch.forget(id);
        for (_, branch) in self.branches.extract_if(|(of, _), _| *of == id) {
            self.batch.forget(branch);
            self.sockets.remove(&branch);
        }
        let removed = self.sockets.remove(&id);
        if matches!(removed, Some(NetSocket::Tcp(_))) {
            self.admission.closed(id);
        }
        removed.is_some()
    }

    /// Leaves the port of an UDP socket to whoever binds it next, which gets all datagrams but those of `peers`: these come here
    /// as before, and none is lost meanwhile. What is sent to them leaves as before, too.
    ///
    /// The socket must have been opened with [`UdpOptions::may_hand_over`]. Fails where the system has no descriptor left for a
    /// peer; nobody else can bind the port then, and all goes on as before.
    pub fn hand_over(&mut self, id: SocketId, peers: &[Route]) -> io::Result<()> {
        let Some(NetSocket::Udp(udp)) = self.sockets.get(&id) else { return Ok(()) };
        let peers = peers.iter().filter(|peer| peer.socket == id && peer.protocol == Protocol::Udp);
        let branches = (|| {
            udp.share(true)?;
            let ids = (self.next_id..).map(SocketId).filter(|id| !self.sockets.contains_key(id));
            let branches: io::Result<Vec<_>> = peers
                .zip(ids)
                .map(|(peer, id)| {
                    let branch = udp.branch(id, peer.local, peer.remote)?;
                    self.watch(id, branch.fd())?;
                    Ok((peer.remote, branch))
                })
                .collect();
            udp.deafen()?;
            branches
        })();
        let branches = match branches {
            Ok(branches) => branches,
            Err(error) => {
                udp.share(false)?;
                return Err(error);
            }
        };
        for (remote, branch) in branches {
            self.next_id = branch.id.0.wrapping_add(1);
            self.branches.insert((id, remote), branch.id);
            self.sockets.insert(branch.id, NetSocket::Udp(branch));
        }
        Ok(())
    }

    /// The address that a socket is bound to, or that the peer of a connection connected to.
    pub fn local_addr(&self, id: SocketId) -> Option<SocketAddr> {
        self.sockets.get(&id).map(|socket| match socket {
            NetSocket::Udp(udp) => udp.local,
            NetSocket::Listener(listener) => listener.local,
            NetSocket::Tcp(connection) => connection.local,
        })
    }

    /// The peer of a TCP connection is validated: the connection has no deadline any more. Others: no effect.
    pub fn confirm(&mut self, id: SocketId) {
        if let Some(NetSocket::Tcp(connection)) = self.sockets.get_mut(&id)
            && !connection.confirmed
        {
            connection.confirmed = true;
            self.admission.confirm(id);
        }
    }

    /// A handle with which other threads end a wait.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// What happened to sockets since the last call. To be asked each turn, for they pile up.
    pub fn events(&mut self) -> impl Iterator<Item = NetEvent> + '_ {
        self.events.drain(..)
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &NetCounters {
        &self.counters
    }

    /// Waits for datagrams, a [`Waker`] or `deadline` (`None`: for ever) and hands over what came; one turn of the loop.
    ///
    /// `on_datagram` gets the time, the way to answer, and a datagram of at most 2048 bytes, which it may
    /// change. It may break off, for instance because the outbox is long enough: the next call goes on at the next
    /// datagram without waiting.
    /// A turn reads at most one batch from each socket, 32 messages and about 256 datagrams, and may return without any.
    /// Fails only when the system is broken.
    pub fn poll(
        &mut self,
        deadline: Option<Instant>,
        mut on_datagram: impl FnMut(Arrival, Route, &mut [u8]) -> ControlFlow<()>,
    ) -> io::Result<Turn> {
        if !self.poller.has_ready() {
            let later = self.later.iter().map(|(at, _)| *at).min();
            let deadline = [deadline, later, self.admission.deadline()].into_iter().flatten().min();
            self.poller.wait(deadline)?;
        }
        let mut turn = Turn { now: Instant::now(), woken: false, behind: false };
        self.expire(turn.now);
        while let Some(ready) = self.poller.ready() {
            if ready.token == WAKER {
                self.waker.clear();
                turn.woken = true;
            } else if self.serve(ready, turn.now, &mut on_datagram).is_break() {
                break;
            }
            self.poller.advance();
        }
        turn.behind = std::mem::take(&mut self.behind);
        Ok(turn)
    }

    /// Sends what the turn left in `outbox`, one run of datagrams per route, and clears it. Never blocks.
    ///
    /// What a full socket does not take waits in order, within bounds, and leaves during a later [`poll`](Self::poll).
    pub fn flush(&mut self, outbox: &mut Outbox) {
        let counters = &mut self.counters;
        for (route, datagrams) in outbox.runs() {
            let socket = match self.branches.is_empty() {
                true => route.socket,
                false => *self.branches.get(&(route.socket, route.remote)).unwrap_or(&route.socket),
            };
            match self.sockets.get_mut(&socket) {
                Some(NetSocket::Udp(udp)) => {
                    udp.send(route, datagrams, counters);
                    settle_udp(&self.poller, &mut self.later, udp);
                }
                Some(NetSocket::Tcp(connection)) if connection.route.remote == route.remote => {
                    for datagram in datagrams {
                        if connection.queue(datagram) {
                            counters.datagrams_out += 1;
                            counters.bytes_out += datagram.len() as u64;
                        } else {
                            counters.tcp_dropped += 1;
                        }
                    }
                    // While the poller watches for room there is none.
                    if !connection.watches_room && write(&self.poller, connection, counters).is_err() {
                        self.broken.push(route.socket);
                    }
                }
                _ => counters.unroutable += datagrams.count() as u64,
            }
        }
        outbox.clear();
        while let Some(id) = self.broken.pop() {
            self.close(id, |counters| &mut counters.tcp_closed);
        }
    }

    /// A number that no socket has. It would take 2^32 connections to meet one again.
    fn new_id(&mut self) -> SocketId {
        loop {
            let id = SocketId(self.next_id);
            self.next_id = self.next_id.wrapping_add(1);
            if !self.sockets.contains_key(&id) {
                return id;
            }
        }
    }

    fn watch(&self, id: SocketId, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.poller.add(fd, token(id), Interest::Read)
    }

    /// Does what the time has come for.
    fn expire(&mut self, now: Instant) {
        while let Some(id) = self.admission.expired(now) {
            self.close(id, |counters| &mut counters.tcp_unconfirmed);
        }
        while let Some(at) = self.later.iter().position(|(at, _)| *at <= now) {
            let (_, id) = self.later.swap_remove(at);
            match self.sockets.get_mut(&id) {
                Some(NetSocket::Udp(udp)) => {
                    udp.retries = false;
                    udp.resend(&mut self.counters);
                    settle_udp(&self.poller, &mut self.later, udp);
                }
                Some(NetSocket::Listener(listener)) => {
                    listener.paused = false;
                    // It fails only for a descriptor that is not watched, and this one is.
                    let _ = self.poller.change(listener.fd(), token(id), Interest::Read);
                }
                _ => {}
            }
        }
    }

    /// Works on one ready socket; breaks off when `on_datagram` does.
    fn serve(
        &mut self,
        ready: Ready,
        now: Instant,
        on_datagram: &mut impl FnMut(Arrival, Route, &mut [u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let id = SocketId(ready.token as u32);
        let counters = &mut self.counters;
        match self.sockets.get_mut(&id) {
            Some(NetSocket::Udp(udp)) => {
                if ready.writable {
                    udp.resend(counters);
                    settle_udp(&self.poller, &mut self.later, udp);
                }
                if ready.readable {
                    if !self.batch.holds(id) {
                        self.batch.receive(udp, counters);
                    }
                    self.behind |= self.batch.is_full();
                    self.batch.deliver(now, counters, on_datagram)?;
                    udp.messages = self.batch.next_messages();
                }
            }
            Some(NetSocket::Tcp(connection)) => {
                if ready.writable && write(&self.poller, connection, counters).is_err() {
                    self.close(id, |counters| &mut counters.tcp_closed);
                } else if ready.readable {
                    match connection.receive(now, counters, on_datagram) {
                        ReadEnd::Open => {}
                        ReadEnd::Break => return ControlFlow::Break(()),
                        ReadEnd::Closed => self.close(id, |counters| &mut counters.tcp_closed),
                        ReadEnd::Oversize => self.close(id, |counters| &mut counters.tcp_oversize),
                    }
                }
            }
            Some(NetSocket::Listener(_)) => self.accept(id, now),
            // Removed earlier in this turn.
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn accept(&mut self, listener_id: SocketId, now: Instant) {
        for _ in 0..ACCEPTS {
            let Some(NetSocket::Listener(listener)) = self.sockets.get_mut(&listener_id) else { return };
            match listener.accept() {
                Ok((stream, remote)) => {
                    let id = self.new_id();
                    match Connection::new(id, stream, remote, self.options.tcp_send_buffer) {
                        Ok(connection) => self.admit(id, connection, now),
                        // The peer has gone already.
                        Err(_) => self.counters.tcp_closed += 1,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    let starved = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
                    if error.raw_os_error().is_some_and(|errno| starved.contains(&errno)) {
                        // The connection stays in the kernel's queue and would wake us without end.
                        let _ = self.poller.change(listener.fd(), token(listener_id), Interest::Nothing);
                        if !listener.paused {
                            listener.paused = true;
                            self.later.push((now + ACCEPT_PAUSE, listener_id));
                        }
                        self.counters.accept_paused += 1;
                        return;
                    }
                }
            }
        }
    }

    fn admit(&mut self, id: SocketId, connection: Connection, now: Instant) {
        match self.admission.admit(id, now, &self.options) {
            Verdict::Refused => self.counters.tcp_refused += 1,
            Verdict::Admitted(evicted) => {
                if let Some(evicted) = evicted {
                    self.close(evicted, |counters| &mut counters.tcp_unconfirmed);
                }
                if self.watch(id, connection.fd()).is_err() {
                    self.admission.closed(id);
                    self.counters.tcp_refused += 1;
                    return;
                }
                self.counters.tcp_accepted += 1;
                self.sockets.insert(id, NetSocket::Tcp(connection));
            }
        }
    }

    /// Closes a connection, counts why, and tells.
    fn close(&mut self, id: SocketId, counter: impl FnOnce(&mut NetCounters) -> &mut u64) {
        if self.sockets.remove(&id).is_some() {
            self.admission.closed(id);
            *counter(&mut self.counters) += 1;
            self.events.push(NetEvent::TcpClosed(id));
        }
    }
}

fn token(id: SocketId) -> u64 {
    u64::from(id.0)
}

/// Sees to it that what waits is tried again.
fn settle_udp(poller: &Poller, later: &mut Vec<(Instant, SocketId)>, udp: &mut UdpSocket) {
    let wants_room = udp.blocked == Some(Blocked::Socket);
    if wants_room != udp.watches_room {
        watch_room(poller, udp.id, udp.fd(), wants_room);
        udp.watches_room = wants_room;
    }
    if udp.blocked == Some(Blocked::Device) && !udp.retries {
        udp.retries = true;
        later.push((Instant::now() + DEVICE_PAUSE, udp.id));
    }
}

/// Writes what waits on a connection, and watches for room if the kernel did not take all.
fn write(poller: &Poller, connection: &mut Connection, counters: &mut NetCounters) -> io::Result<()> {
    connection.write(counters)?;
    let wants_room = connection.has_output();
    if wants_room != connection.watches_room {
        watch_room(poller, connection.route.socket, connection.fd(), wants_room);
        connection.watches_room = wants_room;
    }
    Ok(())
}

fn watch_room(poller: &Poller, id: SocketId, fd: BorrowedFd<'_>, wanted: bool) {
    let interest = if wanted { Interest::ReadWrite } else { Interest::Read };
    // It fails only for a descriptor that is not watched, and this one is.
    let _ = poller.change(fd, token(id), interest);
}

#[cfg(test)]
mod tests;
