//! A light peer: a socket, keys, the streams that it sends and those that it gets.
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfu_core::testing::bench_support::{Feedback, SecurePeer};

use crate::latency::Histogram;
use crate::link::{Buffers, Link};
use crate::path::Path;
use crate::reception::Reception;
use crate::rtcp;
use crate::rtp::{extension_value, header_len};
use crate::sinks::Reading;
use crate::stamp;
use crate::tally::Tally;
use crate::track::{HEADER, Track};

/// Room for one datagram.
const DATAGRAM: usize = 2048;

/// Between two reports.
const REPORTS: Duration = Duration::from_secs(1);

/// Between two transport-wide feedback messages.
const FEEDBACK: Duration = Duration::from_millis(100);

/// Of the packets of audio streams, each with a number that this divides is opened for its stamp.
const SAMPLE: u16 = 8;

/// What a peer does beside waiting for its connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    /// Keeps its connection and counts.
    Quiet,
    /// Sends its streams, so many times as fast as they say.
    Sending(f64),
    /// What comes is not from the worker: it is read and counted apart.
    Floor,
}

/// Conditions of a peer's network, both directions.
pub struct Paths {
    /// To the worker.
    pub up: Path,
    /// From the worker.
    pub down: Path,
}

/// A peer.
pub struct Peer {
    link: Link,
    secure: SecurePeer,
    /// Bytes that sealing adds to RTP.
    overhead: usize,
    tracks: Vec<Track>,
    streams: HashMap<u32, Reception>,
    paths: Option<Box<Paths>>,
    feedback: Option<(u8, Feedback, Instant)>,
    /// SSRC of its reports.
    ssrc: u32,
    reports_due: Instant,
    mode: Mode,
    tally: Arc<Tally>,
    was_ready: bool,
    slab: Vec<u8>,
    sizes: Vec<usize>,
}

impl Peer {
    /// A peer that is not connected to anybody; `ssrc` is that of its reports.
    pub fn open(reading: Reading, ssrc: u32, now: Instant) -> io::Result<Self> {
        Ok(Self {
            link: Link::open(reading)?,
            secure: SecurePeer::clear(),
            overhead: 0,
            tracks: Vec::new(),
            streams: HashMap::new(),
            paths: None,
            feedback: None,
            ssrc,
            reports_due: now + REPORTS,
            mode: Mode::Quiet,
            tally: Arc::default(),
            was_ready: false,
            slab: Vec::new(),
            sizes: Vec::new(),
        })
    }

    /// Whom it talks to and how; sealing adds so many bytes to RTP.
    pub fn connect(&mut self, to: SocketAddr, secure: SecurePeer, overhead: usize) {
        self.link.connect(to);
        (self.secure, self.overhead) = (secure, overhead);
    }

    /// Sends a stream.
    pub fn publish(&mut self, track: Track) {
        self.tracks.push(track);
    }

    /// Puts a bad network between it and the worker.
    pub fn impair(&mut self, paths: Paths) {
        self.paths = Some(Box::new(paths));
    }

    /// Tells which packets came when, by the numbers in the header extension with this id.
    pub fn give_feedback(&mut self, extension: u8, now: Instant) {
        self.feedback = Some((extension, Feedback::new(now), now + FEEDBACK));
    }

