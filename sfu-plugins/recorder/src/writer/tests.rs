use super::*;
use crate::folder::{Folder, Medium};
use crate::scratch::Scratch;
use crate::settings::FileFormat;
use sfu_core::control::{EntityId, MediaKind, RtpCodecParameters, RtpParameters};
use sfu_core::media::mjr::MjrReader;
use sfu_core::media::{PacketSender, packet_queue};
use sfu_core::serde_json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::Receiver as Notices;
use std::sync::{Condvar, Mutex};
use std::time::UNIX_EPOCH;

struct Bench {
    writer: WriterHandle,
    queue: PacketSender,
    notices: Notices<Notice>,
    registry: Arc<Registry>,
    totals: Arc<Totals>,
    opened: Instant,
}

fn bench(store: impl Store, fsync: bool) -> Bench {
    let (queue, packets) = packet_queue(1 << 20);
    let (send, notices) = channel();
    let (registry, totals) = (Arc::<Registry>::default(), Arc::<Totals>::default());
    let outfit = Outfit {
        store: Arc::new(store),
        fsync,
        registry: registry.clone(),
        totals: totals.clone(),
        tell: Box::new(move |notice| drop(send.send(notice))),
    };
    let writer = WriterHandle::spawn("test".into(), packets, outfit).unwrap();
    Bench { writer, queue, notices, registry, totals, opened: Instant::now() }
}

impl Bench {
    fn open(&self, track: u32, kind: MediaKind, codecs: &[(u8, &str)]) -> Arc<TrackStatus> {
        self.try_open(track, kind, codecs, false).unwrap()
    }

    fn try_open(
        &self,
        track: u32,
        kind: MediaKind,
        codecs: &[(u8, &str)],
        gated: bool,
    ) -> Result<Arc<TrackStatus>, NoRoom> {
        let codec = |(payload_type, mime): &(u8, &str)| RtpCodecParameters {
            mime_type: (*mime).into(),
            payload_type: *payload_type,
            clock_rate: 48_000,
            parameters: BTreeMap::from([("profile-id".to_owned(), "0".to_owned())]),
            ..Default::default()
        };
        let codecs = codecs.iter().map(codec).collect();
        let formats = Arc::new(Formats::of(kind, &RtpParameters { codecs, ..Default::default() }));
        let producer = ProducerId::from_raw("0.1.0".parse().unwrap());
        let wall = UNIX_EPOCH + Duration::from_secs(1_769_903_999);
        let status = Arc::new(TrackStatus::new(
            producer,
            Some("cam".into()),
            formats.kind_name(),
            0,
            wall,
            FileFormat::Mjr,
        ));
        let stem = format!("track-{track}");
        let opened = (self.opened, wall);
        self.writer.open(Open {
            track,
            opened,
            stem,
            formats,
            status: status.clone(),
            limits: Limits::default(),
            gated,
            play: None,
            capture: None,
        })?;
        Ok(status)
    }

    fn push(&mut self, track: u32, at_ms: u64, packet: &[u8]) {
        let label = PacketLabel { track, at: at_ms * 1_000_000, restart: false, aside: false };
        self.queue.push(label, packet).unwrap();
    }

    fn next(&self) -> Value {
        self.notices.recv_timeout(Duration::from_secs(10)).unwrap().body
    }
}

fn rtp(payload_type: u8, sequence_number: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type | (u8::from(marker) << 7)];
    packet.extend(sequence_number.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(0x1234_5678u32.to_be_bytes());
    packet.extend(payload);
    packet
}

/// Timestamps, sequence numbers and payload types of a file.
fn records(path: &Path) -> Vec<(u32, u16, u8)> {
    let mut reader = MjrReader::open(std::fs::File::open(path).unwrap()).unwrap();
    let mut all = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        let [_, pt, s0, s1, ..] = *record.body else { panic!() };
        all.push((record.elapsed, u16::from_be_bytes([s0, s1]), pt & 0x7F));
    }
    assert!(!reader.is_truncated());
    all
}

