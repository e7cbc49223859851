//! What hooks ask for, queued until the current packet is done.
use std::collections::VecDeque;
use std::ops::Range;

use serde_json::Value;

use super::slot::PluginSlot;
use crate::control::{
    Command, ConsumerId, DataConsumerId, DataProducerId, ProducerId, SessionId, Target, TransportId,
};

/// The queue, or the room for bytes in it, is full: send less, or after the next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("plugin.commands: the queue is full in this turn; send less, or in the next turn")]
pub struct Full;

/// A place in the queue's bytes.
pub type Bytes = Range<u32>;

/// An RTP packet that a plugin makes. The core gives it SSRC, sequence number and header extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewRtp<'a> {
    pub(crate) header: NewRtpHeader,
    pub(crate) payload: &'a [u8],
}

/// The fields of a packet that a plugin makes, without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NewRtpHeader {
    /// RTP timestamp as the receiver (or producer) knows it.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// Payload type; the first media codec's if not given.
    pub payload_type: Option<u8>,
    /// Encoding index, for injection into a producer.
    pub encoding: u8,
    /// Sequence number of the lost packet that it stands for, for injection into a producer.
    pub in_place_of: Option<u16>,
}

impl<'a> NewRtp<'a> {
    /// A packet with a timestamp and a payload, without marker.
    pub fn new(timestamp: u32, payload: &'a [u8]) -> Self {
        NewRtp { header: NewRtpHeader { timestamp, ..NewRtpHeader::default() }, payload }
    }
    /// Sets the marker bit.
    #[must_use]
    pub fn marker(mut self, marker: bool) -> Self {
        self.header.marker = marker;
        self
    }
    /// Sets the payload type, else it is the first media codec's.
    #[must_use]
    pub fn payload_type(mut self, payload_type: u8) -> Self {
        self.header.payload_type = Some(payload_type);
        self
    }
    /// Sets the encoding index, for injection into a producer.
    #[must_use]
    pub fn encoding(mut self, encoding: u8) -> Self {
        self.header.encoding = encoding;
        self
    }
    /// Gives it the sequence number of a lost packet that it restores, for injection into a producer. Receivers get it as a
    /// packet that came late. The sender hears of the loss, and is not asked for the packet any more. Nothing is injected if
    /// that packet came after all, or does not lie behind others.
    #[must_use]
    pub fn in_place_of(mut self, sequence_number: u16) -> Self {
        self.header.in_place_of = Some(sequence_number);
        self
    }
}

/// A message for a session, delivered by its signaling crate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionPush {
    /// Body.
    pub body: Value,
    /// The request that it answers, if any.
    pub transaction: Option<String>,
    /// An SDP to go with it: `{type, sdp}`.
    pub jsep: Option<Value>,
}

/// One queued command.
#[derive(Debug, PartialEq)]
pub enum QueuedCommand {
    /// Pause a producer, consumer, data producer or data consumer.
    Pause(Target),
    /// Resume one.
    Resume(Target),
    /// Close an entity.
    Close(Target),
    /// Ask for a key frame, of a producer or of the one behind a consumer.
    RequestKeyFrame(Target),
    /// Choose the layers of a consumer.
    SetLayers {
        /// The consumer.
        consumer: ConsumerId,
        /// Spatial layer or encoding index.
        spatial: u8,
        /// Temporal layer; `None` for all.
        temporal: Option<u8>,
    },
    /// Weigh a consumer, 1–255.
    SetPriority(ConsumerId, u8),
    /// Limit what is sent to a peer, in bit/s; 0 lifts the limit.
    SetMaxOutgoingBitrate(TransportId, u32),
    /// Limit what a peer may send, in bit/s; 0 lifts the limit.
    SetMaxIncomingBitrate(TransportId, u32),
    /// Send a packet to one consumer: it passes `rtp_out` of the plugins below the sender.
    SendRtp(ConsumerId, NewRtpHeader, Bytes),
    /// Put a packet into a producer: it passes `rtp_in` of the plugins below the sender.
    InjectRtp(ProducerId, NewRtpHeader, Bytes),
    /// Send RTCP over a transport.
    SendRtcp(TransportId, Bytes),
    /// Send a message to one data consumer.
    SendData {
        /// The data consumer.
        to: DataConsumerId,
        /// Payload protocol identifier.
        ppid: u32,
        /// Payload.
        payload: Bytes,
    },
    /// Put a message into a data producer.
    InjectData {
        /// The data producer.
        from: DataProducerId,
        /// Payload protocol identifier.
        ppid: u32,
        /// Payload.
        payload: Bytes,
    },
    /// Switch a plugin on (its own id or another's).
    Enable {
        /// Plugin id.
        plugin: Box<str>,
        /// The target.
        target: Target,
        /// The plugin's options.
        options: Box<Value>,
    },
    /// Switch a plugin off.
    Disable {
        /// Plugin id.
        plugin: Box<str>,
        /// The target.
        target: Target,
    },
    /// Push a message to a session.
    Push(SessionId, Box<SessionPush>),
    /// Tell an event of the plugin's own.
    Notify(Box<(Target, Value)>),
    /// Ask a plugin; the answer goes to `done`.
    Ask {
        /// What to ask.
        ask: Box<Ask>,
        /// The tag for `done`.
        tag: u64,
    },
    /// A command of the control API; the answer goes to `done`.
    Control(Box<Command>, u64),
}

