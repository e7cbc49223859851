//! The typed control API, in the terms of ORTC: commands, replies, events and errors.
//!
//! Every way into a worker (signaling crates, plugins, tests, an embedding program) speaks these types.
//! A [`Command`] goes to the media thread that owns its target and is answered by one [`Reply`].
mod command;
mod data;
mod dump;
mod error;
mod event;
mod fan_out;
mod feed;
mod handle;
mod ids;
mod labels;
mod layers;
mod listen;
mod observer;
mod overload;
mod part;
mod placement;
mod reconfiguration;
mod relaying;
mod reload;
mod reply;
mod rtp_parameters;
mod stats;
mod steps;
mod target;
mod trace;
mod transport_options;
mod transport_parameters;

pub use crate::net::Protocol;
pub use command::{Command, ConsumerOptions, ConsumerType, CreateSession, ProducerOptions};
pub use data::{
    DataConsumerOptions, DataPath, DataProducerOptions, OutgoingData, SctpOptions, SctpState,
    SctpStreamParameters, SctpStreams,
};
pub use dump::{
    ConsumerDump, DataConsumerDump, DataProducerDump, Dump, LinkDump, ProducerDump, ReceivedExtensions,
    SctpDump, StreamDump, TransportDump, WebRtcServerDump,
};
pub use error::{ControlError, ErrorKind};
pub use event::{CloseReason, ConsumerScore, Event, EventBody};
pub(crate) use feed::FeedSender;
pub use feed::{Feed, Told};
pub use handle::{ControlHandle, Envelope, ServeRequests, WorkerPort};
pub use ids::{
    ConsumerId, DataConsumerId, DataProducerId, EntityId, EntityKind, ParseIdError, ProducerId, RawId,
    RouterId, RtpObserverId, SessionId, TransportId, WebRtcServerId,
};
pub use labels::{LabelError, Labels};
pub use layers::Layers;
pub use listen::{ListenInfo, TransportListen};
pub use observer::{ActiveSpeakerObserverOptions, AudioLevelObserverOptions, AudioVolume};
pub use overload::{OVERLOAD_LEVELS, OverloadStats};
pub use part::{PartCommand, RouterWeight, ServerParts};
pub(crate) use part::{PartSettings, PartStep, PluginRule};
pub(crate) use placement::{Placing, Spread};
pub(crate) use relaying::RelayStep;
pub use relaying::{DataOffer, RelayCommand, RelayOffer};
pub use reload::Reloaded;
pub(crate) use reload::{Reloading, TakeConfig};
pub use reply::{PlainTransportCreated, ProducerCreated, ProducerDescription, Reply, WebRtcTransportCreated};
pub use rtp_parameters::{
    MediaKind, RtcpFeedback, RtcpParameters, RtpCodecParameters, RtpEncodingParameters,
    RtpHeaderExtensionParameters, RtpMapping, RtpMappingCodec, RtpMappingEncoding, RtpParameters,
    RtxParameters,
};
pub use stats::{
    ConsumerStats, DataConsumerStats, DataProducerStats, LayerBitrate, PluginCost, PluginFaults,
    PluginSwitch, ProducerStats, StreamStats, Traffic, TransportStats, WorkerStats,
};
pub(crate) use steps::{Steps, steps};
pub use target::Target;
pub use trace::{
    BandwidthEstimator, BandwidthTrace, Trace, TraceDirection, TraceEvents, TraceInfo, TracedPacket,
};
pub use transport_options::{
    ConnectPlainTransport, DirectTransportOptions, PipeTransportOptions, PlainTransportOptions,
    WebRtcServerOptions, WebRtcTransportOptions,
};
pub use transport_parameters::{
    DtlsFingerprint, DtlsParameters, DtlsRole, DtlsState, FingerprintAlgorithm, IceCandidate, IceParameters,
    IceState, SrtpCryptoSuite, SrtpParameters, TransportTuple,
};
