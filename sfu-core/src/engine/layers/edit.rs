//! What of one packet is different for one consumer, beside its header.

use crate::rtp::codec::{DescriptorEdit, NumberEdit};

/// Changes to the payload descriptor and to the Dependency Descriptor; applied again they give the same bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Numbers in the payload, and the marker bit.
    pub(crate) numbers: NumberEdit,
    /// The Dependency Descriptor, where the consumer has it.
    pub(crate) descriptor: DescriptorEdit,
    /// Ticks that its timestamp is later: see `forward.rs`.
    pub(crate) later: u8,
}
