//! SCTP for data channels (RFC 9260, RFC 3758, RFC 6525, RFC 8831): inside DTLS, or as it is in UDP datagrams.
//!
//! Sans-IO: the caller hands in packets, messages and the time, and takes packets, messages, events and a deadline out. The
//! protocol's state machine is `sctp-proto`; what it must not meet is kept away by [`guard`], what it does not count is counted
//! in [`outgoing`], a peer that is silent is asked in [`heartbeat`], and a panic in it ends one association. Streams come from signaling: there is no DCEP.
mod association;
mod guard;
mod heartbeat;
mod outgoing;
mod packet;
mod peer;
mod subchannels;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub(crate) use association::Sctp;
pub(crate) use packet::is_sctp;
pub(crate) use subchannels::{MAX_HEADER as MAX_SUBCHANNELS_HEADER, Subchannels};

/// Limits of one association.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SctpConfig {
    /// Longest message to the peer, in bytes.
    pub(crate) max_send_message_size: usize,
    /// Longest message of the peer, in bytes; a longer one ends the association.
    pub(crate) max_receive_message_size: usize,
    /// Bytes of all streams that may wait to be sent.
    pub(crate) send_buffer: usize,
    /// Bytes of one stream that may wait to be sent.
    pub(crate) stream_send_buffer: usize,
    /// Bytes of incomplete messages that are kept.
    pub(crate) receive_window: u32,
    /// Up to so many waiting bytes a stream counts as low, unless it is told otherwise.
    pub(crate) low_threshold: usize,
}

impl Default for SctpConfig {
    fn default() -> Self {
        SctpConfig {
            max_send_message_size: 262_144,
            max_receive_message_size: 262_144,
            send_buffer: 2_000_000,
            stream_send_buffer: 2_000_000,
            receive_window: 5 << 20,
            low_threshold: 1024,
        }
    }
}

/// How far an association is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SctpPhase {
    /// Nobody has begun.
    #[default]
    New,
    /// The handshake goes on.
    Connecting,
    /// Messages flow.
    Connected,
    /// The handshake was not answered, or something broke. Final.
    Failed,
    /// It was ended, by one side or the other. Final.
    Closed,
}

/// How one stream delivers (RFC 8831 section 6.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reliability {
    /// Messages come in the order in which they were sent.
    pub(crate) ordered: bool,
    /// For how long, or how often again, a message is sent until it arrives.
    pub(crate) limit: ReliabilityLimit,
}

impl Default for Reliability {
    fn default() -> Self {
        Reliability { ordered: true, limit: ReliabilityLimit::None }
    }
}

/// What limits the repetition of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReliabilityLimit {
    /// Nothing.
    None,
    /// Milliseconds since it was to be sent.
    Lifetime(u16),
    /// Repetitions.
    Retransmits(u16),
}

/// What [`Sctp::poll`] yields.
#[derive(Debug)]
pub(crate) enum SctpOutput {
    /// Send this packet to the peer.
    Packet(Bytes),
    /// A message came, its bytes are in the caller's buffer.
    Message {
        /// Stream identifier.
        stream: u16,
        /// Payload protocol identifier.
        ppid: u32,
    },
    /// The association is in another phase.
    Phase(SctpPhase),
    /// The peer has ended its half of a stream; ours is being ended in return.
    StreamReset(u16),
    /// What waits on a stream has fallen to its threshold.
    BufferedAmountLow {
        /// Stream identifier.
        stream: u16,
        /// Bytes that still wait.
        amount: usize,
    },
    /// A stream that had refused a message takes some again.
    Writable(u16),
    /// Nothing more until the next call.
    Idle,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// It is longer than the peer takes.
    #[error("sctp.send: the message is longer than {limit} bytes; send less, or raise max_send_message_size")]
    TooLarge {
        /// Bytes that are taken.
        limit: usize,
    },
    /// Too much waits already.
    #[error("sctp.send: too much waits to be sent; wait for the buffered amount to fall")]
    BufferFull,
    /// The association has ended, or the stream is none of ours.
    #[error("sctp.send: the association has ended, or its stream was closed")]
    Closed,
}
