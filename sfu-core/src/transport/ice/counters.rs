//! What an agent has seen and refused.

/// Counts of STUN messages, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct IceCounters {
    /// Authentic Binding requests that were answered with success.
    pub(crate) accepted: u64,
    /// Not STUN, cut short, or with a wrong FINGERPRINT: dropped.
    pub(crate) malformed: u64,
    /// A method other than Binding: answered 400.
    pub(crate) unknown_method: u64,
    /// No FINGERPRINT, PRIORITY, USERNAME or MESSAGE-INTEGRITY: answered 400.
    pub(crate) incomplete: u64,
    /// USERNAME for somebody else: answered 401.
    pub(crate) wrong_username: u64,
    /// MESSAGE-INTEGRITY made with another password: answered 401.
    pub(crate) wrong_password: u64,
    /// Authentic, with attributes that must be understood and are not: answered 420.
    pub(crate) unknown_attributes: u64,
    /// Authentic, from a peer that believes to be controlled too: answered 487.
    pub(crate) role_conflicts: u64,
    /// Indications: dropped.
    pub(crate) indications: u64,
    /// Responses, although an ICE-lite agent asks nothing: dropped.
    pub(crate) responses: u64,
    /// Routes that made room for newer ones.
    pub(crate) evicted_routes: u64,
}
