//! Source description and goodbye (RFC 3550 sections 6.5 and 6.6).

use super::split_u32;

/// Item type of the canonical name.
pub(crate) const CNAME: u8 = 1;

/// A source description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sdes<'p> {
    chunks: &'p [u8],
    count: u8,
}

/// What is told about one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdesChunk<'p> {
    /// The source.
    pub ssrc: u32,
    items: &'p [u8],
}

impl<'p> Sdes<'p> {
    pub(crate) fn parse(count: u8, body: &'p [u8]) -> Option<Self> {
        let sdes = Self { chunks: body, count };
        (sdes.chunks().count() == usize::from(count)).then_some(sdes)
    }

    /// The chunks, at most 31.
    pub fn chunks(&self) -> impl Iterator<Item = SdesChunk<'p>> + use<'p> {
        let mut rest = self.chunks;
        (0..self.count).map_while(move |_| {
            let (ssrc, items) = split_u32(rest)?;
            let mut end = 0;
            while *items.get(end)? != 0 {
                end += 2 + usize::from(*items.get(end + 1)?);
            }
            let (items, _) = items.split_at_checked(end)?;
            // At least one zero ends the chunk, and more fill it up to 32 bits.
            rest = rest.get(4 + (end + 1).next_multiple_of(4)..)?;
            Some(SdesChunk { ssrc, items })
        })
    }
}

impl<'p> SdesChunk<'p> {
    /// The items: type and text.
    pub fn items(&self) -> impl Iterator<Item = (u8, &'p [u8])> + use<'p> {
        let mut rest = self.items;
        std::iter::from_fn(move || {
            let (&[kind, len], tail) = rest.split_first_chunk()?;
            let (text, tail) = tail.split_at_checked(usize::from(len))?;
            rest = tail;
            Some((kind, text))
        })
    }

    /// The canonical name, if it is told.
    pub fn cname(&self) -> Option<&'p [u8]> {
        self.items().find(|(kind, _)| *kind == CNAME).map(|(_, text)| text)
    }
}

/// A goodbye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bye<'p> {
    sources: &'p [u8],
    /// Why, if it is told; 1 to 255 bytes.
    pub reason: Option<&'p [u8]>,
}

impl<'p> Bye<'p> {
    pub(crate) fn parse(count: u8, body: &'p [u8]) -> Option<Self> {
        let (sources, rest) = body.split_at_checked(4 * usize::from(count))?;
        let reason = match rest.split_first() {
            None | Some((0, _)) => None,
            Some((len, text)) => Some(text.get(..usize::from(*len))?),
        };
        Some(Self { sources, reason })
    }

    /// The sources that leave, at most 31.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = u32> + use<'p> {
        self.sources.as_chunks::<4>().0.iter().map(|bytes| u32::from_be_bytes(*bytes))
    }
}
