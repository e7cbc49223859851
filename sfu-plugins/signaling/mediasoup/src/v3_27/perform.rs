use super::Desk;
use super::data_consumer::SubchannelsChange;
use super::lookup::wrong_handler;
use crate::refusal::Refusal;
use crate::registry::Kind;
use crate::schema::v3_27::call::Call;
use crate::schema::v3_27::data_consumer::{
    AddSubchannelResponse, RemoveSubchannelResponse, SetSubchannelsResponse,
};
use crate::schema::v3_27::response::Body;

/// What a request is answered with.
pub(super) type Answer = Result<Option<Body>, Refusal>;

impl Desk {
    /// Does what a request asks for.
    pub(super) async fn perform(&mut self, id: &str, call: Call) -> Answer {
        let method = call.kind();
        match call {
            Call::WorkerDump => Ok(Some(self.worker_dump())),
            Call::WorkerGetResourceUsage => self.worker_usage(),
            Call::WorkerUpdateSettings(body) => self.worker_update_settings(body),
            Call::WorkerCreateWebRtcServer(body) => self.create_webrtc_server(body, method).await,
            Call::WorkerCreateRouter(body) => self.create_router(&body.router_id, method).await,
            Call::WorkerWebRtcServerClose(body) => {
                self.close_webrtc_server(&body.web_rtc_server_id, method).await
            }
            Call::WorkerCloseRouter(body) => self.close_router(&body.router_id, method).await,
            Call::WebRtcServerDump => self.webrtc_server_dump(id, method).await,
            Call::RouterDump => self.router_dump(id, method),
            Call::RouterCreateWebRtcTransport(body) | Call::RouterCreateWebRtcTransportWithServer(body) => {
                self.create_webrtc_transport(id, body, method).await
            }
            Call::RouterCreatePlainTransport(body) => self.create_plain_transport(id, body, method).await,
            Call::RouterCreatePipeTransport(body) => self.create_pipe_transport(id, body, method).await,
            Call::RouterCreateDirectTransport(body) => self.create_direct_transport(id, body, method).await,
            Call::RouterCloseTransport(body) => self.close_transport(id, &body.transport_id, method).await,
            Call::RouterCreateActiveSpeakerObserver(body) => {
                self.create_active_speaker_observer(id, body, method).await
            }
            Call::RouterCreateAudioLevelObserver(body) => {
                self.create_audio_level_observer(id, body, method).await
            }
            Call::RouterCloseRtpObserver(body) => {
                self.close_rtp_observer(id, &body.rtp_observer_id, method).await
            }
            Call::TransportDump => self.transport_dump(id, method).await,
            Call::TransportGetStats => self.transport_stats(id, method).await,
            // A method of 3.x worker's past: each kind of transport has its own.
            Call::TransportConnect => {
                self.handler_of(id, method, Kind::Transport)?;
                Err(wrong_handler(id, method))
            }
            Call::TransportSetMaxIncomingBitrate(body) => {
                self.set_max_incoming_bitrate(id, body.max_incoming_bitrate, method).await
            }
            Call::TransportSetMaxOutgoingBitrate(body) => {
                self.set_max_outgoing_bitrate(id, body.max_outgoing_bitrate, method).await
            }
            Call::TransportSetMinOutgoingBitrate(body) => {
                self.set_min_outgoing_bitrate(id, body.min_outgoing_bitrate, method).await
            }
            Call::TransportRestartIce => self.restart_ice(id, method).await,
            Call::TransportProduce(body) => self.produce(id, body, method).await,
            Call::TransportProduceData(body) => self.produce_data(id, body, method).await,
            Call::TransportConsume(body) => self.consume(id, body, method).await,
            Call::TransportConsumeData(body) => self.consume_data(id, body, method).await,
            Call::TransportEnableTraceEvent(body) => self.trace_transport(id, &body.events, method).await,
            Call::TransportCloseProducer(body) => self.close_producer(id, &body.producer_id, method).await,
            Call::TransportCloseConsumer(body) => self.close_consumer(id, &body.consumer_id, method).await,
            Call::TransportCloseDataProducer(body) => {
                self.close_data_producer(id, &body.data_producer_id, method).await
            }
            Call::TransportCloseDataConsumer(body) => {
                self.close_data_consumer(id, &body.data_consumer_id, method).await
            }
            Call::PlainTransportConnect(body) => self.connect_plain_transport(id, body, method).await,
            Call::PipeTransportConnect(body) => self.connect_pipe_transport(id, body, method).await,
            Call::WebRtcTransportConnect(body) => self.connect_webrtc_transport(id, body, method).await,
            Call::ProducerDump => self.producer_dump(id, method).await,
            Call::ProducerGetStats => self.producer_stats(id, method).await,
            Call::ProducerPause => self.pause_producer(id, method).await,
            Call::ProducerResume => self.resume_producer(id, method).await,
            Call::ProducerEnableTraceEvent(body) => self.trace_producer(id, &body.events, method).await,
            Call::ConsumerDump => self.consumer_dump(id, method).await,
            Call::ConsumerGetStats => self.consumer_stats(id, method).await,
            Call::ConsumerPause => self.pause_consumer(id, method).await,
            Call::ConsumerResume => self.resume_consumer(id, method).await,
            Call::ConsumerSetPreferredLayers(body) => self.set_preferred_layers(id, body, method).await,
            Call::ConsumerSetPriority(body) => self.set_priority(id, body.priority, method).await,
            Call::ConsumerRequestKeyFrame => self.request_key_frame(id, method).await,
            Call::ConsumerEnableTraceEvent(body) => self.trace_consumer(id, &body.events, method).await,
            Call::DataProducerDump => self.data_producer_dump(id, method).await,
            Call::DataProducerGetStats => self.data_producer_stats(id, method).await,
            Call::DataProducerPause => self.pause_data_producer(id, true, method).await,
            Call::DataProducerResume => self.pause_data_producer(id, false, method).await,
            Call::DataConsumerDump => self.data_consumer_dump(id, method).await,
            Call::DataConsumerGetStats => self.data_consumer_stats(id, method).await,
            Call::DataConsumerPause => self.pause_data_consumer(id, true, method).await,
            Call::DataConsumerResume => self.pause_data_consumer(id, false, method).await,
            Call::DataConsumerGetBufferedAmount => self.buffered_amount(id, method).await,
            Call::DataConsumerSetBufferedAmountLowThreshold(body) => {
                self.set_buffered_amount_low_threshold(id, body.threshold, method).await
            }
            Call::DataConsumerSend(body) => self.send_to_data_consumer(id, body, method).await,
            Call::DataConsumerSetSubchannels(body) => {
                let subchannels =
                    self.subchannels(id, SubchannelsChange::Set(body.subchannels), method).await?;
                Ok(Some(Body::DataConsumerSetSubchannelsResponse(SetSubchannelsResponse { subchannels })))
            }
            Call::DataConsumerAddSubchannel(body) => {
                let subchannels =
                    self.subchannels(id, SubchannelsChange::Add(body.subchannel), method).await?;
                Ok(Some(Body::DataConsumerAddSubchannelResponse(AddSubchannelResponse { subchannels })))
            }
            Call::DataConsumerRemoveSubchannel(body) => {
                let subchannels =
                    self.subchannels(id, SubchannelsChange::Remove(body.subchannel), method).await?;
                Ok(Some(Body::DataConsumerRemoveSubchannelResponse(RemoveSubchannelResponse { subchannels })))
            }
            Call::RtpObserverPause => self.pause_rtp_observer(id, true, method).await,
            Call::RtpObserverResume => self.pause_rtp_observer(id, false, method).await,
            Call::RtpObserverAddProducer(body) => self.observe(id, &body.producer_id, method).await,
            Call::RtpObserverRemoveProducer(body) => self.unobserve(id, &body.producer_id, method).await,
        }
    }
}
