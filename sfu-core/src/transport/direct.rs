//! The direct link: signaling itself is the peer, and packets are handed over as they are.

/// What a direct transport allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DirectLink {
    /// Longest message to a data consumer, bytes.
    pub(crate) max_send_message_size: u32,
    /// Longest message of a data producer, bytes.
    pub(crate) max_receive_message_size: u32,
}
