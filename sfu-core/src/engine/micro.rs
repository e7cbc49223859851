//! Steps of the engine that are measured by themselves.
use super::demux::Demux;
use super::layers::{Arriving, Gate, Layer};
use crate::control::TransportId;
use crate::net::Route;
use crate::rtp::codec::{FrameMark, LayerSet};

/// Which transport a datagram belongs to.
pub(crate) struct Demultiplexer(Demux);

impl Demultiplexer {
    /// With these paths.
    pub(crate) fn new(paths: impl Iterator<Item = (Route, TransportId)>) -> Self {
        let mut demux = Demux::default();
        paths.for_each(|(route, id)| demux.add_path(&route, id));
        Demultiplexer(demux)
    }

    /// The transport of a datagram.
    #[inline]
    pub(crate) fn find(&self, route: &Route) -> Option<TransportId> {
        self.0.transport(route)
    }
}

/// The gate of a consumer that gets two of three temporal layers, and packets of all.
pub(crate) struct LayerGate {
    gate: Gate,
    marks: [FrameMark; 4],
    extended: u64,
}

impl LayerGate {
    /// Before the first packet but one.
    pub(crate) fn new() -> Self {
        let mark = |temporal| FrameMark {
            needed: LayerSet::from(0, temporal),
            start: true,
            end: true,
            ..FrameMark::DEFAULT
        };
        let marks = [mark(0), mark(2), mark(1), mark(2)];
        let first = Arriving { extended: 1, timestamp: 0, mark: &marks[0] };
        LayerGate { gate: Gate::new(first, Layer::new(0, 1)), marks, extended: 1 }
    }

    /// Whether the consumer gets the next packet.
    #[inline]
    pub(crate) fn judge_next(&mut self) -> bool {
        self.extended += 1;
        let Some(mark) = self.marks.get(self.extended as usize % 4) else { return false };
        let timestamp = self.extended as u32 * 3000;
        let arriving = Arriving { extended: self.extended, timestamp, mark };
        self.gate.admit(arriving, Layer::new(0, 1), true).is_some()
    }
}
