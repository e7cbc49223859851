//! What a media thread counts beside the figures of its streams.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters of one media thread since its start.
        #[derive(Debug, Clone, Copy, Default)]
        pub(crate) struct Counters {$($(#[$doc])* pub(crate) $name: u64,)*}

        impl Counters {
            /// Name and value of each.
            pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }
    };
}

counters! {
    /// Datagrams that came in.
    datagrams,
    /// Datagrams from an address that belongs to no transport.
    unknown_source,
    /// Datagrams of no known protocol.
    unknown_protocol,
    /// STUN messages that could not be read or fit no transport.
    stun_unknown,
    /// STUN messages that passed the integrity check.
    stun_authenticated,
    /// DTLS datagrams before ICE validated the path, or on a transport without DTLS.
    dtls_refused,
    /// DTLS datagrams of which something reached the handshake or the session.
    dtls_taken,
    /// DTLS datagrams in which nothing made sense at that stage.
    dtls_dropped,
    /// DTLS handshakes completed.
    dtls_connected,
    /// DTLS handshakes failed.
    dtls_failed,
    /// Certificates that did not have the signaled fingerprint.
    fingerprint_mismatch,
    /// SCTP packets on a transport without SCTP, or from elsewhere than its peer.
    sctp_refused,
    /// SCTP packets that an association took.
    sctp_taken,
    /// SCTP packets that made no sense, or belonged to no association.
    sctp_dropped,
    /// Data channel messages on streams that no data producer has.
    data_unknown_stream,
    /// Data channel messages of DCEP, which would open channels: streams come from signaling.
    data_control,
    /// RTP or RTCP before SRTP keys were there, or on a path that ICE did not validate.
    media_refused,
    /// RTP packets that could not be parsed.
    rtp_malformed,
    /// RTP packets that passed authentication.
    rtp_authenticated,
    /// RTCP packets that passed authentication.
    rtcp_authenticated,
    /// RTCP items that could not be parsed.
    rtcp_malformed,
    /// Packets that failed SRTP authentication.
    srtp_failed,
    /// Packets that SRTP had seen before.
    srtp_replayed,
    /// RTP packets that fit no producer.
    rtp_unknown_stream,
    /// RTP packets that came twice or too late.
    rtp_discarded,
    /// Packets that plugins dropped on ingress.
    dropped_by_plugins_in,
    /// Packets that plugins dropped on egress.
    dropped_by_plugins_out,
    /// Packets for other media threads that were lost because those did not keep up.
    relay_lost,
    /// Data channel messages for other media threads that were lost because too much waited for those.
    data_relay_lost,
    /// Packets that could not be sealed or did not fit a slot.
    send_failed,
    /// Packets that waited for their turn to leave.
    paced,
    /// Packets that left before their turn because a send queue was full.
    paced_early,
    /// Requests for retransmissions that a send queue had no room for.
    queue_full,
    /// Packets dropped because a hook wanted a private copy and none was free.
    private_pool_empty,
    /// Empty packets sent under numbers that would be missing for ever.
    fillers,
    /// Packets on direct transports that nobody followed.
    direct_unheard,
    /// Packets sent again on request.
    retransmitted,
    /// Packets asked for that were no longer there.
    retransmission_missed,
    /// Packets asked for that were not sent again because of overload.
    shed_retransmissions,
    /// Times that padding was due and not sent because of overload.
    shed_padding,
    /// Packets of video that a consumer did not get because of overload.
    shed_video,
    /// Packets of video that were not decrypted because of overload.
    shed_ingress,
    /// Commands of plugins on entities that were gone.
    plugin_commands_void,
}
