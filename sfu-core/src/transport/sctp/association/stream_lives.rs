//! The lives of streams: how we end one, and those of the peer's that begin or end with a message that never comes whole.
use std::time::Instant;

use sctp_proto::PayloadProtocolIdentifier;

use super::super::SctpPhase;
use super::super::guard::Asked;
use super::super::packet;
use super::super::peer::Peer;
use super::{MAX_STREAMS, Sctp};

impl Sctp {
    /// Ends our half of a stream; what waits on it and was not handed over is dropped, the peer ends its half in return.
    pub(crate) fn reset_stream(&mut self, now: Instant, stream: u16) {
        self.outgoing.close(stream);
        if self.phase == SctpPhase::Connected {
            self.work(now, |peer| {
                let association = &mut peer.association;
                if association.stream(stream).is_err() {
                    let _ = association.open_stream(stream, PayloadProtocolIdentifier::Binary);
                }
                if let Ok(mut stream) = association.stream(stream) {
                    let _ = stream.close();
                }
            });
        }
    }

    /// A stream may begin with a message that is given up. The state machine hears that of streams that live alone, and would wait
    /// for that message for ever.
    pub(super) fn begin_skipped(&mut self, streams: &[u16]) {
        let Some(peer) = self.peer.as_mut().filter(|_| self.phase == SctpPhase::Connected) else { return };
        for id in streams {
            let association = &mut peer.association;
            if association.stream(*id).is_err()
                && association.open_stream(*id, PayloadProtocolIdentifier::Binary).is_ok()
            {
                self.streams += 1;
            }
        }
    }

    /// Remembers which lives of which streams the peer ends.
    pub(super) fn note_resets(&mut self, asked: Asked) {
        let (Some((boundary, ids)), Some(peer)) = (asked.reset, &mut self.peer) else { return };
        let association = &mut peer.association;
        let ids = if ids.is_empty() { association.stream_ids() } else { ids };
        // One request at a time is taken (RFC 6525 section 5.2.2): the newest is the one that matters.
        self.resetting.clear();
        for id in ids.into_iter().take(MAX_STREAMS) {
            let stats = association.stream(id).and_then(|stream| stream.stats());
            self.resetting.extend(stats.map(|stats| (boundary, id, stats.generation)));
        }
    }

    /// A stream that was reset in the middle of a message never gets the rest: its fragments go, or they would hold up all that
    /// comes on the stream's next life.
    pub(super) fn finish_resets(&mut self, peer: &mut Peer, acknowledged: u32) {
        self.resetting.retain(|(boundary, id, generation)| {
            if packet::is_after(*boundary, acknowledged) {
                return true;
            }
            if let Ok(mut stream) = peer.association.stream(*id)
                && stream.stats().is_ok_and(|stats| stats.generation == *generation)
            {
                let _ = stream.stop();
            }
            false
        });
    }
}
