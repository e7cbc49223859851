//! What stands around a shell in virtual time: other workers, sockets, listeners.
use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Instant;

use crate::control::{Command, ControlError, Event, ListenInfo, Protocol, Told};
use crate::engine::{RELAY_RING, RelayWord, SocketFactory, bind_allowed};
use crate::net::{BindError, Listening, SocketId};
use crate::plugin::{OutcomeSender, PluginSet};
use crate::shell::{Relayed, Surroundings};

/// Packets on their way from one media thread to another.
pub(super) type Ring<S> = Rc<RefCell<VecDeque<Relayed<S>>>>;

/// What a shell gave away, until the bench looks.
pub(super) struct Around<S: PluginSet> {
    pub(super) events: Vec<Event>,
    /// Packets and messages of direct transports.
    pub(super) handed: Vec<Told>,
    /// The ways to the other media threads, by their index.
    pub(super) rings: Vec<Ring<S>>,
    pub(super) words: Vec<(u8, RelayWord)>,
    pub(super) commands: Vec<(Command, OutcomeSender)>,
}

impl<S: PluginSet> Around<S> {
    pub(super) fn new(rings: Vec<Ring<S>>) -> Self {
        Around { events: Vec::new(), handed: Vec::new(), rings, words: Vec::new(), commands: Vec::new() }
    }
}

impl<S: PluginSet> Surroundings<S> for Around<S> {
    fn tell(&mut self, event: Event) {
        self.events.push(event);
    }
    fn hand(&mut self, told: Told) -> bool {
        self.handed.push(told);
        true
    }
    fn relay(&mut self, worker: u8, relayed: Relayed<S>, spare: usize) -> bool {
        let Some(mut ring) = self.rings.get(usize::from(worker)).map(|ring| ring.borrow_mut()) else {
            return false;
        };
        let has_room = ring.len() + spare < RELAY_RING;
        if has_room {
            ring.push_back(relayed);
        }
        has_room
    }
    fn say(&mut self, worker: u8, word: RelayWord) {
        self.words.push((worker, word));
    }
    fn command(&mut self, command: Command, outcome: OutcomeSender) {
        self.commands.push((command, outcome));
    }
}

/// The shared UDP socket of every worker.
pub(super) const SHARED_UDP: SocketId = SocketId(0);

/// The shared TCP listener of every worker; connections have numbers of their own.
const SHARED_TCP: SocketId = SocketId(1);

/// The port of both.
pub(super) const SHARED_PORT: u16 = 3478;

/// Sockets that are only names. All workers have addresses of their own.
pub(super) struct Sockets {
    worker: u8,
    next: u32,
    /// Sockets and listeners of transports.
    open: Vec<Listening>,
    /// Accepted TCP connections with the address that they came to.
    connections: std::collections::BTreeMap<SocketId, SocketAddr>,
}

impl Sockets {
    pub(super) fn new(worker: u8) -> Self {
        Sockets { worker, next: 2, open: Vec::new(), connections: Default::default() }
    }

    /// Where a worker is.
    pub(super) fn ip(worker: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, worker.wrapping_add(1)).into()
    }

    /// The sockets that all WebRTC transports of a worker share.
    pub(super) fn shared(worker: u8) -> Vec<Listening> {
        let address = SocketAddr::new(Self::ip(worker), SHARED_PORT);
        let udp = Listening { socket: SHARED_UDP, protocol: Protocol::Udp, address };
        vec![udp, Listening { socket: SHARED_TCP, protocol: Protocol::Tcp, address }]
    }

    /// A connection to a listener is accepted.
    pub(super) fn accept(&mut self, address: SocketAddr) -> SocketId {
        let id = self.name();
        self.connections.insert(id, address);
        id
    }

    /// A connection broke.
    pub(super) fn forget(&mut self, connection: SocketId) {
        self.connections.remove(&connection);
    }

    /// The socket that is bound to an address.
    pub(super) fn bound_to(&self, protocol: Protocol, address: SocketAddr) -> Option<SocketId> {
        let shared = Self::shared(self.worker);
        let mut all = self.open.iter().chain(&shared);
        all.find(|open| open.protocol == protocol && open.address == address).map(|open| open.socket)
    }

    /// Where a transport's own socket is bound.
    pub(super) fn address_of(&self, socket: SocketId) -> Option<SocketAddr> {
        self.open.iter().find(|open| open.socket == socket).map(|open| open.address)
    }

    /// Sockets of transports and accepted connections, by the local address.
    pub(super) fn open(&self) -> Vec<SocketAddr> {
        let own = self.open.iter().map(|open| open.address);
        own.chain(self.connections.values().copied()).collect()
    }

    fn name(&mut self) -> SocketId {
        self.next += 1;
        SocketId(self.next - 1)
    }
}

impl SocketFactory for Sockets {
    fn open(&mut self, listen: &ListenInfo) -> Result<(SocketId, SocketAddr), ControlError> {
        let socket = self.name();
        let chance = self.next.wrapping_mul(0x9e37_79b9);
        let address = bind_allowed(listen, chance, |address| {
            let mut address = address;
            if address.ip().is_unspecified() {
                address.set_ip(Self::ip(self.worker));
            }
            if address.port() == 0 {
                address.set_port(10_000 + (self.next % 50_000) as u16);
            }
            match self.bound_to(listen.protocol, address) {
                Some(_) => Err(BindError::Taken { protocol: listen.protocol, address }),
                None => Ok(address),
            }
        })?;
        self.open.push(Listening { socket, protocol: listen.protocol, address });
        Ok((socket, address))
    }

    fn close(&mut self, socket: SocketId) {
        self.open.retain(|open| open.socket != socket);
        self.connections.remove(&socket);
    }
}

thread_local! {
    static SPENT: std::cell::Cell<std::time::Duration> = const { std::cell::Cell::new(std::time::Duration::ZERO) };
}

/// Lets a hook take so much time: the clock by which hooks are timed stands still otherwise.
pub fn spend(time: std::time::Duration) {
    SPENT.set(SPENT.get() + time);
}

/// The clock by which hooks are timed.
pub(super) fn hook_clock() -> Instant {
    static BEGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *BEGIN.get_or_init(Instant::now) + SPENT.get()
}
