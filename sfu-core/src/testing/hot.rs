//! The media path without the network around it, for measuring.
use std::time::Duration;

use super::bench::Bench;
use super::secure::Protection;
use crate::control::ProducerId;
use crate::media::ExtensionKind;
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

    /// The same, but a receiver asks for the last packet of each turn again, a millisecond later. Answers how many datagrams the workers
    /// sent, and how many times a receiver asked.
    pub fn flood_asked_again(
        &mut self,
        producer: ProducerId,
        payload: &[u8],
        count: usize,
        interval: Duration,
    ) -> (u64, u64) {
        self.settle();
        let index = self.index_of(producer);
        let (mut sent, mut asked) = (0, 0);
        for _ in 0..count {
            self.now += interval;
            let mut datagram = [0; 2048];
            let Some((worker, route, len)) = self.next_datagram(index, producer, payload, &mut datagram)
            else {
                break;
            };
            let now = self.now;
            if let (Some(worker), Some(bytes)) = (self.workers.get_mut(worker), datagram.get_mut(..len)) {
                worker.touch(now);
                worker.shell.receive(now, route, bytes);
            }
            let nack = self.last_asked_again();
            sent += self.turn_and_discard();
            self.now += Duration::from_millis(1);
            let now = self.now;
            if let Some((worker, route, mut nack)) = nack
                && let Some(worker) = self.workers.get_mut(worker)
            {
                asked += 1;
                worker.touch(now);
                worker.shell.receive(now, route, &mut nack);
            }
            sent += self.turn_and_discard();
        }
        (sent, asked)
    }

    /// What the receiver of the last packet of media that waits to be sent would ask for it with, and the way there.
    fn last_asked_again(&mut self) -> Option<(usize, crate::net::Route, arrayvec::ArrayVec<u8, 64>)> {
        let (mut asked, mut nack) = (None, arrayvec::ArrayVec::new());
        for (index, worker) in self.workers.iter_mut().enumerate() {
            let media = worker.shell.outbox().iter().filter(|(_, bytes)| !crate::rtcp::is_rtcp(bytes)).last();
            let ids = media.and_then(|(route, bytes)| {
                Some((route, *bytes.get(2..4)?.first_chunk::<2>()?, *bytes.get(8..12)?.first_chunk::<4>()?))
            });
            if let Some((route, sequence, ssrc)) = ids {
                let peer = self.by_address.get(&route.remote).and_then(|peer| self.peers.get_mut(*peer))?;
                nack.clear();
                // RFC 4585 section 6.2.1; nobody minds whose it is.
                nack.extend([0x81, 205, 0, 3, 0, 0, 0, 1].into_iter().chain(ssrc));
                nack.extend(sequence.into_iter().chain([0, 0]));
                if let Some(keys) = peer.protection.keys() {
                    let mut out = [0; 64];
                    let len = keys.sealer.seal_rtcp(&nack, &mut out).ok()?;
                    nack = out.iter().copied().take(len).collect();
                }
                asked = Some((index, route));
            }
        }
        asked.map(|(index, route)| (index, route, nack))
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
        let uri = ExtensionKind::AudioLevel.uri();
        let level = sender.parameters.header_extensions.iter().find(|extension| extension.uri == uri);
        let level = level.map(|extension| extension.id);
        let encoding = sender.encodings.first_mut()?;
        let timestamp = encoding.last.map_or(0, |(timestamp, _)| timestamp.wrapping_add(step));
        encoding.last = Some((timestamp, now));
        let sequence = encoding.next;
        encoding.next = sequence.wrapping_add(1);
        let mut head = arrayvec::ArrayVec::<u8, 20>::new();
        let flags = if level.is_some() { 0x90 } else { 0x80 };
        head.extend([flags, payload_type].into_iter().chain(sequence.to_be_bytes()));
        head.extend(timestamp.to_be_bytes().into_iter().chain(encoding.ssrc.to_be_bytes()));
        if let Some(id) = level {
            // Speech of a common loudness, as a browser says it with each packet.
            head.extend([0xBE, 0xDE, 0, 1, id << 4, 0x80 | 30, 0, 0]);
        }
        let total = head.len() + payload.len();
        let len = match &mut peer.protection {
            Protection::Clear => {
                out.get_mut(..head.len())?.copy_from_slice(&head);
                out.get_mut(head.len()..total)?.copy_from_slice(payload);
                total
            }
            other => other.keys()?.sealer.seal_rtp_prefixed(&head, &[], payload, out).ok()?,
        };
        Some((worker, route, len))
    }
}
