//! A data channel message on its way.
use crate::control::{DataConsumerId, DataProducerId};

/// Recipients of one message at the most.
pub const MAX_RECIPIENTS: usize = 4096;

/// Payload protocol identifiers of WebRTC data channels (RFC 8831 §8).
pub mod ppid {
    /// UTF-8 text.
    pub const STRING: u32 = 51;
    /// Bytes.
    pub const BINARY: u32 = 53;
    /// A text of no bytes (one zero byte goes over the wire).
    pub const STRING_EMPTY: u32 = 56;
    /// No bytes (one zero byte goes over the wire).
    pub const BINARY_EMPTY: u32 = 57;
}

/// The recipients of a message: preset by the core, edited by plugins in order, recycled from message to message.
#[derive(Debug, Default)]
pub struct Recipients {
    list: Vec<DataConsumerId>,
    refused: u64,
    /// A plugin chose them.
    is_chosen: bool,
}

impl Recipients {
    /// An empty list that has room for all it can hold, so that editing never allocates.
    pub fn new() -> Self {
        Recipients { list: Vec::with_capacity(MAX_RECIPIENTS), refused: 0, is_chosen: false }
    }

    /// Takes everybody off.
    pub fn clear(&mut self) {
        self.is_chosen = true;
        self.list.clear();
    }

    /// Adds one, any data consumer of the router; the 4097th is left out and counted.
    pub fn push(&mut self, id: DataConsumerId) {
        self.is_chosen = true;
        if self.list.len() < MAX_RECIPIENTS {
            self.list.push(id);
        } else {
            self.refused += 1;
        }
    }

    /// Takes off those that `keep` says no to.
    pub fn retain(&mut self, mut keep: impl FnMut(DataConsumerId) -> bool) {
        let before = self.list.len();
        self.list.retain(|id| keep(*id));
        self.is_chosen |= self.list.len() != before;
    }

    /// These are preset; what plugins do to them from now on is a choice.
    pub(crate) fn begin(&mut self) {
        self.is_chosen = false;
    }

    /// Whether a plugin chose them.
    pub(crate) fn are_chosen(&self) -> bool {
        self.is_chosen
    }

    /// The list so far.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = DataConsumerId> + '_ {
        self.list.iter().copied()
    }

    /// How many there are so far.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nobody is on the list.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// One data channel message in the hands of `data_in` or `data_out`.
#[derive(Debug)]
pub struct DataMessage<'a> {
    payload: &'a mut Vec<u8>,
    ppid: u32,
    from: DataProducerId,
    to: &'a mut Recipients,
}

impl<'a> DataMessage<'a> {
    /// A message of `from` in recycled buffers.
    pub(crate) fn new(
        payload: &'a mut Vec<u8>,
        ppid: u32,
        from: DataProducerId,
        to: &'a mut Recipients,
    ) -> Self {
        DataMessage { payload, ppid, from, to }
    }

    /// The message's bytes.
    pub fn payload(&self) -> &[u8] {
        self.payload
    }

    /// The message's bytes, to change, grow or shrink.
    pub fn payload_mut(&mut self) -> &mut Vec<u8> {
        self.payload
    }

    /// Payload protocol identifier; see [`ppid`].
    pub fn ppid(&self) -> u32 {
        self.ppid
    }

    /// Replaces the payload protocol identifier.
    pub fn set_ppid(&mut self, ppid: u32) {
        self.ppid = ppid;
    }

    /// Whether it is bytes rather than text.
    pub fn is_binary(&self) -> bool {
        !matches!(self.ppid, ppid::STRING | ppid::STRING_EMPTY)
    }

    /// The data producer that it came from.
    pub fn from(&self) -> DataProducerId {
        self.from
    }

    /// Who gets it (in `data_in`; in `data_out` the list holds the one consumer, and edits have no effect).
    pub fn to(&mut self) -> &mut Recipients {
        self.to
    }
}
