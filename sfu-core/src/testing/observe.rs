//! What a test can see, and what it can make the network and the peers do.
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use serde_json::{Map, Value};

use super::bench::Bench;
use super::path::{Conditions, Datagram, Direction};
use super::peer::Peer;
use super::receiver::{Received, Receiver};
use super::room::{PeerId, route};
use super::secure::Protection;
use super::sender::Sender;
use super::stun::Check;
use super::surroundings::SHARED_UDP;
use crate::control::{
    Command, ConsumerId, ConsumerStats, Event, EventBody, ProducerId, ProducerStats, Protocol, Reply,
    SessionId, Target, TransportId, TransportStats, WorkerStats,
};
use crate::net::Route;
use crate::plugin::PluginSet;

impl<S: PluginSet> Bench<S> {
    /// What arrived at a consumer's receiver, in order of arrival, without duplicates.
    pub fn received(&self, consumer: ConsumerId) -> &[Received] {
        &self.receiver(consumer).packets
    }

    /// The same, forgotten afterwards (loss is not).
    pub fn take_received(&mut self, consumer: ConsumerId) -> Vec<Received> {
        std::mem::take(&mut self.receiver_mut(consumer).packets)
    }

    /// A consumer's receiver: loss, repair, sender reports.
    pub fn receiver(&self, consumer: ConsumerId) -> &Receiver {
        let index = *self.consumers.get(&consumer).expect("testing: no peer receives this consumer's media");
        let receivers = self.peers.get(index).map(|peer| &peer.receivers);
        let found = receivers.and_then(|all| all.iter().find(|receiver| receiver.consumer == consumer));
        found.expect("testing: no such receiver")
    }

    /// The receiving ends of all encodings of a pipe, in their order.
    pub fn receivers(&self, consumer: ConsumerId) -> Vec<&Receiver> {
        let index = *self.consumers.get(&consumer).expect("testing: no peer receives this consumer's media");
        let all = self.peers.get(index).map_or(&[][..], |peer| &peer.receivers);
        all.iter().filter(|receiver| receiver.consumer == consumer).collect()
    }

    /// The same, to change how it behaves.
    pub fn receiver_mut(&mut self, consumer: ConsumerId) -> &mut Receiver {
        let index = *self.consumers.get(&consumer).expect("testing: no peer receives this consumer's media");
        let peer = self.peers.get_mut(index);
        peer.and_then(|peer| peer.receiver(consumer)).expect("testing: no such receiver")
    }

    /// A producer's sender: the feedback that it got.
    pub fn sender(&self, producer: ProducerId) -> &Sender {
        let senders = self.peers.get(self.index_of(producer)).map(|peer| &peer.senders);
        let found = senders.and_then(|all| all.iter().find(|sender| sender.producer == producer));
        found.expect("testing: no such sender")
    }

    /// The same, to change how it behaves.
    pub fn sender_mut(&mut self, producer: ProducerId) -> &mut Sender {
        let index = self.index_of(producer);
        let peer = self.peers.get_mut(index);
        peer.and_then(|peer| peer.sender(producer)).expect("testing: no such sender")
    }

    /// The peer of a producer.
    pub fn peer_of_producer(&self, producer: ProducerId) -> PeerId {
        PeerId(self.index_of(producer))
    }

    /// The peer of a consumer.
    pub fn peer_of_consumer(&self, consumer: ConsumerId) -> PeerId {
        PeerId(*self.consumers.get(&consumer).expect("testing: no peer receives this consumer's media"))
    }

    /// A peer's transport.
    pub fn transport(&self, peer: PeerId) -> TransportId {
        self.look(peer).transport
    }

    /// A peer's session.
    pub fn session(&self, peer: PeerId) -> SessionId {
        self.look(peer).session
    }

    /// Whether a peer has the keys that it needs to send.
    pub fn is_connected(&self, peer: PeerId) -> bool {
        self.look(peer).protection.is_ready()
    }

    /// RTCP that a peer got, decrypted, each a compound packet.
    pub fn rtcp(&self, peer: PeerId) -> &[Vec<u8>] {
        &self.look(peer).rtcp
    }

    /// Datagrams that a peer got and could not open, and RTP packets of SSRCs that none of its consumers has.
    pub fn misfits(&self, peer: PeerId) -> u64 {
        let peer = self.look(peer);
        peer.unopened + peer.strangers + peer.receivers.iter().map(|receiver| receiver.misfits).sum::<u64>()
    }

