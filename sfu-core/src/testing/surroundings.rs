//! What stands around a shell in virtual time: other workers, sockets, listeners.
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use crate::control::{Command, ControlError, Event, ListenInfo};
use crate::engine::{RelayWord, SocketFactory};
use crate::net::SocketId;
use crate::plugin::{OutcomeSender, PluginSet};
use crate::shell::{Relayed, Surroundings};

/// What a shell gave away, until the bench looks.
pub(super) struct Around<S: PluginSet> {
    pub(super) events: Vec<Event>,
    pub(super) relayed: VecDeque<(u8, Relayed<S>)>,
    pub(super) words: Vec<(u8, RelayWord)>,
    pub(super) commands: Vec<(Command, OutcomeSender)>,
}

impl<S: PluginSet> Around<S> {
    pub(super) fn new() -> Self {
        Around { events: Vec::new(), relayed: VecDeque::new(), words: Vec::new(), commands: Vec::new() }
    }
}

impl<S: PluginSet> Surroundings<S> for Around<S> {
    fn tell(&mut self, event: Event) {
        self.events.push(event);
    }
    fn relay(&mut self, worker: u8, relayed: Relayed<S>) {
        self.relayed.push_back((worker, relayed));
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
pub(super) const SHARED_TCP: SocketId = SocketId(1);

/// Sockets that are only names. All workers have addresses of their own.
pub(super) struct Sockets {
    worker: u8,
    next: u32,
    pub(super) open: std::collections::BTreeMap<SocketId, SocketAddr>,
}

impl Sockets {
    pub(super) fn new(worker: u8) -> Self {
        Sockets { worker, next: 2, open: Default::default() }
    }

    /// Where a worker is.
    pub(super) fn ip(worker: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, worker.wrapping_add(1)).into()
    }

    /// A name for a connection that was accepted.
    pub(super) fn accept(&mut self) -> SocketId {
        self.next += 1;
        SocketId(self.next - 1)
    }

    /// The socket that is bound to an address.
    pub(super) fn bound_to(&self, address: SocketAddr) -> Option<SocketId> {
        self.open.iter().find(|(_, bound)| **bound == address).map(|(id, _)| *id)
    }
}

impl SocketFactory for Sockets {
    fn open(&mut self, listen: &ListenInfo) -> Result<(SocketId, SocketAddr), ControlError> {
        let id = SocketId(self.next);
        self.next += 1;
        let ip = if listen.ip.is_unspecified() { Self::ip(self.worker) } else { listen.ip };
        let port = match listen.port {
            0 => 10_000 + (self.next % 50_000) as u16,
            port => port,
        };
        let address = SocketAddr::new(ip, port);
        if self.bound_to(address).is_some() {
            return Err(ControlError::limit(format!("control.listen: {address} is in use")));
        }
        self.open.insert(id, address);
        Ok((id, address))
    }

    fn close(&mut self, socket: SocketId) {
        self.open.remove(&socket);
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
