//! Live streams and their peers, as the figures of transports show them.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::Json;
use axum::extract::State;
use sfu_core::control::{
    Command, ConsumerId, ConsumerStats, ControlError, DtlsState, ErrorKind, IceState, Labels, MediaKind,
    ProducerId, ProducerStats, RouterId, SessionId, StreamStats, Target, TransportId, TransportStats,
    TransportTuple, WorkerStats,
};

use crate::api::{Api, to_the_end};
use crate::body::Id;
use crate::error::ApiError;
use crate::routers;
use crate::stream_name::StreamName;

/// All live streams by name.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub(crate) struct StreamList {
    streams: Vec<Stream>,
}

/// What is published and watched under one name (the label `stream`).
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub(crate) struct Stream {
    /// Its name.
    name: String,
    /// Something is published.
    live: bool,
    /// Who publishes.
    publishers: Vec<Peer>,
    /// Who watches.
    viewers: Vec<Peer>,
}

/// One transport of a stream.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Peer {
    transport: TransportId,
    router: RouterId,
    /// Can be kicked; plain RTP has none.
    session: Option<SessionId>,
    labels: Labels,
    ice_state: Option<IceState>,
    dtls_state: Option<DtlsState>,
    tuple: Option<TransportTuple>,
    /// Bit/s over the last second.
    receive_bitrate: u32,
    /// Bit/s over the last second.
    send_bitrate: u32,
    /// Milliseconds.
    round_trip_time: Option<f32>,
    producers: Vec<Produced>,
    consumers: Vec<Consumed>,
}

/// A producer in brief; `GET /stats?target=producer:…` has the rest.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Produced {
    id: ProducerId,
    kind: MediaKind,
    paused: bool,
    /// `video/VP8`, once something was sent.
    codec: Option<String>,
    /// Its encodings that sent something.
    encodings: Vec<Encoding>,
}

/// A consumer in brief.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Consumed {
    id: ConsumerId,
    producer: ProducerId,
    kind: MediaKind,
    paused: bool,
    encoding: Encoding,
}

/// One RTP stream in brief.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Encoding {
    ssrc: u32,
    rid: Option<String>,
    /// Bit/s over the last second.
    bitrate: u32,
    packets_lost: i64,
    /// 0–10.
    score: u8,
    /// Width and height, where the codec shows them.
    resolution: Option<(u16, u16)>,
}

/// What was closed.
#[derive(Debug, Default, serde::Serialize, schemars::JsonSchema)]
pub(crate) struct Closed {
    /// Sessions, with their transports.
    sessions: Vec<SessionId>,
    /// Transports without a session, or whose session also serves other streams.
    transports: Vec<TransportId>,
    /// Routers that served this stream alone.
    routers: Vec<RouterId>,
}

/// `GET /streams`.
pub(crate) async fn list(State(api): State<Api>) -> Result<Json<StreamList>, ApiError> {
    let stats = api.control.stats(Target::Worker).await?;
    Ok(Json(StreamList { streams: streams(&stats).into_values().collect() }))
}

/// `GET /streams/{name}`.
pub(crate) async fn one(State(api): State<Api>, Id(name): Id<StreamName>) -> Result<Json<Stream>, ApiError> {
    let stats = api.control.stats(Target::Worker).await?;
    streams(&stats).remove(name.as_str()).map(Json).ok_or_else(|| not_live(&name))
}

/// `DELETE /streams/{name}`.
pub(crate) async fn close(
    State(api): State<Api>,
    Id(name): Id<StreamName>,
) -> Result<Json<Closed>, ApiError> {
    to_the_end(async move {
        // Nobody may begin plain RTP into a router that is about to be closed.
        let mut made = api.made.lock().await;
        let stats = api.control.stats(Target::Worker).await?;
        let mut closed = what_to_close(&stats, name.as_str());
        if let Some(router) = made.routers.remove(name.as_str())
            && !closed.routers.contains(&router)
            && !stats
                .transports
                .iter()
                .any(|transport| transport.router == router && !is_of(transport, name.as_str()))
        {
            closed.routers.push(router);
        }
        if closed.sessions.is_empty() && closed.transports.is_empty() && closed.routers.is_empty() {
            return Err(not_live(&name));
        }
        // Sessions first: so their signaling crates learn that it was asked for.
        let sessions = closed.sessions.iter().map(|id| Command::CloseSession(*id));
        let transports = closed.transports.iter().map(|id| Command::CloseTransport(*id));
        let routers = closed.routers.iter().map(|id| Command::CloseRouter(*id));
        for command in sessions.chain(transports).chain(routers) {
            gone_is_fine(api.control.run(command).await)?;
        }
        tracing::info!(stream = %name, "admin: the stream was closed by request");
        Ok(Json(closed))
    })
    .await
}

