//! What is due at a deadline.
use std::time::Instant;

use super::Engine;
use super::packet::TRIM_INTERVAL;
use super::transport::Link;
use crate::control::TransportId;
use crate::transport::dtls::Dtls;

impl Engine {
    /// Does what is due at `now`.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(id) = self.timers.pop_due(now) {
            let Some(transport) = self.transports.get_mut(id) else { continue };
            transport.armed = None;
            self.poll_transport(now, id);
        }
        self.poll_pacing(now);
        self.poll_observers(now);
        self.poll_pool(now);
    }

    /// Gives back what packets took that nobody needs. It wakes nobody for that.
    fn poll_pool(&mut self, now: Instant) {
        let due = *self.trim_due.get_or_insert(now + TRIM_INTERVAL);
        if now >= due {
            self.trim_due = Some(now + TRIM_INTERVAL);
            self.pool.trim();
        }
    }

    /// Everything of one transport that goes by time.
    fn poll_transport(&mut self, now: Instant, id: TransportId) {
        let Some(transport) = self.transports.get_mut(id) else { return };
        let mut next: Option<Instant> = None;
        if let Link::WebRtc(link) = &mut transport.link {
            if let Some(heard) = transport.counters.heard {
                link.ice.heard(heard);
            }
            let events = link.ice.handle_timeout(now);
            let ice = link.ice.poll_timeout();
            let dtls_due =
                link.dtls.as_ref().and_then(|dtls| dtls.poll_timeout()).is_some_and(|at| at <= now);
            if dtls_due && let Some(dtls) = &mut link.dtls {
                dtls.handle_timeout(now);
            }
            if !events.is_empty() {
                self.after_ice(now, id, &events);
            }
            if dtls_due {
                self.drive_dtls(now, id);
            }
            let dtls = self.transports.get(id).and_then(|transport| match &transport.link {
                Link::WebRtc(link) => link.dtls.as_ref().and_then(|dtls| dtls.poll_timeout()),
                Link::Plain(_) | Link::Direct(_) => None,
            });
            next = [ice, dtls].into_iter().flatten().min();
        }
        let Some(transport) = self.transports.get(id) else { return };
        let producers = transport.producers.len();
        for index in 0..producers {
            let producer =
                self.transports.get(id).and_then(|transport| transport.producers.get(index).copied());
            let Some(producer) = producer else { break };
            let due = self.poll_producer(now, producer);
            next = [next, due].into_iter().flatten().min();
        }
        let dues = [
            self.poll_congestion(now, id),
            self.poll_reports(now, id),
            self.poll_layers(now, id),
            self.poll_probe(now, id),
            self.poll_sctp(now, id),
        ];
        for due in dues {
            next = [next, due].into_iter().flatten().min();
        }
        if let Some(deadline) = next {
            // What is due in the past would spin.
            self.arm(id, deadline.max(now + std::time::Duration::from_millis(1)));
        }
    }
}