    /// Transport-wide sequence numbers that a peer sent, and when.
    pub fn transport_sent(&self, peer: PeerId) -> &[(u16, Instant)] {
        &self.look(peer).transport_sent
    }

    /// STUN error codes that a peer's checks were answered with.
    pub fn refused_checks(&self, peer: PeerId) -> Vec<u16> {
        match &self.look(peer).protection {
            Protection::WebRtc(agent) => agent.refused.clone(),
            _ => Vec::new(),
        }
    }

    fn look(&self, peer: PeerId) -> &Peer {
        self.peers.get(peer.0).expect("testing: no such peer")
    }

    /// Events so far, of all entities, oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The same, forgotten afterwards.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What happened to one entity.
    pub fn events_of(&self, target: impl Into<Target>) -> Vec<EventBody> {
        let target = target.into();
        self.events.iter().filter(|event| event.target == target).map(|event| event.body.clone()).collect()
    }

    /// What a plugin told with `notify`.
    pub fn notices(&self, plugin: &str) -> Vec<Value> {
        let notice = |event: &Event| match &event.body {
            EventBody::Plugin { plugin: other, body } if other == plugin => Some(body.clone()),
            _ => None,
        };
        self.events.iter().filter_map(notice).collect()
    }

    /// Faults of plugins: the plugin and the step (`detached`, `rebuilt`, `quarantined`, `slow`).
    pub fn faults(&self) -> Vec<(String, String)> {
        let fault = |event: &Event| match &event.body {
            EventBody::PluginFault { plugin, step, .. } => Some((plugin.clone(), step.clone())),
            _ => None,
        };
        self.events.iter().filter_map(fault).collect()
    }

    /// A plugin's figures about the worker, merged over media threads; `{"sum": 5}` and `{"max": 5}` read 5.
    pub fn stats(&mut self, plugin: &str) -> Value {
        self.stats_of(plugin, Target::Worker)
    }

    /// A plugin's figures about a target; `null` if it has none.
    pub fn stats_of(&mut self, plugin: &str, target: impl Into<Target>) -> Value {
        let stats = self.worker_stats_of(target);
        let Some(Value::Object(figures)) = stats.plugins.get(plugin) else { return Value::Null };
        let plain = |figure: &Value| match figure {
            Value::Object(kinds) if kinds.len() == 1 => {
                kinds.get("sum").or(kinds.get("max")).or(kinds.get("per_worker")).unwrap_or(figure).clone()
            }
            other => other.clone(),
        };
        figures.iter().map(|(name, figure)| (name.clone(), plain(figure))).collect::<Map<_, _>>().into()
    }

    /// All figures.
    pub fn worker_stats(&mut self) -> WorkerStats {
        self.worker_stats_of(Target::Worker)
    }

    /// Figures of a target and what is below it.
    pub fn worker_stats_of(&mut self, target: impl Into<Target>) -> WorkerStats {
        match self.command(Command::Stats(target.into())) {
            Reply::Stats(stats) => stats,
            other => panic!("testing: unexpected {other:?}"),
        }
    }

    /// A counter of the worker, summed over media threads. Panics if there is none of that name.
    pub fn counter(&mut self, name: &str) -> u64 {
        let counters = self.worker_stats().counters;
        let known = || counters.keys().cloned().collect::<Vec<_>>().join(", ");
        *counters.get(name).unwrap_or_else(|| panic!("testing: no counter `{name}`; there are: {}", known()))
    }

    /// Figures of a producer.
    pub fn producer_stats(&mut self, producer: ProducerId) -> ProducerStats {
        let stats = self.worker_stats_of(producer);
        stats
            .producers
            .into_iter()
            .find(|stats| stats.id == producer)
            .expect("testing: figures of a producer")
    }

    /// Figures of a consumer.
    pub fn consumer_stats(&mut self, consumer: ConsumerId) -> ConsumerStats {
        let stats = self.worker_stats_of(consumer);
        stats
            .consumers
            .into_iter()
            .find(|stats| stats.id == consumer)
            .expect("testing: figures of a consumer")
    }

    /// Figures of a peer's transport.
    pub fn transport_stats(&mut self, peer: PeerId) -> TransportStats {
        let transport = self.transport(peer);
        let stats = self.worker_stats_of(transport);
        stats
            .transports
            .into_iter()
            .find(|stats| stats.id == transport)
            .expect("testing: figures of a transport")
    }

    // What peers do besides.

    /// A receiver asks for packets, whether they are missing or not.
    pub fn nack(&mut self, consumer: ConsumerId, lost: &[u16]) {
        let ssrc = self.receiver(consumer).ssrc;
        self.say(consumer, |peer| peer.nack(ssrc, lost));
    }

