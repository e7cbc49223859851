//! Which header extensions of a packet consumers may get, found once for all of them.

use super::extension::{ExtensionIds, each_one_byte};
use super::header::{ExtensionProfile, RtpHeader};

/// Elements that are remembered; a packet with more is read again for each consumer.
const MAX_CARRIED: usize = 6;

/// The elements of one packet in the one-byte form that any consumer may get, in their order on the wire.
///
/// What is written anew for each consumer (mid, transport-wide number, send time) is not among them, nor what was not negotiated: most
/// packets of video then have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    elements: [CarriedElement; MAX_CARRIED],
    /// How many there are; none when the packet was not looked at, or has more, or is of another form.
    count: Option<u8>,
}

/// Where one element is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CarriedElement {
    /// Id, 1 to 14.
    pub(super) id: u8,
    /// Length of the value in bytes, 1 to 16.
    pub(super) len: u8,
    /// Offset of the value from the start of the packet.
    pub(super) offset: u16,
}

impl Carried {
    /// Nothing is known: the packet has to be read.
    pub(crate) const UNKNOWN: Self =
        Self { elements: [CarriedElement { id: 0, len: 0, offset: 0 }; MAX_CARRIED], count: None };

    /// Finds the elements of the packet that `header` was parsed from; `ids` are its producer's.
    #[inline]
    pub(crate) fn scan(packet: &[u8], header: &RtpHeader, ids: &ExtensionIds) -> Self {
        let mut carried = Self::UNKNOWN;
        let mut count = 0;
        match header.extension_profile {
            ExtensionProfile::OneByte => {
                each_one_byte(header.extension_block(packet), |id, offset, len| {
                    if ids.is_carried(id) {
                        if let Some(slot) = carried.elements.get_mut(count) {
                            let offset = header.extension_offset.wrapping_add(offset);
                            *slot = CarriedElement { id, len, offset };
                        }
                        count += 1;
                    }
                });
            }
            ExtensionProfile::None => {}
            ExtensionProfile::TwoByte | ExtensionProfile::Other(_) => return carried,
        }
        if count <= MAX_CARRIED {
            carried.count = Some(count as u8);
            carried
        } else {
            Self::UNKNOWN
        }
    }

    /// The elements; `None` if they have to be looked for.
    #[inline]
    pub(super) fn elements(&self) -> Option<&[CarriedElement]> {
        self.elements.get(..usize::from(self.count?))
    }
}
