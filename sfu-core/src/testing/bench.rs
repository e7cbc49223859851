//! A worker in virtual time.
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::background::Background;
use super::build::Build;
use super::path::Datagram;
use super::peer::Peer;
use super::steer::Pending;
use super::surroundings::{Around, Ring, Sockets, hook_clock};
use crate::control::{Command, ConsumerId, Event, ProducerId, Protocol, RouterId, Spread, Told};
use crate::engine::{Clock, Random, RelayWord};
use crate::net::{Route, SocketId};
use crate::plugin::{Cons, Nil, OutcomeSender, Plugin, PluginSet, Serving};
use crate::shell::Shell;

/// Rounds at one moment after which something goes in circles.
const CIRCLES: u32 = 20_000;

/// A whole worker, its peers and the network between them, in virtual time: no socket, no thread, and the same every time.
///
/// Time stands still until [`Bench::advance`] lets it pass; what is sent arrives at once, unless the path of a peer says
/// otherwise. Methods panic where a test has gone wrong (an id that is none, a refusal that nobody expected); those that
/// begin with `try_` answer the error.
///
/// ```
/// use sfu_core::plugin::{Attach, ConsumerInfo, Cx, Plugin, RtpPacket, Verdict, plugin};
/// use sfu_core::testing::{self, Bench};
///
/// #[derive(Default)]
/// struct Mute;
///
/// #[plugin(id = "mute", on_panic = "forward")]
/// impl Plugin for Mute {
///     type Consumer = ();
///     fn consumer_opened(&mut self, _: &ConsumerInfo<'_>, _: &Self::Options, _: &mut Cx<'_>) -> Attach<()> {
///         Attach::On(())
///     }
///     fn rtp_out(&mut self, _: &mut (), _: &mut RtpPacket<'_>, _: &Self::Note, _: &mut Cx<'_>) -> Verdict {
///         Verdict::Drop
///     }
/// }
///
/// let mut bench = Bench::of::<Mute>();
/// let speaker = bench.audio_producer();
/// let listener = bench.consumer(speaker);
/// bench.send(speaker, testing::opus(1));
/// assert!(bench.received(listener).is_empty());
/// ```
pub struct Bench<S: PluginSet> {
    pub(super) now: Instant,
    pub(super) clock: Clock,
    pub(super) workers: Vec<Worker<S>>,
    pub(super) spread: Spread,
    pub(super) serving: Serving<S>,
    pub(super) background: Background,
    pub(super) random: Random,
    pub(super) peers: Vec<Peer>,
    pub(super) by_address: HashMap<SocketAddr, usize>,
    pub(super) producers: HashMap<ProducerId, usize>,
    pub(super) consumers: HashMap<ConsumerId, usize>,
    pub(super) routers: Vec<Option<RouterId>>,
    pub(super) events: Vec<Event>,
    /// Datagrams to addresses where nobody is, or where they don't belong.
    pub(super) strays: Vec<(SocketAddr, Datagram)>,
    pub(super) next_ssrc: u32,
    /// Requests of plugins to others on another media thread.
    asked: Vec<(Pending, OutcomeSender)>,
    wire: BinaryHeap<Reverse<Parcel>>,
    /// Datagrams that wait in the sockets of media threads that are stalled.
    waiting: Vec<Parcel>,
    order: u64,
    turns: u64,
}

/// One media thread.
pub(super) struct Worker<S: PluginSet> {
    pub(super) shell: Shell<S, Around<S>>,
    pub(super) sockets: Sockets,
    /// Packets of the other media threads.
    rings: Vec<Ring<S>>,
    words: VecDeque<RelayWord>,
    /// A turn has begun, by the clock that hooks are timed with.
    in_turn: Option<Instant>,
    /// It does nothing, and everything waits for it.
    is_stalled: bool,
    /// TCP connections that ICE has confirmed.
    pub(super) confirmed: Vec<SocketId>,
}

impl<S: PluginSet> Worker<S> {
    pub(super) fn new(shell: Shell<S, Around<S>>, sockets: Sockets, rings: Vec<Ring<S>>) -> Self {
        Worker {
            shell,
            sockets,
            rings,
            words: VecDeque::new(),
            in_turn: None,
            is_stalled: false,
            confirmed: Vec::new(),
        }
    }

