//! What a worker can be told to do.
use std::net::IpAddr;
use std::time::Duration;

use super::*;

/// One command to the media thread that owns its target; answered by one [`Reply`].
///
/// The reply of each variant is named in its documentation; all others answer [`Reply::Done`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Command {
    /// Makes a session. Answers [`Reply::Session`].
    CreateSession(CreateSession),
    /// Ends a session and the transports that belong to it.
    CloseSession(SessionId),
    /// Makes a router. Answers [`Reply::Router`].
    CreateRouter {
        /// Its labels.
        labels: Labels,
    },
    /// Closes a router and all in it.
    CloseRouter(RouterId),
    /// Makes a WebRTC transport. Answers [`Reply::WebRtcTransport`].
    CreateWebRtcTransport {
        /// Its router.
        router: RouterId,
        /// Options.
        options: WebRtcTransportOptions,
    },
    /// Gives the peer's DTLS parameters, once. Answers [`Reply::DtlsRole`] with our role.
    ConnectWebRtcTransport {
        /// The transport.
        transport: TransportId,
        /// The peer's parameters.
        dtls_parameters: DtlsParameters,
    },
    /// New ICE credentials; the old ones stay good until the new ones are used. Answers [`Reply::IceParameters`].
    RestartIce(TransportId),
    /// Makes a plain RTP transport. Answers [`Reply::PlainTransport`].
    CreatePlainTransport {
        /// Its router.
        router: RouterId,
        /// Options.
        options: PlainTransportOptions,
    },
    /// Gives the peer's address, once. Answers [`Reply::PlainTransport`].
    ConnectPlainTransport {
        /// The transport.
        transport: TransportId,
        /// The peer.
        peer: ConnectPlainTransport,
    },
    /// Closes a transport and what it carries.
    CloseTransport(TransportId),
    /// Limits what the peer may send, in bit/s; 0 lifts the limit.
    SetMaxIncomingBitrate {
        /// The transport.
        transport: TransportId,
        /// Bits per second.
        bitrate: u32,
    },
    /// Limits what is sent to the peer, in bit/s; 0 lifts the limit.
    SetMaxOutgoingBitrate {
        /// The transport.
        transport: TransportId,
        /// Bits per second.
        bitrate: u32,
    },
    /// Takes media from a transport. Answers [`Reply::Producer`].
    Produce {
        /// The transport that it arrives on.
        transport: TransportId,
        /// Options.
        options: ProducerOptions,
    },
    /// What a producer sends, for signaling that did not make it itself. Answers [`Reply::ProducerDescription`].
    DescribeProducer(ProducerId),
    /// Closes a producer and its consumers, but for those that outlive it.
    CloseProducer(ProducerId),
    /// Forwards nothing of a producer until resumed.
    PauseProducer(ProducerId),
    /// Forwards it again, a key frame first.
    ResumeProducer(ProducerId),
    /// Sends a producer's media over a transport. Answers [`Reply::Consumer`].
    Consume {
        /// The transport that it leaves by.
        transport: TransportId,
        /// Options.
        options: ConsumerOptions,
    },
    /// Closes a consumer.
    CloseConsumer(ConsumerId),
    /// Sends nothing to a consumer until resumed.
    PauseConsumer(ConsumerId),
    /// Sends again, a key frame first.
    ResumeConsumer(ConsumerId),
    /// Moves a consumer to another producer of the same kind and codec; sequence and time go on, a key frame comes first.
    SwitchConsumer {
        /// The consumer.
        consumer: ConsumerId,
        /// Its new producer.
        producer: ProducerId,
    },
    /// Asks the producer behind a consumer for a key frame.
    RequestKeyFrame(ConsumerId),
    /// Asks a producer for a key frame (all its encodings).
    RequestProducerKeyFrame(ProducerId),
    /// Chooses spatial and temporal layer of a consumer at the most.
    SetPreferredLayers {
        /// The consumer.
        consumer: ConsumerId,
        /// Spatial layer or encoding index.
        spatial: u8,
        /// Temporal layer; `None` for all.
        temporal: Option<u8>,
    },
    /// Weighs a consumer against the others of its transport, 1–255.
    SetPriority {
        /// The consumer.
        consumer: ConsumerId,
        /// Weight.
        priority: u8,
    },
    /// Replaces the labels of an entity.
    SetLabels {
        /// The entity.
        target: Target,
        /// New labels.
        labels: Labels,
    },
    /// Figures of the target and what is below it. Answers [`Reply::Stats`].
    Stats(Target),
    /// Switches a plugin on for a target and all below it.
    EnablePlugin {
        /// The plugin's id.
        plugin: String,
        /// The target.
        target: Target,
        /// The plugin's `Options`.
        options: serde_json::Value,
    },
    /// Switches a plugin off for a target and all below it.
    DisablePlugin {
        /// The plugin's id.
        plugin: String,
        /// The target.
        target: Target,
    },
    /// Asks a plugin. Answers [`Reply::Json`].
    PluginRequest {
        /// The plugin's id.
        plugin: String,
        /// What it is about.
        target: Target,
        /// The plugin's `Request`.
        body: serde_json::Value,
    },
    /// Carries a producer to another media thread; [`ControlHandle::consume`] does it where it is needed.
    #[doc(hidden)]
    Relay(RelayCommand),
    /// Gives a plugin a new configuration: on all media threads, or on none if one of them refuses.
    ReconfigurePlugin {
        /// The plugin's id.
        plugin: String,
        /// Its table, as in the configuration file. `enabled` and `options` stay as they are where they are left out; of the
        /// plugin's own fields those that are left out take their defaults.
        config: serde_json::Value,
    },
}

