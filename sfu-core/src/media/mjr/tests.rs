use super::*;
use proptest::prelude::*;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// 2026-11-21 in microseconds, 16 digits as in the recording that the bytes below are from.
const CREATED: u64 = 1_795_230_000_000_000;

fn wall() -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(CREATED)
}

fn writer(media: MjrMedia, codec: &str, now: Instant) -> MjrWriter<Vec<u8>> {
    MjrWriter::create(Vec::new(), MjrHeader::new(media, codec), now, wall()).unwrap()
}

/// A VP8 packet with payload type 96 and the one-byte extension 3, as a browser sends it.
fn packet(ssrc: u32, sequence_number: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x90, 96];
    packet.extend(sequence_number.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xBE, 0xDE, 0, 1, 0x31, 0x00, 0xCB, 0x00]);
    packet.extend(payload);
    packet
}

#[test]
fn the_file_is_the_same_as_janus_writes() {
    let now = Instant::now();
    let mut writer = writer(MjrMedia::Video, "vp8", now);
    let mut payload = vec![0x90, 0x80, 0x9F, 0x26];
    payload.resize(0x465 - 20, 0x55);
    let packet = packet(0x6C3E_29BD, 4711, 0xDEAD_BEEF, &payload);
    assert!(writer.write_rtp(&packet, now + Duration::from_micros(1234)).unwrap());
    let file = writer.finish().unwrap();
    let mut expected = vec![0x4D, 0x4A, 0x52, 0x30, 0x30, 0x30, 0x30, 0x32, 0x00, 0x44];
    expected.extend(br#"{"t": "v", "c": "vp8", "s": 1795230000000000, "u": 1795230000001234}"#);
    expected.extend([0x4D, 0x45, 0x45, 0x54, 0, 0, 0, 0, 0x04, 0x65]);
    expected.extend([0x90, 0x60, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x6C, 0x3E, 0x29, 0xBD]);
    expected.extend([0xBE, 0xDE, 0x00, 0x01, 0x31, 0x00, 0xCB, 0x00]);
    expected.extend(&payload);
    assert_eq!(file, expected);
}

#[test]
fn a_message_has_its_wall_clock_time() {
    let now = Instant::now();
    let time = 0x0006_60BC_501B_710C;
    let wall = UNIX_EPOCH + Duration::from_micros(time);
    let mut writer = MjrWriter::create(vec![], MjrHeader::new(MjrMedia::Data, "text"), now, wall).unwrap();
    writer.write_message(b"rec 0", now).unwrap();
    let file = writer.finish().unwrap();
    let expected = [
        0x4D, 0x45, 0x45, 0x54, 0, 0, 0, 0, 0, 0x0D, 0x00, 0x06, 0x60, 0xBC, 0x50, 0x1B, 0x71, 0x0C, b'r',
        b'e', b'c', b' ', b'0',
    ];
    assert!(file.ends_with(&expected));
    let mut reader = MjrReader::open(&file[..]).unwrap();
    assert_eq!(reader.next_record().unwrap().unwrap().message(), Some((time, &b"rec 0"[..])));
}

#[test]
fn a_recording_of_nothing_is_eight_bytes() {
    let mut writer = writer(MjrMedia::Audio, "opus", Instant::now());
    writer.pause();
    assert!(!writer.write_rtp(&packet(1, 1, 1, &[0xF8]), Instant::now()).unwrap());
    let file = writer.finish().unwrap();
    assert_eq!(file, *b"MJR00002");
    assert!(matches!(MjrReader::open(&file[..]), Err(MjrError::Aborted)));
}

#[test]
fn packets_longer_than_readers_take_are_refused() {
    let now = Instant::now();
    let mut writer = writer(MjrMedia::Video, "vp8", now);
    let longest = packet(1, 1, 1, &[0; MAX_RTP_LEN - 20]);
    let longer = packet(1, 1, 1, &[0; MAX_RTP_LEN - 19]);
    assert!(matches!(writer.write_rtp(&longer, now), Err(MjrError::TooLong { len: 1501, max: 1500 })));
    assert!(writer.write_rtp(&longest, now).unwrap());
    assert!(matches!(writer.write_rtp(&[0; 20], now), Err(MjrError::Rtp(_))));
    assert!(matches!(writer.write_message(b"", now), Err(MjrError::Misuse(_))));
    assert_eq!(writer.records(), 1);
    let file = writer.finish().unwrap();
    assert!(file.starts_with(b"MJR00002") && file.len() == 8 + 2 + 0x44 + 10 + 1500);
}

#[test]
fn padding_is_not_recorded() {
    let now = Instant::now();
    let mut writer = writer(MjrMedia::Audio, "opus", now);
    let mut padded = packet(1, 1, 1, &[0xF8, 1, 0, 0, 3]);
    padded[0] |= 0x20;
    writer.write_rtp(&padded, now).unwrap();
    assert!(writer.finish().unwrap().ends_with(&packet(1, 1, 0, &[0xF8, 1])));
}

/// Records two sources with a pause in the first one, and gives the file and the records.
fn recording() -> Vec<u8> {
    let now = Instant::now();
    let mut header = MjrHeader::new(MjrMedia::Audio, "opus");
    header.fmtp = Some("useinbandfec=1".into());
    header.description = Some("a \"quoted\" ünïcode name".into());
    header.red_payload_type = Some(63);
    header.encrypted = true;
    let mut writer = MjrWriter::create(vec![], header, now, wall()).unwrap();
    writer.add_extension(3, "urn:example:three").unwrap();
    let at = |ms| now + Duration::from_millis(ms);
    assert!(writer.write_rtp(&packet(7, 65535, 5, b"one"), at(1000)).unwrap());
    assert!(writer.write_rtp(&packet(7, 0, 965, b"two"), at(1020)).unwrap());
    writer.pause();
    assert!(!writer.write_rtp(&packet(7, 1, 1925, b"lost"), at(1040)).unwrap());
    writer.resume();
    assert!(writer.write_rtp(&packet(7, 900, 900_000, b"three"), at(9000)).unwrap());
    assert!(!writer.write_rtp(&packet(7, 899, 899_040, b"before"), at(9000)).unwrap());
    assert!(writer.write_rtp(&packet(8, 5, 1, b"four"), at(9020)).unwrap());
    assert!(matches!(writer.add_extension(4, "urn:example:four"), Err(MjrError::Misuse(_))));
    writer.finish().unwrap()
}

const EXPECTED: [(u32, u16, u32, &[u8]); 4] =
    [(0, 1, 0, b"one"), (20, 2, 960, b"two"), (8000, 3, 1920, b"three"), (8020, 4, 2880, b"four")];

#[test]
fn numbering_is_continuous_over_pauses_and_sources() {
    let file = recording();
    let mut reader = MjrReader::open(&file[..]).unwrap();
    let header = reader.header().clone();
    assert_eq!((header.created, header.written), (CREATED, CREATED + 1_000_000));
    assert_eq!(header.fmtp.as_deref(), Some("useinbandfec=1"));
    assert_eq!(header.description.as_deref(), Some("a \"quoted\" ünïcode name"));
    assert_eq!(header.extensions, [(3, "urn:example:three".to_owned())]);
    assert_eq!((header.red_payload_type, header.encrypted), (Some(63), true));
    for (elapsed, sequence_number, timestamp, payload) in EXPECTED {
        let record = reader.next_record().unwrap().unwrap();
        assert_eq!(record.elapsed, elapsed);
        assert_eq!(record.body, packet(7, sequence_number, timestamp, payload));
    }
    assert!(reader.next_record().unwrap().is_none() && !reader.is_truncated());
}

#[test]
fn a_file_cut_off_anywhere_gives_the_records_before_the_cut() {
    let file = recording();
    let header_len = 10 + usize::from(u16::from_be_bytes([file[8], file[9]]));
    let mut ends = vec![header_len];
    for (_, _, _, payload) in EXPECTED {
        ends.push(ends.last().unwrap() + 10 + 20 + payload.len());
    }
    assert_eq!(ends.last(), Some(&file.len()));
    for cut in 0..=file.len() {
        let mut reader = match MjrReader::open(&file[..cut]) {
            Ok(reader) => reader,
            Err(MjrError::NotMjr) if cut < 8 => continue,
            Err(MjrError::Aborted) if (8..header_len).contains(&cut) => continue,
            Err(error) => panic!("{error} at {cut}"),
        };
        let mut records = 0;
        while let Some(record) = reader.next_record().unwrap() {
            assert_eq!(record.body[20..], *EXPECTED[records].3);
            records += 1;
        }
        assert_eq!(records, ends.iter().filter(|end| **end <= cut).count() - 1, "at {cut}");
        assert_eq!(reader.is_truncated(), !ends.contains(&cut), "at {cut}");
        assert!(reader.next_record().unwrap().is_none());
    }
}

/// Takes so many bytes and then no more.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let len = buf.len().min(self.0);
        self.0 -= len;
        if len == 0 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(len) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn after_a_failed_write_nothing_is_written_out_of_step() {
    let now = Instant::now();
    let mut writer =
        MjrWriter::create(Full(200), MjrHeader::new(MjrMedia::Video, "vp8"), now, wall()).unwrap();
    let packet = packet(1, 1, 1, &[0; 300]);
    assert!(matches!(writer.write_rtp(&packet, now), Err(MjrError::Io(_))));
    assert!(matches!(writer.write_rtp(&packet, now), Err(MjrError::Broken)));
    let create = MjrWriter::create(Full(3), MjrHeader::new(MjrMedia::Video, "vp8"), now, wall());
    assert!(matches!(create, Err(MjrError::Io(_))));
}

#[test]
fn a_header_that_readers_refuse_is_not_begun() {
    let mut header = MjrHeader::new(MjrMedia::Video, "vp8");
    header.description = Some("x".repeat(1500));
    let created = MjrWriter::create(vec![], header, Instant::now(), wall());
    assert!(matches!(created, Err(MjrError::TooLong { max: 1499, .. })));
    let mut writer = writer(MjrMedia::Video, "vp8", Instant::now());
    assert!(writer.add_extension(1, &"x".repeat(1500)).is_err());
    assert!(writer.add_extension(0, "x").is_err() && writer.add_extension(16, "x").is_err());
    assert!(writer.write_rtp(&packet(1, 1, 1, &[1]), Instant::now()).unwrap());
}

proptest! {
    #[test]
    fn hostile_files_never_panic(
        mut file in Just(recording()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        file.extend(tail);
        if let Ok(mut reader) = MjrReader::open(&file[..]) {
            let mut records = 0;
            while let Some(record) = reader.next_record().unwrap() {
                let _ = record.message();
                records += 1;
            }
            prop_assert!(records <= file.len() / 10);
        }
    }
}

/// What Janus' own tool says about a file, if the tool is installed.
fn janus_says(name: &str, file: &[u8]) -> Option<serde_json::Value> {
    let path = std::env::temp_dir().join(format!("sfu-core-{}-{name}.mjr", std::process::id()));
    std::fs::write(&path, file).unwrap();
    let output = Command::new("janus-pp-rec").arg("-e").arg(&path).output();
    std::fs::remove_file(&path).unwrap();
    let Ok(output) = output else {
        crate::testing::skipped("janus-pp-rec is not installed (Debian: janus-tools)");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let json = text.get(text.find('{').unwrap_or(0)..).unwrap();
    Some(serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {text}")))
}

#[test]
fn janus_reads_video_if_it_is_installed() {
    let now = Instant::now();
    let mut writer = writer(MjrMedia::Video, "vp8", now);
    for n in 0..30u16 {
        let mut payload = vec![0x10, 0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01];
        payload[1] |= u8::from(n != 0);
        payload.resize(200, 0);
        let mut packet = packet(9, 65520u16.wrapping_add(n), u32::from(n) * 3000, &payload);
        packet[1] |= 0x80;
        writer.write_rtp(&packet, now + Duration::from_millis(u64::from(n) * 33)).unwrap();
    }
    let Some(json) = janus_says("video", &writer.finish().unwrap()) else { return };
    assert_eq!((&json["t"], &json["c"]), (&"v".into(), &"vp8".into()));
    assert_eq!(json["extended"]["packets"], 30);
    let resolution = &json["extended"]["codec"]["resolution"][0];
    assert_eq!((&resolution["width"], &resolution["height"]), (&640.into(), &480.into()));
}

#[test]
fn janus_reads_audio_if_it_is_installed() {
    let now = Instant::now();
    let mut writer = writer(MjrMedia::Audio, "opus", now);
    for n in 0..50u16 {
        let packet = packet(9, n, u32::from(n) * 960, &[0xF8, 0xFF, 0xFE]);
        writer.write_rtp(&packet, now + Duration::from_millis(u64::from(n) * 20)).unwrap();
    }
    let Some(json) = janus_says("audio", &writer.finish().unwrap()) else { return };
    assert_eq!((&json["t"], &json["c"]), (&"a".into(), &"opus".into()));
    assert_eq!(json["extended"]["packets"], 50);
    let duration = json["extended"]["duration"].as_f64().unwrap();
    assert!((0.9..1.1).contains(&duration), "{duration}");
}
