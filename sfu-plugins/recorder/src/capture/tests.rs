use super::*;
use crate::lane::tests::{formats, rtp};
use crate::scratch::Shelf;
use crate::settings::FileFormat;
use crate::status::{Registry, Totals};
use crate::writer::Notice;
use sfu_core::control::{EntityId, MediaKind};
use sfu_core::plugin::ProducerId;
use std::sync::mpsc::{Receiver, channel};
use std::time::UNIX_EPOCH;

struct Bench {
    capture: Option<Capture>,
    outfit: Outfit,
    shelf: Shelf,
    notices: Receiver<Notice>,
    limits: Limits,
    opened: Instant,
}

impl Bench {
    fn new(room: usize, limits: Limits) -> Bench {
        let (tell, notices) = channel();
        let shelf = Shelf::new(room);
        let outfit = Outfit {
            store: Arc::new(shelf.clone()),
            fsync: false,
            registry: Arc::new(Registry::default()),
            totals: Arc::new(Totals::default()),
            tell: Box::new(move |notice| drop(tell.send(notice))),
        };
        Bench { capture: None, outfit, shelf, notices, limits, opened: Instant::now() }
    }

    /// Opens an encoding, so many milliseconds after the beginning.
    fn open(&mut self, track: u32, kind: MediaKind, mime: &str, after: u64) {
        let wall = UNIX_EPOCH + Duration::from_secs(1_769_903_999);
        let formats = formats(kind, &[(96, mime)]);
        let producer = ProducerId::from_raw("0.1.0".parse().unwrap());
        let (stream, name) = (Some("../cam\n".to_owned()), formats.kind_name());
        let status = Arc::new(TrackStatus::new(producer, stream, name, 0, wall, FileFormat::Pcapng));
        let opened = (self.opened + Duration::from_millis(after), wall);
        let (stem, limits, capture) = ("x".into(), self.limits, Some("x".into()));
        let open = Open { track, opened, stem, formats, status, limits, gated: false, play: None, capture };
        self.capture.get_or_insert_with(|| Capture::new(&open)).join(&open);
    }

    fn packet(&mut self, track: u32, n: u16, at_ms: u64, len: usize) {
        let packet = rtp(96, n, 0, false, &vec![7; len]);
        self.capture.as_mut().unwrap().write(track, Duration::from_millis(at_ms), &packet, &self.outfit);
    }

    fn close(&mut self, track: u32) -> Option<Value> {
        self.capture.as_mut().unwrap().close(track, &self.outfit)
    }

    fn told(&self) -> Vec<String> {
        let text =
            |notice: Notice| format!("{} {}", notice.body["event"], notice.body["file"]).replace('"', "");
        self.notices.try_iter().map(text).collect()
    }
}

#[test]
fn streams_of_a_participant_are_named_in_one_capture() {
    let mut bench = Bench::new(usize::MAX, Limits::default());
    bench.open(1, MediaKind::Audio, "audio/opus", 0);
    bench.packet(1, 1, 20, 100);
    bench.open(2, MediaKind::Video, "video/VP8", 1000);
    bench.packet(2, 1, 500, 1000);
    let reading = ClockReading { ntp: 9, rtp_timestamp: 8, at: 400_000_000, packets: 7, octets: 6 };
    bench.capture.as_mut().unwrap().report(2, &reading);
    let first = bench.close(1).unwrap();
    assert_eq!((&first["finished"], &first["packets"]), (&json!(false), &json!(1)), "{first}");
    let last = bench.close(2).unwrap();
    assert_eq!((&last["finished"], &last["packets"]), (&json!(true), &json!(1)), "{last}");
    let (name, bytes) = bench.shelf.files().remove(0);
    assert_eq!((name.as_str(), last["bytes"].as_u64()), ("x-0.pcapng", Some(bytes.len() as u64)));
    let (streams, started) = pcapng::read(&bytes).unwrap();
    assert_eq!(started, 1_769_903_999_020_000_000);
    assert!(streams[0].starts_with("audio opus, encoding 0 of producer 0.1.0"), "{streams:?}");
    let has = |what: &[u8]| bytes.windows(what.len()).filter(|window| *window == what).count();
    assert_eq!(
        has(b"\xC6\x12\0\x02_._cam_-video-0\0"),
        1,
        "an address has the name, of which nothing harmful is left"
    );
    let mut report = [0x80, 200, 0, 6, 1, 2, 3, 4].to_vec();
    report.extend(9u64.to_be_bytes());
    report.extend([0, 0, 0, 8, 0, 0, 0, 7, 0, 0, 0, 6]);
    assert_eq!(has(&report), 1);
    assert_eq!(bench.outfit.totals.bytes.get(), bytes.len() as u64);
}

#[test]
fn a_full_file_is_followed_by_another_without_loss() {
    let mut bench = Bench::new(usize::MAX, Limits { max_bytes: 100_000, max_seconds: 0 });
    bench.open(1, MediaKind::Video, "video/VP8", 0);
    for n in 0..300 {
        bench.packet(1, n, u64::from(n), 1000);
    }
    let last = bench.close(1).unwrap();
    assert_eq!(
        bench.told(),
        [
            "recorder.started x-0.pcapng",
            "recorder.stopped x-0.pcapng",
            "recorder.started x-1.pcapng",
            "recorder.stopped x-1.pcapng",
            "recorder.started x-2.pcapng",
            "recorder.stopped x-2.pcapng",
            "recorder.started x-3.pcapng",
        ]
    );
    let files = bench.shelf.files();
    assert_eq!((files.len(), &last["file"]), (4, &json!("x-3.pcapng")));
    let packets: usize =
        files.iter().map(|(_, file)| file.windows(20).filter(|w| *w == [7; 20]).count()).sum();
    assert_eq!(packets, 300 * (1000 - 19), "each is in one of them");
    assert!(files.iter().all(|(_, file)| pcapng::read(file).unwrap().1 > 0));
}

#[test]
fn a_full_disk_leaves_whole_packets() {
    let mut bench = Bench::new(50_000, Limits::default());
    bench.open(1, MediaKind::Video, "video/VP8", 0);
    for n in 0..100 {
        bench.packet(1, n, u64::from(n), 1000);
    }
    assert_eq!(bench.told(), ["recorder.started x-0.pcapng", "recorder.failed x-0.pcapng"]);
    assert!(bench.close(1).is_none());
    let (_, bytes) = bench.shelf.files().remove(0);
    assert!(bytes.len() > 30_000 && bytes.len() % 4 == 0);
    let len = u32::from_le_bytes(*bytes.last_chunk().unwrap()) as usize;
    assert_eq!(bytes[bytes.len() - len..][..4], [6, 0, 0, 0], "the last block is whole");
}
