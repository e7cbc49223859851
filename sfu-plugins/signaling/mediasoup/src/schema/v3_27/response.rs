//! What the worker answers.
use super::{
    consumer, data_consumer, data_producer, direct_transport, pipe_transport, plain_transport, producer,
    router, transport, webrtc_server, webrtc_transport, worker,
};
use crate::flat::schema;
use crate::refusal::Refusal;

schema! {
    namespace "Response";

    union Body {
        WorkerDumpResponse(worker::DumpResponse) = 1,
        WorkerResourceUsageResponse(worker::ResourceUsageResponse) = 2,
        WebRtcServerDumpResponse(webrtc_server::DumpResponse) = 3,
        RouterDumpResponse(router::DumpResponse) = 4,
        TransportProduceResponse(transport::ProduceResponse) = 5,
        TransportConsumeResponse(transport::ConsumeResponse) = 6,
        TransportRestartIceResponse(transport::RestartIceResponse) = 7,
        PlainTransportConnectResponse(plain_transport::ConnectResponse) = 8,
        PlainTransportDumpResponse(plain_transport::DumpResponse) = 9,
        PlainTransportGetStatsResponse(plain_transport::GetStatsResponse) = 10,
        PipeTransportConnectResponse(pipe_transport::ConnectResponse) = 11,
        PipeTransportDumpResponse(pipe_transport::DumpResponse) = 12,
        PipeTransportGetStatsResponse(pipe_transport::GetStatsResponse) = 13,
        DirectTransportDumpResponse(direct_transport::DumpResponse) = 14,
        DirectTransportGetStatsResponse(direct_transport::GetStatsResponse) = 15,
        WebRtcTransportConnectResponse(webrtc_transport::ConnectResponse) = 16,
        WebRtcTransportDumpResponse(webrtc_transport::DumpResponse) = 17,
        WebRtcTransportGetStatsResponse(webrtc_transport::GetStatsResponse) = 18,
        ProducerDumpResponse(producer::DumpResponse) = 19,
        ProducerGetStatsResponse(producer::GetStatsResponse) = 20,
        ConsumerDumpResponse(consumer::DumpResponse) = 21,
        ConsumerGetStatsResponse(consumer::GetStatsResponse) = 22,
        ConsumerSetPreferredLayersResponse(consumer::SetPreferredLayersResponse) = 23,
        ConsumerSetPriorityResponse(consumer::SetPriorityResponse) = 24,
        DataProducerDumpResponse(data_producer::DumpResponse) = 25,
        DataProducerGetStatsResponse(data_producer::GetStatsResponse) = 26,
        DataConsumerGetBufferedAmountResponse(data_consumer::GetBufferedAmountResponse) = 27,
        DataConsumerDumpResponse(data_consumer::DumpResponse) = 28,
        DataConsumerGetStatsResponse(data_consumer::GetStatsResponse) = 29,
        DataConsumerSendResponse(data_consumer::SendResponse) = 30,
        DataConsumerSetSubchannelsResponse(data_consumer::SetSubchannelsResponse) = 31,
        DataConsumerAddSubchannelResponse(data_consumer::AddSubchannelResponse) = 32,
        DataConsumerRemoveSubchannelResponse(data_consumer::RemoveSubchannelResponse) = 33,
    }

    table Response {
        /// That of the request.
        id: u32,
        accepted: bool,
        body: Option<Body>,
        /// Which class of error the library throws: `Error`, `TypeError` or `NotFoundError`.
        error: Option<String>,
        reason: Option<String>,
    }
}

impl Response {
    /// It was done.
    pub fn accepted(id: u32, body: Option<Body>) -> Self {
        Self { id, accepted: true, body, error: None, reason: None }
    }

    /// It was not done.
    pub fn refused(id: u32, refusal: &Refusal) -> Self {
        let (error, reason) = (refusal.class.name().into(), refusal.reason.clone());
        Self { id, accepted: false, body: None, error: Some(error), reason: Some(reason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_which_error_the_library_throws() {
        let refused = Response::refused(3, &Refusal::no_handler("abc", "transport.dump"));
        assert!(!refused.accepted && refused.id == 3);
        assert_eq!(refused.error.unwrap(), "NotFoundError");
        assert_eq!(
            refused.reason.unwrap(),
            "Channel request handler with ID abc not found [method:transport.dump]"
        );
        assert_eq!(Response::refused(1, &Refusal::error("e")).error.unwrap(), "Error");
        assert_eq!(Response::refused(1, &Refusal::type_error("e")).error.unwrap(), "TypeError");
    }
}
