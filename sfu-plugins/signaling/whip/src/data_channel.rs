//! The data channel of a session: one, on stream 0, to and from the worker.
use sfu_core::control::{
    ControlError, DataConsumerOptions, DataPath, DataProducerOptions, Labels, SctpStreamParameters,
    TransportId,
};

use crate::hub::Hub;

/// Its stream. It is the first channel that a browser opens by itself, and the one of `{ negotiated: true, id: 0 }`.
const STREAM: u16 = 0;
/// The label that plugins see.
const LABEL: &str = "data";

/// Takes messages from a session's client, and gives it an inbox.
///
/// Whom a message is for is a plugin's to say. Without one it comes back to who sent it: a data consumer has to consume
/// something, and what belongs to another session would end with that one.
pub(crate) async fn make(hub: &Hub, transport: TransportId, labels: Labels) -> Result<(), ControlError> {
    let path = DataPath::Sctp(SctpStreamParameters {
        stream_id: STREAM,
        ordered: true,
        max_packet_life_time: None,
        max_retransmits: None,
    });
    let options = DataProducerOptions {
        path,
        label: LABEL.into(),
        protocol: String::new(),
        paused: false,
        labels: labels.clone(),
    };
    let data_producer = hub.control.produce_data(transport, options).await?;
    let options = DataConsumerOptions {
        data_producer,
        path,
        label: LABEL.into(),
        protocol: String::new(),
        paused: false,
        subchannels: Vec::new(),
        labels,
    };
    hub.control.consume_data(transport, options).await.map(|_| ())
}
