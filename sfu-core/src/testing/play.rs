//! What peers of a bench send.
use std::time::{Duration, Instant};

use super::bench::Bench;
use super::rtp::{Rtp, opus, vp8, vp8_key};
use crate::control::{MediaKind, ProducerId};
use crate::plugin::PluginSet;

impl<S: PluginSet> Bench<S> {
    /// Sends a packet; it arrives at once on a perfect path, with everything that follows.
    pub fn send(&mut self, producer: ProducerId, packet: Rtp) {
        self.put(producer, &packet);
        self.settle();
    }

    fn put(&mut self, producer: ProducerId, packet: &Rtp) {
        let (index, now) = (self.index_of(producer), self.now);
        let sent = self.peers.get_mut(index).and_then(|peer| peer.send(now, producer, packet));
        self.send_up(index, sent);
    }

    /// Lets peers send for so long: audio in packets of 20 ms, video in 30 frames of three packets a second, a key frame
    /// at the beginning and where one is asked for. Payloads end with numbers that count up from 1.
    pub fn play(&mut self, producers: &[ProducerId], time: Duration) {
        let end = self.now + time;
        let mut due: Vec<(Instant, ProducerId)> = producers.iter().map(|id| (self.now, *id)).collect();
        let mut frames: Vec<u32> = vec![0; producers.len()];
        let start = self.now;
        loop {
            let earliest = due.iter().enumerate().min_by_key(|(place, (at, _))| (*at, *place));
            let Some((place, (at, producer))) = earliest.map(|(place, due)| (place, *due)) else { return };
            if at >= end {
                break;
            }
            self.advance(at.saturating_duration_since(self.now));
            self.frame(producer);
            let Some(frame) = frames.get_mut(place) else { return };
            *frame += 1;
            let interval = match self.sender(producer).kind {
                MediaKind::Audio => Duration::from_millis(20) * *frame,
                MediaKind::Video => Duration::from_nanos(1_000_000_000 / 30 * u64::from(*frame)),
            };
            if let Some(slot) = due.get_mut(place) {
                slot.0 = start + interval;
            }
        }
        self.advance(end.saturating_duration_since(self.now));
    }

    /// Sends one frame of a producer, of each of its encodings, at the present time.
    pub fn frame(&mut self, producer: ProducerId) {
        let now = self.now;
        let ntp = self.clock.ntp(now);
        let (index, kind, encodings) = {
            let index = self.index_of(producer);
            let sender = self.sender(producer);
            (index, sender.kind, sender.encodings.len())
        };
        let Some(sender) = self.peers.get_mut(index).and_then(|peer| peer.sender(producer)) else { return };
        let first = sender.counter == 0;
        let key = first || sender.key_frame_wanted;
        let rate: u64 = if kind == MediaKind::Audio { 48_000 } else { 90_000 };
        let timestamp = ((u128::from(ntp) * u128::from(rate)) >> 32) as u32;
        if kind == MediaKind::Audio {
            sender.counter += 1;
            let packet = opus(sender.counter).timestamp(timestamp);
            self.put(producer, &packet);
        } else {
            sender.key_frame_wanted = false;
            let number = sender.counter;
            sender.counter += 3;
            for encoding in 0..encodings {
                let begin = if key { vp8_key(number + 1) } else { vp8(number + 1) };
                let middle = |n: u32| {
                    let mut payload = vec![0; 40];
                    payload.extend(n.to_be_bytes());
                    Rtp::new(timestamp, payload)
                };
                let packets = [
                    begin.marker(false).timestamp(timestamp),
                    middle(number + 2),
                    middle(number + 3).marker(true),
                ];
                for packet in packets {
                    self.put(producer, &packet.encoding(encoding));
                }
            }
        }
        self.settle();
    }
}
