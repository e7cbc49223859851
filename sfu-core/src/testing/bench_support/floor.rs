//! What forwarding can't cost less than: the seal and the system call, and nothing else.
use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};

use super::Seal;
use crate::control::SrtpCryptoSuite;
use crate::net::floor::Burst;

/// Sends the same packets as a worker to the same receivers, with nothing between the seal and the system call.
pub struct Floor {
    burst: Burst,
    viewers: Vec<Viewer>,
    /// Bytes that sealing adds.
    overhead: usize,
    payload: Vec<u8>,
    slab: Vec<u8>,
    sequence: u16,
    timestamp: u32,
}

struct Viewer {
    seal: Option<Seal>,
    ssrc: u32,
}

impl Floor {
    /// One socket for all receivers, as a worker has it; without a suite nothing is sealed. Fails when the system gives no socket.
    pub fn new(receivers: &[SocketAddr], suite: Option<SrtpCryptoSuite>) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
        let viewers = (0..receivers.len() as u32)
            .map(|ssrc| Viewer {
                seal: suite.map(|suite| Seal::new(suite, &vec![7; super::key_len(suite)])),
                ssrc,
            })
            .collect();
        let burst = Burst::new(socket, receivers);
        let overhead = super::overhead(suite);
        Ok(Floor {
            overhead,
            burst,
            viewers,
            payload: vec![0x5a; 2048],
            slab: vec![0; 64 * 2048],
            sequence: 0,
            timestamp: 0,
        })
    }

    /// Sends each receiver a run of so many packets of so many bytes with header and tag; returns how many the kernel took.
    pub fn send(&mut self, packets: usize, size: usize) -> usize {
        self.send_sizes(std::iter::repeat_n(size, packets))
    }

    /// Sends each receiver a run of packets of these sizes, 64 of them at the most; returns how many the kernel took.
    pub fn send_sizes(&mut self, wanted: impl ExactSizeIterator<Item = usize> + Clone) -> usize {
        let (mut taken, packets) = (0, wanted.len());
        self.timestamp = self.timestamp.wrapping_add(3000);
        for (index, viewer) in self.viewers.iter_mut().enumerate() {
            let mut sizes = arrayvec::ArrayVec::<usize, 64>::new();
            let slots = self.slab.chunks_exact_mut(2048).zip(wanted.clone());
            for (number, (slot, size)) in slots.enumerate() {
                let mut header = [0; 12];
                header[0] = 0x80;
                header[1] = 96 | u8::from(number + 1 == packets) << 7;
                header[2..4].copy_from_slice(&self.sequence.wrapping_add(number as u16).to_be_bytes());
                header[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
                header[8..12].copy_from_slice(&viewer.ssrc.to_be_bytes());
                let payload = &self.payload[..size.saturating_sub(12 + self.overhead)];
                let len = match &mut viewer.seal {
                    Some(seal) => seal.rtp(&header, payload, slot),
                    None => {
                        slot[..12].copy_from_slice(&header);
                        slot[12..12 + payload.len()].copy_from_slice(payload);
                        Some(12 + payload.len())
                    }
                };
                sizes.extend(len);
            }
            let datagrams = self.slab.chunks_exact(2048).zip(&sizes).map(|(slot, &len)| &slot[..len]);
            taken += self.burst.send(index, datagrams);
        }
        self.sequence = self.sequence.wrapping_add(packets as u16);
        taken
    }
}
