//! The RTP packet that plugin hooks get.

use super::codec::{Codec, FrameMark, MediaKind};
use super::extension::{AudioLevel, ExtensionIds, ExtensionKind};
use super::header::{ExtensionProfile, RtpHeader};
use super::rewrite::{BlockError, BlockWriter, MAX_HEADER_LEN};

/// Why a change to a packet was refused; the packet is as it was, unless the variant says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// The new payload or header is longer than the buffer.
    #[error("rtp packet: {needed} bytes don't fit the {room} there are, send less")]
    NoRoom {
        /// Bytes needed.
        needed: usize,
        /// Bytes there are.
        room: usize,
    },
    /// The payload is shared with other consumers and no private buffer is left: the packet will be dropped and counted.
    #[error("rtp packet: no private buffer is left to change a shared payload in, the packet is dropped")]
    PoolEmpty,
    /// The peer didn't negotiate this extension.
    #[error("rtp packet: the extension wasn't negotiated, offer it in the RTP parameters")]
    NotNegotiated,
    /// An extension value has at most 255 bytes.
    #[error("rtp packet: an extension of {0} bytes is too long, 255 are the most")]
    ExtensionTooLong(usize),
    /// The packet carries an extension block of another profile than RFC 8285.
    #[error("rtp packet: its extension block isn't of RFC 8285 form, it can't be changed")]
    ForeignExtensions,
}

/// What the core found out about a packet before the hooks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketInfo {
    /// Audio or video.
    pub kind: MediaKind,
    /// Codec.
    pub codec: Codec,
    /// Index of the simulcast encoding in the producer's RTP parameters.
    pub encoding: u8,
    /// The plugin that injected the packet, if one did.
    pub origin: Option<u64>,
    /// The packet starts (or is a parameter set of) a key frame.
    pub key_frame: bool,
    /// Audio level the sender put on the packet.
    pub audio_level: Option<AudioLevel>,
    /// What its frame means to receivers of each layer; only known where consumers have a choice.
    pub frame: FrameMark,
}

impl PacketInfo {
    /// Facts about a packet of `codec`, encoding 0, not injected, no key frame, no audio level.
    pub const fn new(codec: Codec) -> Self {
        Self {
            kind: codec.kind(),
            codec,
            encoding: 0,
            origin: None,
            key_frame: false,
            audio_level: None,
            frame: FrameMark::DEFAULT,
        }
    }
}

/// Where the bytes of a packet are.
#[derive(Debug)]
enum Storage<'a> {
    /// Header, payload and tail room in one buffer.
    Owned(&'a mut [u8]),
    /// A header of its own and a payload that others share.
    Shared { head: &'a mut [u8], payload: &'a [u8], private: Option<&'a mut [u8]> },
    /// A header of its own and a private copy of the payload.
    Private { head: &'a mut [u8], payload: &'a mut [u8] },
}

/// One RTP packet: on ingress the received packet itself, on egress a consumer's own header before a shared payload.
///
/// Reading costs a bounds check. Changing the payload on ingress happens in place; on egress the first change copies the
/// payload into a private buffer. The payload never includes RTP padding.
#[derive(Debug)]
pub struct RtpPacket<'a> {
    storage: Storage<'a>,
    info: &'a PacketInfo,
    ids: &'a ExtensionIds,
    header_len: u16,
    payload_len: u16,
    header_changed: bool,
    payload_changed: bool,
    must_drop: bool,
}

/// What the engine reads back after the hooks ran; the bytes are in the buffers it lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketOutcome {
    /// Length of the header in bytes.
    pub header_len: u16,
    /// Length of the payload in bytes.
    pub payload_len: u16,
    /// The header was changed: find the patch offsets again.
    pub header_changed: bool,
    /// The payload was changed; on egress it is in the private buffer then.
    pub payload_changed: bool,
    /// A change failed for want of a private buffer: drop the packet and count it.
    pub must_drop: bool,
}

impl PacketOutcome {
    /// Whether the hooks left anything to be acted upon.
    #[inline]
    pub fn is_changed(&self) -> bool {
        self.header_changed || self.payload_changed || self.must_drop
    }
}

impl<'a> RtpPacket<'a> {
    /// A received packet at the start of `buf`, parsed as `header`; the rest of `buf` is tail room. Padding is cut off.
    #[inline]
    pub(crate) fn ingress(
        buf: &'a mut [u8],
        header: &RtpHeader,
        ids: &'a ExtensionIds,
        info: &'a PacketInfo,
    ) -> Self {
        if header.padding_len != 0
            && let Some(first) = buf.first_mut()
        {
            *first &= !0x20;
        }
        Self::new(Storage::Owned(buf), header.payload_offset, header.payload_len, ids, info)
    }

