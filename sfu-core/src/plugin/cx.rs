//! What a hook may do.
use std::time::Instant;

use serde_json::Value;

use super::commands::{Ask, CommandLimits, CommandQueue, Full, NewRtp, QueuedCommand, SessionPush, Wakes};
use super::costs::Costs;
use super::faults::FaultLog;
use super::slot::PluginSlot;
use super::view::{View, ViewSource};
use crate::control::{
    Command, ConsumerId, DataConsumerId, DataProducerId, ProducerId, SessionId, Target, TransportId,
};

/// Where hooks leave what they ask for, and where their faults are noted; one per media thread.
#[derive(Debug)]
pub struct Desk {
    /// Commands, to be applied after the current packet.
    pub queue: CommandQueue,
    /// Panics and overruns.
    pub faults: FaultLog,
    /// When plugins asked to be woken.
    pub wakes: Wakes,
    /// How long a hook may take.
    pub slow: std::time::Duration,
    /// The clock by which hooks are timed: cold ones always, hot ones in timed turns.
    pub clock: fn() -> Instant,
    /// How long the thread has waited for a processor: that is no hook's fault.
    pub waited: fn() -> std::time::Duration,
    /// What hot hooks cost.
    pub costs: Costs,
}

impl Desk {
    /// An empty desk for so many plugins.
    pub fn new(plugins: usize, limits: CommandLimits) -> Self {
        Desk {
            queue: CommandQueue::new(plugins, limits),
            faults: FaultLog::default(),
            wakes: Wakes::default(),
            slow: super::faults::FaultPolicy::default().slow(),
            clock: Instant::now,
            waited: super::waited::waited,
            costs: Costs::default(),
        }
    }

    /// The moment, to time a hook by.
    pub fn reading(&self) -> Reading {
        Reading { at: (self.clock)(), waited: (self.waited)() }
    }

    /// Likewise, for a hot hook: while costs are sampled, without the system call that tells how long the thread has waited.
    pub fn hot_reading(&self) -> Reading {
        if self.costs.is_sampling() {
            return Reading { at: (self.clock)(), waited: std::time::Duration::ZERO };
        }
        self.reading()
    }

    /// Takes down what a hot hook cost, in turns that are for that; else it says no.
    pub fn sampled(&mut self, slot: PluginSlot, start: Reading) -> bool {
        if !self.costs.is_sampling() {
            return false;
        }
        self.costs.add(slot, (self.clock)().saturating_duration_since(start.at));
        true
    }
}

/// A moment, as hooks are timed.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    at: Instant,
    waited: std::time::Duration,
}

impl Reading {
    /// What lies between the two, without the time in which the thread was ready and others ran.
    pub fn since(self, start: Reading) -> std::time::Duration {
        let waited = self.waited.saturating_sub(start.waited);
        self.at.saturating_duration_since(start.at).saturating_sub(waited)
    }
}

/// What the shell hands to dispatch: the moment, what can be seen, and the desk. Made per call; costs nothing.
pub struct HookContext<'e> {
    /// The moment.
    pub now: Instant,
    /// The media thread.
    pub worker: u8,
    /// What can be seen.
    pub view: &'e dyn ViewSource,
    /// Where commands and faults go.
    pub desk: &'e mut Desk,
}

impl<'e> HookContext<'e> {
    /// The context of one call.
    #[inline]
    pub fn new(now: Instant, worker: u8, view: &'e dyn ViewSource, desk: &'e mut Desk) -> Self {
        HookContext { now, worker, view, desk }
    }

    /// The face that one plugin sees.
    #[inline]
    pub(crate) fn cx(&mut self, slot: PluginSlot) -> Cx<'_> {
        Cx { now: self.now, worker: self.worker, slot, view: self.view, desk: self.desk }
    }
}

/// What a hook may do: see its media thread, and queue commands that are applied after the current packet, in order.
///
/// A plugin may queue 1024 commands a turn (settable); beyond that `send` and `inject` return [`Full`], and all
/// others are dropped and counted. A command on a closed entity does nothing and is counted.
pub struct Cx<'a> {
    now: Instant,
    worker: u8,
    slot: PluginSlot,
    view: &'a dyn ViewSource,
    desk: &'a mut Desk,
}