    /// Where it is.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.link.address()
    }

    /// Its socket.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Its streams that it sends.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// What it counts.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Changes what it does.
    pub fn set_mode(&mut self, mode: Mode, now: Instant) {
        let before = std::mem::replace(&mut self.mode, mode);
        if matches!(mode, Mode::Sending(_)) && !matches!(before, Mode::Sending(_)) {
            self.tracks.iter_mut().for_each(|track| track.resume(now));
        } else if !matches!(mode, Mode::Sending(_)) {
            self.tracks.iter_mut().for_each(Track::pause);
        }
    }

    /// When [`Peer::handle_timeout`] wants to be called next.
    pub fn next_deadline(&self) -> Instant {
        let mut next = self.reports_due;
        let mut sooner = |at: Option<Instant>| next = at.map_or(next, |at| at.min(next));
        sooner(self.secure.next_deadline());
        if let Mode::Sending(speed) = self.mode {
            self.tracks.iter().for_each(|track| sooner(track.due(speed)));
        }
        if let Some(paths) = &self.paths {
            sooner(paths.up.next_arrival());
            sooner(paths.down.next_arrival());
        }
        sooner(self.feedback.as_ref().map(|(_, _, due)| *due));
        next
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, latency: &mut Histogram) {
        let mut out = Vec::new();
        if self.secure.next_deadline().is_some_and(|at| at <= now) {
            self.secure.handle_timeout(now, &mut out);
            self.send_all(now, &out);
        }
        self.after_handshake();
        if let Mode::Sending(speed) = self.mode
            && self.secure.is_ready()
        {
            for index in 0..self.tracks.len() {
                // What is late is sent at once, but a whole thread that was held up does not send for ever.
                for _ in 0..64 {
                    let Some(track) = self.tracks.get_mut(index) else { break };
                    if track.due(speed).is_none_or(|due| due > now) {
                        break;
                    }
                    self.send_burst(index, now);
                }
            }
        }
        if self.reports_due <= now {
            self.reports_due = now + REPORTS;
            self.report(now);
        }
        self.send_feedback(now);
        self.let_arrive(now, latency);
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant) {
        let mut out = Vec::new();
        self.secure.close(now, &mut out);
        self.send_all(now, &out);
    }

    /// Reads what has come to its socket.
    pub fn receive(&mut self, buffers: &mut Buffers, latency: &mut Histogram) -> io::Result<()> {
        // To the end: what is left would wake nobody.
        loop {
            let count = self.link.receive(buffers)?;
            if count == 0 {
                return Ok(());
            }
            let now = Instant::now();
            for datagram in buffers.datagrams(count) {
                match &mut self.paths {
                    Some(paths) => paths.down.enter(now, datagram),
                    None => self.take(now, datagram, latency),
                }
            }
        }
    }

    /// What the path lets arrive now, in both directions.
    fn let_arrive(&mut self, now: Instant, latency: &mut Histogram) {
        while let Some(datagram) = self.paths.as_mut().and_then(|paths| paths.up.leave(now)) {
            self.link.send(&datagram, &[datagram.len()]);
        }
        while let Some(datagram) = self.paths.as_mut().and_then(|paths| paths.down.leave(now)) {
            self.take(now, &datagram, latency);
        }
    }

    fn take(&mut self, now: Instant, datagram: &[u8], latency: &mut Histogram) {
        match datagram.first() {
            Some(128..=191) if rtcp::is_rtcp(datagram) => self.take_rtcp(datagram),
            Some(128..=191) if self.mode == Mode::Floor => self.tally.floor.add(1),
            Some(128..=191) => self.take_rtp(now, datagram, latency),
            Some(_) => {
                let mut out = Vec::new();
                self.secure.handle_datagram(now, datagram, &mut out);
                self.send_all(now, &out);
                self.after_handshake();
            }
            None => {}
        }
    }

    fn after_handshake(&mut self) {
        let ready = self.secure.is_ready();
        if ready != self.was_ready {
            self.was_ready = ready;
            self.tally.set_ready(ready);
        }
    }

    fn take_rtp(&mut self, now: Instant, packet: &[u8], latency: &mut Histogram) {
        let Some(&[first, second, n0, n1, _, _, _, _, s0, s1, s2, s3]) = packet.first_chunk::<HEADER>()
        else {
            return;
        };
        let (number, ssrc) = (u16::from_be_bytes([n0, n1]), u32::from_be_bytes([s0, s1, s2, s3]));
        let stream = self.streams.entry(ssrc).or_insert_with(|| Reception::new(number));
        let before = stream.counted();
        stream.take(number);
        let after = stream.counted();
        let is_new = after.packets != before.packets;
        self.tally.packets.add(after.packets - before.packets);
        self.tally.missing.change(before.missing, after.missing);
        self.tally.repeated.add(after.repeated - before.repeated);
        self.tally.bytes.add(packet.len() as u64);
        let Some(header_len) = header_len(packet, first) else { return };
        if let Some((extension, feedback, _)) = &mut self.feedback
            && let Some(number) = extension_value(packet, header_len, *extension)
        {
            feedback.note(now, number);
        }
        // The last packet of a frame waited the longest. Audio has no marker; a sample of it is enough.
        let (marker, payload_type) = (second & 0x80 != 0, second & 0x7f);
        let is_sampled = marker || (payload_type == crate::track::AUDIO && number.is_multiple_of(SAMPLE));
        if !is_sampled || !is_new {
            return;
        }
        let mut plain = [0; DATAGRAM];
        let opened = self.secure.open_rtp(packet, header_len, &mut plain).and_then(|len| plain.get(..len));
        match opened.and_then(stamp::read) {
            Some(sent) => latency.add(now.saturating_duration_since(sent)),
            None => self.tally.unreadable.add(1),
        }
    }

    fn take_rtcp(&mut self, datagram: &[u8]) {
        if self.tracks.is_empty() {
            return;
        }
        let mut plain = [0; DATAGRAM];
        let opened = self.secure.open_rtcp(datagram, &mut plain).and_then(|len| plain.get(..len));
        if opened.is_some_and(rtcp::asks_for_key_frame) {
            self.tally.key_frames_asked.add(1);
            self.tracks.iter_mut().for_each(Track::want_key);
        }
    }

    fn send_burst(&mut self, index: usize, now: Instant) {
        let Some(track) = self.tracks.get_mut(index) else { return };
        let (secure, slab, sizes) = (&mut self.secure, &mut self.slab, &mut self.sizes);
        let mut end = 0;
        sizes.clear();
        track.send(now, self.overhead, |packet| {
            if slab.len() < end + DATAGRAM {
                slab.resize(end + DATAGRAM, 0);
            }
            let room = slab.get_mut(end..).unwrap_or_default();
            if let Some(len) = secure.seal_rtp(&packet.header, packet.payload, room) {
                sizes.push(len);
                end += len;
            }
        });
        let bytes = slab.get(..end).unwrap_or_default();
        let sent = match &mut self.paths {
            Some(paths) => {
                let mut rest = bytes;
                for size in sizes.iter() {
                    let Some((packet, behind)) = rest.split_at_checked(*size) else { break };
                    paths.up.enter(now, packet);
                    rest = behind;
                }
                sizes.len()
            }
            None => self.link.send(bytes, sizes),
        };
        self.tally.sent.add(sent as u64);
        self.tally.unsent.add((sizes.len() - sent) as u64);
    }

    fn send_all(&mut self, now: Instant, datagrams: &[Vec<u8>]) {
        for datagram in datagrams {
            match &mut self.paths {
                Some(paths) => paths.up.enter(now, datagram),
                None => {
                    self.link.send(datagram, &[datagram.len()]);
                }
            }
        }
    }

    fn send_rtcp(&mut self, now: Instant, plain: &[u8]) {
        let mut out = [0; DATAGRAM];
        if let Some(sealed) = self.secure.seal_rtcp(plain, &mut out).and_then(|len| out.get(..len)) {
            self.send_all(now, &[sealed.to_vec()]);
        }
    }

    fn report(&mut self, now: Instant) {
        if !self.secure.is_ready() {
            return;
        }
        for index in 0..self.tracks.len() {
            let Some(track) = self.tracks.get(index) else { break };
            let (timestamp, packets, octets) = track.sent();
            let report = rtcp::sender_report(track.ssrc(), timestamp, packets, octets);
            self.send_rtcp(now, &report);
        }
        let blocks: Vec<rtcp::Block> =
            self.streams.iter_mut().map(|(ssrc, stream)| stream.report(*ssrc)).collect();
        for blocks in blocks.chunks(31) {
            self.send_rtcp(now, &rtcp::receiver_report(self.ssrc, blocks));
        }
    }

    fn send_feedback(&mut self, now: Instant) {
        let Some((_, feedback, due)) = &mut self.feedback else { return };
        if *due > now {
            return;
        }
        *due = now + FEEDBACK;
        let media = self.streams.keys().next().copied().unwrap_or_default();
        for packet in feedback.write(self.ssrc, media, 1100) {
            self.send_rtcp(now, &packet);
        }
    }
}
