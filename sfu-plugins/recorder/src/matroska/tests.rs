use super::*;
use crate::film::Film;
use crate::scratch::{Memory, memory};
use crate::track_entry::ParameterSets;
use proptest::prelude::*;
use sfu_core::media::{Codec, Frame};
use std::time::{Duration, UNIX_EPOCH};

fn entry(codec: Codec) -> TrackEntry {
    let data = vec![0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01];
    TrackEntry::of(codec, &Frame { timestamp: 0, key_frame: true, data }, &mut ParameterSets::default())
        .unwrap()
}

fn create(room: usize) -> (Matroska, Output, Memory) {
    let (mut out, file) = memory();
    let began = UNIX_EPOCH + Duration::from_secs(1_769_903_999);
    (Matroska::create(&mut out, "webm", began, room).unwrap(), out, file)
}

#[test]
fn a_file_is_complete_before_its_end_and_has_more_after_it() {
    let (mut muxer, mut out, file) = create(ONE_TRACK);
    let track = muxer.add_track(&mut out, &entry(Codec::Vp8), "cam").unwrap().unwrap();
    for n in 0..100u64 {
        muxer.write(&mut out, track, true, n % 40 == 0, (n * 33, 33), &[n as u8; 500]).unwrap();
    }
    let live = Film::read(&file.bytes()).unwrap();
    assert_eq!((live.doc_type.as_str(), live.duration, live.is_closed), ("webm", None, false));
    assert_eq!(live.tracks, [(1, "V_VP8".to_owned(), (640, 480))]);
    // All but the second that is being gathered.
    assert_eq!(live.times(1), (0..80).map(|n| n * 33).collect::<Vec<_>>());
    let starts: Vec<i64> = live.clusters.iter().map(|(start, _)| *start).collect();
    assert_eq!(starts, [0, 31 * 33, 40 * 33, 71 * 33], "at key frames, and after a second at the most");
    muxer.finish(&mut out).unwrap();
    let done = Film::read(&file.bytes()).unwrap();
    assert_eq!((done.duration, done.is_closed), (Some(3300.0), true));
    assert_eq!(done.times(1).len(), 100);
    assert_eq!(done.cues, [(0, true), (40 * 33, true), (80 * 33, true)]);
    let block = done.blocks(1)[41];
    assert_eq!((block.key_frame, block.data.as_slice()), (false, &[41; 500][..]));
}

#[test]
fn tracks_come_later_as_long_as_there_is_room() {
    let (mut muxer, mut out, file) = create(400);
    let audio = muxer.add_track(&mut out, &entry(Codec::Opus), "a").unwrap().unwrap();
    muxer.write(&mut out, audio, false, true, (0, 20), &[1]).unwrap();
    muxer.flush(&mut out).unwrap();
    let mut tracks = 1;
    while muxer.add_track(&mut out, &entry(Codec::Vp8), "video").unwrap().is_some() {
        tracks += 1;
        let film = Film::read(&file.bytes()).unwrap();
        assert_eq!((film.tracks.len(), film.times(1)), (tracks, vec![0]));
    }
    assert!((5..12).contains(&tracks), "{tracks}");
    muxer.write(&mut out, 2, true, true, (20, 20), &[2]).unwrap();
    muxer.finish(&mut out).unwrap();
    assert_eq!(Film::read(&file.bytes()).unwrap().times(2), [20]);
}

#[test]
fn the_index_is_bounded() {
    let (mut muxer, mut out, file) = create(ONE_TRACK);
    let track = muxer.add_track(&mut out, &entry(Codec::Opus), "a").unwrap().unwrap();
    let count = MAX_CUES as u64 * 3;
    for n in 0..count {
        muxer.write(&mut out, track, false, true, (n * 1000, 20), &[1]).unwrap();
    }
    muxer.finish(&mut out).unwrap();
    let film = Film::read(&file.bytes()).unwrap();
    assert_eq!(film.clusters.len() as u64, count);
    assert!((MAX_CUES / 2..=MAX_CUES).contains(&film.cues.len()), "{}", film.cues.len());
    assert!(film.cues.iter().all(|(_, right)| *right));
    let last = film.cues.last().unwrap().0;
    assert!(last > (count - 10) * 1000, "{last}");
}

proptest! {
    #[test]
    fn a_file_that_is_cut_off_lacks_a_second_at_the_most(
        frames in prop::collection::vec((0..200u64, 1..3000usize, any::<bool>(), any::<bool>()), 1..80),
        cut in 0.0..1.0f64, finished: bool,
    ) {
        let (mut muxer, mut out, file) = create(ONE_TRACK);
        let video = muxer.add_track(&mut out, &entry(Codec::Vp8), "cam").unwrap().unwrap();
        let audio = muxer.add_track(&mut out, &entry(Codec::Opus), "mic").unwrap().unwrap();
        let mut now = 0;
        let mut written = Vec::new();
        for (step, len, is_video, key) in frames {
            now += step;
            let track = if is_video { video } else { audio };
            muxer.write(&mut out, track, is_video, key || !is_video, (now, 20), &vec![len as u8; len]).unwrap();
            written.push((track, now as i64));
        }
        if finished {
            muxer.finish(&mut out).unwrap();
        }
        let bytes = file.bytes();
        let header = (muxer.tracks_at as usize + ONE_TRACK + 8).min(bytes.len());
        let at = header + ((bytes.len() - header) as f64 * cut) as usize;
        let whole = Film::read(&bytes).unwrap();
        let film = Film::read(&bytes[..at]).unwrap();
        let read: Vec<(u8, i64)> = film.clusters.iter().flat_map(|(_, all)| all).map(|b| (b.track, b.at)).collect();
        // Whatever is read is what was written, in order; the last block may be torn.
        prop_assert_eq!(&read[..], &written[..read.len()]);
        let all: usize = whole.clusters.iter().map(|(_, blocks)| blocks.len()).sum();
        if finished {
            prop_assert_eq!(all, written.len());
        } else if let Some((_, end)) = written.last() {
            let missing = written.get(all).map_or(0, |(_, start)| end - start);
            prop_assert!(missing < MAX_CLUSTER_MS as i64, "{}", missing);
        }
        for (start, blocks) in &whole.clusters {
            prop_assert!(blocks.iter().all(|block| (0..1000).contains(&(block.at - start))));
        }
    }
}