    /// A packet for one consumer: its header in the first `header_len` bytes of `head` (the rest is room for extensions), the
    /// shared `payload`, and the `private` buffer that a changed payload goes to, if one is left.
    #[inline]
    pub(crate) fn egress(
        head: &'a mut [u8],
        header_len: u16,
        payload: &'a [u8],
        private: Option<&'a mut [u8]>,
        ids: &'a ExtensionIds,
        info: &'a PacketInfo,
    ) -> Self {
        let payload = payload.get(..usize::from(u16::MAX)).unwrap_or(payload);
        let payload_len = payload.len() as u16;
        Self::new(Storage::Shared { head, payload, private }, header_len, payload_len, ids, info)
    }

    #[inline]
    fn new(
        storage: Storage<'a>,
        header_len: u16,
        payload_len: u16,
        ids: &'a ExtensionIds,
        info: &'a PacketInfo,
    ) -> Self {
        Self {
            storage,
            info,
            ids,
            header_len,
            payload_len,
            header_changed: false,
            payload_changed: false,
            must_drop: false,
        }
    }

    /// What the hooks left.
    #[inline]
    pub(crate) fn outcome(&self) -> PacketOutcome {
        PacketOutcome {
            header_len: self.header_len,
            payload_len: self.payload_len,
            header_changed: self.header_changed,
            payload_changed: self.payload_changed,
            must_drop: self.must_drop,
        }
    }

    #[inline]
    fn head(&self) -> &[u8] {
        match &self.storage {
            Storage::Owned(buf) => buf,
            Storage::Shared { head, .. } | Storage::Private { head, .. } => head,
        }
    }

    #[inline]
    fn head_mut(&mut self) -> &mut [u8] {
        match &mut self.storage {
            Storage::Owned(buf) => buf,
            Storage::Shared { head, .. } | Storage::Private { head, .. } => head,
        }
    }

    #[inline]
    fn word(&self, offset: usize) -> u32 {
        self.head()
            .get(offset..)
            .and_then(|head| head.first_chunk())
            .map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    /// Synchronization source.
    #[inline]
    pub fn ssrc(&self) -> u32 {
        self.word(8)
    }

    /// Payload type, 0 to 127.
    #[inline]
    pub fn payload_type(&self) -> u8 {
        self.word(0).to_be_bytes()[1] & 0x7F
    }

    /// Sets the payload type: on ingress one of the producer's, on egress one of the consumer's. Consumers get nothing of what
    /// they have no payload type for. The upper bit is ignored.
    pub fn set_payload_type(&mut self, payload_type: u8) {
        if let Some(byte) = self.head_mut().get_mut(1) {
            *byte = (*byte & 0x80) | (payload_type & 0x7F);
            self.header_changed = true;
        }
    }

    /// Sequence number. On egress it isn't given yet and reads 0.
    #[inline]
    pub fn sequence_number(&self) -> u16 {
        self.word(0) as u16
    }

    /// Timestamp in units of the codec's clock.
    #[inline]
    pub fn timestamp(&self) -> u32 {
        self.word(4)
    }

    /// Marker bit: last packet of a video frame, first packet of a talk spurt.
    #[inline]
    pub fn marker(&self) -> bool {
        self.word(0) & 0x0080_0000 != 0
    }

    /// Sets the marker bit.
    pub fn set_marker(&mut self, marker: bool) {
        if let Some(byte) = self.head_mut().get_mut(1) {
            *byte = (*byte & 0x7F) | (u8::from(marker) << 7);
            self.header_changed = true;
        }
    }

    /// Audio or video.
    #[inline]
    pub fn kind(&self) -> MediaKind {
        self.info.kind
    }

    /// Codec, as it was received or as the payload type says that plugins above this one set on ingress.
    #[inline]
    pub fn codec(&self) -> Codec {
        self.info.codec
    }

    /// Index of the simulcast encoding that the packet belongs to.
    #[inline]
    pub fn encoding(&self) -> u8 {
        self.info.encoding
    }

    /// The plugin that injected this packet, if one did.
    #[inline]
    pub fn origin(&self) -> Option<u64> {
        self.info.origin
    }

    /// Whether the packet starts a key frame, as it was received.
    #[inline]
    pub fn is_key_frame(&self) -> bool {
        self.info.key_frame
    }

    /// Audio level the sender put on the packet, as it was received.
    #[inline]
    pub fn audio_level(&self) -> Option<AudioLevel> {
        self.info.audio_level
    }

    /// Length of header and payload in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.header_len) + usize::from(self.payload_len)
    }

