//! The way of packets from a media thread to a thread that works on them: a ring of bytes, of fixed size, without lock or wake-up.
use rtrb::{Consumer, Producer, RingBuffer};

/// Longest packet in bytes that a packet queue takes.
pub const MAX_QUEUED_LEN: usize = 1500;

/// Bytes before each packet in the ring.
const HEADER: usize = 16;

/// What the receiving thread is told about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketLabel {
    /// The track that it belongs to.
    pub track: u32,
    /// Nanoseconds since a moment that both ends know.
    pub at: u64,
    /// It begins anew: a pause was before it.
    pub restart: bool,
    /// It is no packet, but something else of the track that both ends understand.
    pub aside: bool,
}

/// The queue has no room for the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("packet queue: full, the packet is left out")]
pub struct QueueFull;

/// The end of the media thread: never blocks, allocates nothing.
#[derive(Debug)]
pub struct PacketSender {
    ring: Producer<u8>,
    capacity: usize,
}

/// The end of the thread that works on the packets; it looks into the queue from time to time.
#[derive(Debug)]
pub struct PacketReceiver {
    ring: Consumer<u8>,
    /// The header of a packet whose bytes have not come yet.
    header: Option<(PacketLabel, usize)>,
    bytes: Box<[u8; MAX_QUEUED_LEN]>,
}

/// A queue for `capacity` bytes, of which each packet takes 16 more than its length.
pub fn packet_queue(capacity: usize) -> (PacketSender, PacketReceiver) {
    let (sender, receiver) = RingBuffer::new(capacity);
    let receiver = PacketReceiver { ring: receiver, header: None, bytes: Box::new([0; MAX_QUEUED_LEN]) };
    (PacketSender { ring: sender, capacity }, receiver)
}

impl PacketSender {
    /// Queues a packet of at most 1500 bytes; a longer one is refused as if the queue were full.
    #[inline]
    pub fn push(&mut self, label: PacketLabel, packet: &[u8]) -> Result<(), QueueFull> {
        let needed = HEADER + packet.len();
        if packet.len() > MAX_QUEUED_LEN || (self.ring.cached_slots() < needed && self.ring.slots() < needed)
        {
            return Err(QueueFull);
        }
        let len = packet.len() as u16 | (u16::from(label.restart) << 15);
        let [t0, t1, t2, t3] = label.track.to_ne_bytes();
        let [l0, l1] = len.to_ne_bytes();
        let [a0, a1, a2, a3, a4, a5, a6, a7] = label.at.to_ne_bytes();
        let header = [t0, t1, t2, t3, l0, l1, u8::from(label.aside), 0, a0, a1, a2, a3, a4, a5, a6, a7];
        // There is room for both: only this end takes room away.
        self.ring.push_entire_slice(&header).map_err(|_| QueueFull)?;
        self.ring.push_entire_slice(packet).map_err(|_| QueueFull)
    }

    /// Bytes that wait.
    pub fn waiting(&self) -> usize {
        self.capacity.saturating_sub(self.ring.slots())
    }
}

impl PacketReceiver {
    /// Bytes that wait.
    pub fn waiting(&self) -> usize {
        self.ring.slots()
    }

    /// The next packet, if one has come as a whole.
    pub fn pop(&mut self) -> Option<(PacketLabel, &[u8])> {
        let (label, len) = match self.header.take() {
            Some(header) => header,
            None => {
                let mut header = [0; HEADER];
                self.ring.pop_entire_slice(&mut header).ok()?;
                let [t0, t1, t2, t3, l0, l1, aside, _, at @ ..] = header;
                let len = u16::from_ne_bytes([l0, l1]);
                let label = PacketLabel {
                    track: u32::from_ne_bytes([t0, t1, t2, t3]),
                    at: u64::from_ne_bytes(at),
                    restart: len >> 15 != 0,
                    aside: aside != 0,
                };
                (label, usize::from(len & 0x7FFF))
            }
        };
        let bytes = self.bytes.get_mut(..len)?;
        if self.ring.pop_entire_slice(bytes).is_err() {
            self.header = Some((label, len));
            return None;
        }
        Some((label, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn label(track: u32) -> PacketLabel {
        PacketLabel { track, at: u64::from(track) << 40, restart: track % 2 == 1, aside: track % 3 == 1 }
    }

    #[test]
    fn a_full_queue_refuses_and_stays_whole() {
        let (mut sender, mut receiver) = packet_queue(100);
        assert_eq!(sender.push(label(1), &[1; 40]), Ok(()));
        assert_eq!(sender.push(label(2), &[2; 29]), Err(QueueFull));
        assert_eq!(sender.push(label(3), &[3; 28]), Ok(()));
        assert_eq!((sender.waiting(), receiver.waiting()), (100, 100));
        assert_eq!(sender.push(label(4), &[]), Err(QueueFull));
        assert_eq!(receiver.pop(), Some((label(1), &[1; 40][..])));
        assert_eq!(receiver.pop(), Some((label(3), &[3; 28][..])));
        assert_eq!(receiver.pop(), None);
        assert_eq!(sender.push(label(5), &[0; MAX_QUEUED_LEN + 1]), Err(QueueFull));
    }

    #[test]
    fn packets_cross_threads_in_order() {
        let (mut sender, mut receiver) = packet_queue(4096);
        let pushing = std::thread::spawn(move || {
            for n in 0..20_000u32 {
                let packet = [n as u8; 300];
                while sender.push(label(n), packet.get(..(n % 300) as usize).unwrap()).is_err() {
                    std::thread::yield_now();
                }
            }
        });
        for n in 0..20_000u32 {
            loop {
                let Some((got, packet)) = receiver.pop() else {
                    std::thread::yield_now();
                    continue;
                };
                assert_eq!(got, label(n));
                assert!(packet.len() == (n % 300) as usize && packet.iter().all(|byte| *byte == n as u8));
                break;
            }
        }
        pushing.join().unwrap();
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            capacity in 16usize..4000,
            steps in prop::collection::vec((any::<bool>(), 0usize..1501), 0..200),
        ) {
            let (mut sender, mut receiver) = packet_queue(capacity);
            let mut model = VecDeque::new();
            let mut room = capacity;
            for (n, (push, len)) in steps.into_iter().enumerate() {
                let packet = vec![n as u8; len];
                if push {
                    let pushed = sender.push(label(n as u32), &packet).is_ok();
                    prop_assert_eq!(pushed, room >= len + HEADER);
                    if pushed {
                        room -= len + HEADER;
                        model.push_back((label(n as u32), packet));
                    }
                } else {
                    let expected = model.pop_front();
                    room += expected.as_ref().map_or(0, |(_, packet)| packet.len() + HEADER);
                    let got = receiver.pop().map(|(label, packet)| (label, packet.to_vec()));
                    prop_assert_eq!(got, expected);
                }
                prop_assert_eq!(sender.waiting(), capacity - room);
            }
        }
    }
}
