//! What is between a peer and the worker: a socket, keys, and a network that may be bad.
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use sfu_core::testing::bench_support::SecurePeer;

use crate::link::{Buffers, Link};
use crate::path::Path;
use crate::sinks::Reading;
use crate::track::Track;

/// Room for one datagram.
const DATAGRAM: usize = 2048;

/// Conditions of a network, both directions.
pub struct Paths {
    /// To the worker.
    pub up: Path,
    /// From the worker.
    pub down: Path,
}

/// One peer's.
pub struct Wire {
    link: Link,
    secure: SecurePeer,
    /// Bytes that sealing adds to RTP.
    overhead: usize,
    paths: Option<Box<Paths>>,
    slab: Vec<u8>,
    sizes: Vec<usize>,
    /// Room for what is opened.
    plain: Box<[u8; DATAGRAM]>,
}

impl Wire {
    /// To nobody, from an address of this machine.
    pub fn open(at: IpAddr, reading: Reading) -> io::Result<Self> {
        Ok(Self {
            link: Link::open(at, reading)?,
            secure: SecurePeer::clear(),
            overhead: 0,
            paths: None,
            slab: Vec::new(),
            sizes: Vec::new(),
            plain: Box::new([0; DATAGRAM]),
        })
    }

    /// Who is at the other end and how media is protected; sealing adds so many bytes to RTP.
    pub fn connect(&mut self, to: SocketAddr, secure: SecurePeer, overhead: usize) {
        self.link.connect(to);
        (self.secure, self.overhead) = (secure, overhead);
    }

    /// Makes the network a bad one.
    pub fn impair(&mut self, paths: Paths) {
        self.paths = Some(Box::new(paths));
    }

    /// Its socket.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Whether media can flow.
    pub fn is_ready(&self) -> bool {
        self.secure.is_ready()
    }

    /// When [`Wire::handle_timeout`] and [`Wire::arrived`] want to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        let ways = self.paths.as_ref().map(|paths| [paths.up.next_arrival(), paths.down.next_arrival()]);
        ways.into_iter().flatten().chain([self.secure.next_deadline()]).flatten().min()
    }

    /// Goes on with handshake and consent, and lets leave what waited long enough.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.secure.next_deadline().is_some_and(|at| at <= now) {
            let mut out = Vec::new();
            self.secure.handle_timeout(now, &mut out);
            self.send_all(now, &out);
        }
        while let Some(datagram) = self.paths.as_mut().and_then(|paths| paths.up.leave(now)) {
            self.link.send(&datagram, &[datagram.len()]);
        }
    }

    /// Takes a datagram of STUN or DTLS.
    pub fn take(&mut self, now: Instant, datagram: &[u8]) {
        let mut out = Vec::new();
        self.secure.handle_datagram(now, datagram, &mut out);
        self.send_all(now, &out);
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant) {
        let mut out = Vec::new();
        self.secure.close(now, &mut out);
        self.send_all(now, &out);
    }

    /// Reads what has come to the socket: each datagram goes to `take`, or on its way through a bad network.
    pub fn receive(&mut self, buffers: &mut Buffers) -> io::Result<usize> {
        let count = self.link.receive(buffers)?;
        if let Some(paths) = &mut self.paths {
            let now = Instant::now();
            buffers.datagrams(count).for_each(|datagram| paths.down.enter(now, datagram));
        }
        Ok(count)
    }

    /// Whether what is received comes later, by [`Wire::arrived`].
    pub fn is_impaired(&self) -> bool {
        self.paths.is_some()
    }

    /// A datagram that came through a bad network.
    pub fn arrived(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.paths.as_mut()?.down.leave(now)
    }

    /// Sends the next burst of a stream: how many packets left, and how many the system did not take.
    pub fn send_burst(&mut self, now: Instant, track: &mut Track) -> (u64, u64) {
        let Self { link, secure, overhead, paths, slab, sizes, .. } = self;
        let mut end = 0;
        sizes.clear();
        track.send(now, *overhead, |packet| {
            if slab.len() < end + DATAGRAM {
                slab.resize(end + DATAGRAM, 0);
            }
            let room = slab.get_mut(end..).unwrap_or_default();
            if let Some(len) = secure.seal_rtp(&packet.header, packet.payload, room) {
                sizes.push(len);
                end += len;
            }
        });
        let mut rest = slab.get(..end).unwrap_or_default();
        let sent = match paths {
            Some(paths) => {
                for size in sizes.iter() {
                    let Some((packet, behind)) = rest.split_at_checked(*size) else { break };
                    paths.up.enter(now, packet);
                    rest = behind;
                }
                sizes.len()
            }
            None => link.send(rest, sizes),
        };
        (sent as u64, (sizes.len() - sent) as u64)
    }

    /// Sends RTCP.
    pub fn send_rtcp(&mut self, now: Instant, plain: &[u8]) {
        let mut out = [0; DATAGRAM];
        if let Some(sealed) = self.secure.seal_rtcp(plain, &mut out).and_then(|len| out.get(..len)) {
            self.send_all(now, &[sealed]);
        }
    }

    /// The plaintext of an RTP packet whose header is so long, if it can be read.
    pub fn open_rtp(&mut self, packet: &[u8], header_len: usize) -> Option<&[u8]> {
        let len = self.secure.open_rtp(packet, header_len, &mut self.plain[..])?;
        self.plain.get(..len)
    }

    /// The plaintext of RTCP, if it can be read.
    pub fn open_rtcp(&mut self, packet: &[u8]) -> Option<&[u8]> {
        let len = self.secure.open_rtcp(packet, &mut self.plain[..])?;
        self.plain.get(..len)
    }

    fn send_all(&mut self, now: Instant, datagrams: &[impl AsRef<[u8]>]) {
        for datagram in datagrams.iter().map(AsRef::as_ref) {
            match &mut self.paths {
                Some(paths) => paths.up.enter(now, datagram),
                None => {
                    self.link.send(datagram, &[datagram.len()]);
                }
            }
        }
    }
}
