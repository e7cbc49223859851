//! How media threads bear more than they can carry.

/// Levels of overload, "none" among them; see [`EventBody::Overload`](super::EventBody::Overload).
pub const OVERLOAD_LEVELS: usize = 4;

/// How a media thread bears its load.
///
/// Packets that were left out are counted by kind in [`WorkerStats::counters_by_worker`](super::WorkerStats::counters_by_worker):
/// `shed_retransmissions`, `shed_padding`, `shed_video`, `shed_ingress`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverloadStats {
    /// Level now, 0 to 3: 0 forwards everything; 1 leaves out retransmissions, NACKs and probing; 2 the highest layers too; 3 all
    /// but the lowest layers, and video of some consumers in turn.
    pub level: u8,
    /// Eighths of the consumers that get no video now.
    pub paused_eighths: u8,
    /// Times that the level rose from 0.
    pub episodes: u64,
    /// Milliseconds spent at levels 1, 2 and 3.
    pub milliseconds: [u64; OVERLOAD_LEVELS - 1],
}
