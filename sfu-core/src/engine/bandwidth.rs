//! What is known of the bandwidth to a peer, and what follows from a change of it.
use std::time::Instant;

use super::Engine;
use crate::control::{BandwidthEstimator, BandwidthTrace, TransportId};

impl Engine {
    /// The estimate fell, or the peer told another: layers are chosen at once.
    pub(super) fn estimate_changed(&mut self, now: Instant, id: TransportId) {
        self.trace_bandwidth(now, id, |engine| engine.bandwidth_trace(now, id));
        if self.transports.get(id).is_some_and(|transport| transport.layers_due.is_some()) {
            self.choose_layers(now, id);
        }
    }

    /// All that a trace tells of the bandwidth to a peer; `None` where nothing is estimated.
    pub(crate) fn bandwidth_trace(&self, now: Instant, id: TransportId) -> Option<BandwidthTrace> {
        let transport = self.transports.get(id)?;
        let bandwidth = transport.bandwidth.as_ref()?;
        let estimator = match bandwidth.peer_estimate(now) {
            Some(_) => BandwidthEstimator::Remb,
            None => BandwidthEstimator::TransportCc,
        };
        let (desired, max) = (transport.desired_bitrate, transport.max_outgoing_bitrate);
        Some(BandwidthTrace {
            estimator,
            desired,
            effective_desired: if max > 0 { desired.min(max) } else { desired },
            min: transport.min_outgoing_bitrate,
            max,
            start: bandwidth.start(),
            max_padding: bandwidth.goal(),
            available: transport.available_outgoing(now).unwrap_or(0),
        })
    }
}
