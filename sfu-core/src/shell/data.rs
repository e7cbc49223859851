//! Data channel messages: past the ingress hooks, to everybody who gets them, past the egress hooks.
use std::time::Instant;

use bytes::Bytes;

use super::{Pace, Shell, Surroundings};
use crate::control::{CloseReason, DataConsumerId, DataProducerId};
use crate::engine::{DataForOthers, IngressData, RelayedData};
use crate::plugin::{
    Below, DataMessage, Hooks, Mode, Moment, Past, PluginSet, PluginSlot, Recipients, Timed, Untimed, Verdict,
};
use crate::transport::sctp::Subchannels;

/// Buffers of messages in the hands of hooks, recycled from message to message.
#[derive(Debug, Default)]
pub(super) struct DataDesk {
    /// Who gets the message; has its memory once plugins look at messages.
    recipients: Option<Box<Recipients>>,
    /// One data consumer's copy, and the list with that one alone.
    copy: Vec<u8>,
    single: Recipients,
}

/// One message on its way to data consumers.
#[derive(Clone, Copy)]
struct Message<'m> {
    from: DataProducerId,
    ppid: u32,
    payload: &'m Bytes,
    subchannels: &'m Subchannels,
}

impl<S: PluginSet, X: Surroundings<S>> Shell<S, X> {
    /// A message that the network, signaling or a plugin (`by`) put into a data producer.
    pub(super) fn data(&mut self, now: Instant, message: IngressData, by: Option<PluginSlot>) {
        match (by, self.pace == Pace::Timed) {
            (None, false) => self.take_data(now, message, by, Untimed),
            (None, true) => self.take_data(now, message, by, Timed),
            (Some(slot), false) => self.take_data(now, message, by, Below(slot, Untimed)),
            (Some(slot), true) => self.take_data(now, message, by, Below(slot, Timed)),
        }
    }

    fn take_data<M: Mode>(
        &mut self,
        now: Instant,
        mut message: IngressData,
        by: Option<PluginSlot>,
        mode: M,
    ) {
        let from = message.from;
        let is_watched =
            S::HOOKS.contains(Hooks::DATA_IN) && self.plugins.tables.data_producer.mask(from) != 0;
        if !is_watched {
            let payload = Bytes::copy_from_slice(&message.buffers.payload);
            let mut index = 0;
            while let Some((to, wants)) = self.engine.recipient(&message, index) {
                index += 1;
                if wants {
                    self.give_data(now, to, Message::of(&message, &payload), mode.out());
                }
            }
            self.engine.relay_data(Message::of(&message, &payload).elsewhere(by));
            return self.engine.recycle(message.buffers);
        }
        let mut recipients = self.data.recipients.take().unwrap_or_else(|| Box::new(Recipients::new()));
        self.engine.preset_recipients(&message, &mut recipients);
        recipients.begin();
        let moment = Moment { now, view: &self.engine };
        let mut view = DataMessage::new(&mut message.buffers.payload, message.ppid, from, &mut recipients);
        let verdict = self.plugins.data_in(from, &mut view, moment, mode);
        message.ppid = view.ppid();
        if verdict == Verdict::Forward {
            let payload = Bytes::copy_from_slice(&message.buffers.payload);
            let own = self.engine.worker();
            for to in recipients.iter().filter(|to| to.worker() == own) {
                if self.engine.may_receive(from, to) && self.engine.takes_data(to) {
                    self.give_data(now, to, Message::of(&message, &payload), mode.out());
                } else {
                    self.engine.counters.plugin_commands_void += 1;
                }
            }
            let elsewhere = Message::of(&message, &payload).elsewhere(by);
            if recipients.are_chosen() {
                self.engine.relay_data_to(elsewhere, recipients.iter().filter(|to| to.worker() != own));
            } else {
                self.engine.relay_data(elsewhere);
            }
            self.engine.recycle(message.buffers);
        } else {
            self.engine.drop_data_in(message);
        }
        self.data.recipients = Some(recipients);
    }