    /// Begins a turn, unless one has begun.
    pub(super) fn touch(&mut self, now: Instant) {
        if self.in_turn.is_none() {
            self.in_turn = Some(hook_clock());
            self.shell.begin_turn(now);
        }
    }

    /// Takes what the other media threads sent: packets first, then words.
    fn take_relayed(&mut self, now: Instant) {
        for ring in &self.rings {
            while let Some(relayed) = { ring.borrow_mut().pop_front() } {
                self.shell.receive_relayed(now, relayed);
            }
        }
        while let Some(word) = self.words.pop_front() {
            self.shell.hear(now, word, &mut self.sockets);
        }
    }

    fn has_inbound(&self) -> bool {
        !self.words.is_empty() || self.rings.iter().any(|ring| !ring.borrow().is_empty())
    }

    /// Does what a turn ends with.
    fn turn(&mut self, now: Instant) {
        self.shell.turn(now, &mut self.sockets);
        let took = self.in_turn.take().map_or(Duration::ZERO, |began| hook_clock() - began);
        self.shell.end_turn(now, took);
    }
}

/// A datagram on its way.
struct Parcel {
    at: Instant,
    order: u64,
    to: To,
    bytes: Vec<u8>,
}

enum To {
    Worker(u8, Route),
    Peer(usize),
}

impl PartialEq for Parcel {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl Eq for Parcel {}
impl PartialOrd for Parcel {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Parcel {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl Bench<Nil> {
    /// A worker with one plugin, one media thread and no configuration; [`Build`] makes others.
    pub fn of<P: Plugin>() -> Bench<Cons<P, Nil>> {
        Build::of::<P>().start()
    }

    /// A worker without plugins.
    pub fn empty() -> Self {
        Build::new().start()
    }
}

impl<S: PluginSet> Bench<S> {
    pub(super) fn assemble(
        now: Instant,
        clock: Clock,
        workers: Vec<Worker<S>>,
        spread: Spread,
        serving: Serving<S>,
        background: Background,
        seed: u64,
    ) -> Self {
        let count = workers.len();
        Bench {
            now,
            clock,
            workers,
            spread,
            serving,
            background,
            random: Random::seeded(seed ^ 0x5eed),
            peers: Vec::new(),
            by_address: HashMap::new(),
            producers: HashMap::new(),
            consumers: HashMap::new(),
            routers: vec![None; count],
            events: Vec::new(),
            strays: Vec::new(),
            next_ssrc: 0x1000_0000,
            asked: Vec::new(),
            wire: BinaryHeap::new(),
            waiting: Vec::new(),
            order: 0,
            turns: 0,
        }
    }

    /// The moment, as hooks see it.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The engine of a media thread, for what can't be reached from outside.
    #[cfg(test)]
    pub(crate) fn engine(&mut self, worker: usize) -> &mut crate::engine::Engine {
        let now = self.now;
        let worker = self.workers.get_mut(worker).expect("testing: no such media thread");
        worker.touch(now);
        worker.shell.engine()
    }

    /// Stalls a media thread, as a machine does that has too much to do, or lets it go on. Meanwhile it does nothing but what it is
    /// commanded; what is sent to it waits, as far as there is room.
    pub fn stall(&mut self, worker: u8, stalled: bool) {
        self.workers.get_mut(usize::from(worker)).expect("testing: no such media thread").is_stalled =
            stalled;
        // Parcels know their order.
        self.wire.extend(self.waiting.drain(..).map(Reverse));
        self.settle();
    }

    /// Lets a media thread leave out as much as one that more comes to than it can carry: nothing at step 0; at 1 retransmissions,
    /// NACKs and probing; at 2 the highest layers too; at 3 to 10 all but the lowest layers, and video of one more eighth of the
    /// consumers each.
    pub fn overload(&mut self, worker: u8, step: u8) {
        let now = self.now;
        let worker = self.workers.get_mut(usize::from(worker)).expect("testing: no such media thread");
        worker.touch(now);
        worker.shell.engine().force_overload(now, step);
        self.settle();
    }

    /// How many turns of their loops the media threads have made, all together.
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// How many media threads there are.
    pub fn workers(&self) -> u8 {
        self.workers.len() as u8
    }

