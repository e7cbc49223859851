//! RTP header extensions: elements in both forms of RFC 8285, and the ids negotiated for the ones the engine knows.

use super::header::{ExtensionProfile, RtpHeader};

/// A header extension that the engine knows by its URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum ExtensionKind {
    /// Media identification, `a=mid` (RFC 9143 section 15).
    Mid,
    /// Stream identification of a simulcast encoding, `a=rid` (RFC 8852).
    Rid,
    /// The `rid` of the stream that an RTX stream repairs (RFC 8852).
    RepairedRid,
    /// Departure time of the packet: 24 bits, 6.18 fixed point seconds.
    AbsSendTime,
    /// Transport-wide sequence number: 16 bits.
    TransportCc,
    /// Audio level of the packet (RFC 6464).
    AudioLevel,
    /// Rotation and flip of the video (3GPP TS 26.114).
    VideoOrientation,
    /// Dependencies of an AV1 (or VP8, VP9, H.264) frame (AV1 RTP specification, appendix A).
    DependencyDescriptor,
    /// Transmission time offset (RFC 5450).
    TransmissionOffset,
    /// When the frame was captured, in the capturer's NTP clock.
    AbsCaptureTime,
    /// Minimum and maximum delay the receiver should add.
    PlayoutDelay,
    /// A number that a worker gave the packet, to find it again elsewhere: 32 bits (mediasoup).
    PacketId,
}

impl ExtensionKind {
    /// How many kinds there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All kinds, in the order of their values.
    pub const ALL: [Self; 12] = [
        Self::Mid,
        Self::Rid,
        Self::RepairedRid,
        Self::AbsSendTime,
        Self::TransportCc,
        Self::AudioLevel,
        Self::VideoOrientation,
        Self::DependencyDescriptor,
        Self::TransmissionOffset,
        Self::AbsCaptureTime,
        Self::PlayoutDelay,
        Self::PacketId,
    ];

    /// The URI by which SDP (`a=extmap`) and ORTC name this extension.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::TransportCc => "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::VideoOrientation => "urn:3gpp:video-orientation",
            Self::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
            Self::TransmissionOffset => "urn:ietf:params:rtp-hdrext:toffset",
            Self::AbsCaptureTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
            Self::PlayoutDelay => "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
            Self::PacketId => "urn:mediasoup:params:rtp-hdrext:packet-id",
        }
    }

    /// Whether consumers get it as its producer sent it. The others belong to one hop: they are written anew, or left out.
    #[inline]
    pub(crate) const fn is_carried(self) -> bool {
        !matches!(self, Self::Mid | Self::Rid | Self::RepairedRid | Self::TransportCc | Self::AbsSendTime)
    }

    /// The kind that `uri` names, if it is one of them.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.uri() == uri)
    }
}

/// The ids under which one transport or producer negotiated the known extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    ids: [u8; ExtensionKind::COUNT],
    /// 1 + the kind of each one-byte id, 0 for none: the lookup that runs per element.
    kinds: [u8; 16],
    /// The one-byte ids of what consumers get as it was sent, a bit for each.
    carried: u16,
}

impl ExtensionIds {
    /// No extensions.
    pub(crate) const NONE: &Self =
        &ExtensionIds { ids: [0; ExtensionKind::COUNT], kinds: [0; 16], carried: 0 };

    /// Sets the id of `kind`; 0 removes it. An id that another kind had is taken from it.
    pub fn set(&mut self, kind: ExtensionKind, id: u8) {
        if id != 0 {
            for other in self.ids.iter_mut().filter(|other| **other == id) {
                *other = 0;
            }
        }
        if let Some(slot) = self.ids.get_mut(kind as usize) {
            *slot = id;
        }
        (self.kinds, self.carried) = ([0; 16], 0);
        for ((index, id), kind) in
            self.ids.iter().enumerate().zip(ExtensionKind::ALL).filter(|((_, id), _)| **id != 0)
        {
            if let Some(slot) = self.kinds.get_mut(usize::from(*id)) {
                *slot = index as u8 + 1;
                self.carried |= u16::from(kind.is_carried()) << id;
            }
        }
    }

