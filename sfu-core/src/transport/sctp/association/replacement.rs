//! How one peer replaces another: the first packet of those that begin, and of those that have started anew.
use std::time::Instant;

use bytes::Bytes;
use sctp_proto::{Event, Payload};

use super::super::peer::Peer;
use super::super::{SctpOutput, SctpPhase};
use super::{Sctp, safely};

impl Sctp {
    /// The first packet of a peer that wants to begin, or to begin again.
    pub(super) fn handle_init(&mut self, now: Instant, tag: u32, init: Bytes) -> bool {
        let config = self.peer_config.clone();
        match (&self.peer, self.phase) {
            (None, _) => {
                self.peer = safely(|| Peer::accept(&config, now, tag, init)).flatten().map(Box::new);
                if self.peer.is_some() {
                    self.enter(SctpPhase::Connecting);
                }
                self.work(now, |_| ()).is_some()
            }
            // Repeated, or late: RFC 9260 section 5.2.2 answers it, yet the state machine would end what it belongs to.
            (Some(peer), SctpPhase::Connected) if peer.tag == Some(tag) => false,
            // Repeated: the answer must be the same, or the peer would go on with one that is forgotten.
            (Some(_), SctpPhase::Connected)
                if self.successor.as_ref().is_some_and(|peer| peer.tag == Some(tag)) =>
            {
                self.work_successor(now, |peer| _ = peer.handle(now, init))
            }
            (Some(_), SctpPhase::Connected) => {
                self.successor = safely(|| Peer::accept(&config, now, tag, init)).flatten().map(Box::new);
                self.work_successor(now, |_| ())
            }
            (Some(peer), _) if peer.is_active => {
                self.work(now, |peer| peer.handle_crossed_init(&config, now, tag, init)).is_some()
            }
            (Some(peer), _) if peer.tag == Some(tag) => {
                self.work(now, |peer| peer.handle(now, init)) == Some(true)
            }
            // It has given up its first try.
            (Some(_), _) => {
                self.peer = safely(|| Peer::accept(&config, now, tag, init)).flatten().map(Box::new);
                self.work(now, |_| ()).is_some()
            }
        }
    }

    pub(super) fn handle_for_successor(&mut self, now: Instant, bytes: Bytes) -> bool {
        self.successor.is_some() && self.work_successor(now, |peer| _ = peer.handle(now, bytes))
    }

    /// Does something with the successor, which takes over once it is established.
    fn work_successor(&mut self, now: Instant, work: impl FnOnce(&mut Peer)) -> bool {
        let Some(mut peer) = self.successor.take() else { return false };
        let mut packets = Vec::new();
        let is_connected = safely(|| {
            work(&mut peer);
            let mut is_connected = false;
            while let Some(event) = peer.association.poll() {
                is_connected |= matches!(event, Event::Connected);
            }
            while let Some(transmit) = peer.association.poll_transmit(now) {
                if let Payload::RawEncode(raw) = transmit.payload {
                    packets.extend(raw);
                }
            }
            is_connected
        });
        let Some(is_connected) = is_connected else { return false };
        self.outputs.extend(packets.into_iter().map(SctpOutput::Packet));
        if is_connected {
            tracing::debug!("sctp: the peer has started anew");
            self.peer = Some(peer);
            self.begin_anew(now);
            self.work(now, |_| ());
        } else {
            self.successor = Some(peer);
        }
        true
    }

    /// Nothing of what was before counts for this peer.
    pub(super) fn begin_anew(&mut self, now: Instant) {
        self.heartbeat.begin(now);
        self.guard.emptied();
        self.outgoing.lost(None);
        (self.streams, self.highest_tsn) = (0, None);
        self.resetting.clear();
        self.acknowledged = None;
        self.negotiated = Some(self.offered);
    }
}
