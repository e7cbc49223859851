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
    /// A data producer may be carried to another media thread.
    #[doc(hidden)]
    DataRelay(DataOffer),
    /// What a router carries on one media thread.
    #[doc(hidden)]
    RouterWeight(Box<RouterWeight>),
    /// The parts of a server of ports.
    #[doc(hidden)]
    ServerParts(Box<ServerParts>),
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
        let mut dumped: Option<WebRtcServerDump> = None;
        for reply in replies {
            match reply {
                Reply::Json(value) => answers.push(value),
                Reply::Dump(Dump::WebRtcServer(dump)) => match &mut dumped {
                    Some(all) => all.merge(dump),
                    None => dumped = Some(dump),
                },
                Reply::Stats(stats) => match &mut merged {
                    Some(all) => all.merge(stats),
                    None => merged = Some(stats),
                },
                _ => {}
            }
        }
        match merged {
            Some(stats) => Reply::Stats(stats),
            None if dumped.is_some() => {
                dumped.map_or(Reply::Done, |dump| Reply::Dump(Dump::WebRtcServer(dump)))
            }
            None if !answers.is_empty() => Reply::Json(serde_json::Value::Array(answers)),
            None => Reply::Done,
        }
    }
}

impl Reply {
    /// One answer of a plugin out of those of a router and its parts, the router's first: lists are joined, of all else the first
    /// counts.
    pub(crate) fn merge_requests(replies: Vec<Reply>) -> Reply {
        let answers = replies.into_iter().filter_map(|reply| match reply {
            Reply::Json(value) => Some(value),
            _ => None,
        });
        answers
            .reduce(|mut all, more| {
                join(&mut all, more);
                all
            })
            .map_or(Reply::Done, Reply::Json)
    }
}

fn join(all: &mut serde_json::Value, more: serde_json::Value) {
    use serde_json::Value;
    match (all, more) {
        (Value::Array(all), Value::Array(more)) => all.extend(more),
        (Value::Object(all), Value::Object(more)) => {
            for (name, value) in more {
                match all.get_mut(&name) {
                    Some(known) => join(known, value),
                    None => {
                        all.insert(name, value);
                    }
                }
            }
        }
        _ => {}
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