#[test]
fn packets_queued_before_the_end_are_in_the_file() {
    let scratch = Scratch::new("end");
    let mut bench = bench(Folder::new(scratch.path()), true);
    for track in 0..20 {
        bench.open(track, MediaKind::Audio, &[(111, "audio/opus")]);
        for n in 0..50u16 {
            bench.push(
                track,
                u64::from(n) * 20,
                &rtp(111, 100 + n, u32::from(n) * 960, false, &[0xF8, 0xFF, 0xFE]),
            );
        }
        bench.writer.close(track);
    }
    let (started, stopped): (Vec<Value>, Vec<Value>) =
        (0..40).map(|_| bench.next()).partition(|body| body["event"] == "recorder.started");
    assert_eq!((started.len(), stopped.len()), (20, 20));
    for (track, (started, stopped)) in started.iter().zip(&stopped).enumerate() {
        assert_eq!(
            (&started["file"], &stopped["file"]),
            (&json!(format!("track-{track}.mjr")), &started["file"])
        );
        assert_eq!(started["started"], 1_769_903_999_000u64);
        assert_eq!(stopped["event"], "recorder.stopped", "{stopped}");
        assert_eq!((&stopped["packets"], &stopped["duration"]), (&json!(50), &json!(980)));
        assert_eq!((&stopped["stream"], &stopped["producer"]), (&json!("cam"), &json!("0.1.0")));
        let path = scratch.path().join(stopped["file"].as_str().unwrap());
        assert_eq!(stopped["bytes"], path.metadata().unwrap().len());
        let expected: Vec<_> = (0..50u16).map(|n| (u32::from(n) * 20, n + 1, 111)).collect();
        assert_eq!(records(&path), expected);
    }
    assert!(bench.registry.all().is_empty());
    let totals = &bench.totals;
    assert_eq!((totals.files.get(), totals.packets.get(), totals.failed.get()), (20, 1000, 0));
    assert!(totals.bytes.get() > 20 * 50 * 25 && totals.queue_peak.get() > 0);
}

#[test]
fn what_is_recorded_can_be_read_within_half_a_second() {
    let scratch = Scratch::new("flush");
    let mut bench = bench(Folder::new(scratch.path()), false);
    let status = bench.open(1, MediaKind::Audio, &[(111, "audio/opus")]);
    bench.push(1, 0, &rtp(111, 1, 0, false, &[0xF8, 0xFF, 0xFE]));
    let path = scratch.path().join("track-1.mjr");
    let asked = Instant::now();
    while records_or_none(&path).is_none() {
        assert!(asked.elapsed() < Duration::from_secs(5), "nothing was written");
        std::thread::sleep(Duration::from_millis(5));
    }
    // The bound is 250 ms and 20 ms; the rest is for a busy machine.
    assert!(asked.elapsed() < Duration::from_millis(900), "{:?}", asked.elapsed());
    assert_eq!((status.packets.get(), status.file()), (1, "track-1.mjr".to_owned()));
    assert_eq!(bench.registry.all().len(), 1);
}

fn records_or_none(path: &Path) -> Option<()> {
    let mut reader = MjrReader::open(std::fs::File::open(path).ok()?).ok()?;
    reader.next_record().ok()?.map(drop)
}

#[test]
fn a_key_frame_whose_first_packet_is_overtaken_begins_a_file() {
    let scratch = Scratch::new("overtaken");
    let mut bench = bench(Folder::new(scratch.path()), false);
    let status = bench.try_open(1, MediaKind::Video, &[(96, "video/VP8")], true).unwrap();
    let key = [0x10, 0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01];
    for (at, n, timestamp, payload) in [
        (0, 9, 0, &[0x10, 0x11, 0x02][..]),
        (33, 11, 3000, &[0x00, 1]),
        (35, 10, 3000, &key),
        (66, 12, 6000, &[0x10, 0x11, 0x02]),
    ] {
        bench.push(1, at, &rtp(96, n, timestamp, false, payload));
    }
    assert!(bench.writer.finish(Duration::from_secs(5)));
    assert_eq!(records(&scratch.path().join("track-1.mjr")), [(0, 1, 96), (0, 2, 96), (33, 3, 96)]);
    assert!(!status.wants_key_frame.load(Ordering::Relaxed), "one has come");
}

