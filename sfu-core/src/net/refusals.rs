//! Where the kernel refused to segment (GSO), so that not every run is refused again.
use std::net::IpAddr;

/// Destinations that are remembered. So many in a row, with no success between them, end segmentation for a socket.
const DESTINATIONS: usize = 16;

/// Runs to a destination until it is tried again: the route, the device or its settings may have changed.
const RUNS: u16 = 1000;

/// Destinations whose route or device takes no segments of some size.
///
/// A refusal says nothing of the socket: one destination may lie behind a tunnel with a smaller MTU or a device without checksums in
/// hardware. So it holds for that address alone, until so many have refused that it must be the system.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// At most [`DESTINATIONS`]; most sockets never meet one.
    entries: Vec<Refusal>,
    /// The entry that gives way to the next one when all are taken.
    oldest: usize,
    in_a_row: usize,
}

#[derive(Debug, Clone, Copy)]
struct Refusal {
    to: IpAddr,
    /// The size of segment that was refused; larger ones are, too.
    size: u16,
    /// Runs until it is tried again.
    left: u16,
}

impl Refusals {
    /// Whether segments of `size` bytes to `to` are worth trying.
    #[inline]
    pub(super) fn allow(&mut self, to: IpAddr, size: u16) -> bool {
        self.entries.is_empty() || self.look_up(to, size)
    }

    #[cold]
    fn look_up(&mut self, to: IpAddr, size: u16) -> bool {
        let Some(at) = self.entries.iter().position(|entry| entry.to == to && entry.size <= size) else {
            return true;
        };
        let Some(entry) = self.entries.get_mut(at) else { return true };
        entry.left -= 1;
        if entry.left == 0 {
            self.entries.swap_remove(at);
            self.oldest = 0;
        }
        false
    }

    /// Segments were taken.
    #[inline]
    pub(super) fn succeeded(&mut self) {
        self.in_a_row = 0;
    }

    /// Segments of `size` bytes to `to` were refused, and the same datagrams went out one by one; whether none is worth trying any more.
    #[cold]
    pub(super) fn refused(&mut self, to: IpAddr, size: u16) -> bool {
        self.in_a_row += 1;
        let refusal = Refusal { to, size, left: RUNS };
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.to == to) {
            *entry = refusal;
        } else if self.entries.len() < DESTINATIONS {
            self.entries.push(refusal);
        } else if let Some(entry) = self.entries.get_mut(self.oldest) {
            *entry = refusal;
            self.oldest = (self.oldest + 1) % DESTINATIONS;
        }
        self.in_a_row >= DESTINATIONS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn a_refusal_holds_for_one_address_and_for_segments_of_that_size_and_above() {
        let mut refusals = Refusals::default();
        assert!(!refusals.refused(ip(1), 1400));
        assert!(!refusals.allow(ip(1), 1400) && !refusals.allow(ip(1), 1401));
        assert!(refusals.allow(ip(1), 1399) && refusals.allow(ip(2), 1400));
        assert!(!refusals.refused(ip(1), 1200), "smaller ones are refused, too");
        assert!(!refusals.allow(ip(1), 1200));
        assert_eq!(refusals.entries.len(), 1);
    }

    #[test]
    fn a_destination_is_tried_again_after_a_thousand_runs() {
        let mut refusals = Refusals::default();
        refusals.refused(ip(1), 1200);
        let refused = (0..5000).take_while(|_| !refusals.allow(ip(1), 1200)).count();
        assert_eq!(refused, usize::from(RUNS));
    }

    #[test]
    fn many_destinations_in_a_row_are_the_system_and_with_a_success_between_they_are_not() {
        let mut refusals = Refusals::default();
        let over: Vec<bool> = (0..16).map(|last| refusals.refused(ip(last), 1200)).collect();
        assert_eq!(over.iter().position(|&over| over), Some(15));

        let mut refusals = Refusals::default();
        for last in 0..200 {
            assert!(!refusals.refused(ip(last), 1200), "{last}");
            assert!(!refusals.allow(ip(last), 1200), "the newest is known");
            refusals.succeeded();
        }
        assert_eq!(refusals.entries.len(), DESTINATIONS);
    }
}
