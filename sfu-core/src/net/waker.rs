//! Waking the media thread from another thread.
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::sys;

/// Wakes the media thread out of [`Net::poll`](super::Net::poll). Cheap to clone, and usable from any thread.
///
/// Put the work into its queue first, then wake. Wakes before the thread's next turn count as one.
#[derive(Debug, Clone)]
pub struct Waker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    event: File,
    pending: AtomicBool,
}

impl Waker {
    pub(super) fn new() -> io::Result<Self> {
        let event = File::from(sys::eventfd()?);
        Ok(Self(Arc::new(Inner { event, pending: AtomicBool::new(false) })))
    }

    /// Makes the current or the next [`Net::poll`](super::Net::poll) return with `woken` set; never blocks.
    pub fn wake(&self) {
        if !self.0.pending.swap(true, Ordering::AcqRel) {
            // It can fail only when the counter is full, and then the thread wakes anyway.
            let _ = (&self.0.event).write(&1_u64.to_ne_bytes());
        }
    }

    /// Takes the wake. What was queued before a coalesced [`wake`](Self::wake) is visible afterwards.
    pub(super) fn clear(&self) {
        let _ = (&self.0.event).read(&mut [0; 8]);
        // Cleared after the read: a wake in between writes nothing, and its work is seen by the turn that follows.
        self.0.pending.swap(false, Ordering::AcqRel);
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
    }
}