impl Command {
    /// What the command is about: decides the media thread. `None` for what makes a session or a router.
    pub fn target(&self) -> Option<Target> {
        Some(match self {
            Command::CreateSession(_) | Command::CreateRouter { .. } => return None,
            Command::CloseSession(id) => (*id).into(),
            Command::CloseRouter(id) => (*id).into(),
            Command::CreateWebRtcTransport { router, .. } | Command::CreatePlainTransport { router, .. } => {
                (*router).into()
            }
            Command::ConnectWebRtcTransport { transport, .. }
            | Command::ConnectPlainTransport { transport, .. }
            | Command::RestartIce(transport)
            | Command::CloseTransport(transport)
            | Command::SetMaxIncomingBitrate { transport, .. }
            | Command::SetMaxOutgoingBitrate { transport, .. }
            | Command::Produce { transport, .. }
            | Command::Consume { transport, .. } => (*transport).into(),
            Command::DescribeProducer(id)
            | Command::CloseProducer(id)
            | Command::PauseProducer(id)
            | Command::ResumeProducer(id)
            | Command::RequestProducerKeyFrame(id) => (*id).into(),
            Command::CloseConsumer(id)
            | Command::PauseConsumer(id)
            | Command::ResumeConsumer(id)
            | Command::RequestKeyFrame(id)
            | Command::SwitchConsumer { consumer: id, .. }
            | Command::SetPreferredLayers { consumer: id, .. }
            | Command::SetPriority { consumer: id, .. } => (*id).into(),
            Command::SetLabels { target, .. }
            | Command::Stats(target)
            | Command::EnablePlugin { target, .. }
            | Command::DisablePlugin { target, .. }
            | Command::PluginRequest { target, .. } => *target,
            Command::Relay(RelayCommand(RelayStep::Offer { producer, .. })) => (*producer).into(),
            Command::Relay(RelayCommand(RelayStep::Accept { transport, .. })) => (*transport).into(),
            Command::ReconfigurePlugin { .. } => Target::Worker,
        })
    }
}

/// A step of carrying a producer to another media thread.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub struct RelayCommand(pub(crate) RelayStep);

/// See [`RelayCommand`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RelayStep {
    /// Begin to send its packets to `worker`. Answers [`Reply::Relay`].
    Offer { producer: ProducerId, worker: u8 },
    /// Make the copy that stands for it, in the router of a transport. Answers [`Reply::Producer`].
    Accept { offer: Box<RelayOffer>, transport: TransportId },
}

/// What a copy needs to know of the producer that it stands for.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub struct RelayOffer {
    pub(crate) origin: ProducerId,
    pub(crate) kind: MediaKind,
    pub(crate) parameters: RtpParameters,
    pub(crate) mapping: RtpMapping,
    pub(crate) labels: Labels,
    pub(crate) paused: bool,
}

/// Options of a session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CreateSession {
    /// Id of the signaling crate that it belongs to (`whip`, `janus` …).
    pub signaling: String,
    /// Labels, taken over by its transports.
    pub labels: Labels,
}

/// Options of a WebRTC transport.
#[derive(Debug, Clone, PartialEq)]
pub struct WebRtcTransportOptions {
    /// The session that it belongs to.
    pub session: Option<SessionId>,
    /// Labels.
    pub labels: Labels,
    /// Sockets.
    pub listen: TransportListen,
    /// Offer UDP candidates.
    pub enable_udp: bool,
    /// Offer TCP passive candidates.
    pub enable_tcp: bool,
    /// Give UDP candidates the higher priority.
    pub prefer_udp: bool,
    /// Give TCP candidates the higher priority.
    pub prefer_tcp: bool,
    /// How long without a check until consent is lost; zero: never. Clamped to 10–60 s (shorter ones are for tests).
    pub ice_consent_timeout: Duration,
    /// What we assume the peer can receive at first, bit/s.
    pub initial_outgoing_bitrate: u32,
}