    /// Lets time pass, with everything that is due on the way, in order.
    pub fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        while let Some(at) = self.next_deadline().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    /// Lets time pass until `done`, at most `limit`; whether it was.
    pub fn advance_until(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now + limit;
        self.settle();
        loop {
            if done(self) {
                return true;
            }
            match self.next_deadline().filter(|at| *at <= end) {
                Some(at) => self.now = at.max(self.now),
                None => {
                    self.now = end;
                    self.settle();
                    return done(self);
                }
            }
            self.settle();
        }
    }

    fn next_deadline(&mut self) -> Option<Instant> {
        let now = self.now;
        let wire = self.wire.peek().map(|Reverse(parcel)| parcel.at);
        let running = self.workers.iter_mut().filter(|worker| !worker.is_stalled);
        let workers = running.filter_map(|worker| worker.shell.next_deadline(now)).min();
        let peers = self.peers.iter().filter_map(Peer::next_deadline).min();
        [wire, workers, peers].into_iter().flatten().min()
    }

    /// Does everything that is due at this moment.
    pub(super) fn settle(&mut self) {
        for _ in 0..CIRCLES {
            let mut busy = self.deliver();
            busy |= self.turn_workers();
            busy |= self.wake_peers();
            busy |= self.run_background();
            busy |= self.run_commands();
            if !busy {
                return;
            }
        }
        panic!("testing: the worker or a peer goes in circles at one moment: a deadline that never passes?");
    }

    /// Hands over what has arrived.
    fn deliver(&mut self) -> bool {
        let mut any = false;
        while self.wire.peek().is_some_and(|Reverse(parcel)| parcel.at <= self.now) {
            let Some(Reverse(mut parcel)) = self.wire.pop() else { break };
            any = true;
            match parcel.to {
                To::Worker(worker, route) => {
                    if let Some(worker) = self.workers.get_mut(usize::from(worker)) {
                        if worker.is_stalled {
                            self.waiting.push(parcel);
                            continue;
                        }
                        worker.touch(self.now);
                        worker.shell.receive_stamped(self.now, parcel.at, route, &mut parcel.bytes);
                    }
                }
                To::Peer(index) => {
                    let mut out = Vec::new();
                    if let Some(peer) = self.peers.get_mut(index) {
                        peer.receive(self.now, &parcel.bytes, &mut out);
                        if let Some(data) = &mut peer.data {
                            data.came_by(self.turns);
                        }
                    }
                    self.send_up(index, out);
                }
            }
        }
        any
    }

    /// A turn of each worker that has something to do.
    fn turn_workers(&mut self) -> bool {
        let mut any = false;
        for index in 0..self.workers.len() {
            let now = self.now;
            let Some(worker) = self.workers.get_mut(index) else { break };
            let due = worker.shell.next_deadline(now).is_some_and(|at| at <= now);
            if worker.is_stalled || (worker.in_turn.is_none() && !due && !worker.has_inbound()) {
                continue;
            }
            any = true;
            self.turns += 1;
            worker.touch(now);
            worker.take_relayed(now);
            worker.turn(now);
            worker.confirmed.extend(worker.shell.engine().take_confirmed());
            self.collect(index);
        }
        any
    }

    /// Carries away what a worker left.
    fn collect(&mut self, index: usize) {
        let Some(worker) = self.workers.get_mut(index) else { return };
        let sent: Vec<(Route, Vec<u8>)> =
            worker.shell.outbox().iter().map(|(route, bytes)| (route, bytes.to_vec())).collect();
        worker.shell.outbox().clear();
        let around = worker.shell.around();
        self.events.append(&mut around.events);
        for (to, word) in std::mem::take(&mut around.words) {
            if let Some(worker) = self.workers.get_mut(usize::from(to)) {
                worker.words.push_back(word);
            }
        }
        for (route, bytes) in sent {
            let peer = self.by_address.get(&route.remote).copied();
            match peer.filter(|peer| self.peers.get(*peer).is_some_and(|peer| peer.expects(&route, &bytes))) {
                Some(peer) => self.send_down(peer, bytes),
                None => match self.way_between(index, &route) {
                    Some((worker, back)) => self.post(Duration::ZERO, To::Worker(worker, back), bytes),
                    None => self.strays.push((route.remote, Datagram(bytes))),
                },
            }
        }
    }

