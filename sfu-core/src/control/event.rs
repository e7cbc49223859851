//! What a worker tells of its own accord.
use super::*;

/// Something that happened to an entity.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Event {
    /// The entity.
    pub target: Target,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventBody {
    /// The entity was made.
    Opened {
        /// Its labels.
        labels: Labels,
    },
    /// The entity is gone.
    Closed(CloseReason),
    /// ICE changed its state (transport).
    IceState(IceState),
    /// Another path is used (transport).
    SelectedTuple(TransportTuple),
    /// DTLS changed its state (transport).
    DtlsState(DtlsState),
    /// The peer's certificate in PEM, before DTLS is connected (transport).
    DtlsCertificate(String),
    /// SCTP changed its state (transport).
    SctpState(SctpState),
    /// Both sides of SCTP agreed on a number of streams (transport).
    SctpStreams(SctpStreams),
    /// The peer's address was learnt (plain transport).
    Tuple(TransportTuple),
    /// The peer's RTCP address was learnt (plain transport).
    RtcpTuple(TransportTuple),
    /// Paused (producer or consumer); for a consumer `by_producer` says who did it.
    Paused {
        /// The producer of the consumer was paused.
        by_producer: bool,
    },
    /// Resumed (producer or consumer).
    Resumed {
        /// The producer of the consumer was resumed.
        by_producer: bool,
    },
    /// The score of an encoding changed (producer) or of the outgoing stream (consumer), 0–10.
    Score {
        /// Encoding index.
        encoding: u8,
        /// Score.
        score: u8,
    },
    /// One of the scores behind a consumer changed (consumer).
    ConsumerScore(ConsumerScore),
    /// Other layers are forwarded; none: nothing (consumer).
    Layers(Option<Layers>),
    /// Fewer bytes wait than the threshold says (data consumer).
    BufferedAmountLow {
        /// Bytes that wait.
        buffered_amount: u32,
    },
    /// A message was dropped because too many bytes wait (data consumer).
    SendBufferFull,
    /// How loud producers are, loudest first (audio level observer).
    AudioLevels(Vec<AudioVolume>),
    /// All producers are quieter than the threshold, for the first time (audio level observer).
    Silence,
    /// Another producer has the floor (active speaker observer).
    DominantSpeaker(ProducerId),
    /// What was asked to be traced happened (transport, producer, consumer).
    Trace(Box<Trace>),
    /// A stream began: the first packet of an encoding arrived (producer).
    StreamStarted {
        /// Encoding index.
        encoding: u8,
        /// SSRC.
        ssrc: u32,
    },
    /// The camera turned (producer; 3GPP TS 26.114).
    VideoOrientation {
        /// Rear camera.
        camera: bool,
        /// Mirrored.
        flip: bool,
        /// Clockwise degrees.
        rotation: u16,
    },
    /// The peer asked for a key frame (consumer).
    KeyFrameRequested,
    /// A media thread leaves out more, or less, than before, because more comes than it can carry (worker). Audio is never left out.
    Overload {
        /// Index of the media thread.
        worker: u8,
        /// 0: everything is forwarded; 1: no retransmissions, no NACKs, no probing; 2: not the highest layers either; 3: the lowest
        /// layers alone, and some consumers in turn get no video.
        level: u8,
    },
    /// A plugin pushed a message to a session, for its signaling crate to deliver.
    SessionPush {
        /// The plugin's id.
        plugin: String,
        /// Body.
        body: serde_json::Value,
        /// The request that it answers, if any.
        transaction: Option<String>,
        /// An SDP to go with it: `{type, sdp}`.
        jsep: Option<serde_json::Value>,
    },
    /// A plugin's own event.
    Plugin {
        /// The plugin's id.
        plugin: String,
        /// Body.
        body: serde_json::Value,
    },
    /// A plugin panicked, was detached, rebuilt or quarantined.
    PluginFault {
        /// The plugin's id.
        plugin: String,
        /// What was done about it.
        step: String,
        /// The panic's or the overrun's text.
        text: String,
    },
}

/// How well what a consumer sends arrives, and what its producer sends.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerScore {
    /// Of the outgoing stream, 0–10.
    pub score: u8,
    /// Of the encoding that is forwarded, 0–10.
    pub producer_score: u8,
    /// Of all encodings of the producer.
    pub producer_scores: Vec<u8>,
}

/// Why an entity closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// A command closed it.
    Requested,
    /// What it belongs to closed.
    Parent,
    /// The peer closed DTLS or said BYE.
    Peer,
    /// A plugin refused or closed it.
    Plugin,
    /// The worker stops.
    Shutdown,
}
