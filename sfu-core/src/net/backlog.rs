//! Datagrams that wait for a full UDP socket.
use std::collections::VecDeque;

use super::outbox::SLOT_SIZE;
use super::route::Route;

/// How many datagrams may wait for one socket: 1.5 MiB, and older media is of no use to anybody.
pub(super) const BACKLOG: usize = 1024;

/// Memory of so many slots is kept when the backlog is empty again; more is given back.
const KEPT: usize = 64;

/// The datagrams that wait for one socket, in order.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    entries: VecDeque<Entry>,
    bytes: Vec<u8>,
    free: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    route: Route,
    slot: u32,
    len: u16,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Appends a datagram; returns how many were lost by that: the oldest one gives way beyond the bound.
    pub(super) fn push(&mut self, route: &Route, datagram: &[u8]) -> u64 {
        let Ok(len) = u16::try_from(datagram.len()) else { return 1 };
        if datagram.len() > SLOT_SIZE {
            return 1;
        }
        let mut lost = 0;
        if self.entries.len() >= BACKLOG {
            self.pop(1);
            lost = 1;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            let slot = self.bytes.len() / SLOT_SIZE;
            self.bytes.resize((slot + 1) * SLOT_SIZE, 0);
            slot as u32
        });
        let start = slot as usize * SLOT_SIZE;
        let Some(room) = self.bytes.get_mut(start..start + datagram.len()) else { return lost + 1 };
        room.copy_from_slice(datagram);
        self.entries.push_back(Entry { route: *route, slot, len });
        lost
    }

    /// The oldest datagrams that go one and the same route.
    pub(super) fn front(&self) -> Option<(Route, impl Iterator<Item = &[u8]> + Clone)> {
        let route = self.entries.front()?.route;
        let same = self.entries.iter().take_while(move |entry| entry.route == route);
        Some((route, same.filter_map(|entry| self.bytes_of(entry))))
    }

    fn bytes_of(&self, entry: &Entry) -> Option<&[u8]> {
        let start = entry.slot as usize * SLOT_SIZE;
        self.bytes.get(start..start + usize::from(entry.len))
    }

    /// Removes the oldest `count` datagrams.
    pub(super) fn pop(&mut self, count: usize) {
        for entry in self.entries.drain(..count.min(self.entries.len())) {
            self.free.push(entry.slot);
        }
        if self.entries.is_empty() && self.bytes.len() > KEPT * SLOT_SIZE {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Protocol, SocketId};
    use super::*;

    fn route(port: u16) -> Route {
        Route {
            socket: SocketId(1),
            protocol: Protocol::Udp,
            remote: ([127, 0, 0, 1], port).into(),
            local: None,
        }
    }

    #[test]
    fn the_oldest_gives_way_and_the_order_stays() {
        let mut backlog = Backlog::default();
        let pushed = BACKLOG as u32 + 10;
        let lost: u64 = (0..pushed).map(|n| backlog.push(&route(1), &n.to_be_bytes())).sum();
        assert_eq!((lost, backlog.len()), (10, BACKLOG));
        let kept: Vec<_> = backlog.front().unwrap().1.map(<[u8]>::to_vec).collect();
        assert_eq!(kept, (10..pushed).map(|n| n.to_be_bytes().to_vec()).collect::<Vec<_>>());
        assert_eq!(backlog.bytes.len(), BACKLOG * SLOT_SIZE, "slots are used again");
    }

    #[test]
    fn front_stops_where_the_route_changes() {
        let mut backlog = Backlog::default();
        for port in [1, 1, 2, 1] {
            backlog.push(&route(port), b"x");
        }
        for (port, count) in [(1, 2), (2, 1), (1, 1)] {
            let front = backlog.front().map(|(route, datagrams)| (route.remote.port(), datagrams.count()));
            assert_eq!(front, Some((port, count)));
            backlog.pop(count);
        }
        assert!(backlog.front().is_none());
    }

    #[test]
    fn memory_is_given_back_after_a_jam() {
        let mut backlog = Backlog::default();
        for _ in 0..BACKLOG {
            backlog.push(&route(1), b"x");
        }
        backlog.pop(BACKLOG);
        assert_eq!(backlog.bytes.capacity(), 0);
    }
}
