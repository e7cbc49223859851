//! `kill -9` at any moment: what is older than a second is in the files, and can be read.
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sfu_core::media::mjr::MjrReader;
use sfu_core::serde_json::json;

use crate::bench::{Bench, FIRST, runtime};
use crate::content::{Content, FRAMES, PACKETS};
use crate::live::{Live, STEPS, STREAMS};
use crate::tools;

/// How much may be missing at the end, in seconds.
const MISSING: f64 = 1.0;

/// Longest time between two notes of a process that has a processor, in seconds.
const AWAKE: f64 = 0.05;

/// What was sent at the same time differs by as much: a frame, and the way to the recorder.
const FRAME: f64 = 0.05;

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// What `everything_older_than_a_second_is_readable_after_a_kill` runs in a process of its own.
#[test]
fn child_that_records_until_it_is_killed() {
    let Ok(folder) = std::env::var("SFU_RECORDER_CHILD") else { return };
    let Some(content) = Content::encode() else { return };
    runtime().block_on(async {
        let bench = Bench::new("child", 1, json!({ "folder": folder })).await;
        let mut live = Live::start(&bench, 0, &content).await;
        live.notes = Some(std::fs::File::create(Path::new(&folder).with_extension("sent")).unwrap());
        std::fs::write(Path::new(&folder).with_extension("begun"), now().to_string()).unwrap();
        live.talk(Duration::from_secs(60)).await;
    });
}