    /// A receiver asks for a key frame by PLI.
    pub fn pli(&mut self, consumer: ConsumerId) {
        let ssrc = self.receiver(consumer).ssrc;
        self.say(consumer, |peer| peer.pli(ssrc));
    }

    /// A receiver asks for a key frame by FIR.
    pub fn fir(&mut self, consumer: ConsumerId) {
        let ssrc = self.receiver(consumer).ssrc;
        self.say(consumer, |peer| peer.fir(ssrc));
    }

    /// A receiver tells an estimate by REMB, in bit/s.
    pub fn remb(&mut self, consumer: ConsumerId, bitrate: u64) {
        let ssrc = self.receiver(consumer).ssrc;
        self.say(consumer, |peer| {
            peer.write(|writer, own| {
                let _ = writer.remb(own, bitrate, &[ssrc]);
            })
        });
    }

    fn say(&mut self, consumer: ConsumerId, write: impl FnOnce(&mut Peer) -> Option<Vec<u8>>) {
        let id = self.peer_of_consumer(consumer);
        let datagram = write(self.peer_at(id));
        self.send_up(id.0, datagram);
        self.settle();
    }

    /// A peer sends RTCP; it is protected as its transport wants it.
    pub fn send_rtcp(&mut self, peer: PeerId, packet: &[u8]) {
        let sealed = self.peer_at(peer).seal_rtcp(packet);
        self.send_up(peer.0, sealed);
        self.settle();
    }

    /// A peer sends a datagram as it is.
    pub fn send_raw(&mut self, peer: PeerId, datagram: &[u8]) {
        self.send_up(peer.0, [datagram.to_vec()]);
        self.settle();
    }

    /// A peer without `rtcp_mux` sends a datagram to the wrong one of the worker's two ports.
    pub fn send_to_other_port(&mut self, peer: PeerId, datagram: &[u8]) {
        let entity = self.look(peer);
        let (worker, right) = (entity.worker, entity.route_of(datagram));
        let both = [entity.current_route(), entity.rtcp_route];
        let wrong = both.into_iter().flatten().find(|route| Some(*route) != right);
        self.arrive(worker, wrong.expect("testing: a peer without a port for RTCP"), datagram);
    }

    /// A datagram from any address reaches the socket that a peer uses.
    pub fn send_from(&mut self, address: SocketAddr, peer: PeerId, datagram: &[u8]) {
        let (worker, current) = (self.look(peer).worker, self.look(peer).current_route());
        if let Some(current) = current {
            self.arrive(worker, Route { remote: address, ..current }, datagram);
        }
    }

    /// A datagram from any address reaches the port that all WebRTC transports of a media thread share.
    pub fn send_to_worker(&mut self, worker: u8, address: SocketAddr, datagram: &[u8]) {
        self.arrive(worker, route(SHARED_UDP, Protocol::Udp, address), datagram);
    }

    /// A silent peer begins its checks, and everything that follows.
    pub fn begin_checks(&mut self, peer: PeerId) {
        if let Protection::WebRtc(agent) = &mut self.peer_at(peer).protection {
            agent.checking = true;
        }
        self.settle();
    }

    /// A peer stops its checks.
    pub fn stop_checks(&mut self, peer: PeerId) {
        if let Protection::WebRtc(agent) = &mut self.peer_at(peer).protection {
            agent.checking = false;
        }
    }

    /// The check that a peer would send next, to be changed and sent from anywhere.
    pub fn check(&mut self, peer: PeerId) -> Check {
        match &self.look(peer).protection {
            Protection::WebRtc(agent) => Check {
                remote_ufrag: agent.remote.username_fragment.clone(),
                remote_password: agent.remote.password.clone(),
                local_ufrag: agent.local_ufrag.clone(),
                nominate: true,
                transaction: *b"by the bench",
            },
            _ => panic!("testing: the peer has no ICE"),
        }
    }

    /// A peer moves to another address of its own and nominates it; media goes that way from then on.
    pub fn move_peer(&mut self, peer: PeerId, address: SocketAddr) {
        self.by_address.insert(address, peer.0);
        let current = self.look(peer).current_route().expect("testing: a peer without route");
        let check = self.check(peer).bytes();
        let entity = self.peer_at(peer);
        entity.routes.push(Route { remote: address, ..current });
        entity.route = entity.routes.len() - 1;
        self.send_up(peer.0, [check]);
        self.settle();
    }

