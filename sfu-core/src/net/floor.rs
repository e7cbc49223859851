//! A run of datagrams to each of many receivers with nothing around the system call: what benches compare a worker with.
use std::net::SocketAddr;

use socket2::Socket;

use super::counters::NetCounters;
use super::route::{Protocol, Route, SocketId};
use super::send::{Sender, Sent, Target, next_call};

/// One socket and the receivers behind it.
pub(crate) struct Burst {
    sender: Sender,
    targets: Vec<Target>,
    counters: NetCounters,
}

impl Burst {
    /// Sends from a socket that is bound.
    pub(crate) fn new(socket: Socket, receivers: &[SocketAddr]) -> Self {
        let sender = Sender::new(socket, false, false, true);
        let targets = receivers
            .iter()
            .filter_map(|&remote| {
                sender.target(&Route { socket: SocketId(0), protocol: Protocol::Udp, remote, local: None })
            })
            .collect();
        Burst { sender, targets, counters: NetCounters::default() }
    }

    /// Sends a run to the receiver with this index; returns how many datagrams the kernel took.
    pub(crate) fn send<'a>(&mut self, receiver: usize, datagrams: impl Iterator<Item = &'a [u8]>) -> usize {
        let Some(target) = self.targets.get(receiver) else { return 0 };
        let mut datagrams = datagrams.peekable();
        let mut taken = 0;
        loop {
            let call = next_call(&mut datagrams, self.sender.gso);
            if call.is_empty() {
                return taken;
            }
            taken += match self.sender.send(target, &call, &mut self.counters) {
                Sent::All => call.len(),
                Sent::Part(sent, _) => sent,
            };
        }
    }
}