#[test]
fn everything_older_than_a_second_is_readable_after_a_kill() {
    if !tools::are_there(&["ffmpeg", "ffprobe", "tshark", "janus-pp-rec"]) {
        return;
    }
    let seed = std::env::var("SFU_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut state: u64 = seed.unwrap_or_else(|| (now() * 1e6) as u64) | 1;
    // Shown when the test fails; with it the same moments come again.
    println!("SFU_TEST_SEED={state}");
    let rounds = if std::env::var_os("SFU_TEST_LONG").is_some() { 50 } else { 5 };
    let mut worst = [0.0f64; STREAMS.len()];
    for round in 0..rounds {
        // xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        kill_once(round, 1.2 + (state >> 40) as f64 / (1u64 << 24) as f64 * 2.5, &mut worst);
    }
    println!(
        "missing at the most: {:?}",
        STREAMS.iter().map(|stream| stream.2).zip(worst).collect::<Vec<_>>()
    );
}

fn kill_once(round: u32, after: f64, worst: &mut [f64; STREAMS.len()]) {
    let folder = std::env::temp_dir().join(format!("sfu-recorder-killed-{}-{round}", std::process::id()));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::child_that_records_until_it_is_killed"])
        .env("SFU_RECORDER_CHILD", &folder)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let sign = folder.with_extension("begun");
    let begun: f64 = loop {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        match std::fs::read_to_string(&sign).ok().and_then(|text| text.parse().ok()) {
            Some(begun) => break begun,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    std::thread::sleep(Duration::from_secs_f64((begun + after - now()).max(0.0)));
    child.kill().unwrap();
    let killed = now();
    child.wait().unwrap();
    let notes = folder.with_extension("sent");
    let (due_at, due) = sent_before_the_last_second(&notes, killed);
    let mut counted = (0.0, 0.0);
    for (n, (stream, _, ending)) in STREAMS.iter().enumerate() {
        let path = folder.join(format!("{stream}.{ending}"));
        let what = format!("killed {:.3} s after it began, {stream}.{ending}", killed - begun);
        // When the last thing that can be read came, and how many there are.
        let (last, count) = match *ending {
            "mjr" => {
                counted = packets_of(&path, &what);
                counted
            }
            "pcapng" => {
                let packets = tools::rtp(&path);
                let is_next = |pair: &[tools::Captured]| pair[1].sequence == pair[0].sequence.wrapping_add(1);
                let first = packets.first().map(|packet| packet.sequence);
                assert!(
                    first == Some(FIRST) && packets.windows(2).all(is_next),
                    "{what}: a packet at the beginning or in the middle is missing"
                );
                let is_named = |packet: &tools::Captured| {
                    let name = "capture-video-0";
                    packet.source == name && packet.interface == name && packet.ssrc == 11
                };
                assert!(packets.iter().all(is_named), "{what}: {:?}", packets.first());
                // The same frames were sent for the MJR file, at the same time.
                let (last, count) = counted;
                let sent = packets.iter().filter(|packet| packet.at <= last).count() as f64;
                assert!(count + 3.0 >= sent, "{what}: packets.mjr has {count} of {sent} packets");
                // A frame has one at the least.
                (packets.last().map_or(0.0, |packet| packet.at), packets.len() as f64)
            }
            _ => {
                let kind = if *ending == "opus" { "a" } else { "v" };
                let times = tools::frame_times(&path, kind);
                (begun + times.last().copied().unwrap_or_default(), times.len() as f64)
            }
        };
        worst[n] = worst[n].max(killed - last);
        let due = if matches!(*ending, "mjr" | "pcapng") { due_at } else { begun + due };
        let missing = due - last;
        assert!(missing < FRAME, "{what}: the last second and {missing:.3} s more are missing");
        // By the time of the media: a sender that had to wait for a processor sends later, and no less. The others' packets are
        // looked at one by one.
        let rate = match *ending {
            "mjr" | "pcapng" => continue,
            "opus" => PACKETS,
            _ => FRAMES,
        };
        let expected = (last - begun) * rate as f64 * 0.95 - 2.0;
        assert!(count >= expected, "{what}: {count} of {:.3} s", last - begun);
    }
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::remove_file(&sign).unwrap();
    std::fs::remove_file(&notes).unwrap();
}

/// The last that was sent more than a second before the kill: when, and its time in the call. Only time counts in which the child had a
/// processor: what sends and what records are one process.
fn sent_before_the_last_second(notes: &Path, killed: f64) -> (f64, f64) {
    let text = std::fs::read_to_string(notes).unwrap();
    // The last line may be cut off.
    let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
    let (mut after, mut awake) = (killed, 0.0);
    for line in complete.lines().rev() {
        let (at, step) = line.split_once(' ').unwrap();
        let (at, step): (f64, u64) = (at.parse().unwrap(), step.parse().unwrap());
        awake += (after - at).clamp(0.0, AWAKE);
        if awake >= MISSING {
            return (at, step as f64 / STEPS as f64);
        }
        after = at;
    }
    (0.0, 0.0)
}

/// Reads and converts an MJR file: when its last packet came, and how many there are.
fn packets_of(path: &Path, what: &str) -> (f64, f64) {
    let mut reader = MjrReader::open(std::fs::File::open(path).unwrap()).unwrap();
    let first = reader.header().written as f64 / 1e6;
    let (mut last, mut packets, mut frames) = (first, 0, 0);
    // Numbers begin at 1 in each MJR file.
    let mut next: u16 = 1;
    while let Some(record) = reader.next_record().unwrap() {
        last = first + f64::from(record.elapsed) / 1e3;
        packets += 1;
        // RFC 3550 §5.1: the marker, which ends a frame, and the sequence number.
        let &[_, marker, high, low, ..] = record.body else { panic!("{what}: a short packet") };
        frames += u64::from(marker >> 7);
        let sequence = u16::from_be_bytes([high, low]);
        assert_eq!(sequence, next, "{what}: a packet in the middle is missing");
        next = next.wrapping_add(1);
    }
    tools::janus_reads(path, packets, reader.is_truncated());
    let film = tools::converted(path, "webm");
    let converted = tools::frame_times(&film, "v").len() as u64;
    assert!(converted + 2 >= frames, "{what}: {converted} of {frames} frames");
    std::fs::remove_file(film).unwrap();
    (last, packets as f64)
}