    /// Where a datagram arrives that one transport sends to another's own socket, and the way back: pipes.
    fn way_between(&self, from: usize, route: &Route) -> Option<(u8, Route)> {
        let source = self.workers.get(from)?.sockets.address_of(route.socket)?;
        let mut workers = self.workers.iter().enumerate();
        workers.find_map(|(worker, to)| {
            let socket = to.sockets.bound_to(Protocol::Udp, route.remote)?;
            let back = Route { socket, protocol: Protocol::Udp, remote: source, local: None };
            Some((worker as u8, back))
        })
    }

    /// What direct transports handed to signaling, forgotten afterwards.
    pub fn take_told(&mut self) -> Vec<Told> {
        let shells = self.workers.iter_mut().map(|worker| worker.shell.around());
        shells.flat_map(|around| std::mem::take(&mut around.handed)).collect()
    }

    /// A datagram sets out from the worker to a peer.
    fn send_down(&mut self, index: usize, bytes: Vec<u8>) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        for delay in peer.down.admit(self.now, &bytes, &mut self.random) {
            self.post(delay, To::Peer(index), bytes.clone());
        }
    }

    /// Datagrams set out from a peer to its worker.
    pub(super) fn send_up(&mut self, index: usize, datagrams: impl IntoIterator<Item = Vec<u8>>) {
        for bytes in datagrams {
            let Some(peer) = self.peers.get_mut(index) else { return };
            let Some(route) = peer.route_of(&bytes) else { return };
            let worker = peer.worker;
            for delay in peer.up.admit(self.now, &bytes, &mut self.random) {
                self.post(delay, To::Worker(worker, route), bytes.clone());
            }
        }
    }

    /// A datagram reaches a worker by a route, now.
    pub(super) fn arrive(&mut self, worker: u8, route: Route, bytes: &[u8]) {
        self.post(Duration::ZERO, To::Worker(worker, route), bytes.to_vec());
        self.settle();
    }

    fn post(&mut self, delay: Duration, to: To, bytes: Vec<u8>) {
        self.order += 1;
        self.wire.push(Reverse(Parcel { at: self.now + delay, order: self.order, to, bytes }));
    }

    fn wake_peers(&mut self) -> bool {
        let mut any = false;
        for index in 0..self.peers.len() {
            let Some(peer) = self.peers.get_mut(index) else { break };
            if peer.next_deadline().is_some_and(|at| at <= self.now) {
                any = true;
                let mut out = Vec::new();
                peer.handle_timeout(self.now, &mut out);
                self.send_up(index, out);
            }
        }
        any
    }

    /// Background work goes on; true if it left messages for a worker.
    fn run_background(&mut self) -> bool {
        self.background.run();
        let mut any = false;
        for worker in self.workers.iter_mut().filter(|worker| !worker.is_stalled) {
            if worker.shell.has_work() {
                worker.touch(self.now);
                any = true;
            }
        }
        any
    }

    /// A turn of every worker, without anything between them and without allocation; answers what they sent.
    pub(super) fn turn_and_discard(&mut self) -> u64 {
        let mut sent = 0;
        let now = self.now;
        for index in 0..self.workers.len() {
            let Some(worker) = self.workers.get_mut(index) else { break };
            worker.touch(now);
            worker.take_relayed(now);
            worker.turn(now);
            sent += worker.shell.outbox().len() as u64;
            worker.shell.outbox().clear();
        }
        sent
    }

    /// Commands of plugins that are not for their own media thread.
    fn run_commands(&mut self) -> bool {
        let mut commands = Vec::new();
        for worker in &mut self.workers {
            commands.append(&mut worker.shell.around().commands);
        }
        let mut any = !commands.is_empty();
        for (command, outcome) in commands {
            match &command {
                // May be answered later.
                Command::PluginRequest { target, .. } if target.worker().is_some() => {
                    let pending = self.begin(target.worker().unwrap_or(0), command);
                    self.asked.push((pending, outcome));
                }
                _ => {
                    let result = self.try_command(command);
                    outcome.send(result);
                }
            }
        }
        for (mut pending, outcome) in std::mem::take(&mut self.asked) {
            match pending.take() {
                Some(result) => {
                    any = true;
                    outcome.send(result);
                }
                None => self.asked.push((pending, outcome)),
            }
        }
        any
    }
}
