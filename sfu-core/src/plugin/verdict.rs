//! What a hook decides about a packet.

/// What becomes of a packet or message.
#[must_use = "a verdict decides about the packet: return it"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on to the next plugin, and then on its way.
    Forward,
    /// It ends here; no other plugin sees it, and a receiver sees no gap.
    Drop,
}