impl Default for WebRtcTransportOptions {
    fn default() -> Self {
        WebRtcTransportOptions {
            session: None,
            labels: Labels::new(),
            listen: TransportListen::Shared,
            enable_udp: true,
            enable_tcp: true,
            prefer_udp: true,
            prefer_tcp: false,
            ice_consent_timeout: Duration::from_secs(30),
            initial_outgoing_bitrate: 600_000,
        }
    }
}

/// Options of a plain RTP transport.
#[derive(Debug, Clone, PartialEq)]
pub struct PlainTransportOptions {
    /// The session that it belongs to.
    pub session: Option<SessionId>,
    /// Labels.
    pub labels: Labels,
    /// Socket for RTP (and RTCP with `rtcp_mux`).
    pub listen: ListenInfo,
    /// Socket for RTCP without `rtcp_mux`; by default the same address and another port.
    pub rtcp_listen: Option<ListenInfo>,
    /// RTP and RTCP on one port (RFC 5761).
    pub rtcp_mux: bool,
    /// Learn the peer's address from its first packet.
    pub comedia: bool,
    /// Protect with SRTP under keys given in `connect`; the suite of our key.
    pub srtp: Option<SrtpCryptoSuite>,
}

/// On any port, RTP and RTCP together, without SRTP, to a peer that `connect` names.
impl Default for PlainTransportOptions {
    fn default() -> Self {
        PlainTransportOptions {
            session: None,
            labels: Labels::new(),
            listen: ListenInfo::default(),
            rtcp_listen: None,
            rtcp_mux: true,
            comedia: false,
            srtp: None,
        }
    }
}

/// The peer of a plain RTP transport.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConnectPlainTransport {
    /// Its address; not given with `comedia`.
    pub ip: Option<IpAddr>,
    /// Its RTP port; not given with `comedia`.
    pub port: Option<u16>,
    /// Its RTCP port; only without `rtcp_mux`.
    pub rtcp_port: Option<u16>,
    /// Its SRTP key; only with `srtp`.
    pub srtp: Option<SrtpParameters>,
}

/// Options of a producer.
#[derive(Debug, Clone, PartialEq)]
pub struct ProducerOptions {
    /// Audio or video.
    pub kind: MediaKind,
    /// What the peer sends.
    pub rtp_parameters: RtpParameters,
    /// How that maps to the router's payload types and SSRCs.
    pub rtp_mapping: RtpMapping,
    /// Begin paused.
    pub paused: bool,
    /// Least time between two key frame requests to the peer.
    pub key_frame_request_delay: Duration,
    /// Labels.
    pub labels: Labels,
}

impl ProducerOptions {
    /// What the peer sends; the router knows it by the same payload types and SSRCs.
    pub fn new(kind: MediaKind, rtp_parameters: RtpParameters) -> Self {
        ProducerOptions {
            kind,
            rtp_mapping: RtpMapping::identity(&rtp_parameters),
            rtp_parameters,
            paused: false,
            key_frame_request_delay: Duration::ZERO,
            labels: Labels::new(),
        }
    }
}

/// How a consumer chooses among a producer's encodings.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ConsumerType {
    /// One encoding, forwarded as it is.
    #[default]
    Simple,
    /// One of several encodings at a time.
    Simulcast,
    /// Layers of one encoding.
    Svc,
    /// All encodings, ids kept.
    Pipe,
}

/// Options of a consumer.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerOptions {
    /// The producer.
    pub producer: ProducerId,
    /// Kind of consumer.
    pub kind: ConsumerType,
    /// What is sent: payload types, SSRCs, extension ids as the receiver knows them.
    pub rtp_parameters: RtpParameters,
    /// Begin paused.
    pub paused: bool,
    /// Leave out Opus packets of discontinuous transmission.
    pub ignore_dtx: bool,
    /// Stay open without media when the producer closes, until switched to another one or closed.
    pub outlives_producer: bool,
    /// Labels.
    pub labels: Labels,
}

impl ConsumerOptions {
    /// One encoding of a producer, sent like this.
    pub fn new(producer: ProducerId, rtp_parameters: RtpParameters) -> Self {
        ConsumerOptions {
            producer,
            kind: ConsumerType::Simple,
            rtp_parameters,
            paused: false,
            ignore_dtx: false,
            outlives_producer: false,
            labels: Labels::new(),
        }
    }
}
