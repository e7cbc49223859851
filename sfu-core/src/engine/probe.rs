//! Padding that probes a path for more bandwidth: RTX packets without payload, which receivers only count.
use std::time::{Duration, Instant};

use super::Engine;
use super::depart::seal;
use crate::control::{ConsumerId, MediaKind, TransportId};
use crate::rtp::rewrite::{set_abs_send_time, set_sequence_number, set_transport_cc, write_header};
use crate::rtp::{ExtensionKind, HeaderRewrite, MAX_HEADER_LEN, RtpHeader};

/// How often padding is sent during a probe.
const TICK: Duration = Duration::from_millis(10);

/// Packets that one tick sends at the most.
const BURST: usize = 32;

/// Padding of a packet (RFC 3550 section 5.1): its last byte says how much it is.
const PADDING: [u8; 224] = {
    let mut padding = [0; 224];
    padding[223] = 224;
    padding
};

impl Engine {
    /// The consumer of a transport whose RTX stream carries padding.
    pub(super) fn padding_carrier(&self, id: TransportId) -> Option<ConsumerId> {
        let path = self.transports.get(id)?;
        path.bandwidth.as_ref()?;
        path.consumers.iter().copied().find(|id| {
            self.consumers.get(*id).is_some_and(|consumer| {
                consumer.kind == MediaKind::Video
                    && consumer.is_active()
                    && consumer.main.rtx_ssrc().is_some()
                    && consumer.main.stream.last_timestamp().is_some()
                    && consumer.extensions.id(ExtensionKind::TransportCc) != 0
            })
        })
    }

    /// Sends the padding that a probe wants now; answers when more is due.
    pub(super) fn poll_probe(&mut self, now: Instant, id: TransportId) -> Option<Instant> {
        let path = self.transports.get_mut(id)?;
        let mut missing = path.bandwidth.as_mut()?.padding(now)?;
        if self.overload.holds_repairs() {
            self.counters.shed_padding += 1;
            return Some(now + TICK);
        }
        let carrier = self.padding_carrier(id);
        for _ in 0..BURST {
            if missing < PADDING.len() as u64 {
                break;
            }
            // Behind what waits it would measure our own queue.
            let straight = self.transports.get(id).is_some_and(|path| path.queue.is_empty());
            let Some(sent) = carrier.filter(|_| straight).and_then(|carrier| self.send_padding(now, carrier))
            else {
                break;
            };
            missing = missing.saturating_sub(sent as u64);
        }
        Some(now + TICK)
    }

    /// Sends one packet of padding; answers its size.
    fn send_padding(&mut self, now: Instant, id: ConsumerId) -> Option<usize> {
        let consumer = self.consumers.get_mut(id)?;
        let path = self.transports.get_mut(consumer.transport)?;
        let route = path.route()?;
        let ssrc = consumer.main.rtx_ssrc()?;
        let timestamp = consumer.main.stream.last_timestamp()?;
        let media = consumer.codecs.media().next()?.number;
        let rewrite = HeaderRewrite {
            ssrc,
            payload_type: consumer.rtx_of_outgoing(media)?,
            timestamp,
            marker: false,
            extensions: &consumer.extension_map,
        };
        let blank = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let source = RtpHeader::parse(&blank).ok()?;
        let mut head = [0; MAX_HEADER_LEN];
        let offsets = write_header(&mut head, &blank, &source, &rewrite).ok()?;
        let head = head.get_mut(..usize::from(offsets.len))?;
        let size = head.len() + PADDING.len();
        let header = RtpHeader::parse(head).ok()?;
        *head.first_mut()? |= 0x20;
        set_sequence_number(head, consumer.main.stream.depart_rtx_padding(now, size));
        set_transport_cc(head, offsets.transport_cc_offset, path.transport_sequence);
        if let Some(bandwidth) = &mut path.bandwidth {
            bandwidth.on_sent(now, path.transport_sequence, size);
        }
        path.transport_sequence = path.transport_sequence.wrapping_add(1);
        set_abs_send_time(head, offsets.abs_send_time_offset, self.config.clock.abs_send_time(now));
        if !seal(&mut self.outbox, path, route, head, &[], &PADDING) {
            self.counters.send_failed += 1;
            return None;
        }
        path.counters.sent.add(now, size);
        path.counters.probation_sent.add(now, size);
        let transport = path.id;
        self.trace_probation(now, transport, &header, PADDING.len());
        Some(size)
    }
}
