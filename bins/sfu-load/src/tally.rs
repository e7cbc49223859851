//! What a peer counts; read by other threads while it runs.
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A figure that one thread changes and others read.
#[derive(Debug, Default)]
pub struct Figure(AtomicU64);

impl Figure {
    /// More of it.
    pub fn add(&self, more: u64) {
        if more > 0 {
            self.0.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// A part of it changed.
    pub fn change(&self, from: u64, to: u64) {
        if from != to {
            self.0.fetch_add(to.wrapping_sub(from), Ordering::Relaxed);
        }
    }

    /// What it is.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The figures of one peer, since it was made.
#[derive(Debug, Default)]
pub struct Tally {
    /// RTP packets sent.
    pub sent: Figure,
    /// RTP packets that the system had no room for.
    pub unsent: Figure,
    /// RTP packets that came, each once.
    pub packets: Figure,
    /// Bytes of RTP that came.
    pub bytes: Figure,
    /// Numbers that were passed over.
    pub missing: Figure,
    /// RTP packets that came again.
    pub repeated: Figure,
    /// Of the packets that were opened for their stamp, those without a readable one.
    pub unreadable: Figure,
    /// Packets that came while the floor was measured.
    pub floor: Figure,
    ready: AtomicBool,
}

impl Tally {
    /// Whether media can flow.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Media can flow, or can no more.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// All of them now.
    pub fn read(&self) -> Counts {
        Counts {
            sent: self.sent.get(),
            unsent: self.unsent.get(),
            packets: self.packets.get(),
            bytes: self.bytes.get(),
            missing: self.missing.get(),
            repeated: self.repeated.get(),
            unreadable: self.unreadable.get(),
        }
    }
}

/// Figures of one or many peers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// As [`Tally::sent`].
    pub sent: u64,
    /// As [`Tally::unsent`].
    pub unsent: u64,
    /// As [`Tally::packets`].
    pub packets: u64,
    /// As [`Tally::bytes`].
    pub bytes: u64,
    /// As [`Tally::missing`].
    pub missing: u64,
    /// As [`Tally::repeated`].
    pub repeated: u64,
    /// As [`Tally::unreadable`].
    pub unreadable: u64,
}

impl Counts {
    /// Together with those of another.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.combine(other, u64::wrapping_add)
    }

    /// Since then.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        self.combine(before, u64::saturating_sub)
    }

    fn combine(self, other: Self, with: fn(u64, u64) -> u64) -> Self {
        Self {
            sent: with(self.sent, other.sent),
            unsent: with(self.unsent, other.unsent),
            packets: with(self.packets, other.packets),
            bytes: with(self.bytes, other.bytes),
            missing: with(self.missing, other.missing),
            repeated: with(self.repeated, other.repeated),
            unreadable: with(self.unreadable, other.unreadable),
        }
    }
}
