//! What tests read in a file of WebM or Matroska.
use crate::ebml::*;

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub track: u8,
    /// Milliseconds.
    pub at: i64,
    pub key_frame: bool,
    pub data: Vec<u8>,
}

/// A file.
#[derive(Debug, Clone, Default)]
pub struct Film {
    pub doc_type: String,
    /// Milliseconds, where it is told.
    pub duration: Option<f64>,
    /// The size of the segment is known.
    pub is_closed: bool,
    /// Number, codec, width and height.
    pub tracks: Vec<(u8, String, (u64, u64))>,
    /// Start, and blocks.
    pub clusters: Vec<(i64, Vec<Block>)>,
    /// Time, and whether a cluster of that time is where it points to.
    pub cues: Vec<(u64, bool)>,
}

impl Film {
    /// Reads bytes; whatever is cut off is missing.
    pub fn read(bytes: &[u8]) -> Option<Film> {
        let mut film = Film::default();
        let head = Elements::new(bytes).find(EBML)?;
        film.doc_type = String::from_utf8(Elements::new(head).find(DOC_TYPE)?.to_vec()).ok()?;
        let segment = Elements::new(bytes).find(SEGMENT)?;
        let start = segment.as_ptr() as usize - bytes.as_ptr() as usize;
        film.is_closed = bytes[start - 8..start] != UNKNOWN_SIZE.to_be_bytes();
        for (id, body) in Elements::new(segment) {
            match id {
                INFO => {
                    let duration = Elements::new(body).find(DURATION);
                    film.duration = duration.map(|body| f64::from_be_bytes(body.try_into().unwrap()));
                }
                TRACKS => {
                    film.tracks =
                        Elements::new(body).filter(|(id, _)| *id == TRACK_ENTRY).map(track).collect()
                }
                CLUSTER => film.clusters.push(cluster(body)),
                CUES => {
                    film.cues = Elements::new(body).filter_map(|(_, point)| cue(point, segment)).collect()
                }
                _ => {}
            }
        }
        Some(film)
    }

    /// All blocks of a track.
    pub fn blocks(&self, track: u8) -> Vec<&Block> {
        self.clusters.iter().flat_map(|(_, blocks)| blocks).filter(|block| block.track == track).collect()
    }

    /// Times of all blocks of a track.
    pub fn times(&self, track: u8) -> Vec<i64> {
        self.blocks(track).iter().map(|block| block.at).collect()
    }
}

fn track((_, body): (Id, &[u8])) -> (u8, String, (u64, u64)) {
    let find = |id| Elements::new(body).find(id);
    let side = |id| find(VIDEO).and_then(|video| Elements::new(video).find(id)).map_or(0, uint);
    let codec = String::from_utf8(find(CODEC_ID).unwrap().to_vec()).unwrap();
    (uint(find(TRACK_NUMBER).unwrap()) as u8, codec, (side(PIXEL_WIDTH), side(PIXEL_HEIGHT)))
}

fn cluster(body: &[u8]) -> (i64, Vec<Block>) {
    let start = Elements::new(body).find(TIMESTAMP).map_or(0, uint) as i64;
    let blocks = Elements::new(body).filter(|(id, _)| *id == SIMPLE_BLOCK).filter_map(|(_, block)| {
        let (&[track, r0, r1, flags], data) = block.split_first_chunk::<4>()?;
        let at = start + i64::from(i16::from_be_bytes([r0, r1]));
        Some(Block { track: track & 0x7F, at, key_frame: flags & 0x80 != 0, data: data.to_vec() })
    });
    (start, blocks.collect())
}

fn cue(point: &[u8], segment: &[u8]) -> Option<(u64, bool)> {
    let at = Elements::new(point).find(CUE_TIME).map_or(0, uint);
    let position =
        Elements::new(Elements::new(point).find(CUE_TRACK_POSITIONS)?).find(CUE_CLUSTER_POSITION)?;
    let there = Elements::new(segment.get(uint(position) as usize..)?).next();
    Some((at, there.is_some_and(|(id, body)| id == CLUSTER && cluster(body).0 == at as i64)))
}
