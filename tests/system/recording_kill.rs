//! `kill -9` at any moment leaves recordings that convert and lack less than the last second.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sfu_tests::numbers::Numbers;
use sfu_tests::stack::Stack;
use sfu_tests::worker::Start;
use sfu_tests::{config, media, needs, rtp, run, system_test};

/// Unix time of the last packet in a recording, in seconds.
fn last_packet(file: &[u8]) -> f64 {
    let header = rtp::mjr_header(file).unwrap();
    let first = header["u"].as_f64().expect("`u`, when the first packet was written, in microseconds") / 1e6;
    let records = rtp::mjr_records(file).unwrap();
    first + f64::from(records.last().expect("packets").0) / 1e3
}

async fn kill_once(workers: u8, after: Duration) {
    let mut worker = Start::with_workers(workers).config(config::RECORDER).start();
    let mut publisher = Stack::GStreamer.publish(&worker.whip("s"), 60);
    publisher.connected().await;
    tokio::time::sleep(after).await;
    let killed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    worker.kill();
    let files = media::recordings(&worker.recordings());
    assert_eq!(files.len(), 2, "killed after {after:?}: {files:?}");
    for path in files {
        let file = std::fs::read(&path).unwrap();
        let age = killed - last_packet(&file);
        assert!(age < 1.0, "killed after {after:?}: the last packet of {} is {age} s old", path.display());
        let recorded = media::inspect(&path).unwrap();
        assert_eq!(recorded.packets, rtp::mjr_records(&file).unwrap().len() as u64, "{recorded:?}");
        let converted = path.with_extension(if recorded.medium == "v" { "webm" } else { "opus" });
        media::convert(&path, &converted).unwrap();
        assert!(media::probe(&converted).unwrap().frames > 10, "{recorded:?}");
    }
}

system_test! {
    async fn at_random_moments(workers) {
        needs!("/usr/bin/python3", "janus-pp-rec", "ffprobe");
        let rounds = if run::is_long() { 10 } else { 5 };
        let mut numbers = Numbers::new(u64::from(workers));
        for _ in 0..rounds {
            let after = Duration::from_secs_f64(2.0 + 3.0 * numbers.fraction());
            kill_once(workers, after).await;
        }
    }
}
