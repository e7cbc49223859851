//! A notification from the worker with the body that its event has.
use super::notification::{Body, Event, Notification};
use super::{
    active_speaker_observer, audio_level_observer, consumer, data_consumer, direct_transport,
    plain_transport, producer, transport, webrtc_transport,
};
use crate::schema::pairs::pairs;

pairs! {
    /// What the worker tells the library.
    pub enum Report: Event, Body {
        WorkerRunning,
        TransportSctpStateChange(
            TransportSctpStateChangeNotification: transport::SctpStateChangeNotification
        ),
        TransportSctpNegotiatedCapabilities(
            TransportSctpNegotiatedCapabilitiesNotification: transport::SctpNegotiatedCapabilitiesNotification
        ),
        TransportTrace(TransportTraceNotification: transport::TraceNotification),
        WebRtcTransportIceSelectedTupleChange(
            WebRtcTransportIceSelectedTupleChangeNotification:
                webrtc_transport::IceSelectedTupleChangeNotification
        ),
        WebRtcTransportIceStateChange(
            WebRtcTransportIceStateChangeNotification: webrtc_transport::IceStateChangeNotification
        ),
        WebRtcTransportDtlsStateChange(
            WebRtcTransportDtlsStateChangeNotification: webrtc_transport::DtlsStateChangeNotification
        ),
        PlainTransportTuple(PlainTransportTupleNotification: plain_transport::TupleNotification),
        PlainTransportRtcpTuple(PlainTransportRtcpTupleNotification: plain_transport::RtcpTupleNotification),
        DirectTransportRtcp(DirectTransportRtcpNotification: direct_transport::RtcpNotification),
        ProducerScore(ProducerScoreNotification: producer::ScoreNotification),
        ProducerTrace(ProducerTraceNotification: producer::TraceNotification),
        ProducerVideoOrientationChange(
            ProducerVideoOrientationChangeNotification: producer::VideoOrientationChangeNotification
        ),
        ConsumerProducerPause,
        ConsumerProducerResume,
        ConsumerProducerClose,
        ConsumerLayersChange(ConsumerLayersChangeNotification: consumer::LayersChangeNotification),
        ConsumerRtp(ConsumerRtpNotification: consumer::RtpNotification),
        ConsumerScore(ConsumerScoreNotification: consumer::ScoreNotification),
        ConsumerTrace(ConsumerTraceNotification: consumer::TraceNotification),
        DataConsumerBufferedAmountLow(
            DataConsumerBufferedAmountLowNotification: data_consumer::BufferedAmountLowNotification
        ),
        DataConsumerSctpSendBufferFull,
        DataConsumerDataProducerPause,
        DataConsumerDataProducerResume,
        DataConsumerDataProducerClose,
        DataConsumerMessage(DataConsumerMessageNotification: data_consumer::MessageNotification),
        ActiveSpeakerObserverDominantSpeaker(
            ActiveSpeakerObserverDominantSpeakerNotification:
                active_speaker_observer::DominantSpeakerNotification
        ),
        AudioLevelObserverSilence,
        AudioLevelObserverVolumes(
            AudioLevelObserverVolumesNotification: audio_level_observer::VolumesNotification
        ),
    }
}

impl Report {
    /// The notification about the entity `handler_id`.
    pub fn about(self, handler_id: impl Into<String>) -> Notification {
        Notification { handler_id: handler_id.into(), event: self.kind(), body: self.into_body() }
    }
}