impl QueuedCommand {
    /// The command of the control API that means the same; the queued one back where there is none.
    pub fn into_command(self) -> Result<Command, Self> {
        Ok(match self {
            QueuedCommand::Pause(Target::Producer(id)) => Command::PauseProducer(id),
            QueuedCommand::Pause(Target::Consumer(id)) => Command::PauseConsumer(id),
            QueuedCommand::Resume(Target::Producer(id)) => Command::ResumeProducer(id),
            QueuedCommand::Resume(Target::Consumer(id)) => Command::ResumeConsumer(id),
            QueuedCommand::Pause(Target::DataProducer(id)) => Command::PauseDataProducer(id),
            QueuedCommand::Pause(Target::DataConsumer(id)) => Command::PauseDataConsumer(id),
            QueuedCommand::Resume(Target::DataProducer(id)) => Command::ResumeDataProducer(id),
            QueuedCommand::Resume(Target::DataConsumer(id)) => Command::ResumeDataConsumer(id),
            QueuedCommand::Close(Target::DataProducer(id)) => Command::CloseDataProducer(id),
            QueuedCommand::Close(Target::DataConsumer(id)) => Command::CloseDataConsumer(id),
            QueuedCommand::Close(Target::Session(id)) => Command::CloseSession(id),
            QueuedCommand::Close(Target::Router(id)) => Command::CloseRouter(id),
            QueuedCommand::Close(Target::Transport(id)) => Command::CloseTransport(id),
            QueuedCommand::Close(Target::Producer(id)) => Command::CloseProducer(id),
            QueuedCommand::Close(Target::Consumer(id)) => Command::CloseConsumer(id),
            QueuedCommand::RequestKeyFrame(Target::Producer(id)) => Command::RequestProducerKeyFrame(id),
            QueuedCommand::RequestKeyFrame(Target::Consumer(id)) => Command::RequestKeyFrame(id),
            QueuedCommand::SetLayers { consumer, spatial, temporal } => {
                Command::SetPreferredLayers { consumer, spatial, temporal }
            }
            QueuedCommand::SetPriority(consumer, priority) => Command::SetPriority { consumer, priority },
            QueuedCommand::SetMaxOutgoingBitrate(transport, bitrate) => {
                Command::SetMaxOutgoingBitrate { transport, bitrate }
            }
            QueuedCommand::SetMaxIncomingBitrate(transport, bitrate) => {
                Command::SetMaxIncomingBitrate { transport, bitrate }
            }
            other => return Err(other),
        })
    }
}

/// A question of one plugin to another.
#[derive(Debug, PartialEq)]
pub struct Ask {
    /// Plugin id.
    pub plugin: String,
    /// What it is about.
    pub target: Target,
    /// The request.
    pub body: Value,
}

/// Limits of what plugins may do in one turn of the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CommandLimits {
    /// Commands per plugin and turn.
    pub commands: u16,
    /// Bytes of packets and messages per plugin and turn.
    pub bytes: u32,
}

impl Default for CommandLimits {
    fn default() -> Self {
        CommandLimits { commands: 1024, bytes: 1 << 20 }
    }
}

/// Commands of all plugins, in the order in which they were asked for.
#[derive(Debug)]
pub struct CommandQueue {
    limits: CommandLimits,
    queue: VecDeque<(PluginSlot, QueuedCommand)>,
    /// Payloads of queued packets, one after the other; emptied when all of them are on their way.
    bytes: Vec<u8>,
    /// Commands of this turn, by slot.
    used: [u16; PluginSlot::MAX],
    /// Of `bytes`, how many are whose: nobody takes the room of others.
    held: [u32; PluginSlot::MAX],
    refused: [u64; PluginSlot::MAX],
    dirty: bool,
}

