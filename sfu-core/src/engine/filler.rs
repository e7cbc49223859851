//! Something empty under a number that would be missing for ever: the network had lost the packet, and when it came after all
//! a plugin dropped it. Without it the receiver would ask in vain and count a loss.
use std::time::Instant;

use super::Engine;
use super::depart::seal;
use crate::control::ConsumerId;

impl Engine {
    /// A packet of the producer is not sent to a consumer; `timestamp` is the producer's.
    #[inline]
    pub(super) fn skip(&mut self, now: Instant, id: ConsumerId, encoding: u8, extended: u64, timestamp: u32) {
        let Some(consumer) = self.consumers.get_mut(id) else { return };
        let Some(stream) = consumer.stream_mut(encoding) else { return };
        if let Some(sequence) = stream.stream.skip(extended) {
            let (timestamp, ssrc) = (stream.stream.rewrite_timestamp(timestamp), stream.ssrc);
            self.fill(now, id, ssrc, sequence, timestamp);
        }
    }

    /// Sends a packet of nothing but padding (RFC 3550 §5.1).
    #[cold]
    fn fill(&mut self, now: Instant, id: ConsumerId, ssrc: u32, sequence: u16, timestamp: u32) {
        let Some(consumer) = self.consumers.get(id) else { return };
        let Some(transport) = self.transports.get_mut(consumer.transport) else { return };
        let Some(payload_type) = consumer.codecs.media().next().map(|codec| codec.number) else { return };
        let Some(route) = transport.route() else { return };
        let [s0, s1] = sequence.to_be_bytes();
        let [t0, t1, t2, t3] = timestamp.to_be_bytes();
        let [r0, r1, r2, r3] = ssrc.to_be_bytes();
        let head = [0x80 | 0x20, payload_type, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3];
        // Four bytes of padding, the last of which says so.
        let padding = [0, 0, 0, 4];
        if seal(&mut self.outbox, transport, route, &head, &[], &padding) {
            transport.counters.sent.add(now, head.len() + padding.len());
            self.counters.fillers += 1;
        }
    }
}
