//! Reading recordings.

use super::{MAGIC, MAX_HEADER_LEN, MjrError, MjrHeader, RECORD};
use std::io::{self, Read};

/// Reads one recording, as far as it goes: a crash while recording loses the end, never what is before it.
#[derive(Debug)]
pub struct MjrReader<R: Read> {
    input: R,
    header: MjrHeader,
    body: Vec<u8>,
    truncated: bool,
    ended: bool,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MjrRecord<'r> {
    /// Milliseconds since the first record.
    pub elapsed: u32,
    /// An RTP packet, or for data what [`message`](Self::message) reads.
    pub body: &'r [u8],
}

impl<'r> MjrRecord<'r> {
    /// The arrival time of a data message in microseconds since 1970, and the message; `None` if the body is too short.
    pub fn message(&self) -> Option<(u64, &'r [u8])> {
        let (time, message) = self.body.split_first_chunk()?;
        Some((u64::from_be_bytes(*time), message))
    }
}

impl<R: Read> MjrReader<R> {
    /// Reads the header of a recording. A recording that was ended before anything was recorded is [`MjrError::Aborted`].
    pub fn open(mut input: R) -> Result<Self, MjrError> {
        let mut magic = [0; 8];
        if !fill(&mut input, &mut magic)? || magic != MAGIC {
            return Err(MjrError::NotMjr);
        }
        let mut len = [0; 2];
        if !fill(&mut input, &mut len)? {
            return Err(MjrError::Aborted);
        }
        let len = usize::from(u16::from_be_bytes(len));
        if len > MAX_HEADER_LEN {
            return Err(MjrError::TooLong { len, max: MAX_HEADER_LEN });
        }
        let mut json = vec![0; len];
        if !fill(&mut input, &mut json)? {
            return Err(MjrError::Aborted);
        }
        let header = MjrHeader::from_json(&json)?;
        Ok(Self { input, header, body: Vec::new(), truncated: false, ended: false })
    }

    /// The header.
    pub fn header(&self) -> &MjrHeader {
        &self.header
    }

    /// Whether the last record was cut off or something else than a record followed; known once there is no next record.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// The next record, or `None` at the end and where the file stops making sense.
    pub fn next_record(&mut self) -> Result<Option<MjrRecord<'_>>, MjrError> {
        if self.ended {
            return Ok(None);
        }
        self.ended = true;
        let mut header = [0; 10];
        let got = fill_some(&mut self.input, &mut header)?;
        if got == 0 {
            return Ok(None);
        }
        self.truncated = true;
        let [m0, m1, m2, m3, e0, e1, e2, e3, l0, l1] = header;
        if got < header.len() || [m0, m1, m2, m3] != RECORD {
            return Ok(None);
        }
        self.body.resize(usize::from(u16::from_be_bytes([l0, l1])), 0);
        if !fill(&mut self.input, &mut self.body)? {
            return Ok(None);
        }
        (self.truncated, self.ended) = (false, false);
        Ok(Some(MjrRecord { elapsed: u32::from_be_bytes([e0, e1, e2, e3]), body: &self.body }))
    }
}

/// Fills `buf` and answers whether there was enough.
fn fill(input: &mut impl Read, buf: &mut [u8]) -> io::Result<bool> {
    Ok(fill_some(input, buf)? == buf.len())
}

/// Reads until `buf` is full or the input ends, and answers how much it was.
fn fill_some(input: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while let Some(rest) = buf.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}
