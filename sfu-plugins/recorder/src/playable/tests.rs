use super::*;
use crate::film::Film;
use crate::lane::tests::{VP8_INTER, VP8_KEY, formats, rtp};
use crate::scratch::Shelf;
use crate::settings::FileFormat;
use crate::status::{Registry, Totals};
use crate::writer::Notice;
use sfu_core::control::{EntityId, MediaKind};
use sfu_core::plugin::ProducerId;
use std::sync::mpsc::{Receiver, channel};
use std::time::UNIX_EPOCH;

const VIDEO: &[(u8, &str)] = &[(96, "video/VP8"), (97, "video/H264"), (98, "video/VP9")];
const AUDIO: &[(u8, &str)] = &[(111, "audio/opus")];
const PER_PARTICIPANT: Per = Per::Participant;

/// IDR with its parameter sets, in one STAP-A.
const H264_KEY: [u8; 20] =
    [0x78, 0, 8, 0x67, 0x42, 0xC0, 0x1F, 0xF4, 0x05, 0x01, 0xE8, 0, 2, 0x68, 0xCE, 0, 3, 0x65, 1, 2];

pub(crate) struct Bench {
    playable: Option<Playable>,
    outfit: Outfit,
    pub(crate) shelf: Shelf,
    notices: Receiver<Notice>,
    pub(crate) options: PlayOptions,
    limits: Limits,
    opened: Instant,
    statuses: BTreeMap<u32, Arc<TrackStatus>>,
}

impl Bench {
    pub(crate) fn new(per: Per, room: usize) -> Bench {
        let (tell, notices) = channel();
        let shelf = Shelf::new(room);
        let outfit = Outfit {
            store: Arc::new(shelf.clone()),
            fsync: false,
            registry: Arc::new(Registry::default()),
            totals: Arc::new(Totals::default()),
            tell: Box::new(move |notice| drop(tell.send(notice))),
        };
        let options = PlayOptions { is_ogg: false, per, keep_after_loss: false, file: "x".into() };
        let (limits, statuses) = (Limits::default(), BTreeMap::new());
        Bench { playable: None, outfit, shelf, notices, options, limits, opened: Instant::now(), statuses }
    }

    /// Opens an encoding, so many milliseconds after the beginning.
    pub(crate) fn open(&mut self, track: u32, kind: MediaKind, codecs: &[(u8, &str)], after: u64) {
        let wall = UNIX_EPOCH + Duration::from_secs(1_769_903_999);
        let formats = formats(kind, codecs);
        let producer = ProducerId::from_raw("0.1.0".parse().unwrap());
        let status =
            Arc::new(TrackStatus::new(producer, None, formats.kind_name(), 0, wall, FileFormat::Webm));
        self.statuses.insert(track, status.clone());
        let opened = (self.opened + Duration::from_millis(after), wall);
        let (limits, play) = (self.limits, Some(self.options.clone()));
        let stem = "film".into();
        let open = Open { track, opened, stem, formats, status, limits, gated: true, play, capture: None };
        let options = self.options.clone();
        self.playable.get_or_insert_with(|| Playable::new(&open, options)).join(&open);
    }

    pub(crate) fn packet(&mut self, track: u32, at_ms: u64, packet: &[u8]) {
        let playable = self.playable.as_mut().unwrap();
        playable.write(track, Duration::from_millis(at_ms), false, packet, &self.outfit);
    }

    /// Frame `n` of 25 per second.
    fn video(&mut self, track: u32, n: u16, at_ms: u64, key_frame: bool) {
        let payload: &[u8] = if key_frame { &VP8_KEY } else { &VP8_INTER };
        self.packet(track, at_ms, &rtp(96, n, 7000 + u32::from(n) * 3600, true, payload));
    }

    /// Packet `n` of 50 per second.
    fn audio(&mut self, track: u32, n: u16, at_ms: u64) {
        self.packet(track, at_ms, &rtp(111, n, 99 + u32::from(n) * 960, false, &[0xF8, 1, 2]));
    }

