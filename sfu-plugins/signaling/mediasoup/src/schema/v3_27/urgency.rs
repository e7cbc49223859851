use super::notification::Event;
use crate::channel::{Droppable, Topic, Urgency};

impl Event {
    /// What becomes of such a notification while the library does not read.
    pub fn urgency(self) -> Urgency {
        use Event::*;
        match self {
            ConsumerRtp => Urgency::Droppable(Droppable::Rtp),
            DirectTransportRtcp => Urgency::Droppable(Droppable::Rtcp),
            DataConsumerMessage => Urgency::Droppable(Droppable::Data),
            TransportTrace | ProducerTrace | ConsumerTrace => Urgency::Droppable(Droppable::Trace),
            ProducerScore | ConsumerScore => Urgency::Newest(Topic::Score),
            // Silence is the newest volume too.
            AudioLevelObserverVolumes | AudioLevelObserverSilence => Urgency::Newest(Topic::Volumes),
            ActiveSpeakerObserverDominantSpeaker => Urgency::Newest(Topic::Speaker),
            ConsumerLayersChange => Urgency::Newest(Topic::Layers),
            // Peers cause these as often as they like, and the newest says all.
            ProducerVideoOrientationChange => Urgency::Newest(Topic::Orientation),
            WebRtcTransportIceSelectedTupleChange => Urgency::Newest(Topic::SelectedTuple),
            DataConsumerBufferedAmountLow => Urgency::Newest(Topic::BufferedAmountLow),
            DataConsumerSctpSendBufferFull => Urgency::Newest(Topic::SendBufferFull),
            // Those to the worker are never sent.
            WorkerClose
            | TransportSendRtcp
            | ProducerSend
            | DataProducerSend
            | WorkerRunning
            | TransportSctpStateChange
            | TransportSctpNegotiatedCapabilities
            | WebRtcTransportIceStateChange
            | WebRtcTransportDtlsStateChange
            | PlainTransportTuple
            | PlainTransportRtcpTuple
            | ConsumerProducerPause
            | ConsumerProducerResume
            | ConsumerProducerClose
            | DataConsumerDataProducerPause
            | DataConsumerDataProducerResume
            | DataConsumerDataProducerClose => Urgency::Kept,
        }
    }
}
