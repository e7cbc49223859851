//! Sending runs of datagrams on one UDP socket, with segmentation offload (GSO) where it helps.
use std::io::{self, IoSlice};
use std::iter::Peekable;
use std::net::IpAddr;
use std::os::fd::AsFd;

use arrayvec::ArrayVec;
use socket2::Socket;

use super::counters::NetCounters;
use super::refusals::Refusals;
use super::route::Route;
use super::sockaddr::{self, Control};
use super::sys::{self, NAME_SIZE};

/// Segments that every kernel with GSO takes in one call (`UDP_MAX_SEGMENTS` before Linux 6.9).
const SEGMENTS: usize = 64;

/// Payload of one call: what an IP packet can carry before it is cut into segments, rounded down.
const CALL_BYTES: usize = 65_000;

/// Datagrams for one call: all of one size but the last, which may be shorter.
pub(super) type Call<'a> = ArrayVec<IoSlice<'a>, SEGMENTS>;

/// Takes from `datagrams` what can go in the next call; empty when there is nothing left.
pub(super) fn next_call<'a>(datagrams: &mut Peekable<impl Iterator<Item = &'a [u8]>>, gso: bool) -> Call<'a> {
    let mut call = Call::new();
    let Some(first) = datagrams.next() else { return call };
    call.push(IoSlice::new(first));
    let (mut bytes, mut last) = (first.len(), first.len());
    while gso && !call.is_full() && last == first.len() {
        let fits = |next: &&'a [u8]| {
            // An empty last segment would vanish, and an empty first one has no size to cut at.
            !next.is_empty() && next.len() <= first.len() && bytes + next.len() <= CALL_BYTES
        };
        let Some(next) = datagrams.next_if(fits) else { break };
        call.push(IoSlice::new(next));
        bytes += next.len();
        last = next.len();
    }
    call
}

/// Why a socket takes nothing more at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blocked {
    /// Its own buffer is full: the poller tells when there is room.
    Socket,
    /// The device's queue is full: nobody tells, so try again a little later.
    Device,
}

/// How far a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// Every datagram was sent, or refused for good and counted.
    All,
    /// So many were; the rest has to wait.
    Part(usize, Blocked),
}

/// Where a run goes, in the kernel's terms.
#[derive(Debug)]
pub(super) struct Target {
    ip: IpAddr,
    name: [u8; NAME_SIZE],
    name_len: usize,
    source: Control,
}

/// The sending half of an UDP socket.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) socket: Socket,
    /// Whether the socket is of the family IPv6.
    pub(super) v6: bool,
    /// Whether it is bound to a wildcard address, so that the source address has to be given.
    pub(super) wildcard: bool,
    /// Whether several datagrams may go in one call.
    pub(super) gso: bool,
    refusals: Refusals,
    #[cfg(test)]
    pub(super) faults: Faults,
}

/// Errors that tests make the kernel appear to return.
#[cfg(test)]
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// The errno of the next calls, one each; 0 lets a call through.
    pub next: std::collections::VecDeque<i32>,
    /// The errno of each call with several segments.
    pub gso: Option<i32>,
}

impl Sender {
    pub(super) fn new(socket: Socket, v6: bool, wildcard: bool, gso: bool) -> Self {
        Self {
            socket,
            v6,
            wildcard,
            gso,
            refusals: Refusals::default(),
            #[cfg(test)]
            faults: Faults::default(),
        }
    }

    /// Where `route` goes; `None` when this socket cannot reach it.
    pub(super) fn target(&self, route: &Route) -> Option<Target> {
        // A peer can forge the source port 0; nothing can be sent there.
        let (name, name_len) =
            sockaddr::encode(route.remote, self.v6).filter(|_| route.remote.port() != 0)?;
        let mut source = Control::default();
        if let Some(local) = route.local.filter(|_| self.wildcard) {
            source.source(local, self.v6);
        }
        Some(Target { ip: route.remote.ip(), name, name_len, source })
    }

    /// Sends the datagrams of one call, one by one where the kernel refuses to take them together.
    pub(super) fn send(&mut self, target: &Target, call: &Call<'_>, counters: &mut NetCounters) -> Sent {
        let [first, _, ..] = call.as_slice() else { return self.send_singly(target, call, counters).1 };
        let Some(size) = u16::try_from(first.len()).ok().filter(|&size| self.refusals.allow(target.ip, size))
        else {
            return self.send_singly(target, call, counters).1;
        };
        match self.call(target, call, Some(size)) {
            Ok(()) => {
                self.refusals.succeeded();
                counters.gso_sends += 1;
                count(counters, call);
                Sent::All
            }
            Err(error) => match sort(&error) {
                Failure::Blocked(blocked) => {
                    counters.would_block += 1;
                    Sent::Part(0, blocked)
                }
                Failure::Refused => {
                    counters.gso_refused += 1;
                    let (taken, sent) = self.send_singly(target, call, counters);
                    // Where nothing gets through one by one either, it was not the segmentation.
                    if taken > 0 && self.refusals.refused(target.ip, size) {
                        self.gso = false;
                    }
                    sent
                }
                Failure::Other => {
                    counters.send_errors += call.len() as u64;
                    Sent::All
                }
            },
        }
    }

