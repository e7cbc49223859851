//! The media path without the network around it, for measuring.
use std::time::Duration;

use super::bench::Bench;
use super::secure::Protection;
use crate::control::ProducerId;
use crate::plugin::PluginSet;

impl<S: PluginSet> Bench<S> {
    /// Sends `count` packets of a producer, `interval` apart, straight into the worker, and throws away what it sends.
    ///
    /// The kit itself allocates nothing here per packet, and peers sleep: no reports, no requests, no checks. Answers how
    /// many datagrams the workers sent.
    pub fn flood(&mut self, producer: ProducerId, payload: &[u8], count: usize, interval: Duration) -> u64 {
        self.settle();
        let index = self.index_of(producer);
        let mut sent = 0;
        for _ in 0..count {
            self.now += interval;
            let mut datagram = [0; 2048];
            let Some((worker, route, len)) = self.next_datagram(index, producer, payload, &mut datagram)
            else {
                return sent;
            };
            let (now, Some(bytes)) = (self.now, datagram.get_mut(..len)) else { return sent };
            if let Some(worker) = self.workers.get_mut(worker) {
                worker.touch(now);
                worker.shell.receive(now, route, bytes);
            }
            sent += self.turn_and_discard();
        }
        sent
    }

    fn next_datagram(
        &mut self,
        index: usize,
        producer: ProducerId,
        payload: &[u8],
        out: &mut [u8; 2048],
    ) -> Option<(usize, crate::net::Route, usize)> {
        let now = self.now;
        let peer = self.peers.get_mut(index)?;
        let (worker, route) = (usize::from(peer.worker), peer.current_route()?);
        let sender = peer.senders.iter_mut().find(|sender| sender.producer == producer)?;
        let codec = sender.parameters.codecs.first()?;
        let (payload_type, step) = (codec.payload_type, codec.clock_rate / 50);
        let encoding = sender.encodings.first_mut()?;
        let timestamp = encoding.last.map_or(0, |(timestamp, _)| timestamp.wrapping_add(step));
        encoding.last = Some((timestamp, now));
        let sequence = encoding.next;
        encoding.next = sequence.wrapping_add(1);
        let mut head = [0; 12];
        head[..2].copy_from_slice(&[0x80, payload_type]);
        head[2..4].copy_from_slice(&sequence.to_be_bytes());
        head[4..8].copy_from_slice(&timestamp.to_be_bytes());
        head[8..].copy_from_slice(&encoding.ssrc.to_be_bytes());
        let len = match &mut peer.protection {
            Protection::Clear => {
                out.get_mut(..12)?.copy_from_slice(&head);
                out.get_mut(12..12 + payload.len())?.copy_from_slice(payload);
                12 + payload.len()
            }
            other => other.keys()?.sealer.seal_rtp_prefixed(&head, &[], payload, out).ok()?,
        };
        Some((worker, route, len))
    }
}