    fn report(&mut self, track: u32, rtp_timestamp: u32, sender_ms: u64, at_ms: i64) {
        let ntp = (1 << 60) + ((u128::from(sender_ms) << 32) / 1000) as u64;
        let reading = ClockReading { ntp, rtp_timestamp, at: at_ms * 1_000_000, packets: 0, octets: 0 };
        self.playable.as_mut().unwrap().report(track, &reading);
    }

    pub(crate) fn close(&mut self, track: u32) -> Option<Value> {
        self.playable.as_mut().unwrap().close(track, &self.outfit)
    }

    /// Names of events, and the files that they are about.
    fn told(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.notices
            .try_iter()
            .map(|notice| (text(&notice.body["event"]), text(&notice.body["file"])))
            .collect()
    }

    fn films(&self) -> Vec<(String, Film)> {
        let files = self.shelf.files().into_iter();
        files.map(|(name, bytes)| (name, Film::read(&bytes).unwrap())).collect()
    }

    fn asks_for_key_frame(&self, track: u32) -> bool {
        self.statuses[&track].wants_key_frame.swap(false, Ordering::Relaxed)
    }
}

fn pair(event: &str, file: &str) -> (String, String) {
    (format!("recorder.{event}"), file.to_owned())
}

#[test]
fn a_participant_has_one_file_and_who_comes_later_gets_a_track_in_it() {
    let mut bench = Bench::new(PER_PARTICIPANT, usize::MAX);
    bench.open(1, MediaKind::Audio, AUDIO, 0);
    for n in 0..50 {
        bench.audio(1, n, u64::from(n) * 20);
    }
    // The camera comes on after a second.
    bench.open(2, MediaKind::Video, &VIDEO[..1], 1000);
    for n in 0..50 {
        bench.audio(1, 50 + n, 1000 + u64::from(n) * 20);
        if n % 2 == 0 {
            bench.video(2, n / 2, u64::from(n) * 20, n == 0);
        }
    }
    assert_eq!(bench.told(), [pair("started", "film-0.webm"), pair("started", "film-0.webm")]);
    let first = bench.close(1).unwrap();
    assert_eq!(
        (&first["finished"], &first["frames"], &first["packets"]),
        (&json!(false), &json!(100), &json!(100))
    );
    assert_eq!(first["duration"], 2000);
    let last = bench.close(2).unwrap();
    assert_eq!(
        (&last["finished"], &last["frames"], &last["duration"]),
        (&json!(true), &json!(25), &json!(1000))
    );
    let films = bench.films();
    assert_eq!(last["bytes"], bench.shelf.files()[0].1.len());
    let film = &films[0].1;
    let codecs: Vec<&str> = film.tracks.iter().map(|(_, codec, _)| codec.as_str()).collect();
    assert_eq!((codecs, film.duration), (vec!["A_OPUS", "V_VP8"], Some(2000.0)));
    assert_eq!(film.times(1), (0..100).map(|n| n * 20).collect::<Vec<_>>());
    assert_eq!(film.times(2), (0..25).map(|n| 1000 + n * 40).collect::<Vec<_>>());
    assert!(bench.playable.unwrap().is_empty());
    assert_eq!(bench.outfit.totals.bytes.get(), bench.shelf.files()[0].1.len() as u64);
}

#[test]
fn sender_reports_bring_sound_and_picture_in_step() {
    let mut bench = Bench::new(PER_PARTICIPANT, usize::MAX);
    bench.open(1, MediaKind::Audio, AUDIO, 0);
    bench.open(2, MediaKind::Video, &VIDEO[..1], 0);
    for n in 0..150u16 {
        let at = u64::from(n) * 20;
        bench.audio(1, n, at);
        if n % 2 == 0 {
            // The picture takes 120 ms longer.
            bench.video(2, n / 2, at + 120, n == 0);
        }
        if n == 30 {
            // By the sender's clock both began at 5 s. The network has its say only once.
            bench.report(1, 99, 5000, 15);
            bench.report(2, 7000, 5000, 80);
        }
    }
    bench.close(1);
    bench.close(2);
    let film = &bench.films()[0].1;
    let (audio, video) = (film.times(1), film.times(2));
    assert_eq!((audio[0], video[0]), (0, 120), "as they arrived");
    let apart: Vec<i64> =
        video.iter().zip(audio.iter().step_by(2)).map(|(video, audio)| video - audio).collect();
    assert!(apart[74].abs() <= 1, "in step at last: {apart:?}");
    assert!(apart.windows(2).all(|two| (two[0] - two[1]).abs() <= 11), "{apart:?}");
    for times in [audio, video] {
        assert!(times.windows(2).all(|two| two[0] < two[1]), "{times:?}");
    }
}

