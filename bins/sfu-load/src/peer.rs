//! A light peer: its wire, the streams that it sends and those that it gets.
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfu_core::testing::bench_support::{Feedback, SecurePeer};

use crate::latency::Histogram;
use crate::link::{Buffers, Link};
use crate::reception::Reception;
use crate::rtcp;
use crate::rtp::{extension_value, header_len};
use crate::sinks::Reading;
use crate::stamp;
use crate::tally::Tally;
use crate::track::{AUDIO, HEADER, Track};
use crate::wire::{Paths, Wire};

/// Between two reports.
const REPORTS: Duration = Duration::from_secs(1);

/// Between two transport-wide feedback messages.
const FEEDBACK: Duration = Duration::from_millis(100);

/// Of the packets of audio streams, each with a number that this divides is opened for its stamp.
const SAMPLE: u16 = 8;

/// Bursts of one stream that leave at once when they are late; the others leave in the next turn.
const LATE: usize = 64;

/// Blocks that one report has room for.
const BLOCKS: usize = 31;

/// Bytes of a feedback message at the most.
const MESSAGE: usize = 1100;

/// What a peer does beside keeping its connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    /// Counts what comes.
    Quiet,
    /// Sends its streams, so many times as fast as they say, too.
    Sending(f64),
    /// What comes is not from the worker: it is read and counted apart.
    Floor,
}

/// A peer.
pub struct Peer {
    wire: Wire,
    tracks: Vec<Track>,
    streams: HashMap<u32, Reception>,
    feedback: Option<(u8, Feedback, Instant)>,
    /// SSRC of its reports.
    ssrc: u32,
    reports_due: Instant,
    mode: Mode,
    tally: Arc<Tally>,
    was_ready: bool,
}

impl Peer {
    /// A peer at an address of this machine that is not connected to anybody; `ssrc` is that of its reports.
    pub fn open(at: IpAddr, reading: Reading, ssrc: u32, now: Instant) -> io::Result<Self> {
        Ok(Self {
            wire: Wire::open(at, reading)?,
            tracks: Vec::new(),
            streams: HashMap::new(),
            feedback: None,
            ssrc,
            reports_due: now + REPORTS,
            mode: Mode::Quiet,
            tally: Arc::default(),
            was_ready: false,
        })
    }

    /// Whom it talks to and how; sealing adds so many bytes to RTP.
    pub fn connect(&mut self, to: SocketAddr, secure: SecurePeer, overhead: usize) {
        self.wire.connect(to, secure, overhead);
    }

    /// Sends a stream.
    pub fn publish(&mut self, track: Track) {
        self.tracks.push(track);
    }

    /// Puts a bad network between it and the worker.
    pub fn impair(&mut self, paths: Paths) {
        self.wire.impair(paths);
    }

    /// Tells which packets came when, by the numbers in the header extension with this id.
    pub fn give_feedback(&mut self, extension: u8, now: Instant) {
        self.feedback = Some((extension, Feedback::new(now), now + FEEDBACK));
    }

