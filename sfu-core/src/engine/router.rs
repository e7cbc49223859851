//! Rooms and sessions.
use crate::control::{Labels, TransportId};

/// A room: what is produced in it can be consumed in it.
#[derive(Debug)]
pub(crate) struct Router {
    /// Its labels.
    pub(crate) labels: Labels,
    /// Its transports.
    pub(crate) transports: Vec<TransportId>,
    /// Producers of other media threads that are forwarded into it.
    pub(crate) relayed: Vec<crate::control::ProducerId>,
    /// Observers of its audio.
    pub(crate) observers: Vec<crate::control::RtpObserverId>,
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
