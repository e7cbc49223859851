//! What the library and the worker tell each other without an answer.
use super::{
    active_speaker_observer, audio_level_observer, consumer, data_consumer, data_producer, direct_transport,
    plain_transport, producer, transport, webrtc_transport,
};
use crate::flat::schema;

schema! {
    namespace "Notification";

    /// The first four go to the worker, the others come from it.
    enum Event {
        WorkerClose = 0,
        TransportSendRtcp = 1,
        ProducerSend = 2,
        DataProducerSend = 3,
        WorkerRunning = 4,
        TransportSctpStateChange = 5,
        TransportSctpNegotiatedCapabilities = 6,
        TransportTrace = 7,
        WebRtcTransportIceSelectedTupleChange = 8,
        WebRtcTransportIceStateChange = 9,
        WebRtcTransportDtlsStateChange = 10,
        PlainTransportTuple = 11,
        PlainTransportRtcpTuple = 12,
        DirectTransportRtcp = 13,
        ProducerScore = 14,
        ProducerTrace = 15,
        ProducerVideoOrientationChange = 16,
        ConsumerProducerPause = 17,
        ConsumerProducerResume = 18,
        ConsumerProducerClose = 19,
        ConsumerLayersChange = 20,
        ConsumerRtp = 21,
        ConsumerScore = 22,
        ConsumerTrace = 23,
        DataConsumerBufferedAmountLow = 24,
        DataConsumerSctpSendBufferFull = 25,
        DataConsumerDataProducerPause = 26,
        DataConsumerDataProducerResume = 27,
        DataConsumerDataProducerClose = 28,
        DataConsumerMessage = 29,
        ActiveSpeakerObserverDominantSpeaker = 30,
        AudioLevelObserverSilence = 31,
        AudioLevelObserverVolumes = 32,
    }

    union Body {
        TransportSendRtcpNotification(transport::SendRtcpNotification) = 1,
        TransportSctpStateChangeNotification(transport::SctpStateChangeNotification) = 2,
        TransportSctpNegotiatedCapabilitiesNotification(
            transport::SctpNegotiatedCapabilitiesNotification
        ) = 3,
        ProducerSendNotification(producer::SendNotification) = 4,
        DataProducerSendNotification(data_producer::SendNotification) = 5,
        TransportTraceNotification(transport::TraceNotification) = 6,
        WebRtcTransportIceSelectedTupleChangeNotification(
            webrtc_transport::IceSelectedTupleChangeNotification
        ) = 7,
        WebRtcTransportIceStateChangeNotification(webrtc_transport::IceStateChangeNotification) = 8,
        WebRtcTransportDtlsStateChangeNotification(webrtc_transport::DtlsStateChangeNotification) = 9,
        PlainTransportTupleNotification(plain_transport::TupleNotification) = 10,
        PlainTransportRtcpTupleNotification(plain_transport::RtcpTupleNotification) = 11,
        DirectTransportRtcpNotification(direct_transport::RtcpNotification) = 12,
        ProducerScoreNotification(producer::ScoreNotification) = 13,
        ProducerTraceNotification(producer::TraceNotification) = 14,
        ProducerVideoOrientationChangeNotification(producer::VideoOrientationChangeNotification) = 15,
        ConsumerLayersChangeNotification(consumer::LayersChangeNotification) = 16,
        ConsumerRtpNotification(consumer::RtpNotification) = 17,
        ConsumerScoreNotification(consumer::ScoreNotification) = 18,
        ConsumerTraceNotification(consumer::TraceNotification) = 19,
        DataConsumerMessageNotification(data_consumer::MessageNotification) = 20,
        DataConsumerBufferedAmountLowNotification(data_consumer::BufferedAmountLowNotification) = 21,
        ActiveSpeakerObserverDominantSpeakerNotification(
            active_speaker_observer::DominantSpeakerNotification
        ) = 22,
        AudioLevelObserverVolumesNotification(audio_level_observer::VolumesNotification) = 23,
    }

    table Notification {
        /// The entity that it is about; of a worker, its process id.
        handler_id: String,
        event: Event,
        body: Option<Body>,
    }
}