    /// Where it is.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.wire.link().address()
    }

    /// Its socket.
    pub fn link(&self) -> &Link {
        self.wire.link()
    }

    /// What it counts.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Changes what it does.
    pub fn set_mode(&mut self, mode: Mode, now: Instant) {
        let before = std::mem::replace(&mut self.mode, mode);
        match (before, mode) {
            (Mode::Sending(_), Mode::Sending(_)) => {}
            (_, Mode::Sending(_)) => self.tracks.iter_mut().for_each(|track| track.resume(now)),
            _ => self.tracks.iter_mut().for_each(Track::pause),
        }
    }

    /// When [`Peer::handle_timeout`] wants to be called next.
    pub fn next_deadline(&self) -> Instant {
        let feedback = self.feedback.as_ref().map(|(_, _, due)| *due);
        let tracks = match self.mode {
            // Nothing leaves before there are keys.
            Mode::Sending(speed) if self.was_ready => {
                self.tracks.iter().filter_map(|track| track.due(speed)).min()
            }
            _ => None,
        };
        let all = [Some(self.reports_due), feedback, tracks, self.wire.next_deadline()];
        all.into_iter().flatten().min().unwrap_or(self.reports_due)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, latency: &mut Histogram) {
        self.wire.handle_timeout(now);
        while let Some(datagram) = self.wire.arrived(now) {
            self.take(now, &datagram, latency);
        }
        self.note_ready();
        if let Mode::Sending(speed) = self.mode
            && self.was_ready
        {
            for track in &mut self.tracks {
                for _ in 0..LATE {
                    if track.due(speed).is_none_or(|due| due > now) {
                        break;
                    }
                    let (sent, unsent) = self.wire.send_burst(now, track);
                    self.tally.sent.add(sent);
                    self.tally.unsent.add(unsent);
                }
            }
        }
        if self.reports_due <= now {
            self.reports_due = now + REPORTS;
            self.report(now);
        }
        self.send_feedback(now);
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant) {
        self.wire.close(now);
    }

    /// Reads what has come to its socket, to the end: what is left would wake nobody.
    pub fn receive(&mut self, buffers: &mut Buffers, latency: &mut Histogram) -> io::Result<()> {
        loop {
            let count = self.wire.receive(buffers)?;
            if count == 0 {
                return Ok(());
            }
            if self.wire.is_impaired() {
                continue;
            }
            let now = Instant::now();
            for datagram in buffers.datagrams(count) {
                self.take(now, datagram, latency);
            }
        }
    }

    fn take(&mut self, now: Instant, datagram: &[u8], latency: &mut Histogram) {
        match datagram.first() {
            Some(128..=191) if rtcp::is_rtcp(datagram) => self.take_rtcp(datagram),
            Some(128..=191) if self.mode == Mode::Floor => self.tally.floor.add(1),
            Some(128..=191) => self.take_rtp(now, datagram, latency),
            Some(_) => {
                self.wire.take(now, datagram);
                self.note_ready();
            }
            None => {}
        }
    }

    /// Others look at whether it is connected.
    fn note_ready(&mut self) {
        let ready = self.wire.is_ready();
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
        self.tally.packets.change(before.packets, after.packets);
        self.tally.missing.change(before.missing, after.missing);
        self.tally.repeated.change(before.repeated, after.repeated);
        self.tally.bytes.add(if is_new { packet.len() as u64 } else { 0 });
        let Some(header_len) = header_len(packet, first) else { return };
        if let Some((extension, feedback, _)) = &mut self.feedback
            && let Some(number) = extension_value(packet, header_len, *extension)
        {
            feedback.note(now, number);
        }
        // The last packet of a frame waited the longest. Audio has no marker; a sample of it is enough.
        let (marker, payload_type) = (second & 0x80 != 0, second & 0x7f);
        let is_sampled = marker || (payload_type == AUDIO && number.is_multiple_of(SAMPLE));
        if is_sampled && is_new {
            match self.wire.open_rtp(packet, header_len).and_then(stamp::read) {
                Some(sent) => latency.add(now.saturating_duration_since(sent)),
                None => self.tally.unreadable.add(1),
            }
        }
    }

    fn take_rtcp(&mut self, datagram: &[u8]) {
        if !self.tracks.is_empty() && self.wire.open_rtcp(datagram).is_some_and(rtcp::asks_for_key_frame) {
            self.tracks.iter_mut().for_each(Track::want_key);
        }
    }

    fn report(&mut self, now: Instant) {
        if !self.was_ready {
            return;
        }
        for track in &self.tracks {
            let (timestamp, packets, octets) = track.sent();
            self.wire.send_rtcp(now, &rtcp::sender_report(track.ssrc(), timestamp, packets, octets));
        }
        let blocks: Vec<rtcp::Block> =
            self.streams.iter_mut().map(|(ssrc, stream)| stream.report(*ssrc)).collect();
        for blocks in blocks.chunks(BLOCKS) {
            self.wire.send_rtcp(now, &rtcp::receiver_report(self.ssrc, blocks));
        }
    }

    fn send_feedback(&mut self, now: Instant) {
        let Some((_, feedback, due)) = &mut self.feedback else { return };
        if *due > now {
            return;
        }
        *due = now + FEEDBACK;
        let media = self.streams.keys().next().copied().unwrap_or_default();
        for message in feedback.write(self.ssrc, media, MESSAGE) {
            self.wire.send_rtcp(now, &message);
        }
    }
}