    /// The same with `kind` at `id`.
    #[cfg(test)]
    #[must_use]
    pub fn with(mut self, kind: ExtensionKind, id: u8) -> Self {
        self.set(kind, id);
        self
    }

    /// The id of `kind`; 0 if it wasn't negotiated.
    #[inline]
    pub fn id(&self, kind: ExtensionKind) -> u8 {
        self.ids.get(kind as usize).copied().unwrap_or(0)
    }

    /// The kind negotiated under `id`, if any.
    #[inline]
    pub fn kind(&self, id: u8) -> Option<ExtensionKind> {
        ExtensionKind::ALL.get(self.index(id)?).copied()
    }

    /// Whether consumers get the extension with that one-byte id as it was sent.
    #[inline]
    pub(super) fn is_carried(&self, id: u8) -> bool {
        self.carried >> (id & 0x0F) & 1 != 0
    }

    /// The value of the kind negotiated under `id`.
    #[inline]
    fn index(&self, id: u8) -> Option<usize> {
        match self.kinds.get(usize::from(id)) {
            // Nothing is ever entered for id 0.
            Some(index) => usize::from(*index).checked_sub(1),
            None => self.ids.iter().position(|known| *known == id),
        }
    }
}

/// One extension element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'p> {
    /// Id, 1 to 14 (one-byte form) or 1 to 255 (two-byte form).
    pub id: u8,
    /// Offset of the value from the start of the elements.
    pub offset: u16,
    /// Value, up to 255 bytes.
    pub value: &'p [u8],
}

/// Iterator over the elements of one extension block; an element that is cut off ends it.
#[derive(Clone, Debug)]
pub struct Elements<'p> {
    block: &'p [u8],
    offset: usize,
    two_byte: bool,
}

impl<'p> Elements<'p> {
    pub(crate) fn new(profile: ExtensionProfile, block: &'p [u8]) -> Self {
        let (block, two_byte) = match profile {
            ExtensionProfile::OneByte => (block, false),
            ExtensionProfile::TwoByte => (block, true),
            ExtensionProfile::None | ExtensionProfile::Other(_) => (&[][..], false),
        };
        Self { block, offset: 0, two_byte }
    }

    fn end(&mut self) -> Option<Element<'p>> {
        self.offset = self.block.len();
        None
    }
}

impl<'p> Iterator for Elements<'p> {
    type Item = Element<'p>;

    #[inline]
    fn next(&mut self) -> Option<Element<'p>> {
        loop {
            let first = *self.block.get(self.offset)?;
            if first == 0 {
                self.offset += 1;
                continue;
            }
            let (id, len, start) = if self.two_byte {
                let Some(len) = self.block.get(self.offset + 1) else { return self.end() };
                (first, usize::from(*len), self.offset + 2)
            } else {
                (first >> 4, usize::from(first & 0x0F) + 1, self.offset + 1)
            };
            // RFC 8285 section 4.2: id 0 with a length, and the reserved id 15, end a one-byte block.
            if !self.two_byte && (id == 0 || id == 15) {
                return self.end();
            }
            let Some(value) = self.block.get(start..start + len) else { return self.end() };
            self.offset = start + len;
            return Some(Element { id, offset: start as u16, value });
        }
    }
}

/// Goes through a block of the one-byte form as [`Elements`] does; `each` gets the id, and where from the start of the block the value
/// is. This loop runs for every packet.
#[inline(always)]
pub(super) fn each_one_byte(block: &[u8], mut each: impl FnMut(u8, u16, u8)) {
    let mut at = 0;
    while let Some(&first) = block.get(at) {
        if first == 0 {
            at += 1;
            continue;
        }
        let (id, len) = (first >> 4, (first & 0x0F) + 1);
        let end = at + 1 + usize::from(len);
        if id == 0 || id == 15 || end > block.len() {
            return;
        }
        each(id, (at + 1) as u16, len);
        at = end;
    }
}

/// Where the known extensions of one packet are: filled in one pass, then each lookup is an index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtensionTable {
    /// Offset from the start of the packet (0 = absent) and length.
    spans: [(u16, u8); ExtensionKind::COUNT],
}