impl CommandQueue {
    /// A queue for `plugins` plugins, with all its memory set aside.
    pub fn new(plugins: usize, limits: CommandLimits) -> Self {
        let plugins = plugins.min(PluginSlot::MAX);
        CommandQueue {
            limits,
            queue: VecDeque::with_capacity(plugins * usize::from(limits.commands)),
            bytes: Vec::with_capacity((plugins * limits.bytes as usize).min(u32::MAX as usize)),
            used: [0; PluginSlot::MAX],
            held: [0; PluginSlot::MAX],
            refused: [0; PluginSlot::MAX],
            dirty: false,
        }
    }

    /// Whether nothing waits: the one test that a batch pays.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many commands wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// The next command. Its bytes stay good until `pop` has returned `None`, or [`CommandQueue::reclaim`] was called.
    pub fn pop(&mut self) -> Option<(PluginSlot, QueuedCommand)> {
        let next = self.queue.pop_front();
        if next.is_none() {
            self.reclaim();
        }
        next
    }

    /// Makes room for the bytes of new commands, if all were carried out.
    pub fn reclaim(&mut self) {
        if self.queue.is_empty() && !self.bytes.is_empty() {
            self.bytes.clear();
            self.held = [0; PluginSlot::MAX];
        }
    }

    /// The bytes of a command.
    pub fn bytes(&self, place: &Bytes) -> &[u8] {
        self.bytes.get(place.start as usize..place.end as usize).unwrap_or_default()
    }

    /// Begins a turn: every plugin may queue its full number again.
    #[inline]
    pub fn begin_turn(&mut self) {
        if self.dirty {
            self.used = [0; PluginSlot::MAX];
            self.dirty = false;
        }
    }

    /// How many commands of a plugin were refused so far.
    pub fn refused(&self, slot: PluginSlot) -> u64 {
        self.refused.get(slot.index()).copied().unwrap_or(0)
    }

    /// Drops what a plugin had queued.
    pub fn forget(&mut self, slot: PluginSlot) {
        self.queue.retain(|(by, _)| *by != slot);
    }

    pub(crate) fn push(&mut self, slot: PluginSlot, command: QueuedCommand) -> Result<(), Full> {
        self.admit(slot)?;
        self.queue.push_back((slot, command));
        Ok(())
    }

    pub(crate) fn push_bytes(
        &mut self,
        slot: PluginSlot,
        payload: &[u8],
        command: impl FnOnce(Bytes) -> QueuedCommand,
    ) -> Result<(), Full> {
        let Some((place, held)) = self.room(slot, payload.len()) else {
            self.refuse(slot);
            return Err(Full);
        };
        self.admit(slot)?;
        if let Some(own) = self.held.get_mut(slot.index()) {
            *own = held;
        }
        self.bytes.extend_from_slice(payload);
        self.queue.push_back((slot, command(place)));
        Ok(())
    }

    /// Where so many bytes of a plugin go, and how many it then holds; none if it may not hold so many.
    fn room(&self, slot: PluginSlot, len: usize) -> Option<(Bytes, u32)> {
        let len = u32::try_from(len).ok()?;
        let start = u32::try_from(self.bytes.len()).ok()?;
        let held = self.held.get(slot.index())?.checked_add(len).filter(|held| *held <= self.limits.bytes)?;
        Some((start..start.checked_add(len)?, held))
    }

    fn admit(&mut self, slot: PluginSlot) -> Result<(), Full> {
        self.dirty = true;
        match self.used.get_mut(slot.index()) {
            Some(used) if *used < self.limits.commands => {
                *used += 1;
                Ok(())
            }
            _ => {
                self.refuse(slot);
                Err(Full)
            }
        }
    }

    fn refuse(&mut self, slot: PluginSlot) {
        if let Some(refused) = self.refused.get_mut(slot.index()) {
            *refused += 1;
        }
    }
}

/// When plugins asked to be woken.
#[derive(Debug)]
pub struct Wakes([Option<std::time::Instant>; PluginSlot::MAX]);

impl Default for Wakes {
    fn default() -> Self {
        Wakes([None; PluginSlot::MAX])
    }
}

impl Wakes {
    /// Asks for the earlier of `at` and what was asked before.
    pub(crate) fn ask(&mut self, slot: PluginSlot, at: std::time::Instant) {
        if let Some(wake) = self.0.get_mut(slot.index()) {
            *wake = Some(wake.map_or(at, |known| known.min(at)));
        }
    }

    /// When a plugin is to be woken.
    pub(crate) fn at(&self, slot: PluginSlot) -> Option<std::time::Instant> {
        self.0.get(slot.index()).copied().flatten()
    }