impl Cx<'_> {
    /// The moment of this turn of the loop. In tests it is virtual: use no other clock.
    #[inline]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The media thread, from 0.
    #[inline]
    pub fn worker(&self) -> u8 {
        self.worker
    }

    /// What there is on this media thread.
    #[inline]
    pub fn view(&self) -> View<'_> {
        View::new(self.view)
    }

    fn queue(&mut self, command: QueuedCommand) {
        // A refusal is counted by the queue.
        let _ = self.desk.queue.push(self.slot, command);
    }

    /// Pauses a producer, consumer, data producer or data consumer.
    pub fn pause(&mut self, target: impl Into<Target>) {
        self.queue(QueuedCommand::Pause(target.into()));
    }

    /// Resumes one, a key frame first.
    pub fn resume(&mut self, target: impl Into<Target>) {
        self.queue(QueuedCommand::Resume(target.into()));
    }

    /// Closes an entity and what belongs to it.
    pub fn close(&mut self, target: impl Into<Target>) {
        self.queue(QueuedCommand::Close(target.into()));
    }

    /// Asks a producer, or the producer behind a consumer, for a key frame.
    pub fn request_key_frame(&mut self, target: impl Into<Target>) {
        self.queue(QueuedCommand::RequestKeyFrame(target.into()));
    }

    /// Chooses spatial and temporal layer of a consumer at the most.
    pub fn set_layers(&mut self, consumer: ConsumerId, spatial: u8, temporal: Option<u8>) {
        self.queue(QueuedCommand::SetLayers { consumer, spatial, temporal });
    }

    /// Weighs a consumer against the others of its transport, 1–255.
    pub fn set_priority(&mut self, consumer: ConsumerId, priority: u8) {
        self.queue(QueuedCommand::SetPriority(consumer, priority));
    }

    /// Limits what is sent to a peer, in bit/s; 0 lifts the limit.
    pub fn set_max_outgoing_bitrate(&mut self, transport: TransportId, bitrate: u32) {
        self.queue(QueuedCommand::SetMaxOutgoingBitrate(transport, bitrate));
    }

    /// Limits what a peer may send, in bit/s; 0 lifts the limit.
    pub fn set_max_incoming_bitrate(&mut self, transport: TransportId, bitrate: u32) {
        self.queue(QueuedCommand::SetMaxIncomingBitrate(transport, bitrate));
    }

    /// A consumer to send to.
    pub fn consumer(&mut self, id: ConsumerId) -> ToConsumer<'_> {
        ToConsumer { desk: self.desk, slot: self.slot, id }
    }

    /// A producer to inject into.
    pub fn producer(&mut self, id: ProducerId) -> ToProducer<'_> {
        ToProducer { desk: self.desk, slot: self.slot, id }
    }

    /// A transport to send RTCP over.
    pub fn transport(&mut self, id: TransportId) -> ToTransport<'_> {
        ToTransport { desk: self.desk, slot: self.slot, id }
    }

    /// A data consumer to send to.
    pub fn data_consumer(&mut self, id: DataConsumerId) -> ToDataConsumer<'_> {
        ToDataConsumer { desk: self.desk, slot: self.slot, id }
    }

    /// A data producer to inject into.
    pub fn data_producer(&mut self, id: DataProducerId) -> ToDataProducer<'_> {
        ToDataProducer { desk: self.desk, slot: self.slot, id }
    }

    /// Switches a plugin on for a target and all below it, with its options (`null` for none).
    pub fn enable(&mut self, plugin: &str, target: impl Into<Target>, options: Value) {
        let target = target.into();
        self.queue(QueuedCommand::Enable { plugin: plugin.into(), target, options: Box::new(options) });
    }

    /// Switches a plugin off for a target and all below it.
    pub fn disable(&mut self, plugin: &str, target: impl Into<Target>) {
        let target = target.into();
        self.queue(QueuedCommand::Disable { plugin: plugin.into(), target });
    }

    /// Pushes a message to a session; its signaling crate delivers it.
    pub fn push(&mut self, session: SessionId, push: SessionPush) {
        self.queue(QueuedCommand::Push(session, Box::new(push)));
    }

    /// Tells an event of the plugin's own, about `target`, to everybody who listens: programs and other plugins.
    pub fn notify(&mut self, target: impl Into<Target>, body: Value) {
        self.queue(QueuedCommand::Notify(Box::new((target.into(), body))));
    }

    /// Asks a plugin; its answer comes to `done` with `tag`.
    pub fn ask(&mut self, plugin: &str, target: impl Into<Target>, request: Value, tag: u64) {
        let ask = Ask { plugin: plugin.to_owned(), target: target.into(), body: request };
        self.queue(QueuedCommand::Ask { ask: Box::new(ask), tag });
    }

    /// Any command of the control API; its outcome comes to `done` with `tag`.
    pub fn control(&mut self, command: Command, tag: u64) {
        self.queue(QueuedCommand::Control(Box::new(command), tag));
    }

    /// Asks for a `tick` at `at`, besides the regular ones; of several moments the earliest counts.
    pub fn wake_at(&mut self, at: Instant) {
        self.desk.wakes.ask(self.slot, at);
    }
}

