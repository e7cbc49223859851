//! A source of data channel messages.
use super::data_relay::DataRelay;
use crate::control::{
    DataConsumerId, DataPath, DataProducerDump, DataProducerId, DataProducerOptions, DataProducerStats,
    Labels, RouterId, TransportId,
};

/// A data producer.
#[derive(Debug)]
pub(crate) struct DataProducer {
    /// Its id.
    pub(crate) id: DataProducerId,
    /// What its messages arrive on.
    pub(crate) transport: TransportId,
    /// Its router.
    pub(crate) router: RouterId,
    /// What its messages arrive by.
    pub(crate) path: DataPath,
    /// Label of the data channel.
    pub(crate) label: String,
    /// Sub-protocol of the data channel.
    pub(crate) protocol: String,
    /// Paused by command: messages are dropped.
    pub(crate) paused: bool,
    /// Its labels.
    pub(crate) labels: Labels,
    /// Who gets its messages.
    pub(crate) consumers: Vec<DataConsumerId>,
    /// Media threads that its messages go to, too.
    pub(crate) relays: Vec<DataRelay>,
    /// Messages received.
    pub(crate) messages: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Messages that plugins dropped.
    pub(crate) dropped_by_plugins: u64,
}

impl DataProducer {
    /// A data producer without data consumers.
    pub(crate) fn new(
        id: DataProducerId,
        transport: TransportId,
        router: RouterId,
        options: DataProducerOptions,
        transport_labels: &Labels,
    ) -> Self {
        let DataProducerOptions { path, label, protocol, paused, labels } = options;
        DataProducer {
            id,
            transport,
            router,
            path,
            label,
            protocol,
            paused,
            labels: labels.inherit(transport_labels),
            consumers: Vec::new(),
            relays: Vec::new(),
            messages: 0,
            bytes: 0,
            dropped_by_plugins: 0,
        }
    }

    /// Its figures.
    pub(crate) fn stats(&self) -> DataProducerStats {
        DataProducerStats {
            id: self.id,
            transport: self.transport,
            labels: self.labels.clone(),
            label: self.label.clone(),
            protocol: self.protocol.clone(),
            messages: self.messages,
            bytes: self.bytes,
            dropped_by_plugins: self.dropped_by_plugins,
        }
    }

    /// All that is known of it.
    pub(crate) fn dump(&self) -> DataProducerDump {
        DataProducerDump {
            id: self.id,
            path: self.path,
            label: self.label.clone(),
            protocol: self.protocol.clone(),
            paused: self.paused,
        }
    }
}
