//! What a worker can be told to do.
use std::time::Duration;

use bytes::Bytes;

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
    /// Makes a transport to another worker. Answers [`Reply::PipeTransport`].
    CreatePipeTransport {
        /// The router.
        router: RouterId,
        /// Options.
        options: PipeTransportOptions,
    },
    /// Gives the other end of a pipe, once. Answers [`Reply::PipeTransport`].
    ConnectPipeTransport {
        /// The transport.
        transport: TransportId,
        /// The other end: address, port, and its key with SRTP.
        peer: ConnectPlainTransport,
    },
    /// Makes a transport whose peer is signaling itself. Answers [`Reply::DirectTransport`].
    CreateDirectTransport {
        /// The router.
        router: RouterId,
        /// Options.
        options: DirectTransportOptions,
    },
    /// Makes a server whose ports several WebRTC transports share. Answers [`Reply::WebRtcServer`].
    CreateWebRtcServer(WebRtcServerOptions),
    /// Closes a server and the transports on it.
    CloseWebRtcServer(WebRtcServerId),
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
    /// What is sent to the peer at the least, bit/s, whatever estimation says; 0 lifts the bound.
    SetMinOutgoingBitrate {
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
    /// An RTP packet of a producer on a direct transport.
    SendRtp {
        /// The producer.
        producer: ProducerId,
        /// The packet.
        packet: Bytes,
    },
    /// RTCP of the peer of a direct transport: one packet, or several in one (RFC 3550 §6.1).
    SendRtcp {
        /// The transport.
        transport: TransportId,
        /// The packets.
        packet: Bytes,
    },
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
    /// Chooses spatial and temporal layer of a consumer at the most. Answers [`Reply::Layers`] with what there is of it; none
    /// where a consumer has no layers.
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
    /// Takes data channel messages from a transport. Answers [`Reply::DataProducer`].
    ProduceData {
        /// The transport that they arrive on.
        transport: TransportId,
        /// Options.
        options: DataProducerOptions,
    },
    /// Closes a data producer and its data consumers.
    CloseDataProducer(DataProducerId),
    /// Forwards nothing of a data producer until resumed.
    PauseDataProducer(DataProducerId),
    /// Forwards it again.
    ResumeDataProducer(DataProducerId),
    /// A message of a data producer on a direct transport.
    SendData {
        /// The data producer.
        data_producer: DataProducerId,
        /// The message.
        message: OutgoingData,
    },
    /// Sends a data producer's messages over a transport. Answers [`Reply::DataConsumer`].
    ConsumeData {
        /// The transport that they leave by.
        transport: TransportId,
        /// Options.
        options: DataConsumerOptions,
    },
    /// Closes a data consumer.
    CloseDataConsumer(DataConsumerId),
    /// Sends nothing to a data consumer until resumed.
    PauseDataConsumer(DataConsumerId),
    /// Sends again.
    ResumeDataConsumer(DataConsumerId),
    /// Sends a message to one data consumer, past its data producer. Answers [`Reply::BufferedAmount`].
    SendToDataConsumer {
        /// The data consumer.
        data_consumer: DataConsumerId,
        /// Payload protocol identifier (RFC 8831 §8).
        ppid: u32,
        /// The message.
        payload: Bytes,
    },
    /// Bytes that wait to be sent. Answers [`Reply::BufferedAmount`].
    BufferedAmount(DataConsumerId),
    /// When fewer bytes than this wait, that is an event ([`EventBody::BufferedAmountLow`]).
    SetBufferedAmountLowThreshold {
        /// The data consumer.
        data_consumer: DataConsumerId,
        /// Bytes.
        threshold: u32,
    },
    /// Replaces the subchannels of a data consumer. Answers [`Reply::Subchannels`].
    SetSubchannels {
        /// The data consumer.
        data_consumer: DataConsumerId,
        /// All that it wants.
        subchannels: Vec<u16>,
    },
    /// Adds one. Answers [`Reply::Subchannels`].
    AddSubchannel {
        /// The data consumer.
        data_consumer: DataConsumerId,
        /// One that it wants, too.
        subchannel: u16,
    },
    /// Takes one away. Answers [`Reply::Subchannels`].
    RemoveSubchannel {
        /// The data consumer.
        data_consumer: DataConsumerId,
        /// One that it wants no more.
        subchannel: u16,
    },
    /// Makes an observer of volumes. Answers [`Reply::RtpObserver`].
    CreateAudioLevelObserver {
        /// Its router.
        router: RouterId,
        /// Options.
        options: AudioLevelObserverOptions,
    },
    /// Makes an observer of who speaks. Answers [`Reply::RtpObserver`].
    CreateActiveSpeakerObserver {
        /// Its router.
        router: RouterId,
        /// Options.
        options: ActiveSpeakerObserverOptions,
    },
    /// Closes an observer.
    CloseRtpObserver(RtpObserverId),
    /// Observes nothing until resumed.
    PauseRtpObserver(RtpObserverId),
    /// Observes again.
    ResumeRtpObserver(RtpObserverId),
    /// Observes a producer of audio, too.
    ObserveProducer {
        /// The observer.
        observer: RtpObserverId,
        /// The producer.
        producer: ProducerId,
    },
    /// Observes a producer no more.
    UnobserveProducer {
        /// The observer.
        observer: RtpObserverId,
        /// The producer.
        producer: ProducerId,
    },
    /// Chooses what a transport, producer or consumer tells as [`EventBody::Trace`]; replaces what was chosen before.
    EnableTrace {
        /// The entity.
        target: Target,
        /// What is told.
        events: TraceEvents,
    },
    /// All that is known of an entity, for debugging. Answers [`Reply::Dump`].
    Dump(Target),
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
    /// Spreads a router over media threads; [`ControlHandle::command`] does it where it is needed.
    #[doc(hidden)]
    Part(PartCommand),
    /// Leaves the ports that WebRTC transports share to another worker: whoever is connected stays connected, all others reach
    /// that one. For a worker that takes no new sessions, see [`ControlHandle::drain`].
    ReleasePorts,
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
    /// The same command in another part of its router, and on that part of its server of ports, for those that make a transport.
    pub(crate) fn placed(mut self, place: RouterId, server: Option<WebRtcServerId>) -> Command {
        match &mut self {
            Command::CreateWebRtcTransport { router, options } => {
                *router = place;
                if let Some(server) = server {
                    options.listen = TransportListen::Server(server);
                }
            }
            Command::CreatePlainTransport { router, .. } => *router = place,
            _ => {}
        }
        self
    }

    /// The same command about a part, for those that are about something that has parts.
    pub(crate) fn about(mut self, part: Target) -> Command {
        if let Command::SetLabels { target, .. }
        | Command::EnablePlugin { target, .. }
        | Command::DisablePlugin { target, .. }
        | Command::PluginRequest { target, .. }
        | Command::Stats(target)
        | Command::Dump(target) = &mut self
        {
            *target = part;
        }
        self
    }

    /// What the command is about: decides the media thread. `None` for what makes a session or a router.
    pub fn target(&self) -> Option<Target> {
        Some(match self {
            Command::CreateSession(_) | Command::CreateRouter { .. } | Command::CreateWebRtcServer(_) => {
                return None;
            }
            // Its media thread is named beside it.
            Command::Part(_) => return None,
            Command::CloseWebRtcServer(id) => (*id).into(),
            Command::CreatePipeTransport { router, .. }
            | Command::CreateDirectTransport { router, .. }
            | Command::CreateAudioLevelObserver { router, .. }
            | Command::CreateActiveSpeakerObserver { router, .. } => (*router).into(),
            Command::CloseRtpObserver(id)
            | Command::PauseRtpObserver(id)
            | Command::ResumeRtpObserver(id)
            | Command::ObserveProducer { observer: id, .. }
            | Command::UnobserveProducer { observer: id, .. } => (*id).into(),
            Command::CloseDataProducer(id)
            | Command::PauseDataProducer(id)
            | Command::ResumeDataProducer(id)
            | Command::SendData { data_producer: id, .. } => (*id).into(),
            Command::CloseDataConsumer(id)
            | Command::PauseDataConsumer(id)
            | Command::ResumeDataConsumer(id)
            | Command::BufferedAmount(id)
            | Command::SendToDataConsumer { data_consumer: id, .. }
            | Command::SetBufferedAmountLowThreshold { data_consumer: id, .. }
            | Command::SetSubchannels { data_consumer: id, .. }
            | Command::AddSubchannel { data_consumer: id, .. }
            | Command::RemoveSubchannel { data_consumer: id, .. } => (*id).into(),
            Command::SendRtp { producer, .. } => (*producer).into(),
            Command::CloseSession(id) => (*id).into(),
            Command::CloseRouter(id) => (*id).into(),
            Command::CreateWebRtcTransport { router, .. } | Command::CreatePlainTransport { router, .. } => {
                (*router).into()
            }
            Command::ConnectWebRtcTransport { transport, .. }
            | Command::ConnectPlainTransport { transport, .. }
            | Command::ConnectPipeTransport { transport, .. }
            | Command::RestartIce(transport)
            | Command::CloseTransport(transport)
            | Command::SetMaxIncomingBitrate { transport, .. }
            | Command::SetMaxOutgoingBitrate { transport, .. }
            | Command::SetMinOutgoingBitrate { transport, .. }
            | Command::SendRtcp { transport, .. }
            | Command::ProduceData { transport, .. }
            | Command::ConsumeData { transport, .. }
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
            | Command::EnableTrace { target, .. }
            | Command::Dump(target)
            | Command::Stats(target)
            | Command::EnablePlugin { target, .. }
            | Command::DisablePlugin { target, .. }
            | Command::PluginRequest { target, .. } => *target,
            Command::Relay(RelayCommand(RelayStep::Offer { producer, .. })) => (*producer).into(),
            Command::Relay(RelayCommand(RelayStep::OfferData { data_producer, .. })) => {
                (*data_producer).into()
            }
            Command::Relay(RelayCommand(
                RelayStep::Accept { command, .. } | RelayStep::AcceptData { command, .. },
            )) => return command.target(),
            Command::ReconfigurePlugin { .. } | Command::ReleasePorts => Target::Worker,
        })
    }
}

/// Options of a session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CreateSession {
    /// Id of the signaling crate that it belongs to (`whip`, `janus` …).
    pub signaling: String,
    /// Labels, taken over by its transports.
    pub labels: Labels,
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
    /// Number its packets in the header extension `urn:mediasoup:params:rtp-hdrext:packet-id`, where consumers have it.
    pub packet_ids: bool,
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
            packet_ids: false,
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
    /// The layers that it wants at the most; all if left out.
    pub preferred_layers: Option<Layers>,
    /// The producer's encodings as the router knows them, for consumers of kind [`ConsumerType::Pipe`] and for dumps.
    pub consumable_encodings: Vec<RtpEncodingParameters>,
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
            preferred_layers: None,
            consumable_encodings: Vec::new(),
            labels: Labels::new(),
        }
    }
}