macro_rules! recipients {
    ($($(#[$doc:meta])* $name:ident($id:ident);)*) => {$(
        $(#[$doc])*
        pub struct $name<'a> { desk: &'a mut Desk, slot: PluginSlot, id: $id }
    )*};
}
recipients! {
    /// A consumer to send to.
    ToConsumer(ConsumerId);
    /// A producer to inject into.
    ToProducer(ProducerId);
    /// A transport to send RTCP over.
    ToTransport(TransportId);
    /// A data consumer to send to.
    ToDataConsumer(DataConsumerId);
    /// A data producer to inject into.
    ToDataProducer(DataProducerId);
}

impl ToConsumer<'_> {
    /// Sends a packet with the next sequence number; it passes `rtp_out` of the plugins below this one.
    pub fn send_rtp(self, packet: NewRtp<'_>) -> Result<(), Full> {
        let NewRtp { header, payload } = packet;
        self.desk.queue.push_bytes(self.slot, payload, |b| QueuedCommand::SendRtp(self.id, header, b))
    }
}

impl ToProducer<'_> {
    /// Puts a packet into the producer, for all its consumers; it passes `rtp_in` of the plugins below this one, and `rtp_out` of all
    /// others: who guards the way out guards it whoever made the packet.
    pub fn inject_rtp(self, packet: NewRtp<'_>) -> Result<(), Full> {
        let NewRtp { header, payload } = packet;
        self.desk.queue.push_bytes(self.slot, payload, |b| QueuedCommand::InjectRtp(self.id, header, b))
    }
}

impl ToTransport<'_> {
    /// Sends a whole RTCP packet (a multiple of four bytes); it passes `rtcp_out` of the plugins below this one.
    pub fn send_rtcp(self, packet: &[u8]) -> Result<(), Full> {
        self.desk.queue.push_bytes(self.slot, packet, |b| QueuedCommand::SendRtcp(self.id, b))
    }
}

impl ToDataConsumer<'_> {
    /// Sends bytes.
    pub fn send_binary(self, payload: &[u8]) -> Result<(), Full> {
        let ppid = if payload.is_empty() { super::ppid::BINARY_EMPTY } else { super::ppid::BINARY };
        self.send(ppid, payload)
    }

    /// Sends a text.
    pub fn send_text(self, text: &str) -> Result<(), Full> {
        let ppid = if text.is_empty() { super::ppid::STRING_EMPTY } else { super::ppid::STRING };
        self.send(ppid, text.as_bytes())
    }

    /// Sends a message under a payload protocol identifier.
    pub fn send(self, ppid: u32, payload: &[u8]) -> Result<(), Full> {
        let to = self.id;
        let command = |payload| QueuedCommand::SendData { to, ppid, payload };
        self.desk.queue.push_bytes(self.slot, payload, command)
    }
}

impl ToDataProducer<'_> {
    /// Puts a message into the data producer; it passes `data_in` of the plugins below this one, and `data_out` of all others.
    pub fn inject(self, ppid: u32, payload: &[u8]) -> Result<(), Full> {
        let from = self.id;
        let command = |payload| QueuedCommand::InjectData { from, ppid, payload };
        self.desk.queue.push_bytes(self.slot, payload, command)
    }
}