    /// Sends one by one; also returns how many the kernel took.
    fn send_singly(&mut self, target: &Target, call: &Call<'_>, counters: &mut NetCounters) -> (usize, Sent) {
        let mut taken = 0;
        for (sent, datagram) in call.chunks(1).enumerate() {
            match self.call(target, datagram, None) {
                Ok(()) => {
                    taken += 1;
                    count(counters, datagram);
                }
                Err(error) => match sort(&error) {
                    Failure::Blocked(blocked) => {
                        counters.would_block += 1;
                        return (taken, Sent::Part(sent, blocked));
                    }
                    Failure::Refused | Failure::Other => counters.send_errors += 1,
                },
            }
        }
        (taken, Sent::All)
    }

    /// One system call.
    fn call(&mut self, target: &Target, parts: &[IoSlice<'_>], segment: Option<u16>) -> io::Result<()> {
        match self.try_call(target, parts, segment) {
            // ICMP's answer to an earlier datagram, which a connected socket is told instead of sending this one.
            Err(error) if error.raw_os_error() == Some(libc::ECONNREFUSED) => {
                self.try_call(target, parts, segment)
            }
            result => result,
        }
    }

    fn try_call(&mut self, target: &Target, parts: &[IoSlice<'_>], segment: Option<u16>) -> io::Result<()> {
        #[cfg(test)]
        {
            let gso = segment.and(self.faults.gso).unwrap_or(0);
            let errno = if gso != 0 { gso } else { self.faults.next.pop_front().unwrap_or(0) };
            if errno != 0 {
                return Err(io::Error::from_raw_os_error(errno));
            }
        }
        let name = target.name.get(..target.name_len).unwrap_or_default();
        let mut control = target.source;
        if let Some(segment) = segment {
            control.segment(segment);
        }
        sys::send(self.socket.as_fd(), name, parts, control.as_bytes())
    }
}

fn count(counters: &mut NetCounters, parts: &[IoSlice<'_>]) {
    counters.sends += 1;
    counters.datagrams_out += parts.len() as u64;
    counters.bytes_out += parts.iter().map(|part| part.len() as u64).sum::<u64>();
}

/// What an error of a send call means.
enum Failure {
    Blocked(Blocked),
    /// Perhaps segmentation is not possible to this destination, by its device or with this size.
    Refused,
    Other,
}

fn sort(error: &io::Error) -> Failure {
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EINTR) => Failure::Blocked(Blocked::Socket),
        Some(libc::ENOBUFS | libc::ENOMEM) => Failure::Blocked(Blocked::Device),
        Some(libc::EIO | libc::EOPNOTSUPP | libc::EINVAL | libc::EMSGSIZE) => Failure::Refused,
        _ => Failure::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(sizes: &[usize], gso: bool) -> Vec<Vec<usize>> {
        let datagrams: Vec<Vec<u8>> = sizes.iter().map(|&size| vec![0; size]).collect();
        let mut datagrams = datagrams.iter().map(Vec::as_slice).peekable();
        std::iter::from_fn(|| {
            let call = next_call(&mut datagrams, gso);
            (!call.is_empty()).then(|| call.iter().map(|part| part.len()).collect())
        })
        .collect()
    }

    #[test]
    fn equal_sizes_go_together_and_a_shorter_one_ends_the_call() {
        assert_eq!(calls(&[100, 100, 60, 100], true), [vec![100, 100, 60], vec![100]]);
        assert_eq!(calls(&[60, 100, 100], true), [vec![60], vec![100, 100]]);
        assert_eq!(calls(&[100, 60, 60], true), [vec![100, 60], vec![60]]);
    }

    #[test]
    fn empty_datagrams_go_alone() {
        assert_eq!(calls(&[0, 0, 5, 0, 5], true), [vec![0], vec![0], vec![5], vec![0], vec![5]]);
    }

    #[test]
    fn a_call_keeps_the_limits_of_the_kernel() {
        assert_eq!(calls(&[10; 130], true), [vec![10; 64], vec![10; 64], vec![10; 2]]);
        let long = calls(&[1500; 50], true);
        assert_eq!(long, [vec![1500; 43], vec![1500; 7]]);
    }

    #[test]
    fn without_gso_each_datagram_goes_alone() {
        assert_eq!(calls(&[100, 100], false), [vec![100], vec![100]]);
    }
}