#[test]
fn a_file_that_is_full_ends_at_a_key_frame() {
    let mut bench = Bench::new(PER_PARTICIPANT, usize::MAX);
    bench.limits = Limits { max_seconds: 2, max_bytes: 0 };
    bench.open(1, MediaKind::Audio, AUDIO, 0);
    bench.open(2, MediaKind::Video, &VIDEO[..1], 0);
    for n in 0..250u16 {
        let at = u64::from(n) * 20;
        bench.audio(1, n, at);
        if n % 2 == 0 {
            bench.video(2, n / 2, at, n == 0 || n == 120);
        }
        assert_eq!(bench.asks_for_key_frame(2), (100..=120).contains(&n) || n >= 220, "{n}");
    }
    let told = bench.told();
    assert_eq!(told[2..4], [pair("stopped", "film-0.webm"), pair("stopped", "film-0.webm")]);
    assert_eq!(told[4..], [pair("started", "film-1.webm"), pair("started", "film-1.webm")]);
    bench.close(1);
    bench.close(2);
    let films = bench.films();
    assert_eq!(films[0].1.times(2), (0..60).map(|n| n * 40).collect::<Vec<_>>());
    assert!(films[0].1.is_closed && films[1].1.is_closed);
    let second = &films[1].1;
    let (first, codec) = (&second.clusters[0].1[0], &second.tracks[0].1);
    assert_eq!((first.at, first.key_frame, codec.as_str()), (0, true, "V_VP8"));
    assert_eq!((second.times(1).len(), second.times(2).len()), (65, 129));
    let all: usize = films.iter().flat_map(|(_, film)| &film.clusters).map(|(_, blocks)| blocks.len()).sum();
    assert_eq!(all, 250 + 125, "nothing is lost in between");
}

#[test]
fn without_a_key_frame_a_full_file_ends_all_the_same() {
    let mut bench = Bench::new(Per::Stream, usize::MAX);
    bench.limits = Limits { max_seconds: 0, max_bytes: 6000 };
    bench.open(1, MediaKind::Video, &VIDEO[..1], 0);
    for n in 0..900u16 {
        bench.video(1, n, u64::from(n) * 40, n == 0);
    }
    let files = bench.shelf.files();
    assert_eq!(files.len(), 1, "nothing can be begun");
    assert!(Film::read(&files[0].1).unwrap().is_closed);
    bench.video(1, 900, 36_000, true);
    bench.close(1);
    assert_eq!(bench.films()[1].1.times(1), [0]);
}

#[test]
fn h264_takes_matroska_and_another_codec_another_file() {
    let mut bench = Bench::new(Per::Stream, usize::MAX);
    bench.open(1, MediaKind::Video, VIDEO, 0);
    bench.video(1, 0, 0, true);
    bench.packet(1, 40, &rtp(97, 1, 10_600, true, &H264_KEY));
    bench.packet(1, 80, &rtp(97, 2, 14_200, true, &[0x41, 9]));
    bench.video(1, 3, 120, true);
    bench.close(1);
    let films = bench.films();
    let names: Vec<&str> = films.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["film-0.webm", "film-1.mkv", "film-2.mkv"]);
    let film = &films[1].1;
    assert_eq!((film.doc_type.as_str(), film.tracks[0].1.as_str()), ("matroska", "V_MPEG4/ISO/AVC"));
    assert_ne!(film.tracks[0].2, (0, 0));
    assert_eq!(film.blocks(1)[0].data.get(..5), Some(&[0, 0, 0, 8, 0x67][..]));
    assert_eq!(film.blocks(1)[1].data, [0, 0, 0, 2, 0x41, 9]);
    // A sender that changes it with each frame is given up.
    bench.open(1, MediaKind::Video, VIDEO, 0);
    for n in 0..100u16 {
        if n % 2 == 0 {
            bench.video(1, n, u64::from(n), true);
        } else {
            bench.packet(1, u64::from(n), &rtp(97, n, u32::from(n) * 90, true, &H264_KEY));
        }
    }
    assert!(bench.statuses[&1].has_failed());
    assert!(bench.shelf.files().len() <= 3 + MAX_CHANGES as usize + 1);
}

