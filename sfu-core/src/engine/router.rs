//! Rooms and sessions.
use crate::control::{Labels, RouterId, RtpObserverId, TransportId};

/// A room: what is produced in it can be consumed in it.
#[derive(Debug)]
pub(crate) struct Router {
    /// Its labels.
    pub(crate) labels: Labels,
    /// Its transports.
    pub(crate) transports: Vec<TransportId>,
    /// How many consumers its transports have.
    pub(crate) consumers: usize,
    /// Observers of its audio.
    pub(crate) observers: Vec<RtpObserverId>,
    /// The router that it is a part of, on another media thread.
    pub(crate) home: Option<RouterId>,
    /// Its parts, one per other media thread at the most.
    pub(crate) parts: Vec<RouterId>,
}

impl Router {
    /// An empty one.
    pub(crate) fn new(labels: Labels) -> Self {
        let (transports, observers, parts) = Default::default();
        Router { labels, transports, consumers: 0, observers, home: None, parts }
    }
}

/// One peer of one signaling crate.
#[derive(Debug)]
pub(crate) struct Session {
    /// The signaling crate that it belongs to.
    pub(crate) signaling: String,
    /// Its labels.
    pub(crate) labels: Labels,
    /// Its transports.
    pub(crate) transports: Vec<TransportId>,
}