    /// Restarts ICE. The peer goes on with its old credentials until [`Bench::use_restart`].
    pub fn restart_ice(&mut self, peer: PeerId) -> crate::control::IceParameters {
        match self.command(Command::RestartIce(self.transport(peer))) {
            Reply::IceParameters(parameters) => parameters,
            other => panic!("testing: unexpected {other:?}"),
        }
    }

    /// A peer uses new credentials of the worker's side.
    pub fn use_restart(&mut self, peer: PeerId, parameters: crate::control::IceParameters) {
        let now = self.now;
        if let Protection::WebRtc(agent) = &mut self.peer_at(peer).protection {
            agent.restart(now, parameters);
        }
        self.settle();
    }

    /// A peer says goodbye by DTLS, and sends no reports or feedback from then on.
    pub fn hang_up(&mut self, peer: PeerId) {
        let (now, mut out) = (self.now, Vec::new());
        let who = self.peer_at(peer);
        if let Protection::WebRtc(agent) = &mut who.protection {
            agent.close(now, &mut out);
            who.has_hung_up = true;
        }
        self.send_up(peer.0, out);
        self.settle();
    }

    /// Forgets a peer whose transport is closed, with all that it sent and received: for tests that measure memory. It can't be asked
    /// for anything any more.
    pub fn forget(&mut self, peer: PeerId) {
        self.by_address.retain(|_, index| *index != peer.0);
        self.producers.retain(|_, index| *index != peer.0);
        self.consumers.retain(|_, index| *index != peer.0);
        self.peer_at(peer).forget();
    }

    /// Forgets all peers, whose transports are closed, and all events: for tests that measure memory. No id of before names a peer any
    /// more.
    pub fn forget_everybody(&mut self) {
        self.settle();
        self.peers = Vec::new();
        self.by_address = HashMap::new();
        self.producers = HashMap::new();
        self.consumers = HashMap::new();
        self.events = Vec::new();
        self.strays = Vec::new();
    }

    /// A peer's TCP connection breaks.
    pub fn break_tcp(&mut self, peer: PeerId) {
        let (now, worker) = (self.now, usize::from(self.look(peer).worker));
        let socket = self.look(peer).current_route().map(|route| route.socket);
        if let (Some(worker), Some(socket)) = (self.workers.get_mut(worker), socket) {
            worker.touch(now);
            worker.sockets.forget(socket);
            worker.shell.engine().tcp_closed(now, socket);
        }
        self.settle();
    }

    /// Whether ICE confirmed a peer's TCP connection to the network layer.
    pub fn is_confirmed(&self, peer: PeerId) -> bool {
        let peer = self.look(peer);
        let socket = peer.current_route().map(|route| route.socket);
        let worker = self.workers.get(usize::from(peer.worker));
        worker.zip(socket).is_some_and(|(worker, socket)| worker.confirmed.contains(&socket))
    }

    /// Sockets of transports and accepted TCP connections that a media thread has open, by their local address.
    pub fn open_sockets(&self, worker: u8) -> Vec<SocketAddr> {
        self.workers.get(usize::from(worker)).expect("testing: no such media thread").sockets.open()
    }

    // What the network does.

    /// Conditions of a path from now on.
    pub fn set_path(&mut self, peer: PeerId, direction: Direction, conditions: Conditions) {
        self.way(peer, direction).conditions = conditions;
    }

    /// Looks at each datagram that sets out; false loses it. Replaces the filter before.
    pub fn set_filter(
        &mut self,
        peer: PeerId,
        direction: Direction,
        filter: impl FnMut(&Datagram) -> bool + 'static,
    ) {
        self.way(peer, direction).filter = Some(Box::new(filter));
    }

    /// Nothing is filtered any more.
    pub fn clear_filter(&mut self, peer: PeerId, direction: Direction) {
        self.way(peer, direction).filter = None;
    }

    /// Keeps every datagram that sets out from now on, lost ones too; answers those kept so far.
    pub fn tap(&mut self, peer: PeerId, direction: Direction) -> Vec<Datagram> {
        self.way(peer, direction).tap.replace(Vec::new()).unwrap_or_default()
    }

    fn way(&mut self, peer: PeerId, direction: Direction) -> &mut super::path::Way {
        let peer = self.peer_at(peer);
        match direction {
            Direction::ToWorker => &mut peer.up,
            Direction::ToPeer => &mut peer.down,
        }
    }

    /// Datagrams that the worker sent where no peer is, or RTP and RTCP to each other's port.
    pub fn strays(&self) -> &[(SocketAddr, Datagram)] {
        &self.strays
    }
}
