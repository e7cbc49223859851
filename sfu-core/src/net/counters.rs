//! What the network layer counts.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters of one media thread's sockets since its start.
        ///
        /// "Datagrams" are UDP datagrams and frames on TCP connections (RFC 4571) alike, with the bytes of their payload.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct NetCounters {$($(#[$doc])* pub $name: u64,)*}

        impl NetCounters {
            /// Name, begun with `net_`, and value of each.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((concat!("net_", stringify!($name)), self.$name)),*].into_iter()
            }
        }
    };
}

counters! {
    /// Datagrams handed to the engine.
    datagrams_in,
    /// Bytes of those datagrams.
    bytes_in,
    /// UDP messages that those datagrams came in; fewer than datagrams where the kernel coalesced (GRO).
    messages_in,
    /// Datagrams over 2048 bytes, dropped.
    truncated,
    /// Datagrams without payload or without a usable sender address, dropped.
    unusable,
    /// Errors that a receive call reported, such as ICMP "port unreachable"; ignored.
    receive_errors,
    /// Datagrams given to the kernel (UDP) or to the connection's buffer (TCP).
    datagrams_out,
    /// Bytes of those datagrams.
    bytes_out,
    /// Send calls of UDP that succeeded.
    sends,
    /// Those of them that carried several datagrams (GSO).
    gso_sends,
    /// Several datagrams in one call that the kernel refused; they were sent one by one.
    gso_refused,
    /// Send calls that found the socket's buffer or the device's queue full.
    would_block,
    /// Datagrams that waited for a full socket and were pushed out by newer ones.
    backlog_dropped,
    /// Datagrams that the system refused to send (no route, too long, filtered …), dropped.
    send_errors,
    /// Datagrams for a socket that is gone or cannot reach the address, dropped.
    unroutable,
    /// TCP connections accepted.
    tcp_accepted,
    /// TCP connections closed at once because too many are open.
    tcp_refused,
    /// TCP connections closed because no peer was validated on them in time, or newer ones needed their place.
    tcp_unconfirmed,
    /// TCP connections closed because of a frame over 2048 bytes.
    tcp_oversize,
    /// TCP connections closed by the peer or by an error.
    tcp_closed,
    /// Frames dropped because a TCP connection's send buffer was full.
    tcp_dropped,
    /// Times that accepting was paused because the system has no descriptor or memory left.
    accept_paused,
}
