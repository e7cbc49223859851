//! One receiver's copy of a data producer.
use crate::control::{
    DataConsumerDump, DataConsumerId, DataConsumerOptions, DataConsumerStats, DataPath, DataProducerId,
    Labels, RouterId, TransportId,
};
use crate::transport::sctp::Subchannels;

/// A data consumer.
#[derive(Debug)]
pub(crate) struct DataConsumer {
    /// Its id.
    pub(crate) id: DataConsumerId,
    /// What its messages leave by.
    pub(crate) transport: TransportId,
    /// Its router.
    pub(crate) router: RouterId,
    /// Its data producer.
    pub(crate) data_producer: DataProducerId,
    /// What its messages leave by.
    pub(crate) path: DataPath,
    /// Label of the data channel.
    pub(crate) label: String,
    /// Sub-protocol of the data channel.
    pub(crate) protocol: String,
    /// Paused by command.
    pub(crate) paused: bool,
    /// Its data producer is paused.
    pub(crate) producer_paused: bool,
    /// Subchannels that it wants, in order, each once.
    subchannels: Vec<u16>,
    /// It leads to another worker, whose data consumers have wishes of their own.
    pub(crate) is_pipe: bool,
    /// Its labels.
    pub(crate) labels: Labels,
    /// It refused a message, and has not been found ready since.
    pub(crate) is_full: bool,
    /// Messages sent.
    pub(crate) messages: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Messages dropped because too many bytes waited, or they were too long.
    pub(crate) dropped: u64,
    /// Messages that plugins dropped.
    pub(crate) dropped_by_plugins: u64,
}

impl DataConsumer {
    /// A data consumer that has sent nothing.
    pub(crate) fn new(
        id: DataConsumerId,
        transport: TransportId,
        router: RouterId,
        options: DataConsumerOptions,
        transport_labels: &Labels,
    ) -> Self {
        let DataConsumerOptions { data_producer, path, label, protocol, paused, subchannels, labels } =
            options;
        let mut consumer = DataConsumer {
            id,
            transport,
            router,
            data_producer,
            path,
            label,
            protocol,
            paused,
            producer_paused: false,
            subchannels: Vec::new(),
            is_pipe: false,
            labels: labels.inherit(transport_labels),
            is_full: false,
            messages: 0,
            bytes: 0,
            dropped: 0,
            dropped_by_plugins: 0,
        };
        consumer.set_subchannels(subchannels);
        consumer
    }

    /// Subchannels that it wants.
    pub(crate) fn subchannels(&self) -> &[u16] {
        &self.subchannels
    }

    /// Replaces the subchannels that it wants.
    pub(crate) fn set_subchannels(&mut self, mut subchannels: Vec<u16>) {
        subchannels.sort_unstable();
        subchannels.dedup();
        self.subchannels = subchannels;
    }

    /// Wants one more.
    pub(crate) fn add_subchannel(&mut self, subchannel: u16) {
        if let Err(place) = self.subchannels.binary_search(&subchannel) {
            self.subchannels.insert(place, subchannel);
        }
    }

    /// Wants one no more.
    pub(crate) fn remove_subchannel(&mut self, subchannel: u16) {
        if let Ok(place) = self.subchannels.binary_search(&subchannel) {
            self.subchannels.remove(place);
        }
    }

    /// Whether it wants a subchannel.
    pub(crate) fn has(&self, subchannel: u16) -> bool {
        self.subchannels.binary_search(&subchannel).is_ok()
    }

    /// Whether a message is for it. One to another worker that wants nothing in particular carries everything; what is not for
    /// somebody there is sorted out there.
    pub(crate) fn wants(&self, message: &Subchannels) -> bool {
        if self.is_pipe && self.subchannels.is_empty() {
            return true;
        }
        message.required.is_none_or(|required| self.has(required))
            && (self.is_pipe || message.ignored.is_none_or(|ignored| !self.has(ignored)))
            && (message.any_of.is_empty() || message.any_of.iter().any(|subchannel| self.has(*subchannel)))
    }

    /// Its figures; so many bytes wait.
    pub(crate) fn stats(&self, buffered_amount: u32) -> DataConsumerStats {
        DataConsumerStats {
            id: self.id,
            data_producer: self.data_producer,
            transport: self.transport,
            labels: self.labels.clone(),
            label: self.label.clone(),
            protocol: self.protocol.clone(),
            messages: self.messages,
            bytes: self.bytes,
            buffered_amount,
            dropped: self.dropped,
            dropped_by_plugins: self.dropped_by_plugins,
        }
    }

    /// All that is known of it; so many bytes wait, of how many that is low.
    pub(crate) fn dump(&self, buffered_amount: u32, buffered_amount_low_threshold: u32) -> DataConsumerDump {
        DataConsumerDump {
            id: self.id,
            data_producer: self.data_producer,
            path: self.path,
            label: self.label.clone(),
            protocol: self.protocol.clone(),
            buffered_amount,
            buffered_amount_low_threshold,
            paused: self.paused,
            producer_paused: self.producer_paused,
            subchannels: self.subchannels.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{EntityId, RawId};

    fn consumer(subchannels: &[u16], is_pipe: bool) -> DataConsumer {
        let raw = RawId::new(0, 0, 0);
        let options = DataConsumerOptions {
            data_producer: DataProducerId::from_raw(raw),
            path: DataPath::Direct,
            label: String::new(),
            protocol: String::new(),
            paused: false,
            subchannels: subchannels.to_vec(),
            labels: Labels::new(),
        };
        let (id, transport, router) =
            (DataConsumerId::from_raw(raw), TransportId::from_raw(raw), RouterId::from_raw(raw));
        DataConsumer { is_pipe, ..DataConsumer::new(id, transport, router, options, &Labels::new()) }
    }

    fn message(any_of: &[u16], required: Option<u16>, ignored: Option<u16>) -> Subchannels {
        Subchannels { any_of: any_of.to_vec(), required, ignored }
    }

    #[test]
    fn a_message_is_for_those_that_want_any_of_its_subchannels_and_the_required_but_not_the_ignored_one() {
        let member = consumer(&[7, 3, 3, 5], false);
        assert_eq!(member.subchannels(), [3, 5, 7]);
        assert!(member.wants(&message(&[], None, None)));
        assert!(member.wants(&message(&[1, 5], None, None)));
        assert!(!member.wants(&message(&[1, 2], None, None)));
        assert!(member.wants(&message(&[5], Some(3), Some(9))));
        assert!(!member.wants(&message(&[5], Some(9), None)));
        assert!(!member.wants(&message(&[5], Some(3), Some(7))));
        let stranger = consumer(&[], false);
        assert!(stranger.wants(&message(&[], None, Some(1))));
        assert!(!stranger.wants(&message(&[1], None, None)) && !stranger.wants(&message(&[], Some(1), None)));
    }

    #[test]
    fn a_pipe_carries_everything_unless_it_wants_something_and_never_ignores() {
        let all = consumer(&[], true);
        assert!(all.wants(&message(&[1], Some(2), Some(3))));
        let some = consumer(&[1, 2], true);
        assert!(some.wants(&message(&[1], Some(2), Some(2))));
        assert!(!some.wants(&message(&[9], None, None)) && !some.wants(&message(&[1], Some(9), None)));
    }
}
