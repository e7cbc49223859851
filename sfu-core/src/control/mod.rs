//! The typed control API, in the terms of ORTC: commands, replies, events and errors.
//!
//! Every way into a worker (signaling crates, plugins, tests, an embedding program) speaks these types.
//! A [`Command`] goes to the media thread that owns its target and is answered by one [`Reply`].
mod command;
mod error;
mod event;
mod handle;
mod ids;
mod labels;
mod listen;
mod reconfiguration;
mod reply;
mod rtp_parameters;
mod stats;
mod target;
mod transport_parameters;

pub use crate::net::Protocol;
pub(crate) use command::RelayStep;
pub use command::{
    Command, ConnectPlainTransport, ConsumerOptions, ConsumerType, CreateSession, PlainTransportOptions,
    ProducerOptions, RelayCommand, RelayOffer, WebRtcTransportOptions,
};
pub use error::{ControlError, ErrorKind};
pub use event::{CloseReason, Event, EventBody};
pub use handle::{ControlHandle, Envelope, ServeRequests, WorkerPort};
pub use ids::{
    ConsumerId, DataConsumerId, DataProducerId, EntityId, EntityKind, ParseIdError, ProducerId, RawId,
    RouterId, SessionId, TransportId,
};
pub use labels::Labels;
pub use listen::{ListenInfo, TransportListen};
pub(crate) use reconfiguration::Reconfiguration;
pub use reply::{PlainTransportCreated, ProducerCreated, ProducerDescription, Reply, WebRtcTransportCreated};
pub use rtp_parameters::{
    MediaKind, RtcpFeedback, RtcpParameters, RtpCodecParameters, RtpEncodingParameters,
    RtpHeaderExtensionParameters, RtpMapping, RtpMappingCodec, RtpMappingEncoding, RtpParameters,
    RtxParameters,
};
pub use stats::{ConsumerStats, PluginFaults, ProducerStats, StreamStats, TransportStats, WorkerStats};
pub use target::Target;
pub use transport_parameters::{
    DtlsFingerprint, DtlsParameters, DtlsRole, DtlsState, FingerprintAlgorithm, IceCandidate, IceParameters,
    IceState, SrtpCryptoSuite, SrtpParameters, TransportTuple,
};
