//! Opus in Ogg (RFC 3533, RFC 7845), written live: pages of at most a second, each written as a whole.
use std::io;
use std::time::SystemTime;

use crate::folder::millis;
use crate::output::Output;
use crate::track_entry::OPUS_HEAD;

/// Samples per second of granule positions.
pub const RATE: u64 = 48_000;
/// Longest page in samples.
const MAX_PAGE: u64 = RATE;
/// Bytes of packets in a page before it is written.
const MAX_PAGE_LEN: usize = 48 * 1024;
/// Lacing values of a page at the most.
const MAX_SEGMENTS: usize = 255;
/// A packet that comes no more than this away from where the last one ended follows it without a gap: 5 ms.
const TOLERANCE: u64 = RATE / 200;
/// What the comment that says when a recording began is called.
const STARTED: &str = "STARTED=";

const CONTINUES_NOTHING: u8 = 0;
const FIRST: u8 = 2;
const LAST: u8 = 4;

/// The state of one file.
#[derive(Debug)]
pub struct Ogg {
    serial: u32,
    sequence: u32,
    segments: Vec<u8>,
    packets: Vec<u8>,
    /// Where the page that is being gathered begins, and where what was given ends, in samples.
    page_start: u64,
    end: u64,
}

impl Ogg {
    /// Writes the header; times count from now on.
    pub fn create(out: &mut Output, began: SystemTime) -> io::Result<Self> {
        let started = millis(began);
        let mut ogg = Ogg {
            serial: started as u32,
            sequence: 0,
            segments: Vec::new(),
            packets: Vec::new(),
            page_start: 0,
            end: 0,
        };
        let mut tags = b"OpusTags".to_vec();
        let comment = format!("{STARTED}{started}");
        for text in ["sfukit recorder", "", &comment] {
            // In the second place stands how many comments there are.
            let number = if text.is_empty() { 1 } else { text.len() as u32 };
            tags.extend(number.to_le_bytes());
            tags.extend(text.as_bytes());
        }
        let mut head = ogg.page(FIRST, &[OPUS_HEAD.len() as u8], &OPUS_HEAD);
        head.extend(ogg.page(CONTINUES_NOTHING, &[tags.len() as u8], &tags));
        out.append(&head)?;
        Ok(ogg)
    }

    /// Adds a packet of so many samples that begins at `at`, in samples since the beginning.
    pub fn write(&mut self, out: &mut Output, at: u64, samples: u64, data: &[u8]) -> io::Result<()> {
        let lacing = data.len() / 255 + 1;
        if lacing > MAX_SEGMENTS {
            return Ok(());
        }
        let gap = at > self.end + TOLERANCE;
        let full = self.end.saturating_sub(self.page_start) + samples > MAX_PAGE
            || self.segments.len() + lacing > MAX_SEGMENTS
            || self.packets.len() + data.len() > MAX_PAGE_LEN;
        if gap || full {
            self.flush(out)?;
        }
        if gap {
            self.end = at;
        }
        if self.segments.is_empty() {
            self.page_start = self.end;
        }
        self.segments.resize(self.segments.len() + lacing - 1, 255);
        self.segments.push((data.len() % 255) as u8);
        self.packets.extend_from_slice(data);
        // What comes early can't begin before the last one's end: positions only grow.
        self.end += samples;
        Ok(())
    }

    /// Writes the page that is being gathered.
    pub fn flush(&mut self, out: &mut Output) -> io::Result<()> {
        if self.segments.is_empty() {
            return Ok(());
        }
        self.put(out, CONTINUES_NOTHING)
    }

    /// Writes what is left, and says that it is the end.
    pub fn finish(&mut self, out: &mut Output) -> io::Result<()> {
        self.put(out, LAST)
    }

    fn put(&mut self, out: &mut Output, kind: u8) -> io::Result<()> {
        let (segments, packets) = (std::mem::take(&mut self.segments), std::mem::take(&mut self.packets));
        let page = self.page(kind, &segments, &packets);
        out.append(&page)
    }

    fn page(&mut self, kind: u8, segments: &[u8], packets: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0".to_vec();
        page.push(kind);
        page.extend(self.end.to_le_bytes());
        page.extend(self.serial.to_le_bytes());
        page.extend(self.sequence.to_le_bytes());
        page.extend([0; 4]);
        page.push(segments.len() as u8);
        page.extend(segments);
        page.extend(packets);
        let checksum = checksum(&page).to_le_bytes();
        if let Some(field) = page.get_mut(22..26) {
            field.copy_from_slice(&checksum);
        }
        self.sequence += 1;
        page
    }
}

/// When a recording began, in milliseconds since 1970, from the beginning of its file; `None` if it is none of ours.
pub fn started(head: &[u8]) -> Option<u64> {
    if !head.starts_with(b"OggS") || !head.windows(8).any(|window| window == b"OpusHead") {
        return None;
    }
    let at = head.windows(STARTED.len()).position(|window| window == STARTED.as_bytes())?;
    let digits: Vec<u8> =
        head.get(at + STARTED.len()..)?.iter().copied().take_while(u8::is_ascii_digit).collect();
    String::from_utf8(digits).ok()?.parse().ok()
}

