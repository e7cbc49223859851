//! One stored packet and the free list that makes storing it cost no allocation.
use std::rc::Rc;
use std::time::Duration;

use crate::rtp::{Carried, PacketInfo, RtpHeader};

/// Room for one packet in bytes: the largest datagram we take (1500) and tail room for plugins.
pub(crate) const PACKET_SIZE: usize = 1600;

/// A decrypted RTP packet as its producer sent it: stored once, shared by all consumers and all retransmissions.
#[derive(Debug)]
pub(crate) struct Packet {
    /// The bytes, header first, from [`Packet::start`]; what is behind the packet is tail room.
    pub(crate) bytes: Box<[u8; PACKET_SIZE]>,
    /// Where the packet begins: behind the original number of an unwrapped RTX packet, else 0.
    pub(crate) start: usize,
    /// Length of the packet in bytes.
    pub(crate) len: usize,
    /// The parsed header.
    pub(crate) header: RtpHeader,
    /// Which of its header extensions consumers may get; known from when it is published on.
    pub(crate) carried: Carried,
    /// What the core found out about it.
    pub(crate) info: PacketInfo,
}

impl Packet {
    fn new() -> Self {
        Packet {
            bytes: Box::new([0; PACKET_SIZE]),
            start: 0,
            len: 0,
            header: RtpHeader::default(),
            carried: Carried::UNKNOWN,
            info: PacketInfo::new(crate::rtp::Codec::Opus),
        }
    }

    /// The whole packet.
    #[inline]
    pub(crate) fn data(&self) -> &[u8] {
        self.bytes.get(self.start..self.start + self.len).unwrap_or_default()
    }

    /// The whole packet, to change it.
    #[inline]
    pub(crate) fn data_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.start + self.len).unwrap_or_default()
    }

    /// The whole packet and the tail room behind it.
    #[inline]
    pub(crate) fn data_with_room(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..).unwrap_or_default()
    }

    /// Its payload without padding.
    #[inline]
    pub(crate) fn payload(&self) -> &[u8] {
        self.header.payload(self.data())
    }
}

/// A packet that nobody shares yet.
#[derive(Debug)]
pub(crate) struct FreshPacket(Rc<Packet>);

impl FreshPacket {
    /// One that no pool counts: somebody always holds it, or another in its stead.
    pub(crate) fn uncounted() -> Self {
        FreshPacket(Rc::new(Packet::new()))
    }

    /// To write to it. (Always there: nobody else holds it.)
    #[inline]
    pub(crate) fn get_mut(&mut self) -> Option<&mut Packet> {
        Rc::get_mut(&mut self.0)
    }

    /// To read it.
    #[inline]
    pub(crate) fn get(&self) -> &Packet {
        &self.0
    }

    /// From now on it is shared and no longer changes.
    #[inline]
    pub(crate) fn share(self) -> Rc<Packet> {
        self.0
    }
}

/// Packets that are not in use. Grows to what the retention of streams needs, then nothing is allocated any more; when that was much for a
/// while only, most of it is given back.
#[derive(Debug)]
pub(crate) struct PacketPool {
    free: Vec<Rc<Packet>>,
    made: usize,
    /// So many were free all the time since the last trim.
    least: usize,
}

/// Free packets kept at most; beyond that memory is given back.
const FREE_LIMIT: usize = 4096;

/// Free packets that are kept though nobody needs them: 110 kB.
const FREE_KEPT: usize = 64;

/// Packets that one trim gives back at most: some 50 µs.
const TRIM_MOST: usize = 512;

/// Time between two trims: longer than from one key frame, which takes many packets at once, to the next.
pub(crate) const TRIM_INTERVAL: Duration = Duration::from_secs(10);

impl Default for PacketPool {
    /// The list has its full size from the beginning: it would otherwise grow in the middle of a call.
    fn default() -> Self {
        PacketPool { free: Vec::with_capacity(FREE_LIMIT), made: 0, least: 0 }
    }
}

impl PacketPool {
    /// An unused packet.
    #[inline]
    pub(crate) fn take(&mut self) -> FreshPacket {
        match self.free.pop() {
            Some(packet) => {
                self.least = self.least.min(self.free.len());
                FreshPacket(packet)
            }
            None => self.make(),
        }
    }

    /// Gives back half of what nobody has needed since the last time, at most [`TRIM_MOST`].
    pub(crate) fn trim(&mut self) {
        let unneeded = self.least.saturating_sub(FREE_KEPT).div_ceil(2).min(TRIM_MOST);
        self.free.truncate(self.free.len().saturating_sub(unneeded));
        self.made -= unneeded;
        self.least = self.free.len();
    }

    #[cold]
    fn make(&mut self) -> FreshPacket {
        self.least = 0;
        self.made += 1;
        FreshPacket(Rc::new(Packet::new()))
    }

    /// Gives back one that was never shared.
    #[inline]
    pub(crate) fn put_back(&mut self, packet: FreshPacket) {
        self.release(packet.0);
    }

    /// Gives up one holder's share; the last holder's packet becomes free.
    #[inline]
    pub(crate) fn release(&mut self, packet: Rc<Packet>) {
        if Rc::strong_count(&packet) == 1 {
            if self.free.len() < FREE_LIMIT {
                self.free.push(packet);
            } else {
                self.made -= 1;
            }
        }
    }

    /// How many packets are in use.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn in_use(&self) -> usize {
        self.made - self.free.len()
    }

    /// How many packets exist, free or in use.
    pub(crate) fn made(&self) -> usize {
        self.made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_holder_gives_a_packet_back() {
        let mut pool = PacketPool::default();
        let first = pool.take().share();
        let second = first.clone();
        pool.release(first);
        assert_eq!(pool.free.len(), 0);
        pool.release(second);
        assert_eq!(pool.free.len(), 1);
        let _again = pool.take();
        assert_eq!(pool.made(), 1);
    }
    #[test]
    fn packets_that_only_a_crowd_needed_are_given_back_and_those_in_use_are_not() {
        let mut pool = PacketPool::default();
        let crowd: Vec<_> = (0..1000).map(|_| pool.take()).collect();
        crowd.into_iter().for_each(|packet| pool.put_back(packet));
        pool.trim();
        assert_eq!(pool.made(), 1000, "they were needed since the last time");
        // From now on 100 are in use at a time.
        for _ in 0..20 {
            let few: Vec<_> = (0..100).map(|_| pool.take()).collect();
            few.into_iter().for_each(|packet| pool.put_back(packet));
            pool.trim();
        }
        assert_eq!(pool.made(), 100 + FREE_KEPT);
        let made: Vec<_> = (0..100).map(|_| pool.take()).collect();
        assert_eq!((pool.made(), pool.in_use()), (100 + FREE_KEPT, 100), "enough for who is there");
        drop(made);
    }
}