    /// A message of another thread's data producer, past the ingress hooks there.
    pub(super) fn relayed_data(&mut self, now: Instant, message: &RelayedData) {
        let by = message.by.map(PluginSlot::new);
        let mut index = 0;
        while let Some((to, wants)) = self.engine.recipient_of_relayed(message, index) {
            index += 1;
            if !wants {
                continue;
            }
            let RelayedData { from, ppid, payload, subchannels, .. } = message;
            let given = Message { from: *from, ppid: *ppid, payload, subchannels };
            match (by, self.pace == Pace::Timed) {
                (None, false) => self.give_data(now, to, given, Untimed),
                (None, true) => self.give_data(now, to, given, Timed),
                (Some(slot), false) => self.give_data(now, to, given, Past(slot, Untimed)),
                (Some(slot), true) => self.give_data(now, to, given, Past(slot, Timed)),
            }
        }
        self.after_packet(now);
    }

    /// Sends a message to one data consumer, unless a hook drops it.
    fn give_data<M: Mode>(&mut self, now: Instant, to: DataConsumerId, message: Message<'_>, mode: M) {
        let Message { from, mut ppid, payload, subchannels } = message;
        let mut own = None;
        if S::HOOKS.contains(Hooks::DATA_OUT) && self.plugins.tables.data_consumer.mask(to) != 0 {
            let mut copy = std::mem::take(&mut self.data.copy);
            copy.clear();
            copy.extend_from_slice(payload);
            self.data.single.clear();
            self.data.single.push(to);
            let moment = Moment { now, view: &self.engine };
            let mut view = DataMessage::new(&mut copy, ppid, from, &mut self.data.single);
            let verdict = self.plugins.data_out(to, &mut view, moment, mode);
            ppid = view.ppid();
            own = (copy != payload[..]).then(|| Bytes::copy_from_slice(&copy));
            self.data.copy = copy;
            if verdict == Verdict::Drop {
                return self.engine.drop_data_out(to);
            }
        }
        // What was not sent is counted there.
        let _ = self.engine.send_data(now, to, ppid, own.as_ref().unwrap_or(payload), subchannels);
    }

    /// A plugin's message for one data consumer.
    pub(super) fn send_new_data(
        &mut self,
        now: Instant,
        slot: PluginSlot,
        to: DataConsumerId,
        ppid: u32,
        payload: &Bytes,
    ) {
        let Some(from) = self.engine.source_of(to).filter(|_| self.engine.takes_data(to)) else {
            self.engine.counters.plugin_commands_void += 1;
            return;
        };
        let subchannels = &Subchannels::default();
        let message = Message { from, ppid, payload, subchannels };
        match self.pace == Pace::Timed {
            true => self.give_data(now, to, message, Below(slot, Timed)),
            false => self.give_data(now, to, message, Below(slot, Untimed)),
        }
    }

    /// A data consumer that was full takes messages again.
    pub(super) fn data_ready(&mut self, now: Instant, id: DataConsumerId) {
        if S::HOOKS.contains(Hooks::DATA_READY) {
            self.plugins.data_ready(id, Moment { now, view: &self.engine });
        }
    }

    /// The peer has closed a data channel.
    pub(super) fn data_channel_closed(&mut self, now: Instant, id: DataConsumerId) {
        self.closing(now, id.into());
        let _ = self.engine.close_data_consumer(now, id, CloseReason::Peer);
    }
}

impl<'m> Message<'m> {
    fn of(message: &'m IngressData, payload: &'m Bytes) -> Self {
        let subchannels = &message.buffers.subchannels;
        Message { from: message.from, ppid: message.ppid, payload, subchannels }
    }

    /// The same for other media threads.
    fn elsewhere(self, by: Option<PluginSlot>) -> DataForOthers<'m> {
        let Message { from, ppid, payload, subchannels } = self;
        DataForOthers { from, ppid, payload, subchannels, by: by.map(PluginSlot::index) }
    }
}
