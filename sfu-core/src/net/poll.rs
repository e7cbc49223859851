//! Waiting for sockets, a waker and a deadline.
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use super::sys;

/// How many ready sockets one wait reports; the rest follow in the next one.
const EVENTS: usize = 64;

/// What a socket is watched for. Errors and hang-ups are always reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interest {
    /// Nothing but errors.
    Nothing,
    /// Something to read.
    Read,
    /// Something to read, or room to write.
    ReadWrite,
}

impl Interest {
    fn bits(self) -> u32 {
        (match self {
            Self::Nothing => 0,
            Self::Read => libc::EPOLLIN,
            Self::ReadWrite => libc::EPOLLIN | libc::EPOLLOUT,
        }) as u32
    }
}

/// A ready socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    /// The number given when it was added.
    pub token: u64,
    /// Whether it can be read, or has an error to read.
    pub readable: bool,
    /// Whether it has room to write.
    pub writable: bool,
}

/// An epoll instance, level triggered.
pub(super) struct Poller {
    epoll: OwnedFd,
    events: [libc::epoll_event; EVENTS],
    count: usize,
    next: usize,
    /// Whether the system takes timeouts in nanoseconds.
    nanos: bool,
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        let events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        Ok(Self { epoll: sys::epoll_create()?, events, count: 0, next: 0, nanos: true })
    }

    /// Starts watching `fd`. Closing it ends that.
    pub(super) fn add(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        sys::epoll_control(self.epoll.as_fd(), libc::EPOLL_CTL_ADD, fd, interest.bits(), token)
    }

    /// Changes what `fd` is watched for.
    pub(super) fn change(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        sys::epoll_control(self.epoll.as_fd(), libc::EPOLL_CTL_MOD, fd, interest.bits(), token)
    }

    /// Whether reports of the last wait are still to be worked on.
    pub(super) fn has_ready(&self) -> bool {
        self.next < self.count
    }

    /// The report to work on; it stays the same until [`advance`](Self::advance).
    pub(super) fn ready(&self) -> Option<Ready> {
        let event = self.events.get(self.next..self.count)?.first()?;
        let bits = event.events;
        let errors = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
        Some(Ready {
            token: event.u64,
            readable: bits & (libc::EPOLLIN as u32 | errors) != 0,
            writable: bits & libc::EPOLLOUT as u32 != 0,
        })
    }

    /// Done with the present report.
    pub(super) fn advance(&mut self) {
        self.next += 1;
    }

    /// Waits until something is ready or `deadline` has come; `None` waits for ever.
    ///
    /// Wakes at the deadline or at most about 0.1 ms later (1 ms before Linux 5.11), never before it.
    pub(super) fn wait(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        self.next = 0;
        self.count = 0;
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let epoll = self.epoll.as_fd();
        if self.nanos {
            // An hour at most: an early return is harmless, an overflow is not.
            let nanos = left.map(|left| left.min(Duration::from_secs(3600)).as_nanos() as u64);
            match sys::epoll_wait_nanos(epoll, &mut self.events, nanos) {
                Ok(count) => {
                    self.count = count;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                    self.nanos = false;
                }
                Err(error) => return Err(error),
            }
        }
        let millis = left.map_or(-1, |left| left.as_nanos().div_ceil(1_000_000).min(3_600_000) as i32);
        match sys::epoll_wait_millis(epoll, &mut self.events, millis) {
            Ok(count) => self.count = count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lateness(nanos: bool) -> Duration {
        let mut poller = Poller::new().unwrap();
        poller.nanos = nanos;
        // The best of several: the machine may be busy, the clock may not be early.
        (0..20)
            .map(|_| {
                let deadline = Instant::now() + Duration::from_micros(2_300);
                poller.wait(Some(deadline)).unwrap();
                Instant::now().checked_duration_since(deadline).expect("woke before the deadline")
            })
            .min()
            .unwrap()
    }

    #[test]
    fn a_deadline_is_met_within_a_millisecond_and_never_early() {
        assert!(lateness(true) < Duration::from_millis(1));
    }

    #[test]
    fn a_deadline_is_met_on_kernels_without_nanosecond_waits() {
        assert!(lateness(false) < Duration::from_millis(2));
    }

    #[test]
    fn a_past_deadline_does_not_wait() {
        let mut poller = Poller::new().unwrap();
        let start = Instant::now();
        poller.wait(Some(start)).unwrap();
        assert!(start.elapsed() < Duration::from_secs(1));
        assert!(!poller.has_ready());
    }
}