/// The checksum of a page (RFC 3533 section 6): CRC-32 of 0x04C11DB7, neither reflected nor inverted.
fn checksum(page: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    page.iter().fold(0, |crc, byte| {
        let index = (crc >> 24) as u8 ^ byte;
        crc << 8 ^ TABLE.get(usize::from(index)).copied().unwrap_or_default()
    })
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc >> 31 == 1 { crc << 1 ^ 0x04C1_1DB7 } else { crc << 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::memory;
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    /// Kind, granule position, sizes of packets of each page; checks what all pages have.
    fn pages(mut file: &[u8]) -> Vec<(u8, u64, Vec<usize>)> {
        let mut pages = Vec::new();
        while !file.is_empty() {
            assert!(file.starts_with(b"OggS\0"));
            let count = usize::from(file[26]);
            let lacing = &file[27..27 + count];
            let len = 27 + count + lacing.iter().map(|value| usize::from(*value)).sum::<usize>();
            let (page, rest) = file.split_at(len);
            let mut zeroed = page.to_vec();
            zeroed[22..26].fill(0);
            assert_eq!(page[22..26], checksum(&zeroed).to_le_bytes());
            assert_eq!(page[18..22], (pages.len() as u32).to_le_bytes());
            let mut sizes = vec![0];
            for value in lacing {
                *sizes.last_mut().unwrap() += usize::from(*value);
                if *value < 255 {
                    sizes.push(0);
                }
            }
            assert_eq!(sizes.pop(), Some(0), "a packet ends where its page does");
            pages.push((page[5], u64::from_le_bytes(page[6..14].try_into().unwrap()), sizes));
            file = rest;
        }
        pages
    }

    fn began() -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_769_903_999_123)
    }

    #[test]
    fn pages_have_a_second_and_gaps_are_between_them() {
        let (mut out, file) = memory();
        let mut ogg = Ogg::create(&mut out, began()).unwrap();
        for n in 0..60 {
            ogg.write(&mut out, n * 960 + n % 3, 960, &[0xFC; 300]).unwrap();
        }
        ogg.write(&mut out, 5 * RATE, 960, &[0xFC; 255]).unwrap();
        // One that comes before its time.
        ogg.write(&mut out, 4 * RATE, 960, &[0xFC]).unwrap();
        ogg.finish(&mut out).unwrap();
        let pages = pages(&file.bytes());
        let shape: Vec<(u8, u64, usize)> =
            pages.iter().map(|(kind, at, sizes)| (*kind, *at, sizes.len())).collect();
        let expected = [(2, 0, 1), (0, 0, 1), (0, 48_000, 50), (0, 60 * 960, 10), (4, 5 * RATE + 1920, 2)];
        assert_eq!(shape, expected);
        assert_eq!(pages[4].2, [255, 1]);
        assert_eq!(started(&file.bytes()), Some(1_769_903_999_123));
        assert_eq!(started(b"OggS"), None);
    }

    #[test]
    fn the_end_is_told_where_nothing_is_left() {
        let (mut out, file) = memory();
        let mut ogg = Ogg::create(&mut out, began()).unwrap();
        ogg.write(&mut out, 0, 960, &[0xFC]).unwrap();
        ogg.flush(&mut out).unwrap();
        ogg.flush(&mut out).unwrap();
        ogg.finish(&mut out).unwrap();
        assert_eq!(pages(&file.bytes())[2..], [(0, 960, vec![1]), (4, 960, vec![])]);
    }

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        assert_eq!(checksum(b""), 0);
        // What `cksum` has for these digits without their number, not inverted.
        assert_eq!(checksum(b"123456789"), 0x89A1_897F);
    }

    proptest! {
        #[test]
        fn packets_come_back_whole(packets in prop::collection::vec((0..3000u64, 1..6u64, 0..70_000usize), 0..80)) {
            let (mut out, file) = memory();
            let mut ogg = Ogg::create(&mut out, began()).unwrap();
            let mut at = 0;
            for (gap, frames, len) in &packets {
                at += gap;
                ogg.write(&mut out, at, frames * 960, &vec![7; *len]).unwrap();
                at += frames * 960;
            }
            ogg.finish(&mut out).unwrap();
            let pages = pages(&file.bytes());
            let sizes: Vec<usize> = pages[2..].iter().flat_map(|(_, _, sizes)| sizes.clone()).collect();
            let expected: Vec<usize> =
                packets.iter().map(|(_, _, len)| *len).filter(|len| len / 255 < MAX_SEGMENTS).collect();
            prop_assert_eq!(sizes, expected);
            prop_assert!(pages.windows(2).all(|two| two[0].1 <= two[1].1));
        }
    }
}