    /// Whether the payload is empty (a packet that was nothing but padding).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.payload_len == 0
    }

    /// The bytes of the header.
    #[inline]
    pub fn header_bytes(&self) -> &[u8] {
        self.head().get(..usize::from(self.header_len)).unwrap_or_default()
    }

    /// The bytes of the whole packet if they are in one piece, which they are on ingress.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.storage {
            Storage::Owned(buf) => buf.get(..self.len()),
            _ => None,
        }
    }

    /// Copies header and payload to the start of `out` and answers their length.
    pub fn copy_to(&self, out: &mut [u8]) -> Result<usize, PacketError> {
        let (needed, room) = (self.len(), out.len());
        let out = out.get_mut(..needed).ok_or(PacketError::NoRoom { needed, room })?;
        let (head, tail) = out.split_at_mut(self.header_bytes().len());
        head.copy_from_slice(self.header_bytes());
        for (to, from) in tail.iter_mut().zip(self.payload()) {
            *to = *from;
        }
        Ok(needed)
    }

    /// The payload.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        let (start, len) = (usize::from(self.header_len), usize::from(self.payload_len));
        match &self.storage {
            Storage::Owned(buf) => buf.get(start..start + len),
            Storage::Shared { payload, .. } => payload.get(..len),
            Storage::Private { payload, .. } => payload.get(..len),
        }
        .unwrap_or_default()
    }

    /// The payload, to be changed. On egress the first call copies it; without a private buffer the packet is dropped.
    pub fn payload_mut(&mut self) -> Result<&mut [u8], PacketError> {
        let len = usize::from(self.payload_len);
        self.payload_room(len, len)?;
        self.payload_changed = true;
        Ok(self.owned_payload(len))
    }

    /// Cuts the payload to `len` bytes or grows it into the tail room (with zeroes).
    pub fn set_payload_len(&mut self, len: usize) -> Result<(), PacketError> {
        let old = usize::from(self.payload_len);
        self.payload_room(len, old.min(len))?;
        self.payload_changed = true;
        // Tail room holds bytes of earlier packets, perhaps of other people.
        if let Some(grown) = self.owned_payload(len).get_mut(old..) {
            grown.fill(0);
        }
        self.payload_len = len as u16;
        Ok(())
    }

    /// Replaces the payload.
    pub fn replace_payload(&mut self, payload: &[u8]) -> Result<(), PacketError> {
        self.payload_room(payload.len(), 0)?;
        self.payload_changed = true;
        self.payload_len = payload.len() as u16;
        self.owned_payload(payload.len()).copy_from_slice(payload);
        Ok(())
    }

    /// Makes sure that the payload is ours and has room for `len` bytes; of a shared payload the first `keep` bytes are copied.
    fn payload_room(&mut self, len: usize, keep: usize) -> Result<(), PacketError> {
        let limit = usize::from(u16::MAX) - usize::from(self.header_len);
        let room = match &self.storage {
            Storage::Owned(buf) => buf.len().saturating_sub(usize::from(self.header_len)),
            Storage::Private { payload, .. } => payload.len(),
            Storage::Shared { private: Some(private), .. } => private.len(),
            Storage::Shared { private: None, .. } => {
                self.must_drop = true;
                return Err(PacketError::PoolEmpty);
            }
        }
        .min(limit);
        if len.max(keep) > room {
            return Err(PacketError::NoRoom { needed: len.max(keep), room });
        }
        if let Storage::Shared { head, payload, private } = &mut self.storage
            && let Some(copy) = private.take()
        {
            for (to, from) in copy.iter_mut().zip(payload.iter().take(keep)) {
                *to = *from;
            }
            self.storage = Storage::Private { head: std::mem::take(head), payload: copy };
        }
        Ok(())
    }

    /// The first `len` bytes of a payload that `payload_room` made ours.
    fn owned_payload(&mut self, len: usize) -> &mut [u8] {
        let start = usize::from(self.header_len);
        match &mut self.storage {
            Storage::Owned(buf) => buf.get_mut(start..start + len),
            Storage::Private { payload, .. } => payload.get_mut(..len),
            Storage::Shared { .. } => None,
        }
        .unwrap_or_default()
    }

    /// The value of a header extension, if it was negotiated and the packet carries it.
    pub fn extension(&self, kind: ExtensionKind) -> Option<&[u8]> {
        self.extension_by_id(self.ids.id(kind))
    }

    /// The value of the header extension with this id, for extensions that the core doesn't know.
    pub fn extension_by_id(&self, id: u8) -> Option<&[u8]> {
        let header = self.header_bytes();
        RtpHeader::parse(header).ok()?.extension(header, id)
    }

    /// Sets a header extension. It must have been negotiated; on ingress the payload moves to make room.
    pub fn set_extension(&mut self, kind: ExtensionKind, value: &[u8]) -> Result<(), PacketError> {
        match self.ids.id(kind) {
            0 => Err(PacketError::NotNegotiated),
            id => self.set_extension_by_id(id, value),
        }
    }

    /// Sets the header extension with this id (1 to 255).
    pub fn set_extension_by_id(&mut self, id: u8, value: &[u8]) -> Result<(), PacketError> {
        if id == 0 {
            return Err(PacketError::NotNegotiated);
        }
        if value.len() > 255 {
            return Err(PacketError::ExtensionTooLong(value.len()));
        }
        self.rebuild_extensions(id, Some(value))
    }

    /// Removes a header extension and answers whether the packet carried it.
    pub fn remove_extension(&mut self, kind: ExtensionKind) -> bool {
        self.remove_extension_by_id(self.ids.id(kind))
    }

    /// Removes the header extension with this id and answers whether the packet carried it.
    pub fn remove_extension_by_id(&mut self, id: u8) -> bool {
        self.extension_by_id(id).is_some() && self.rebuild_extensions(id, None).is_ok()
    }

    /// Writes the extension block anew with `id` set to `value`, or without it.
    fn rebuild_extensions(&mut self, id: u8, value: Option<&[u8]>) -> Result<(), PacketError> {
        let mut scratch = [0; MAX_HEADER_LEN];
        let no_room = PacketError::NoRoom { needed: MAX_HEADER_LEN + 1, room: MAX_HEADER_LEN };
        let old = self.header_bytes();
        let header = RtpHeader::parse(old).map_err(|_| PacketError::ForeignExtensions)?;
        if matches!(header.extension_profile, ExtensionProfile::Other(_)) {
            return Err(PacketError::ForeignExtensions);
        }
        let start = old.len() - header_block_len(&header);
        let build = |scratch: &mut [u8], two_byte: bool| -> Result<usize, BlockError> {
            let mut block = BlockWriter::new(scratch, two_byte);
            let mut value = value;
            for element in header.elements(old) {
                // The new value takes the place of the old one, so that other offsets stay if the length does.
                if element.id != id {
                    block.push(element.id, element.value)?;
                } else if let Some(value) = value.take() {
                    block.push(id, value)?;
                }
            }
            if let Some(value) = value {
                block.push(id, value)?;
            }
            block.finish()
        };
        let room = scratch.len().saturating_sub(start);
        let room = scratch.get_mut(..room).ok_or(no_room)?;
        let two_byte = BlockWriter::is_two_byte(header.extension_profile);
        let len = match build(room, two_byte) {
            Err(BlockError::NeedsTwoByte) => build(room, true),
            other => other,
        }
        .map_err(|_| no_room)?;
        self.replace_block(start, scratch.get(..len).unwrap_or_default())
    }

    /// Puts `block` at `start`, after the CSRCs, and moves the payload behind it if it is in the same buffer.
    fn replace_block(&mut self, start: usize, block: &[u8]) -> Result<(), PacketError> {
        let (old, new) = (usize::from(self.header_len), start + block.len());
        let payload_len = usize::from(self.payload_len);
        let in_place = matches!(self.storage, Storage::Owned(_));
        let needed = if in_place { new + payload_len } else { new };
        let head = self.head_mut();
        let room = head.len().min(usize::from(u16::MAX));
        if needed > room {
            return Err(PacketError::NoRoom { needed, room });
        }
        if in_place && new != old && old + payload_len <= head.len() {
            head.copy_within(old..old + payload_len, new);
        }
        if let Some(slot) = head.get_mut(start..new) {
            slot.copy_from_slice(block);
        }
        if let Some(first) = head.first_mut() {
            *first = (*first & !0x10) | (u8::from(!block.is_empty()) << 4);
        }
        self.header_len = new as u16;
        self.header_changed = true;
        Ok(())
    }
}

/// Length in bytes of the extension block with its profile and length.
fn header_block_len(header: &RtpHeader) -> usize {
    match header.extension_profile {
        ExtensionProfile::None => 0,
        _ => usize::from(header.extension_len) + 4,
    }
}

#[cfg(test)]
mod tests;
