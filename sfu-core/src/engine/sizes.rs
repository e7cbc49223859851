//! How much of everything an engine holds: what must not grow under fire.
use super::Engine;

/// Lengths of all that could grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Sessions.
    pub sessions: usize,
    /// Routers.
    pub routers: usize,
    /// Transports.
    pub transports: usize,
    /// Producers.
    pub producers: usize,
    /// Consumers.
    pub consumers: usize,
    /// Servers of ports.
    pub webrtc_servers: usize,
    /// Network paths that lead to a transport.
    pub paths: usize,
    /// Sockets that lead to a transport.
    pub sockets: usize,
    /// TCP connections that lead to a transport.
    pub connections: usize,
    /// ICE username fragments in use.
    pub fragments: usize,
    /// SSRCs that lead to a producer.
    pub streams: usize,
    /// Deadlines, stale ones too.
    pub timers: usize,
    /// Events that wait to be told.
    pub changes: usize,
    /// RTCP that waits for hooks.
    pub rtcp_waiting: usize,
    /// Packets that wait in send queues.
    pub queued: usize,
    /// Packets that exist, free or in use.
    pub packets: usize,
    /// Packets that are in use.
    pub packets_in_use: usize,
    /// Private copies in use.
    pub privates: usize,
    /// Datagrams that wait to be sent.
    pub outbox: usize,
}

impl Engine {
    /// How much there is of everything.
    pub(crate) fn sizes(&self) -> Sizes {
        let [paths, sockets, connections, fragments] = self.demux.sizes();
        let transports = || self.transports.iter().map(|(_, transport)| transport);
        Sizes {
            sessions: self.sessions.len(),
            routers: self.routers.len(),
            transports: self.transports.len(),
            producers: self.producers.len(),
            consumers: self.consumers.len(),
            webrtc_servers: self.webrtc_servers.len(),
            paths,
            sockets,
            connections,
            fragments,
            streams: transports().map(|transport| transport.ingress.len()).sum(),
            timers: self.timers.len() + self.pace_timers.len() + self.observer_timers.len(),
            changes: self.changes.len(),
            rtcp_waiting: self.rtcp_out.len(),
            queued: transports().map(|transport| transport.queue.len()).sum(),
            packets: self.pool.made(),
            packets_in_use: self.pool.in_use(),
            privates: self.privates,
            outbox: self.outbox.len(),
        }
    }
}
