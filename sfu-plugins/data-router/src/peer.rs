//! One peer of a room.
use std::rc::Rc;
use std::time::{Duration, Instant};

use sfu_core::plugin::{DataConsumerId, DataProducerId, SessionId, TransportId};

use crate::budget::Budget;
use crate::label::Label;
use crate::message::Form;
use crate::settings::{Config, Options};
use crate::slab::Key;

/// How often a peer is told that it sends too much.
const RATE_TOLD: Duration = Duration::from_secs(1);

/// One device of a peer: all transports of one session, or one transport without a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Device {
    /// The transports of a session.
    Session(SessionId),
    /// A transport by itself.
    Transport(TransportId),
}

impl Device {
    /// That of a transport.
    pub(crate) fn of(session: Option<SessionId>, transport: TransportId) -> Self {
        session.map_or(Device::Transport(transport), Device::Session)
    }
}

/// A peer: everything with its name in its room.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its name.
    pub(crate) name: Label,
    /// Its room.
    pub(crate) room: Key,
    /// Where it sends.
    pub(crate) senders: Vec<DataProducerId>,
    /// Where it hears, the oldest first.
    pub(crate) ears: Vec<(DataConsumerId, Device)>,
    /// Where messages for it go: the oldest ear of each device.
    pub(crate) inboxes: Vec<DataConsumerId>,
    /// Groups that it is in.
    pub(crate) groups: Vec<Rc<str>>,
    /// Topics that it subscribes to.
    pub(crate) topics: Vec<Rc<str>>,
    /// It is told who comes and goes, in this form.
    pub(crate) watches: Option<Form>,
    /// Messages that were in one of the forms, or plain.
    pub(crate) messages: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Of them, those that were dropped.
    pub(crate) dropped: u64,
    /// The devices of the inboxes.
    devices: Vec<Device>,
    message_budget: Budget,
    byte_budget: Budget,
    errors: Budget,
    rate_told: Option<Instant>,
}

impl Peer {
    pub(crate) fn new(name: Label, room: Key, options: &Options, config: &Config, now: Instant) -> Self {
        let burst = Duration::from_millis(options.burst_ms.into());
        Peer {
            name,
            room,
            senders: Vec::new(),
            ears: Vec::new(),
            inboxes: Vec::new(),
            groups: Vec::new(),
            topics: Vec::new(),
            watches: None,
            messages: 0,
            bytes: 0,
            dropped: 0,
            devices: Vec::new(),
            message_budget: Budget::new(options.messages_per_second, burst, now),
            byte_budget: Budget::new(options.bytes_per_second, burst, now),
            errors: Budget::new(config.errors_per_second.into(), Duration::from_secs(1), now),
            rate_told: None,
        }
    }

    /// Counts a message; whether the peer may send it.
    #[inline]
    pub(crate) fn may_send(&mut self, now: Instant, bytes: usize) -> bool {
        self.messages += 1;
        self.bytes += bytes as u64;
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let may = self.message_budget.covers(now, 1) && self.byte_budget.covers(now, bytes);
        if may {
            self.message_budget.take(1);
            self.byte_budget.take(bytes);
        } else {
            self.dropped += 1;
        }
        may
    }

    /// Takes so many messages more off its budget: for what costs the worker more than one.
    pub(crate) fn charge(&mut self, messages: usize) {
        self.message_budget.take(u32::try_from(messages).unwrap_or(u32::MAX));
    }

    /// Whether it may be told now that it sends too much.
    pub(crate) fn may_hear_of_rate(&mut self, now: Instant) -> bool {
        let may = self.rate_told.is_none_or(|told| now.saturating_duration_since(told) >= RATE_TOLD);
        if may {
            self.rate_told = Some(now);
        }
        may
    }

    /// Whether it may be told now that something of it was wrong.
    pub(crate) fn may_hear_of_error(&mut self, now: Instant) -> bool {
        self.errors.spend(now)
    }

    /// Where one of its devices hears, else where any of them does.
    pub(crate) fn ear(&self, device: Device) -> Option<DataConsumerId> {
        let own = self.ears.iter().find(|(_, of)| *of == device);
        own.or(self.ears.first()).map(|(id, _)| *id)
    }

    /// It has another ear.
    pub(crate) fn add_ear(&mut self, id: DataConsumerId, device: Device) {
        self.ears.push((id, device));
        self.take_inbox(id, device);
    }

    /// Ears that `keep` says no to are gone.
    pub(crate) fn retain_ears(&mut self, mut keep: impl FnMut(DataConsumerId) -> bool) {
        let before = self.ears.len();
        self.ears.retain(|(id, _)| keep(*id));
        if self.ears.len() == before {
            return;
        }
        self.inboxes.clear();
        self.devices.clear();
        for (id, device) in std::mem::take(&mut self.ears) {
            self.add_ear(id, device);
        }
    }

    fn take_inbox(&mut self, id: DataConsumerId, device: Device) {
        if !self.devices.contains(&device) {
            self.devices.push(device);
            self.inboxes.push(id);
        }
    }

    /// Whether nothing of it is left.
    pub(crate) fn is_gone(&self) -> bool {
        self.senders.is_empty() && self.ears.is_empty()
    }
}