    /// The plugin is awake.
    pub(crate) fn clear(&mut self, slot: PluginSlot) {
        if let Some(wake) = self.0.get_mut(slot.index()) {
            *wake = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::EntityId;

    fn slot() -> PluginSlot {
        PluginSlot::new(3)
    }

    #[test]
    fn a_plugin_may_queue_so_many_commands_a_turn_and_no_more() {
        let mut queue = CommandQueue::new(4, CommandLimits { commands: 2, bytes: 100 });
        for _ in 0..2 {
            queue.push(slot(), QueuedCommand::Close(Target::Worker)).unwrap();
        }
        assert_eq!(queue.push(slot(), QueuedCommand::Close(Target::Worker)), Err(Full));
        assert!(queue.push(PluginSlot::new(0), QueuedCommand::Close(Target::Worker)).is_ok());
        assert_eq!((queue.refused(slot()), queue.refused(PluginSlot::new(0))), (1, 0));
        queue.begin_turn();
        assert!(queue.push(slot(), QueuedCommand::Close(Target::Worker)).is_ok());
    }

    #[test]
    fn bytes_are_bounded_and_stay_good_until_the_queue_was_found_empty() {
        let mut queue = CommandQueue::new(4, CommandLimits { commands: 10, bytes: 8 });
        let to = TransportId::from_raw(crate::control::RawId::new(0, 0, 0));
        queue.push_bytes(slot(), b"12345", |b| QueuedCommand::SendRtcp(to, b)).unwrap();
        assert_eq!(queue.push_bytes(slot(), b"6789", |b| QueuedCommand::SendRtcp(to, b)), Err(Full));
        let Some((_, QueuedCommand::SendRtcp(_, place))) = queue.pop() else { panic!() };
        queue.push_bytes(slot(), b"abc", |b| QueuedCommand::SendRtcp(to, b)).unwrap();
        assert_eq!(queue.bytes(&place), b"12345");
        while queue.pop().is_some() {}
        assert!(queue.push_bytes(slot(), b"12345678", |b| QueuedCommand::SendRtcp(to, b)).is_ok());
    }

    #[test]
    fn bytes_of_one_plugin_leave_the_others_their_own() {
        let mut queue = CommandQueue::new(4, CommandLimits { commands: 10, bytes: 8 });
        let to = TransportId::from_raw(crate::control::RawId::new(0, 0, 0));
        let other = PluginSlot::new(0);
        queue.push_bytes(slot(), b"12345678", |b| QueuedCommand::SendRtcp(to, b)).unwrap();
        assert_eq!(queue.push_bytes(slot(), b"9", |b| QueuedCommand::SendRtcp(to, b)), Err(Full));
        queue.push_bytes(other, b"abcdefgh", |b| QueuedCommand::SendRtcp(to, b)).unwrap();
        let Some((_, QueuedCommand::SendRtcp(_, first))) = queue.pop() else { panic!() };
        let Some((_, QueuedCommand::SendRtcp(_, second))) = queue.pop() else { panic!() };
        assert_eq!((queue.bytes(&first), queue.bytes(&second)), (&b"12345678"[..], &b"abcdefgh"[..]));
        assert_eq!((queue.refused(slot()), queue.refused(other)), (1, 0));
    }

    #[test]
    fn who_takes_no_more_than_there_is_makes_room_all_the_same() {
        let mut queue = CommandQueue::new(4, CommandLimits { commands: 10, bytes: 8 });
        let to = TransportId::from_raw(crate::control::RawId::new(0, 0, 0));
        for _ in 0..2 {
            queue.push_bytes(slot(), b"1234", |b| QueuedCommand::SendRtcp(to, b)).unwrap();
        }
        let Some((_, QueuedCommand::SendRtcp(_, place))) = queue.pop() else { panic!() };
        queue.reclaim();
        assert_eq!(queue.bytes(&place), b"1234", "another one waits");
        assert!(queue.pop().is_some());
        queue.reclaim();
        assert!(queue.push_bytes(slot(), b"12345678", |b| QueuedCommand::SendRtcp(to, b)).is_ok());
    }

    #[test]
    fn fixed_size_commands_are_small_and_need_no_memory() {
        assert!(size_of::<QueuedCommand>() <= 40, "{}", size_of::<QueuedCommand>());
        let mut queue = CommandQueue::new(1, CommandLimits::default());
        let before = queue.queue.capacity();
        for _ in 0..1024 {
            queue.push(PluginSlot::new(0), QueuedCommand::Pause(Target::Worker)).unwrap();
        }
        assert_eq!(queue.queue.capacity(), before);
    }
}
