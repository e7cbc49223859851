//! What a media thread keeps for a producer that is recorded: which packets go to the queue.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use sfu_core::plugin::{SenderClock, Target};

use crate::clock_reading::ClockReading;
use crate::format::Formats;
use crate::status::TrackStatus;
use sfu_core::media::{PacketLabel, PacketSender};

/// A packet, and what the core knows of it.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Header and payload.
    pub bytes: &'a [u8],
    /// Index of the encoding.
    pub encoding: u8,
    /// RTP payload type.
    pub payload_type: u8,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is on its way to the file.
    Queued,
    /// It is nothing that is recorded: paused, failed, or of a format that files don't have.
    Ignored,
    /// The queue is full.
    Dropped,
    /// It is longer than the 1500 bytes that a file can hold of a packet.
    Oversize,
}

/// One encoding.
#[derive(Debug)]
pub struct Track {
    /// Its number in the queue.
    pub id: u32,
    /// Its figures.
    pub status: Arc<TrackStatus>,
    /// It failed: nothing is queued any more.
    pub failed: bool,
    payload_type: Option<u8>,
    restart: bool,
    /// The last packet was dropped.
    lost: bool,
}

/// A producer that is recorded.
#[derive(Debug)]
pub struct Recording {
    /// Its encodings.
    pub tracks: Vec<Track>,
    /// Its formats.
    pub formats: Arc<Formats>,
    /// When it began.
    pub opened: Instant,
    /// The producer, and what it belongs to.
    pub lineage: Vec<Target>,
    /// What the senders of its encodings last said of their clocks, if somebody wants to know.
    pub clocks: Option<Vec<Option<SenderClock>>>,
    /// Dropped packets that were told of.
    pub told_dropped: u64,
    /// Video begins with a key frame.
    gated: bool,
    paused: bool,
    /// Packets were lost before one that was recorded.
    damaged: bool,
}

impl Recording {
    /// Of a producer with these encodings; `gated` if it begins with a key frame.
    pub fn new(
        tracks: impl IntoIterator<Item = (u32, Arc<TrackStatus>)>,
        formats: Arc<Formats>,
        opened: Instant,
        gated: bool,
        paused: bool,
        lineage: Vec<Target>,
    ) -> Self {
        let track = |(id, status)| Track {
            id,
            status,
            failed: false,
            payload_type: None,
            restart: false,
            lost: false,
        };
        let tracks = tracks.into_iter().map(track).collect();
        let (told_dropped, damaged) = (0, false);
        Recording { tracks, formats, opened, lineage, clocks: None, told_dropped, gated, paused, damaged }
    }

    /// The same, for files in which time counts: what senders say of their clocks goes there too.
    #[must_use]
    pub fn with_clocks(self) -> Self {
        Recording { clocks: Some(Vec::new()), ..self }
    }

    /// The sender of an encoding has said something of its clock.
    pub fn take_clock(&mut self, encoding: u8, clock: SenderClock, queue: &mut PacketSender) {
        let (Some(clocks), Some(track)) = (&mut self.clocks, self.tracks.get(usize::from(encoding))) else {
            return;
        };
        if clocks.len() <= usize::from(encoding) {
            clocks.resize(usize::from(encoding) + 1, None);
        }
        let Some(known) = clocks.get_mut(usize::from(encoding)) else { return };
        // The same report makes the same clock, wherever our estimate of the offset goes.
        let same = |known: &SenderClock| (known.ntp, known.rtp_timestamp) == (clock.ntp, clock.rtp_timestamp);
        if track.failed || known.as_ref().is_some_and(same) {
            return;
        }
        let at = match clock.at.checked_duration_since(self.opened) {
            Some(after) => after.as_nanos() as i64,
            None => -(self.opened.saturating_duration_since(clock.at).as_nanos() as i64),
        };
        let reading = ClockReading {
            ntp: clock.ntp.to_bits(),
            rtp_timestamp: clock.rtp_timestamp,
            at,
            packets: clock.packets,
            octets: clock.octets,
        };
        let label = PacketLabel { track: track.id, at: 0, restart: false, aside: true };
        // Where there is no room, the next look tries again.
        if queue.push(label, &reading.to_bytes()).is_ok() {
            *known = Some(clock);
        }
    }

    /// A packet came.
    #[inline]
    pub fn take(&mut self, packet: &Arrival<'_>, now: Instant, queue: &mut PacketSender) -> Outcome {
        let Some(track) = self.tracks.get_mut(usize::from(packet.encoding)) else { return Outcome::Ignored };
        if self.paused || track.failed {
            return Outcome::Ignored;
        }
        if track.payload_type != Some(packet.payload_type) && !self.formats.takes(packet.payload_type) {
            return Outcome::Ignored;
        }
        track.payload_type = Some(packet.payload_type);
        if packet.bytes.len() > sfu_core::media::mjr::MAX_RTP_LEN {
            track.status.oversize.add(1);
            return Outcome::Oversize;
        }
        let at = now.saturating_duration_since(self.opened).as_nanos() as u64;
        let label = PacketLabel { track: track.id, at, restart: track.restart, aside: false };
        if queue.push(label, packet.bytes).is_err() {
            track.lost = true;
            track.status.dropped.add(1);
            return Outcome::Dropped;
        }
        track.restart = false;
        self.damaged |= std::mem::take(&mut track.lost);
        Outcome::Queued
    }

    /// The producer was paused: what may still come is not recorded.
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// The producer goes on; its files do so without a gap.
    pub fn resume(&mut self) {
        if std::mem::take(&mut self.paused) {
            for track in &mut self.tracks {
                track.restart = true;
            }
        }
    }

    /// Whether a key frame would help: since the last call packets were lost before one that was recorded, or the writer waits
    /// for one.
    pub fn wants_key_frame(&mut self) -> bool {
        let mut wants = std::mem::take(&mut self.damaged) && self.gated;
        for track in &mut self.tracks {
            wants |= track.status.wants_key_frame.swap(false, Ordering::Relaxed) && !track.failed;
        }
        wants
    }

    /// Whether it begins with a key frame.
    pub fn is_gated(&self) -> bool {
        self.gated
    }

    /// A track has failed: nothing is queued for it any more.
    pub fn fail(&mut self, id: u32) {
        for track in self.tracks.iter_mut().filter(|track| track.id == id) {
            track.failed = true;
        }
    }

    /// Encodings that have failed are recorded again from now on; their tracks.
    pub fn again(&mut self) -> Vec<u32> {
        let failed = self.tracks.iter_mut().filter(|track| track.failed);
        failed
            .map(|track| {
                track.failed = false;
                track.id
            })
            .collect()
    }

    /// Packets of all encodings that were dropped.
    pub fn dropped(&self) -> u64 {
        self.tracks.iter().map(|track| track.status.dropped.get()).sum()
    }
}

#[cfg(test)]
mod tests;