#[test]
fn a_key_frame_is_asked_for_where_none_has_come() {
    let scratch = Scratch::new("asks");
    let mut bench = bench(Folder::new(scratch.path()), false);
    let status = bench.try_open(1, MediaKind::Video, &[(96, "video/VP8")], true).unwrap();
    bench.push(1, 0, &rtp(96, 9, 0, false, &[0x10, 0x11, 0x02]));
    assert!(bench.writer.finish(Duration::from_secs(5)));
    assert!(status.wants_key_frame.load(Ordering::Relaxed));
    assert_eq!(std::fs::read(scratch.path().join("track-1.mjr")).unwrap(), b"MJR00002");
}

#[test]
fn a_recording_of_nothing_is_eight_bytes() {
    let scratch = Scratch::new("nothing");
    let bench = bench(Folder::new(scratch.path()), false);
    bench.open(1, MediaKind::Video, &[(96, "video/VP8")]);
    assert!(bench.writer.finish(Duration::from_secs(5)));
    assert_eq!(std::fs::read(scratch.path().join("track-1.mjr")).unwrap(), b"MJR00002");
}

#[test]
fn the_end_of_the_writer_finishes_all_files() {
    let scratch = Scratch::new("finish");
    let mut bench = bench(Folder::new(scratch.path()), false);
    for track in 0..5 {
        bench.open(track, MediaKind::Audio, &[(111, "audio/opus")]);
        bench.push(track, 0, &rtp(111, 1, 0, false, &[0xF8]));
    }
    assert!(bench.writer.finish(Duration::from_secs(5)));
    for track in 0..5 {
        assert_eq!(records(&scratch.path().join(format!("track-{track}.mjr"))), [(0, 1, 111)]);
    }
    let stopped = bench.notices.try_iter().filter(|notice| notice.body["event"] == "recorder.stopped");
    assert_eq!(stopped.count(), 5);
}

#[test]
fn another_codec_is_another_file_up_to_a_limit() {
    let scratch = Scratch::new("codec");
    let mut bench = bench(Folder::new(scratch.path()), false);
    let status = bench.open(1, MediaKind::Video, &[(96, "video/VP8"), (98, "video/VP9")]);
    for n in 0..100u16 {
        bench.push(1, 0, &rtp(if n % 2 == 0 { 96 } else { 98 }, n, 0, false, &[0x10, 0, 0, 0]));
    }
    bench.writer.close(1);
    let (mut files, mut failed) = (Vec::new(), None);
    for notice in bench.notices.iter() {
        match notice.body["event"].as_str().unwrap() {
            "recorder.stopped" => files.push(notice.body["file"].as_str().unwrap().to_owned()),
            "recorder.failed" => {
                failed = notice.failed;
                break;
            }
            _ => {}
        }
    }
    assert_eq!((files.len(), failed, status.has_failed()), (MAX_FILES as usize, Some(1), true));
    assert_eq!(files[..3], ["track-1.mjr", "track-1-1.mjr", "track-1-2.mjr"]);
    assert_eq!(records(&scratch.path().join("track-1-1.mjr")), [(0, 1, 98)]);
    let reader = MjrReader::open(std::fs::File::open(scratch.path().join("track-1-1.mjr")).unwrap()).unwrap();
    assert_eq!(
        (reader.header().codec.as_str(), reader.header().fmtp.as_deref()),
        ("vp9", Some("profile-id=0"))
    );
}