#[test]
fn a_full_disk_leaves_a_file_that_is_read_to_its_end() {
    for room in (10_000..30_000).step_by(1777) {
        let mut bench = Bench::new(PER_PARTICIPANT, room);
        bench.open(1, MediaKind::Audio, AUDIO, 0);
        bench.open(2, MediaKind::Video, &VIDEO[..1], 0);
        for n in 0..3000u16 {
            bench.audio(1, n, u64::from(n) * 20);
            if n % 2 == 0 {
                bench.video(2, n / 2, u64::from(n) * 20, n % 100 == 0);
            }
        }
        let failed = bench.told().iter().filter(|(event, _)| event == "recorder.failed").count();
        assert_eq!(failed, 2, "both are told of");
        assert!(bench.statuses.values().all(|status| status.has_failed()));
        assert!(bench.playable.as_ref().unwrap().is_empty());
        let bytes = bench.shelf.files()[0].1.clone();
        let film = Film::read(&bytes).unwrap();
        assert!(film.is_closed && film.duration.unwrap() > 1000.0);
        let end = film.clusters.iter().flat_map(|(_, all)| all).map(|block| block.at).max().unwrap();
        assert!((film.duration.unwrap() - end as f64) <= 40.0, "{:?} {end}", film.duration);
        let whole =
            |block: &crate::film::Block| matches!((block.track, block.data.len()), (1, 3) | (2, 2 | 10));
        assert!(film.clusters.iter().flat_map(|(_, all)| all).all(whole));
        let last = film.clusters.last().unwrap().1.last().unwrap();
        assert!(bytes.ends_with(&last.data), "nothing is left of what was written in part");
        // Whoever comes afterwards tries again.
        bench.open(3, MediaKind::Audio, AUDIO, 0);
        assert!(!bench.playable.as_ref().unwrap().is_empty());
    }
}

#[test]
fn what_is_gathered_is_written_within_a_second() {
    let mut bench = Bench::new(Per::Stream, usize::MAX);
    bench.open(1, MediaKind::Audio, AUDIO, 0);
    bench.audio(1, 0, 0);
    let flush = |bench: &mut Bench| {
        let now = bench.opened;
        bench.playable.as_mut().unwrap().flush(now, &bench.outfit);
        bench.films()[0].1.times(1).len()
    };
    assert_eq!(flush(&mut bench), 0);
    assert!(GATHER + crate::writer::FLUSH_EVERY < Duration::from_secs(1));
    let began = Instant::now();
    while flush(&mut bench) == 0 {
        assert!(began.elapsed() < Duration::from_secs(10), "nothing was written");
        std::thread::yield_now();
    }
    assert!(began.elapsed() > GATHER / 2, "{:?}", began.elapsed());
}

#[test]
fn audio_alone_may_be_ogg() {
    let mut bench = Bench::new(Per::Stream, usize::MAX);
    bench.options.is_ogg = true;
    bench.limits = Limits { max_seconds: 2, max_bytes: 0 };
    bench.open(1, MediaKind::Audio, AUDIO, 0);
    for n in 0..150 {
        bench.audio(1, n, u64::from(n) * 20);
    }
    let ended = bench.close(1).unwrap();
    assert_eq!((&ended["frames"], &ended["duration"]), (&json!(50), &json!(1000)));
    let files = bench.shelf.files();
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["film-0.opus", "film-1.opus"]);
    assert_eq!(ogg::started(&files[1].1), Some(1_769_904_001_000));
}
