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
