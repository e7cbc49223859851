//! What every form of the hook is given, and what it keeps.
use std::marker::PhantomData;

/// A packet, laid out as `counting.c` has it.
#[repr(C)]
pub struct Packet<'p> {
    payload: *const u8,
    length: usize,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP sequence number.
    pub sequence_number: u16,
    bytes: PhantomData<&'p [u8]>,
}

impl<'p> Packet<'p> {
    /// A packet with these bytes.
    pub fn new(sequence_number: u16, payload: &'p [u8]) -> Self {
        let timestamp = u32::from(sequence_number) * 3000;
        Packet {
            payload: payload.as_ptr(),
            length: payload.len(),
            timestamp,
            sequence_number,
            bytes: PhantomData,
        }
    }

    /// Its payload.
    pub fn payload(&self) -> &'p [u8] {
        // SAFETY: both come from a slice that lives for 'p, in `new`, and nothing changes them.
        unsafe { std::slice::from_raw_parts(self.payload, self.length) }
    }
}

/// What the hook counts, laid out as `counting.c` has it.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Packets.
    pub packets: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Packets of them that were dropped.
    pub dropped: u64,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Forward,
    /// It is dropped.
    Drop,
}
