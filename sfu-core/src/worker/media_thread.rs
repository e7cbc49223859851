//! One media thread: waits for datagrams, lets the shell work, sends what it left.
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, mpsc};

use super::sockets::NetSockets;
use crate::control::{Command, ControlHandle, Envelope, Event, FeedSender, Told};
use crate::engine::{Load, RelayWord};
use crate::net::{Net, NetEvent, Waker};
use crate::plugin::{OutcomeSender, PluginSet};
use crate::shell::{Relayed, Shell, Surroundings};

/// Datagrams that may wait to be sent before a batch is broken off, so that the send slab stays small.
const OUTBOX_HIGH: usize = 4096;

/// Packets of other threads taken in one turn from each of them.
const RELAY_BATCH: usize = 256;

/// The longest sleep: commands wake the thread, but a thread that never wakes could not be told apart from a dead one.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// The way from one media thread to another.
pub(crate) struct Peer<S: PluginSet> {
    /// Packets.
    pub(crate) packets: rtrb::Producer<Relayed<S>>,
    /// Words.
    pub(crate) words: Sender<RelayWord>,
    /// Ends its sleep.
    pub(crate) waker: Waker,
}

/// What leaves a media thread other than by the network.
pub(crate) struct Around<S: PluginSet> {
    /// Everybody who listens.
    pub(crate) events: broadcast::Sender<Event>,
    /// Who follows the worker.
    pub(crate) feed: FeedSender,
    /// The other media threads by index; none at this thread's own place.
    pub(crate) peers: Vec<Option<Peer<S>>>,
    /// Commands of plugins that are for other threads, and where they run.
    pub(crate) control: ControlHandle,
    /// Where commands for other threads run.
    pub(crate) runtime: tokio::runtime::Handle,
    /// Which peers have to be woken at the end of the turn.
    pub(crate) to_wake: u64,
}

impl<S: PluginSet> Surroundings<S> for Around<S> {
    fn tell(&mut self, event: Event) {
        if self.feed.is_followed() {
            self.feed.tell(Told::Event(event.clone()));
        }
        // Nobody listens: fine.
        let _ = self.events.send(event);
    }

    fn hand(&mut self, told: Told) -> bool {
        let is_followed = self.feed.is_followed();
        if is_followed {
            self.feed.tell(told);
        }
        is_followed
    }

    fn relay(&mut self, worker: u8, relayed: Relayed<S>, spare: usize) -> bool {
        let Some(Some(peer)) = self.peers.get_mut(usize::from(worker)) else { return false };
        if spare > 0 && peer.packets.slots() <= spare {
            return false;
        }
        self.to_wake |= 1 << (worker & 63);
        peer.packets.push(relayed).is_ok()
    }

    fn say(&mut self, worker: u8, word: RelayWord) {
        if let Some(Some(peer)) = self.peers.get(usize::from(worker)) {
            let _ = peer.words.send(word);
            self.to_wake |= 1 << (worker & 63);
        }
    }

    fn command(&mut self, command: Command, outcome: OutcomeSender) {
        let control = self.control.clone();
        self.runtime.spawn(async move {
            outcome.send(control.command(command).await);
        });
    }
}

impl<S: PluginSet> Around<S> {
    fn wake_peers(&mut self) {
        while self.to_wake != 0 {
            let worker = self.to_wake.trailing_zeros();
            self.to_wake &= self.to_wake - 1;
            if let Some(Some(peer)) = self.peers.get(worker as usize) {
                peer.waker.wake();
            }
        }
    }
}

/// What comes to a media thread other than by the network.
pub(crate) struct Inbound<S: PluginSet> {
    /// Commands.
    pub(crate) commands: mpsc::Receiver<Envelope>,
    /// Packets of other threads.
    pub(crate) packets: Vec<rtrb::Consumer<Relayed<S>>>,
    /// Words of other threads.
    pub(crate) words: Receiver<RelayWord>,
    /// Ends the thread.
    pub(crate) stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

/// Runs a media thread until it is told to stop.
pub(crate) fn run<S: PluginSet>(mut shell: Shell<S, Around<S>>, mut net: Net, mut inbound: Inbound<S>) {
    let mut pending = false;
    let mut now = Instant::now();
    let mut closing = Vec::new();
    // The last turn, and its end.
    let (mut last, mut ended) = (Load::default(), now);
    while !inbound.stop.load(std::sync::atomic::Ordering::Relaxed) {
        let sleep = if pending { Duration::ZERO } else { LONGEST_SLEEP };
        let deadlines = [shell.next_deadline(now), shell.engine().next_load_deadline(now)];
        let deadline = deadlines.into_iter().flatten().fold(now + sleep, Instant::min);
        let polled = net.poll(Some(deadline), |arrival, route, data| {
            shell.receive_stamped(arrival.now, arrival.at, route, data);
            if shell.outbox().len() < OUTBOX_HIGH {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        let turn = match polled {
            Ok(turn) => turn,
            Err(error) => {
                tracing::error!("worker: waiting for the network failed, the media thread ends: {error}");
                return;
            }
        };
        now = turn.now;
        shell.begin_turn(now);
        last.waited = now.saturating_duration_since(ended);
        shell.engine().note_load(now, last);
        for event in net.events().collect::<Vec<_>>() {
            let NetEvent::TcpClosed(socket) = event;
            shell.engine().tcp_closed(now, socket);
        }
        let mut sockets = NetSockets { net: &mut net, closing: &mut closing };
        let relays_behind = take_packets(&mut shell, &mut sockets, &mut inbound, now);
        pending = take_commands(&mut shell, &mut sockets, &mut inbound, now) | relays_behind;
        shell.turn(now, &mut sockets);
        pending |= shell.has_work();
        for socket in shell.engine().take_confirmed() {
            net.confirm(socket);
        }
        net.flush(shell.outbox());
        NetSockets { net: &mut net, closing: &mut closing }.close_all();
        shell.around().wake_peers();
        let end = Instant::now();
        let worked = end.saturating_duration_since(now);
        shell.end_turn(end, worked);
        (last, ended) = (Load { waited: Duration::ZERO, worked, behind: turn.behind | relays_behind }, end);
    }
    let (_, mut outbox) =
        shell.stop(Instant::now(), &mut NetSockets { net: &mut net, closing: &mut closing });
    net.flush(&mut outbox);
}

/// What other media threads sent; whether there is more.
fn take_packets<S: PluginSet>(
    shell: &mut Shell<S, Around<S>>,
    sockets: &mut NetSockets<'_>,
    inbound: &mut Inbound<S>,
    now: Instant,
) -> bool {
    let mut more = false;
    for ring in &mut inbound.packets {
        for _ in 0..RELAY_BATCH {
            match ring.pop() {
                Ok(relayed) => shell.receive_relayed(now, relayed),
                Err(_) => break,
            }
        }
        more |= !ring.is_empty();
    }
    while let Ok(word) = inbound.words.try_recv() {
        shell.hear(now, word, sockets);
    }
    more
}

/// Commands; whether there may be more.
fn take_commands<S: PluginSet>(
    shell: &mut Shell<S, Around<S>>,
    sockets: &mut NetSockets<'_>,
    inbound: &mut Inbound<S>,
    now: Instant,
) -> bool {
    // So many commands a turn, so that media goes on during a storm of them.
    for _ in 0..64 {
        match inbound.commands.try_recv() {
            Ok(Envelope { command, reply }) => shell.command(now, command, reply, sockets),
            Err(_) => return false,
        }
    }
    true
}
