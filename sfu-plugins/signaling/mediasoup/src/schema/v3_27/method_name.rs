use super::request::Method;

const ENTITIES: [(&str, &str); 12] = [
    ("Worker", "worker"),
    ("WebRtcServer", "webRtcServer"),
    ("Router", "router"),
    ("Transport", "transport"),
    ("PlainTransport", "plainTransport"),
    ("PipeTransport", "pipeTransport"),
    ("WebRtcTransport", "webRtcTransport"),
    ("Producer", "producer"),
    ("Consumer", "consumer"),
    ("DataProducer", "dataProducer"),
    ("DataConsumer", "dataConsumer"),
    ("RtpObserver", "rtpObserver"),
];

impl Method {
    /// As texts for people have it: `transport.getStats`.
    pub fn name(self) -> String {
        // The one whose words are in another order.
        if self == Self::WorkerWebRtcServerClose {
            return "worker.closeWebRtcServer".into();
        }
        let whole = format!("{self:?}");
        let parts = ENTITIES.iter().find_map(|(prefix, entity)| Some((entity, whole.strip_prefix(prefix)?)));
        match parts {
            Some((entity, action)) => {
                let (first, rest) = action.split_at(1);
                format!("{entity}.{}{rest}", first.to_lowercase())
            }
            None => whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_called_as_the_library_calls_them() {
        for (method, name) in [
            (Method::WorkerDump, "worker.dump"),
            (Method::WorkerWebRtcServerClose, "worker.closeWebRtcServer"),
            (Method::WebRtcServerDump, "webRtcServer.dump"),
            (Method::RouterCreateWebRtcTransportWithServer, "router.createWebRtcTransportWithServer"),
            (Method::TransportGetStats, "transport.getStats"),
            (Method::WebRtcTransportConnect, "webRtcTransport.connect"),
            (Method::DataConsumerSetBufferedAmountLowThreshold, "dataConsumer.setBufferedAmountLowThreshold"),
            (Method::RtpObserverRemoveProducer, "rtpObserver.removeProducer"),
        ] {
            assert_eq!(method.name(), name);
        }
        for method in Method::ALL {
            let name = method.name();
            let (entity, action) = name.split_once('.').expect("an entity, and what is done");
            assert!([entity, action].iter().all(|part| part.starts_with(char::is_lowercase)), "{name}");
        }
    }
}
