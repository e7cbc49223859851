//! What happens to an entity, kind by kind.
use crate::control::{DtlsState, EventBody, IceState, SctpState, TransportTuple};

/// Something that happened to a session.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum SessionEvent {}

/// Something that happened to a router.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum RouterEvent {}

/// Something that happened to a transport.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum TransportEvent {
    /// ICE changed its state.
    IceState(IceState),
    /// DTLS changed its state; `Connected` means that media can flow.
    DtlsState(DtlsState),
    /// SCTP changed its state; `Connected` means that messages can flow.
    SctpState(SctpState),
    /// Another path is used (WebRTC), or the peer's address was learnt (plain).
    Path(TransportTuple),
    /// The peer's RTCP address was learnt (plain, without `rtcp_mux`).
    RtcpPath(TransportTuple),
}

/// Something that happened to a producer.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ProducerEvent {
    /// Paused by command.
    Paused,
    /// Resumed by command.
    Resumed,
    /// The first packet of an encoding arrived.
    StreamStarted {
        /// Encoding index.
        encoding: u8,
        /// SSRC.
        ssrc: u32,
    },
    /// The score of an encoding changed, 0–10.
    Score {
        /// Encoding index.
        encoding: u8,
        /// Score.
        score: u8,
    },
    /// The camera turned.
    VideoOrientation {
        /// Rear camera.
        camera: bool,
        /// Mirrored.
        flip: bool,
        /// Clockwise degrees.
        rotation: u16,
    },
}

/// Something that happened to a consumer.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ConsumerEvent {
    /// Paused by command, or with its producer.
    Paused {
        /// The producer was paused.
        by_producer: bool,
    },
    /// Resumed by command, or with its producer.
    Resumed {
        /// The producer was resumed.
        by_producer: bool,
    },
    /// The score of the outgoing stream changed, 0–10.
    Score(u8),
    /// The peer asked for a key frame.
    KeyFrameRequested,
}

/// Something that happened to a data producer.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum DataProducerEvent {
    /// Paused by command.
    Paused,
    /// Resumed by command.
    Resumed,
}

/// Something that happened to a data consumer.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum DataConsumerEvent {
    /// Paused by command, or with its data producer.
    Paused {
        /// The data producer was paused.
        by_producer: bool,
    },
    /// Resumed by command, or with its data producer.
    Resumed {
        /// The data producer was resumed.
        by_producer: bool,
    },
    /// No more bytes wait than the threshold says.
    BufferedAmountLow {
        /// Bytes that wait.
        buffered_amount: u32,
    },
    /// A message was dropped because too many bytes wait.
    SendBufferFull,
}

/// The form that a control event takes for one kind of entity; `None` where it is no affair of that kind.
pub(crate) trait FromBody: Sized {
    /// Converts.
    fn from_body(body: &EventBody) -> Option<Self>;
}

impl FromBody for SessionEvent {
    fn from_body(_: &EventBody) -> Option<Self> {
        None
    }
}

impl FromBody for RouterEvent {
    fn from_body(_: &EventBody) -> Option<Self> {
        None
    }
}

impl FromBody for TransportEvent {
    fn from_body(body: &EventBody) -> Option<Self> {
        Some(match body {
            EventBody::IceState(state) => Self::IceState(*state),
            EventBody::DtlsState(state) => Self::DtlsState(*state),
            EventBody::SctpState(state) => Self::SctpState(*state),
            EventBody::SelectedTuple(tuple) | EventBody::Tuple(tuple) => Self::Path(*tuple),
            EventBody::RtcpTuple(tuple) => Self::RtcpPath(*tuple),
            _ => return None,
        })
    }
}

impl FromBody for ProducerEvent {
    fn from_body(body: &EventBody) -> Option<Self> {
        Some(match *body {
            EventBody::Paused { .. } => Self::Paused,
            EventBody::Resumed { .. } => Self::Resumed,
            EventBody::StreamStarted { encoding, ssrc } => Self::StreamStarted { encoding, ssrc },
            EventBody::Score { encoding, score } => Self::Score { encoding, score },
            EventBody::VideoOrientation { camera, flip, rotation } => {
                Self::VideoOrientation { camera, flip, rotation }
            }
            _ => return None,
        })
    }
}

impl FromBody for ConsumerEvent {
    fn from_body(body: &EventBody) -> Option<Self> {
        Some(match *body {
            EventBody::Paused { by_producer } => Self::Paused { by_producer },
            EventBody::Resumed { by_producer } => Self::Resumed { by_producer },
            EventBody::Score { score, .. } => Self::Score(score),
            EventBody::KeyFrameRequested => Self::KeyFrameRequested,
            _ => return None,
        })
    }
}

impl FromBody for DataProducerEvent {
    fn from_body(body: &EventBody) -> Option<Self> {
        Some(match body {
            EventBody::Paused { .. } => Self::Paused,
            EventBody::Resumed { .. } => Self::Resumed,
            _ => return None,
        })
    }
}

impl FromBody for DataConsumerEvent {
    fn from_body(body: &EventBody) -> Option<Self> {
        Some(match *body {
            EventBody::Paused { by_producer } => Self::Paused { by_producer },
            EventBody::Resumed { by_producer } => Self::Resumed { by_producer },
            EventBody::BufferedAmountLow { buffered_amount } => Self::BufferedAmountLow { buffered_amount },
            EventBody::SendBufferFull => Self::SendBufferFull,
            _ => return None,
        })
    }
}
