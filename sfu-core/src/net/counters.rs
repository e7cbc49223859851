//! What the network layer counts.

/// Counters of one media thread's sockets since its start.
///
/// "Datagrams" are UDP datagrams and frames on TCP connections (RFC 4571) alike, with the bytes of their payload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct NetCounters {
    /// Datagrams handed to the engine.
    pub datagrams_in: u64,
    /// Bytes of those datagrams.
    pub bytes_in: u64,
    /// UDP messages that those datagrams came in; fewer than datagrams where the kernel coalesced (GRO).
    pub messages_in: u64,
    /// Datagrams over 2048 bytes, dropped.
    pub truncated: u64,
    /// Datagrams without payload or without a usable sender address, dropped.
    pub unusable: u64,
    /// Errors that a receive call reported, such as ICMP "port unreachable"; ignored.
    pub receive_errors: u64,
    /// Datagrams given to the kernel (UDP) or to the connection's buffer (TCP).
    pub datagrams_out: u64,
    /// Bytes of those datagrams.
    pub bytes_out: u64,
    /// Send calls of UDP that succeeded.
    pub sends: u64,
    /// Those of them that carried several datagrams (GSO).
    pub gso_sends: u64,
    /// Several datagrams in one call that the kernel refused; they were sent one by one.
    pub gso_refused: u64,
    /// Send calls that found the socket's buffer or the device's queue full.
    pub would_block: u64,
    /// Datagrams that waited for a full socket and were pushed out by newer ones.
    pub backlog_dropped: u64,
    /// Datagrams that the system refused to send (no route, too long, filtered …), dropped.
    pub send_errors: u64,
    /// Datagrams for a socket that is gone or cannot reach the address, dropped.
    pub unroutable: u64,
    /// TCP connections accepted.
    pub tcp_accepted: u64,
    /// TCP connections closed at once because too many are open.
    pub tcp_refused: u64,
    /// TCP connections closed because no peer was validated on them in time, or newer ones needed their place.
    pub tcp_unconfirmed: u64,
    /// TCP connections closed because of a frame over 2048 bytes.
    pub tcp_oversize: u64,
    /// TCP connections closed by the peer or by an error.
    pub tcp_closed: u64,
    /// Frames dropped because a TCP connection's send buffer was full.
    pub tcp_dropped: u64,
    /// Times that accepting was paused because the system has no descriptor or memory left.
    pub accept_paused: u64,
}
