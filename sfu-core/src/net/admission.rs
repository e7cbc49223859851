//! Which TCP connections may stay: whoever connects has proven nothing yet.
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::route::SocketId;

/// Bounds on TCP connections of one media thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetOptions {
    /// Open TCP connections; more are refused. 1024.
    pub max_tcp_connections: usize,
    /// Open TCP connections whose peer is not validated; the oldest gives way to a newer one. 128.
    pub max_tcp_unconfirmed: usize,
    /// Time from accepting a connection until its peer must be validated. 10 s.
    pub tcp_confirm_timeout: Duration,
    /// Bytes that may wait to be sent on one TCP connection; frames beyond are dropped. 256 KiB.
    pub tcp_send_buffer: usize,
}

impl Default for NetOptions {
    fn default() -> Self {
        Self {
            max_tcp_connections: 1024,
            max_tcp_unconfirmed: 128,
            tcp_confirm_timeout: Duration::from_secs(10),
            tcp_send_buffer: 256 * 1024,
        }
    }
}

/// What happens to a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is closed at once.
    Refused,
    /// It stays; the given other one is to be closed for it.
    Admitted(Option<SocketId>),
}

/// Accounts for open connections and for those whose peer is not validated.
#[derive(Debug, Default)]
pub(super) struct Admission {
    open: usize,
    /// In the order of their deadlines. At most `max_tcp_unconfirmed`, so searching it is cheap.
    unconfirmed: VecDeque<(SocketId, Instant)>,
}

impl Admission {
    /// Admits a new connection, or not. The evicted one must be reported by [`closed`](Self::closed).
    ///
    /// Evicting the oldest lets a peer in that validates within a round trip, however many idle connections an
    /// attacker holds.
    pub(super) fn admit(&mut self, id: SocketId, now: Instant, options: &NetOptions) -> Verdict {
        if self.open >= options.max_tcp_connections || options.max_tcp_unconfirmed == 0 {
            return Verdict::Refused;
        }
        let full = self.unconfirmed.len() >= options.max_tcp_unconfirmed;
        let evicted = if full { self.unconfirmed.front().map(|(id, _)| *id) } else { None };
        self.open += 1;
        self.unconfirmed.push_back((id, now + options.tcp_confirm_timeout));
        Verdict::Admitted(evicted)
    }

    /// The peer of a connection is validated.
    pub(super) fn confirm(&mut self, id: SocketId) {
        self.unconfirmed.retain(|(other, _)| *other != id);
    }

    /// A connection is gone.
    pub(super) fn closed(&mut self, id: SocketId) {
        self.open = self.open.saturating_sub(1);
        self.confirm(id);
    }

    /// When the next connection expires.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.unconfirmed.front().map(|(_, deadline)| *deadline)
    }

    /// A connection whose time is over; to be reported by [`closed`](Self::closed).
    pub(super) fn expired(&self, now: Instant) -> Option<SocketId> {
        self.unconfirmed.front().filter(|(_, deadline)| *deadline <= now).map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_unconfirmed_connection_gives_way() {
        let options = NetOptions { max_tcp_unconfirmed: 2, ..NetOptions::default() };
        let (mut admission, now) = (Admission::default(), Instant::now());
        assert_eq!(admission.admit(SocketId(1), now, &options), Verdict::Admitted(None));
        assert_eq!(admission.admit(SocketId(2), now, &options), Verdict::Admitted(None));
        admission.confirm(SocketId(1));
        assert_eq!(admission.admit(SocketId(3), now, &options), Verdict::Admitted(None));
        assert_eq!(admission.admit(SocketId(4), now, &options), Verdict::Admitted(Some(SocketId(2))));
    }

    #[test]
    fn confirmed_connections_count_until_they_close() {
        let options = NetOptions { max_tcp_connections: 1, ..NetOptions::default() };
        let (mut admission, now) = (Admission::default(), Instant::now());
        assert_eq!(admission.admit(SocketId(1), now, &options), Verdict::Admitted(None));
        admission.confirm(SocketId(1));
        assert_eq!(admission.admit(SocketId(2), now, &options), Verdict::Refused);
        admission.closed(SocketId(1));
        assert_eq!(admission.admit(SocketId(3), now, &options), Verdict::Admitted(None));
    }

    #[test]
    fn only_unconfirmed_connections_expire() {
        let options = NetOptions::default();
        let (mut admission, now) = (Admission::default(), Instant::now());
        admission.admit(SocketId(1), now, &options);
        admission.admit(SocketId(2), now + Duration::from_secs(1), &options);
        assert_eq!(admission.deadline(), Some(now + Duration::from_secs(10)));
        assert_eq!(admission.expired(now + Duration::from_secs(9)), None);
        assert_eq!(admission.expired(now + Duration::from_secs(10)), Some(SocketId(1)));
        admission.confirm(SocketId(1));
        assert_eq!(admission.expired(now + Duration::from_secs(10)), None);
        assert_eq!(admission.deadline(), Some(now + Duration::from_secs(11)));
    }
}
