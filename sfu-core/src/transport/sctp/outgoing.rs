//! What waits to be sent, stream by stream.
//!
//! `sctp-proto` counts bytes as buffered until they are acknowledged; `bufferedAmount` (W3C WebRTC section 6.2) ends when they
//! are sent. So packets are looked at as they leave.
use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::{Reliability, SctpConfig, SendError};

/// Bytes that may be sent and not acknowledged, beyond what may wait: a peer decides how far the congestion window opens.
const MAX_IN_FLIGHT: usize = 8 << 20;

/// A message that can't be handed over yet: no association, or the stream's last life is still being ended.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) stream: u16,
    pub(super) ppid: u32,
    pub(super) payload: Bytes,
}

/// One stream to the peer.
#[derive(Debug)]
pub(super) struct OutgoingStream {
    pub(super) reliability: Reliability,
    /// Handed over and not sent.
    unsent: usize,
    /// Not handed over.
    held: usize,
    low_threshold: usize,
    /// It refused a message.
    is_full: bool,
}

/// All streams to the peer.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    streams: HashMap<u16, OutgoingStream, RandomState>,
    pub(super) held: VecDeque<Held>,
    /// Bytes that wait, of all streams.
    total: usize,
    /// No fewer than are sent and not acknowledged.
    in_flight_bound: usize,
    any_full: bool,
}

/// What came of less waiting.
pub(super) enum Relief {
    /// A stream fell to its threshold.
    Low(u16, usize),
    /// A stream that had refused a message may take one.
    Writable(u16),
}

impl Outgoing {
    pub(super) fn open(&mut self, stream: u16, reliability: Reliability, low_threshold: usize) {
        let fresh = OutgoingStream { reliability, unsent: 0, held: 0, low_threshold, is_full: false };
        if let Some(old) = self.streams.insert(stream, fresh) {
            self.total = self.total.saturating_sub(old.unsent + old.held);
        }
        self.held.retain(|held| held.stream != stream);
    }

    /// Forgets a stream and what is held for it.
    pub(super) fn close(&mut self, stream: u16) -> bool {
        let Some(old) = self.streams.remove(&stream) else { return false };
        self.total = self.total.saturating_sub(old.unsent + old.held);
        self.held.retain(|held| held.stream != stream);
        true
    }

    pub(super) fn get(&self, stream: u16) -> Option<&OutgoingStream> {
        self.streams.get(&stream)
    }

    pub(super) fn buffered(&self, stream: u16) -> Option<usize> {
        self.streams.get(&stream).map(|stream| stream.unsent + stream.held)
    }

    pub(super) fn low_threshold(&self, stream: u16) -> Option<usize> {
        self.streams.get(&stream).map(|stream| stream.low_threshold)
    }

    pub(super) fn set_low_threshold(&mut self, stream: u16, threshold: usize) -> bool {
        self.streams.get_mut(&stream).map(|stream| stream.low_threshold = threshold).is_some()
    }

    /// Makes room for a message, or refuses it. `in_flight` counts what is sent and not acknowledged; it is asked seldom.
    pub(super) fn admit(
        &mut self,
        config: &SctpConfig,
        stream: u16,
        len: usize,
        in_flight: impl FnOnce() -> usize,
    ) -> Result<(), SendError> {
        let entry = self.streams.get_mut(&stream).ok_or(SendError::Closed)?;
        if len > config.max_send_message_size {
            return Err(SendError::TooLarge { limit: config.max_send_message_size });
        }
        let mut is_full = entry.unsent + entry.held + len > config.stream_send_buffer
            || self.total + len > config.send_buffer;
        if !is_full && self.in_flight_bound + len > config.send_buffer + MAX_IN_FLIGHT {
            self.in_flight_bound = in_flight();
            is_full = self.in_flight_bound + len > config.send_buffer + MAX_IN_FLIGHT;
        }
        if is_full {
            entry.is_full = true;
            self.any_full = true;
            return Err(SendError::BufferFull);
        }
        Ok(())
    }

    /// A message was handed over.
    pub(super) fn handed_over(&mut self, stream: u16, len: usize) {
        if let Some(entry) = self.streams.get_mut(&stream) {
            entry.unsent += len;
            self.total += len;
            self.in_flight_bound += len;
        }
    }

    /// A message waits to be handed over.
    pub(super) fn hold(&mut self, held: Held) {
        if let Some(entry) = self.streams.get_mut(&held.stream) {
            entry.held += held.payload.len();
            self.total += held.payload.len();
            self.held.push_back(held);
        }
    }

    /// A message waits no longer to be handed over.
    pub(super) fn unhold(&mut self, held: &Held) {
        if let Some(entry) = self.streams.get_mut(&held.stream) {
            entry.held = entry.held.saturating_sub(held.payload.len());
            self.total = self.total.saturating_sub(held.payload.len());
        }
    }

    /// Bytes of a stream were sent for the first time.
    pub(super) fn sent(&mut self, stream: u16, len: usize, relief: &mut impl FnMut(Relief)) {
        if let Some(entry) = self.streams.get_mut(&stream) {
            let unsent = entry.unsent.saturating_sub(len);
            self.total = self.total.saturating_sub(entry.unsent - unsent);
            entry.set_unsent(stream, unsent, relief);
        }
    }

    /// Bytes that were given up before they were sent count no longer: `buffered` says how many of a stream are left.
    pub(super) fn reconcile(
        &mut self,
        mut buffered: impl FnMut(u16) -> usize,
        relief: &mut impl FnMut(Relief),
    ) {
        if self.total == 0 {
            return;
        }
        for (stream, entry) in self.streams.iter_mut().filter(|(_, entry)| entry.unsent > 0) {
            let unsent = entry.unsent.min(buffered(*stream));
            self.total = self.total.saturating_sub(entry.unsent - unsent);
            entry.set_unsent(*stream, unsent, relief);
        }
    }

    /// A stream's life, or all that was handed over, has ended.
    pub(super) fn lost(&mut self, stream: Option<u16>) {
        for (_, entry) in self.streams.iter_mut().filter(|(id, _)| stream.is_none_or(|only| only == **id)) {
            self.total = self.total.saturating_sub(entry.unsent);
            entry.unsent = 0;
        }
        if stream.is_none() {
            self.in_flight_bound = 0;
        }
    }

    /// Tells of streams that had refused a message, once half of the room is free.
    pub(super) fn relieve(&mut self, config: &SctpConfig, relief: &mut impl FnMut(Relief)) {
        if !self.any_full || self.total > config.send_buffer / 2 {
            return;
        }
        self.any_full = false;
        for (stream, entry) in self.streams.iter_mut().filter(|(_, entry)| entry.is_full) {
            if entry.unsent + entry.held <= config.stream_send_buffer / 2 {
                entry.is_full = false;
                relief(Relief::Writable(*stream));
            } else {
                self.any_full = true;
            }
        }
    }
}

impl OutgoingStream {
    fn set_unsent(&mut self, stream: u16, unsent: usize, relief: &mut impl FnMut(Relief)) {
        let (before, after) = (self.unsent + self.held, unsent + self.held);
        self.unsent = unsent;
        if before > self.low_threshold && after <= self.low_threshold {
            relief(Relief::Low(stream, after));
        }
    }
}
