//! The payload format of RFC 2198: blocks of earlier media before the media itself.

/// Blocks of a payload at the most, the last one included; who sends more makes no sense.
pub(crate) const MAX_BLOCKS: usize = 16;
/// How far back a block can lie, in units of the RTP clock: 14 bits.
pub(crate) const MAX_OFFSET: u32 = 0x3FFF;
/// Bytes of a block other than the last at the most: 10 bits.
pub(crate) const MAX_BLOCK: usize = 0x3FF;

/// Bytes of the header of a block other than the last.
const BLOCK_HEADER: usize = 4;

/// One block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Block<'a> {
    pub(crate) payload_type: u8,
    /// How much older than the packet it is, in units of the RTP clock; 0 for the last one.
    pub(crate) offset: u16,
    pub(crate) payload: &'a [u8],
}

/// The blocks of a payload, oldest first as they are sent; the last one is the packet's own media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blocks<'a> {
    blocks: [Block<'a>; MAX_BLOCKS],
    count: usize,
}

impl<'a> Blocks<'a> {
    /// Reads a payload; `None` if it is none of this format.
    pub(crate) fn parse(payload: &'a [u8]) -> Option<Self> {
        let mut blocks = [Block::default(); MAX_BLOCKS];
        let mut lens = [0; MAX_BLOCKS];
        let (mut rest, mut count) = (payload, 0);
        loop {
            let first = *rest.first()?;
            let (block, len) = (blocks.get_mut(count)?, lens.get_mut(count)?);
            count += 1;
            block.payload_type = first & 0x7F;
            if first & 0x80 == 0 {
                rest = rest.get(1..)?;
                break;
            }
            let (&[_, high, middle, low], after) = rest.split_first_chunk::<BLOCK_HEADER>()?;
            block.offset = u16::from(high) << 6 | u16::from(middle) >> 2;
            *len = usize::from(middle & 0x03) << 8 | usize::from(low);
            rest = after;
        }
        let own = count - 1;
        for (block, len) in blocks.iter_mut().zip(lens).take(own) {
            (block.payload, rest) = rest.split_at_checked(len)?;
        }
        blocks.get_mut(own)?.payload = rest;
        Some(Blocks { blocks, count })
    }

    /// The packet's own media.
    pub(crate) fn own(&self) -> Block<'a> {
        self.blocks.get(self.count - 1).copied().unwrap_or_default()
    }

    /// Earlier media, oldest first as far as the sender keeps to it.
    pub(crate) fn earlier(&self) -> &[Block<'a>] {
        self.blocks.get(..self.count - 1).unwrap_or_default()
    }
}

/// Writes a payload into `out`: the blocks of `earlier`, oldest first, then `own`. Answers its length; `None` if something does not
/// fit, into `out` or into its field.
pub(crate) fn write(out: &mut [u8], earlier: &[Block<'_>], own: Block<'_>) -> Option<usize> {
    let mut at = 0;
    let mut put = |bytes: &[u8]| -> Option<()> {
        out.get_mut(at..at + bytes.len())?.copy_from_slice(bytes);
        at += bytes.len();
        Some(())
    };
    for block in earlier {
        if block.payload.len() > MAX_BLOCK || u32::from(block.offset) > MAX_OFFSET {
            return None;
        }
        let (len, offset) = (block.payload.len() as u16, block.offset);
        let [high, low] = (offset << 2 | len >> 8).to_be_bytes();
        put(&[0x80 | block.payload_type, high, low, len as u8])?;
    }
    put(&[own.payload_type & 0x7F])?;
    for block in earlier.iter().chain([&own]) {
        put(block.payload)?;
    }
    Some(at)
}

/// Bytes that a payload with these blocks has.
pub(crate) fn len(earlier: &[Block<'_>], own: Block<'_>) -> usize {
    let blocks: usize = earlier.iter().map(|block| BLOCK_HEADER + block.payload.len()).sum();
    blocks + 1 + own.payload.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_payload_is_laid_out_as_the_rfc_says() {
        let earlier = [
            Block { payload_type: 111, offset: 1920, payload: &[1; 300] },
            Block { payload_type: 111, offset: 960, payload: &[2, 2] },
        ];
        let own = Block { payload_type: 111, offset: 0, payload: &[3] };
        let mut out = [0; 400];
        let written = write(&mut out, &earlier, own).unwrap();
        // 1920 << 2 | 300 >> 8, and 300 & 0xFF; 960 << 2, and 2.
        assert_eq!(out[..9], [0x80 | 111, 0x1E, 0x01, 0x2C, 0x80 | 111, 0x0F, 0x00, 0x02, 111]);
        assert_eq!((written, len(&earlier, own)), (9 + 300 + 2 + 1, 9 + 300 + 2 + 1));
        let read = Blocks::parse(&out[..written]).unwrap();
        assert_eq!((read.earlier(), read.own()), (&earlier[..], own));
        assert_eq!(Blocks::parse(&[111, 7]).map(|blocks| blocks.own().payload), Some(&[7][..]));
    }

    #[test]
    fn what_is_cut_off_or_endless_is_refused() {
        let mut out = [0; 64];
        let earlier = [Block { payload_type: 1, offset: 5, payload: &[1, 2, 3] }];
        let written = write(&mut out, &earlier, Block::default()).unwrap();
        for cut in 0..written {
            assert_eq!(Blocks::parse(&out[..cut]), None, "{cut}");
        }
        assert_eq!(Blocks::parse(&[0x80; 1000]), None);
        let too_long = [Block { payload: &[0; 1024], ..Block::default() }];
        assert_eq!(write(&mut [0; 2000], &too_long, Block::default()), None);
        let too_old = [Block { offset: 0x4000, ..Block::default() }];
        assert_eq!(write(&mut [0; 2000], &too_old, Block::default()), None);
        assert_eq!(write(&mut [0; 7], &earlier, Block::default()), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            blocks in prop::collection::vec(
                (0u8..128, 0u16..0x4000, prop::collection::vec(any::<u8>(), 0..60)), 1..=MAX_BLOCKS),
        ) {
            let all: Vec<Block<'_>> = blocks
                .iter()
                .map(|(number, offset, payload)| Block { payload_type: *number, offset: *offset, payload })
                .collect();
            let (own, earlier) = all.split_last().unwrap();
            let own = Block { offset: 0, ..*own };
            let mut out = [0; 2000];
            let written = write(&mut out, earlier, own).unwrap();
            prop_assert_eq!(written, len(earlier, own));
            let read = Blocks::parse(&out[..written]).unwrap();
            prop_assert_eq!((read.earlier(), read.own()), (earlier, own));
        }

        #[test]
        fn hostile_payloads_never_panic(payload in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Some(blocks) = Blocks::parse(&payload) {
                let total: usize = blocks.earlier().iter().map(|block| block.payload.len()).sum();
                prop_assert!(total + blocks.own().payload.len() < payload.len());
            }
        }
    }
}
