//! What a command is answered with.
use super::*;

/// The answer to a [`Command`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reply {
    /// It is done; there is nothing to say.
    Done,
    /// A session was made.
    Session(SessionId),
    /// A router was made.
    Router(RouterId),
    /// A WebRTC transport was made.
    WebRtcTransport(WebRtcTransportCreated),
    /// A plain transport was made or connected.
    PlainTransport(PlainTransportCreated),
    /// A transport to another worker was made or connected.
    PipeTransport(PlainTransportCreated),
    /// A direct transport was made.
    DirectTransport(TransportId),
    /// A server of ports was made.
    WebRtcServer(WebRtcServerId),
    /// Our DTLS role.
    DtlsRole(DtlsRole),
    /// Our new ICE credentials.
    IceParameters(IceParameters),
    /// A producer was made.
    Producer(ProducerCreated),
    /// What a producer sends.
    ProducerDescription(Box<ProducerDescription>),
    /// A consumer was made.
    Consumer(ConsumerId),
    /// The layers that a consumer's receiver wants at the most, of those that there are.
    Layers(Option<Layers>),
    /// A data producer was made.
    DataProducer(DataProducerId),
    /// A data consumer was made.
    DataConsumer(DataConsumerId),
    /// Bytes that wait to be sent to a data consumer.
    BufferedAmount(u32),
    /// All subchannels that a data consumer wants.
    Subchannels(Vec<u16>),
    /// An observer was made.
    RtpObserver(RtpObserverId),
    /// All that is known of an entity.
    Dump(Dump),
    /// Figures.
    Stats(WorkerStats),
    /// A producer may be carried to another media thread.
    #[doc(hidden)]
    Relay(Box<RelayOffer>),
    /// A plugin's answer.
    Json(serde_json::Value),
    /// A plugin took a new configuration on one media thread; it had this one before.
    #[doc(hidden)]
    Reconfigured(serde_json::Value),
}

impl Reply {
    /// One reply out of those of every media thread: figures are merged, plugins' answers become one array.
    pub(crate) fn merge(replies: Vec<Reply>) -> Reply {
        let mut answers = Vec::new();
        let mut merged: Option<WorkerStats> = None;
        for reply in replies {
            match reply {
                Reply::Json(value) => answers.push(value),
                Reply::Stats(stats) => match &mut merged {
                    Some(all) => all.merge(stats),
                    None => merged = Some(stats),
                },
                _ => {}
            }
        }
        match merged {
            Some(stats) => Reply::Stats(stats),
            None if !answers.is_empty() => Reply::Json(serde_json::Value::Array(answers)),
            None => Reply::Done,
        }
    }
}

/// A new WebRTC transport, as signaling describes it to the peer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebRtcTransportCreated {
    /// Its id.
    pub id: TransportId,
    /// Our credentials.
    pub ice_parameters: IceParameters,
    /// Our candidates, best first.
    pub ice_candidates: Vec<IceCandidate>,
    /// Our fingerprints.
    pub dtls_parameters: DtlsParameters,
}

/// A plain transport's addresses.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlainTransportCreated {
    /// Its id.
    pub id: TransportId,
    /// RTP path.
    pub tuple: TransportTuple,
    /// RTCP path, without `rtcp_mux`.
    pub rtcp_tuple: Option<TransportTuple>,
    /// Our SRTP key, with `srtp`.
    pub srtp_parameters: Option<SrtpParameters>,
}

/// What a producer sends, and how the router knows it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProducerDescription {
    /// The producer.
    pub id: ProducerId,
    /// Its router.
    pub router: RouterId,
    /// Audio or video.
    pub kind: MediaKind,
    /// Its labels.
    pub labels: Labels,
    /// What the peer sends.
    pub rtp_parameters: RtpParameters,
    /// How that maps to the router's payload types and SSRCs.
    pub rtp_mapping: RtpMapping,
    /// Nothing is forwarded.
    pub paused: bool,
}

/// A new producer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ProducerCreated {
    /// Its id.
    pub id: ProducerId,
    /// The kind of consumer that fits it.
    pub kind: ConsumerType,
}
