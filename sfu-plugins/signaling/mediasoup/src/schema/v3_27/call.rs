//! A request with the body that its method has.
use super::request::{Body, Method};
use super::{
    consumer, data_consumer, pipe_transport, plain_transport, producer, router, rtp_observer, transport,
    webrtc_transport, worker,
};
use crate::schema::pairs::pairs;

pairs! {
    /// What a request asks for. All that the library can ask for is here.
    pub enum Call: Method, Body {
        WorkerDump,
        WorkerGetResourceUsage,
        WorkerUpdateSettings(WorkerUpdateSettingsRequest: worker::UpdateSettingsRequest),
        WorkerCreateWebRtcServer(WorkerCreateWebRtcServerRequest: worker::CreateWebRtcServerRequest),
        WorkerCreateRouter(WorkerCreateRouterRequest: worker::CreateRouterRequest),
        WorkerWebRtcServerClose(WorkerCloseWebRtcServerRequest: worker::CloseWebRtcServerRequest),
        WorkerCloseRouter(WorkerCloseRouterRequest: worker::CloseRouterRequest),
        WebRtcServerDump,
        RouterDump,
        RouterCreateWebRtcTransport(RouterCreateWebRtcTransportRequest: router::CreateWebRtcTransportRequest),
        RouterCreateWebRtcTransportWithServer(
            RouterCreateWebRtcTransportRequest: router::CreateWebRtcTransportRequest
        ),
        RouterCreatePlainTransport(RouterCreatePlainTransportRequest: router::CreatePlainTransportRequest),
        RouterCreatePipeTransport(RouterCreatePipeTransportRequest: router::CreatePipeTransportRequest),
        RouterCreateDirectTransport(RouterCreateDirectTransportRequest: router::CreateDirectTransportRequest),
        RouterCloseTransport(RouterCloseTransportRequest: router::CloseTransportRequest),
        RouterCreateActiveSpeakerObserver(
            RouterCreateActiveSpeakerObserverRequest: router::CreateActiveSpeakerObserverRequest
        ),
        RouterCreateAudioLevelObserver(
            RouterCreateAudioLevelObserverRequest: router::CreateAudioLevelObserverRequest
        ),
        RouterCloseRtpObserver(RouterCloseRtpObserverRequest: router::CloseRtpObserverRequest),
        TransportDump,
        TransportGetStats,
        TransportConnect,
        TransportSetMaxIncomingBitrate(
            TransportSetMaxIncomingBitrateRequest: transport::SetMaxIncomingBitrateRequest
        ),
        TransportSetMaxOutgoingBitrate(
            TransportSetMaxOutgoingBitrateRequest: transport::SetMaxOutgoingBitrateRequest
        ),
        TransportSetMinOutgoingBitrate(
            TransportSetMinOutgoingBitrateRequest: transport::SetMinOutgoingBitrateRequest
        ),
        TransportRestartIce,
        TransportProduce(TransportProduceRequest: transport::ProduceRequest),
        TransportProduceData(TransportProduceDataRequest: transport::ProduceDataRequest),
        TransportConsume(TransportConsumeRequest: transport::ConsumeRequest),
        TransportConsumeData(TransportConsumeDataRequest: transport::ConsumeDataRequest),
        TransportEnableTraceEvent(TransportEnableTraceEventRequest: transport::EnableTraceEventRequest),
        TransportCloseProducer(TransportCloseProducerRequest: transport::CloseProducerRequest),
        TransportCloseConsumer(TransportCloseConsumerRequest: transport::CloseConsumerRequest),
        TransportCloseDataProducer(TransportCloseDataProducerRequest: transport::CloseDataProducerRequest),
        TransportCloseDataConsumer(TransportCloseDataConsumerRequest: transport::CloseDataConsumerRequest),
        PlainTransportConnect(PlainTransportConnectRequest: plain_transport::ConnectRequest),
        PipeTransportConnect(PipeTransportConnectRequest: pipe_transport::ConnectRequest),
        WebRtcTransportConnect(WebRtcTransportConnectRequest: webrtc_transport::ConnectRequest),
        ProducerDump,
        ProducerGetStats,
        ProducerPause,
        ProducerResume,
        ProducerEnableTraceEvent(ProducerEnableTraceEventRequest: producer::EnableTraceEventRequest),
        ConsumerDump,
        ConsumerGetStats,
        ConsumerPause,
        ConsumerResume,
        ConsumerSetPreferredLayers(ConsumerSetPreferredLayersRequest: consumer::SetPreferredLayersRequest),
        ConsumerSetPriority(ConsumerSetPriorityRequest: consumer::SetPriorityRequest),
        ConsumerRequestKeyFrame,
        ConsumerEnableTraceEvent(ConsumerEnableTraceEventRequest: consumer::EnableTraceEventRequest),
        DataProducerDump,
        DataProducerGetStats,
        DataProducerPause,
        DataProducerResume,
        DataConsumerDump,
        DataConsumerGetStats,
        DataConsumerPause,
        DataConsumerResume,
        DataConsumerGetBufferedAmount,
        DataConsumerSetBufferedAmountLowThreshold(
            DataConsumerSetBufferedAmountLowThresholdRequest:
                data_consumer::SetBufferedAmountLowThresholdRequest
        ),
        DataConsumerSend(DataConsumerSendRequest: data_consumer::SendRequest),
        DataConsumerSetSubchannels(DataConsumerSetSubchannelsRequest: data_consumer::SetSubchannelsRequest),
        DataConsumerAddSubchannel(DataConsumerAddSubchannelRequest: data_consumer::AddSubchannelRequest),
        DataConsumerRemoveSubchannel(
            DataConsumerRemoveSubchannelRequest: data_consumer::RemoveSubchannelRequest
        ),
        RtpObserverPause,
        RtpObserverResume,
        RtpObserverAddProducer(RtpObserverAddProducerRequest: rtp_observer::AddProducerRequest),
        RtpObserverRemoveProducer(RtpObserverRemoveProducerRequest: rtp_observer::RemoveProducerRequest),
    }
}