impl ExtensionTable {
    /// Finds the extensions in `ids` in the packet that `header` was parsed from; of an id that occurs twice the first counts.
    #[inline]
    pub fn scan(packet: &[u8], header: &RtpHeader, ids: &ExtensionIds) -> Self {
        let mut table = Self::default();
        if header.extension_profile == ExtensionProfile::OneByte {
            each_one_byte(header.extension_block(packet), |id, offset, len| {
                let kind = ids.kinds.get(usize::from(id)).map_or(0, |kind| usize::from(*kind));
                if let Some(span) = kind.checked_sub(1).and_then(|index| table.spans.get_mut(index))
                    && span.0 == 0
                {
                    *span = (header.extension_offset.wrapping_add(offset), len);
                }
            });
            return table;
        }
        for element in header.elements(packet) {
            let Some(index) = ids.index(element.id) else { continue };
            if let Some(span) = table.spans.get_mut(index).filter(|span| span.0 == 0) {
                // Lengths come from one byte, offsets from a block inside a 65535 byte packet.
                *span = (header.extension_offset.wrapping_add(element.offset), element.value.len() as u8);
            }
        }
        table
    }

    /// The value of `kind` inside `packet`, if it is there.
    #[inline]
    pub fn get<'p>(&self, packet: &'p [u8], kind: ExtensionKind) -> Option<&'p [u8]> {
        let (offset, len) = *self.spans.get(kind as usize)?;
        if offset == 0 {
            return None;
        }
        packet.get(usize::from(offset)..usize::from(offset) + usize::from(len))
    }

    /// The transport-wide sequence number.
    #[inline]
    pub fn transport_cc(&self, packet: &[u8]) -> Option<u16> {
        self.get(packet, ExtensionKind::TransportCc)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// The absolute send time: 24 bits, 6.18 fixed point seconds, wraps after 64 s.
    #[cfg(test)]
    #[inline]
    pub fn abs_send_time(&self, packet: &[u8]) -> Option<u32> {
        let [a, b, c] = *self.get(packet, ExtensionKind::AbsSendTime)?.first_chunk()?;
        Some(u32::from_be_bytes([0, a, b, c]))
    }

    /// The audio level.
    #[inline]
    pub fn audio_level(&self, packet: &[u8]) -> Option<AudioLevel> {
        AudioLevel::parse(self.get(packet, ExtensionKind::AudioLevel)?)
    }

    /// The video orientation.
    #[inline]
    pub fn video_orientation(&self, packet: &[u8]) -> Option<VideoOrientation> {
        VideoOrientation::parse(self.get(packet, ExtensionKind::VideoOrientation)?)
    }
}

/// Audio level of one packet (RFC 6464 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// Level in -dBov: 0 is loudest, 127 silence.
    pub level: u8,
    /// The encoder believes that the packet contains voice.
    pub voice: bool,
}

impl AudioLevel {
    /// Reads the extension's value; `None` if it is empty.
    pub fn parse(value: &[u8]) -> Option<Self> {
        value.first().map(|byte| Self { level: byte & 0x7F, voice: byte & 0x80 != 0 })
    }

    /// The extension's value.
    pub fn to_byte(self) -> u8 {
        (self.level & 0x7F) | (u8::from(self.voice) << 7)
    }
}

/// How video has to be turned for display (3GPP TS 26.114 section 7.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoOrientation {
    /// Back-facing camera.
    pub back_camera: bool,
    /// Mirrored horizontally.
    pub flipped: bool,
    /// Clockwise degrees: 0, 90, 180 or 270.
    pub rotation: u16,
}

impl VideoOrientation {
    /// Reads the extension's value; `None` if it is empty.
    pub fn parse(value: &[u8]) -> Option<Self> {
        value.first().map(|byte| Self {
            back_camera: byte & 0x08 != 0,
            flipped: byte & 0x04 != 0,
            rotation: u16::from(byte & 0x03) * 90,
        })
    }
}

#[cfg(test)]
mod tests;
