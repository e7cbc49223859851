//! The end of a file that is written, and what in it may be overwritten.
use std::io;

use crate::folder::Medium;

/// Counts what is written. After an error only [`give_up`](Output::give_up) makes sense.
pub struct Output {
    out: Box<dyn Medium>,
    bytes: u64,
    synced: bool,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Output {
    /// A file that is empty.
    pub fn new(out: Box<dyn Medium>) -> Self {
        Output { out, bytes: 0, synced: true }
    }

    /// Bytes in it.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes at the end, all or nothing as far as the medium can.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.synced = false;
        self.out.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Overwrites what is there.
    pub fn patch(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.synced = false;
        self.out.write_at(at, bytes)
    }

    /// Waits until everything is on the disk.
    pub fn sync(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.synced, true) {
            self.out.sync()?;
        }
        Ok(())
    }

    /// After an error: cuts off what was written in part.
    pub fn give_up(&mut self) -> io::Result<()> {
        self.out.truncate(self.bytes)
    }
}
