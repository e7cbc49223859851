//! A notification to the worker with the body that its event has.
use super::notification::{Body, Event};
use super::{data_producer, producer, transport};
use crate::schema::pairs::pairs;

pairs! {
    /// What the library tells the worker without waiting for an answer.
    pub enum Notice: Event, Body {
        WorkerClose,
        TransportSendRtcp(TransportSendRtcpNotification: transport::SendRtcpNotification),
        ProducerSend(ProducerSendNotification: producer::SendNotification),
        DataProducerSend(DataProducerSendNotification: data_producer::SendNotification),
    }
}