fn not_live(name: &StreamName) -> ApiError {
    ApiError::not_found(format!("api.streams: nobody publishes or watches `{name}`"))
}

/// What closed by itself meanwhile needs no closing.
pub(crate) fn gone_is_fine(outcome: Result<(), ControlError>) -> Result<(), ControlError> {
    outcome.or_else(|error| if error.kind == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Whether a transport belongs to a stream.
pub(crate) fn is_of(transport: &TransportStats, stream: &str) -> bool {
    transport.labels.get("stream") == Some(stream)
}

/// Sessions and routers that serve other streams too stay; of those the stream's transports are closed one by one.
fn what_to_close(stats: &WorkerStats, name: &str) -> Closed {
    let mut sessions = BTreeSet::new();
    let mut routers = BTreeSet::new();
    let mut transports = Vec::new();
    for transport in stats.transports.iter().filter(|transport| is_of(transport, name)) {
        let mut others = stats.transports.iter().filter(|other| !is_of(other, name));
        if others.all(|other| other.router != transport.router) {
            routers.insert(transport.router);
        }
        let alone = |id: &SessionId| {
            stats.transports.iter().all(|other| other.session != Some(*id) || is_of(other, name))
        };
        match transport.session.filter(alone) {
            Some(session) => {
                sessions.insert(session);
            }
            None => transports.push(transport.id),
        }
    }
    Closed { sessions: sessions.into_iter().collect(), transports, routers: routers.into_iter().collect() }
}

/// All streams by name.
fn streams(stats: &WorkerStats) -> BTreeMap<&str, Stream> {
    let mut producers: HashMap<TransportId, Vec<Produced>> = HashMap::new();
    for producer in &stats.producers {
        producers.entry(producer.transport).or_default().push(Produced::new(producer));
    }
    let mut consumers: HashMap<TransportId, Vec<Consumed>> = HashMap::new();
    for consumer in &stats.consumers {
        consumers.entry(consumer.transport).or_default().push(Consumed::new(consumer));
    }
    let mut streams: BTreeMap<&str, Stream> = BTreeMap::new();
    for transport in &stats.transports {
        let Some(name) = transport.labels.get("stream") else { continue };
        let stream = streams.entry(name).or_insert_with(|| Stream {
            name: name.to_owned(),
            live: false,
            publishers: Vec::new(),
            viewers: Vec::new(),
        });
        let peer = Peer::new(
            transport,
            producers.remove(&transport.id).unwrap_or_default(),
            consumers.remove(&transport.id).unwrap_or_default(),
        );
        let publishes = match transport.labels.get("role") {
            Some(role) => role == routers::PUBLISHER,
            None => !peer.producers.is_empty(),
        };
        stream.live |= publishes && !peer.producers.is_empty();
        if publishes { stream.publishers.push(peer) } else { stream.viewers.push(peer) }
    }
    streams
}

impl Peer {
    fn new(transport: &TransportStats, producers: Vec<Produced>, consumers: Vec<Consumed>) -> Peer {
        Peer {
            transport: transport.id,
            router: transport.router,
            session: transport.session,
            labels: transport.labels.clone(),
            ice_state: transport.ice_state,
            dtls_state: transport.dtls_state,
            tuple: transport.tuple,
            receive_bitrate: transport.receive_bitrate,
            send_bitrate: transport.send_bitrate,
            round_trip_time: transport.round_trip_time,
            producers,
            consumers,
        }
    }
}

impl Produced {
    fn new(producer: &ProducerStats) -> Produced {
        Produced {
            id: producer.id,
            kind: producer.kind,
            paused: producer.paused,
            codec: producer.streams.iter().map(|s| &s.mime_type).find(|mime| !mime.is_empty()).cloned(),
            encodings: producer.streams.iter().map(Encoding::new).collect(),
        }
    }
}

impl Consumed {
    fn new(consumer: &ConsumerStats) -> Consumed {
        Consumed {
            id: consumer.id,
            producer: consumer.producer,
            kind: consumer.kind,
            paused: consumer.paused || consumer.producer_paused,
            encoding: Encoding::new(&consumer.stream),
        }
    }
}

impl Encoding {
    fn new(stream: &StreamStats) -> Encoding {
        Encoding {
            ssrc: stream.ssrc,
            rid: stream.rid.clone(),
            bitrate: stream.bitrate,
            packets_lost: stream.packets_lost,
            score: stream.score,
            resolution: stream.resolution,
        }
    }
}