/// A disk that stalls or fails on demand.
#[derive(Default)]
struct Disk {
    stalled: Mutex<bool>,
    moves: Condvar,
    full: bool,
}

struct OnDisk(Arc<Disk>);

impl Write for OnDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stalled = self.0.stalled.lock().unwrap();
        let _moving = self.0.moves.wait_while(stalled, |stalled| *stalled).unwrap();
        if self.0.full && bytes != b"MJR00002" {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(bytes.len())
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Medium for OnDisk {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn write_at(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn truncate(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

struct DiskStore(Arc<Disk>);

impl Store for DiskStore {
    fn create(&self, stem: &str, _: &str) -> io::Result<(String, Box<dyn Medium>)> {
        Ok((stem.to_owned(), Box::new(OnDisk(self.0.clone()))))
    }
}

#[test]
fn a_stalled_disk_bounds_what_waits_for_it() {
    let disk = Arc::new(Disk::default());
    let bench = bench(DiskStore(disk.clone()), false);
    *disk.stalled.lock().unwrap() = true;
    let mut begun = 0;
    let refused = loop {
        assert!(begun <= 2 * MAX_WAITING as u32, "{begun} recordings wait");
        match bench.try_open(begun, MediaKind::Audio, &[(111, "audio/opus")], false) {
            Ok(_) => bench.writer.close(begun),
            Err(refused) => break refused,
        }
        begun += 1;
    };
    assert_eq!(refused, NoRoom::Busy);
    *disk.stalled.lock().unwrap() = false;
    disk.moves.notify_all();
    // As many as begun become files, and then there is room again.
    let stopped = (0..2 * begun).filter(|_| bench.next()["event"] == "recorder.stopped").count();
    assert_eq!(stopped as u32, begun);
    bench.open(begun, MediaKind::Audio, &[(111, "audio/opus")]);
}

#[test]
fn a_stalled_disk_costs_packets_and_no_time() {
    let disk = Arc::new(Disk::default());
    let mut bench = bench(DiskStore(disk.clone()), false);
    let status = bench.open(1, MediaKind::Video, &[(96, "video/VP8")]);
    assert_eq!(bench.next()["event"], "recorder.started");
    *disk.stalled.lock().unwrap() = true;
    let packet = rtp(96, 1, 0, false, &[0; 1200]);
    let (mut pushed, mut dropped, mut slowest) = (0u64, 0u64, Duration::ZERO);
    let began = Instant::now();
    // More than the queue holds, and longer than two flushes.
    while dropped < 1000 || began.elapsed() < Duration::from_millis(600) {
        let before = Instant::now();
        let label = PacketLabel { track: 1, at: 0, restart: false, aside: false };
        match bench.queue.push(label, &packet) {
            Ok(()) => pushed += 1,
            Err(_) => dropped += 1,
        }
        slowest = slowest.max(before.elapsed());
    }
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    let queue = bench.queue.waiting();
    assert!(queue > (1 << 20) - 1300 && queue <= 1 << 20, "{queue}");
    *disk.stalled.lock().unwrap() = false;
    disk.moves.notify_all();
    bench.writer.close(1);
    let stopped = bench.next();
    assert_eq!((&stopped["event"], &stopped["packets"]), (&json!("recorder.stopped"), &json!(pushed)));
    assert_eq!(status.packets.get(), pushed);
}

#[test]
fn the_worker_does_not_wait_for_a_stalled_disk() {
    let disk = Arc::new(Disk::default());
    *disk.stalled.lock().unwrap() = true;
    let bench = bench(DiskStore(disk.clone()), false);
    bench.open(1, MediaKind::Video, &[(96, "video/VP8")]);
    let began = Instant::now();
    assert!(!bench.writer.finish(Duration::from_millis(100)));
    assert!(began.elapsed() < Duration::from_secs(2));
    *disk.stalled.lock().unwrap() = false;
    disk.moves.notify_all();
}

#[test]
fn a_full_disk_ends_that_recording_with_an_event() {
    let mut bench = bench(DiskStore(Arc::new(Disk { full: true, ..Disk::default() })), false);
    let status = bench.open(1, MediaKind::Video, &[(96, "video/VP8")]);
    bench.push(1, 0, &rtp(96, 1, 0, false, &[0; 100]));
    assert_eq!(bench.next()["event"], "recorder.started");
    let notice = bench.notices.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!((notice.failed, &notice.body["event"]), (Some(1), &json!("recorder.failed")));
    assert!(notice.body["error"].as_str().unwrap().starts_with("mjr: "), "{}", notice.body);
    assert!(status.has_failed() && status.to_json()["failed"] == true);
    // What still comes is thrown away, and told once.
    bench.push(1, 0, &rtp(96, 2, 0, false, &[0; 100]));
    assert!(bench.writer.finish(Duration::from_secs(5)));
    assert!(bench.notices.try_iter().next().is_none());
    assert_eq!(bench.totals.failed.get(), 1);
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let scratch = Scratch::new("nofolder");
    std::fs::write(scratch.path().join("file"), "").unwrap();
    let bench = bench(Folder::new(scratch.path().join("file/in")), false);
    bench.open(1, MediaKind::Video, &[(96, "video/VP8")]);
    let notice = bench.notices.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!((notice.failed, &notice.body["event"]), (Some(1), &json!("recorder.failed")));
}

/// What Janus' own tool says about a file; `None`, said aloud, if it is not installed.
fn janus_says(path: &Path) -> Option<Value> {
    let Ok(output) = Command::new("janus-pp-rec").arg("-e").arg(path).output() else {
        sfu_core::testing::skipped("janus-pp-rec is not installed (Debian: janus-tools)");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let json = text.get(text.find('{').unwrap_or(0)..).unwrap();
    Some(serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {text}")))
}

#[test]
fn janus_reads_vp8() {
    let scratch = Scratch::new("vp8");
    let mut bench = bench(Folder::new(scratch.path()), false);
    bench.open(1, MediaKind::Video, &[(96, "video/VP8")]);
    for n in 0..90u16 {
        let mut payload = vec![0x10, 0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01];
        payload[1] |= u8::from(n != 0);
        payload.resize(1100, 0);
        bench.push(
            1,
            u64::from(n) * 33,
            &rtp(96, 65500u16.wrapping_add(n), u32::from(n) * 3000, true, &payload),
        );
    }
    assert!(bench.writer.finish(Duration::from_secs(5)));
    let Some(json) = janus_says(&scratch.path().join("track-1.mjr")) else { return };
    assert_eq!((&json["t"], &json["c"], &json["f"]), (&json!("v"), &json!("vp8"), &json!("profile-id=0")));
    assert_eq!(json["extended"]["packets"], 90);
    let resolution = &json["extended"]["codec"]["resolution"][0];
    assert_eq!((&resolution["width"], &resolution["height"]), (&json!(640), &json!(480)));
}

#[test]
fn janus_reads_opus() {
    let scratch = Scratch::new("opus");
    let mut bench = bench(Folder::new(scratch.path()), false);
    bench.open(1, MediaKind::Audio, &[(111, "audio/opus")]);
    for n in 0..100u16 {
        bench.push(1, u64::from(n) * 20, &rtp(111, n, u32::from(n) * 960, false, &[0xF8, 0xFF, 0xFE]));
    }
    assert!(bench.writer.finish(Duration::from_secs(5)));
    let Some(json) = janus_says(&scratch.path().join("track-1.mjr")) else { return };
    assert_eq!((&json["t"], &json["c"]), (&json!("a"), &json!("opus")));
    assert_eq!(json["extended"]["packets"], 100);
    let duration = json["extended"]["duration"].as_f64().unwrap();
    assert!((1.9..2.1).contains(&duration), "{duration}");
}
