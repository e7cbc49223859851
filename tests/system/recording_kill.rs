//! `kill -9` at any moment leaves recordings that convert and lack less than the last second.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sfu_tests::numbers::Numbers;
use sfu_tests::stack::Stack;
use sfu_tests::worker::Start;
use sfu_tests::{config, media, needs, rtp, system_test};

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
        let age = killed - rtp::last_packet(&file).unwrap();
        assert!(age < 1.0, "killed after {after:?}: the last packet of {} is {age} s old", path.display());
        let recorded = media::inspect(&path).unwrap();
        assert_eq!(recorded.packets, rtp::mjr_records(&file).unwrap().len() as u64, "{recorded:?}");
        let converted = path.with_extension(if recorded.medium == "v" { "webm" } else { "opus" });
        media::convert(&path, &converted).unwrap();
        assert!(media::probe(&converted).unwrap().frames > 10, "{recorded:?}");
    }
}

/// Workers at a time: more would keep the publishers from sending in time.
const AT_A_TIME: usize = 3;

system_test! {
    async fn at_random_moments(workers) {
        needs!("/usr/bin/python3", "janus-pp-rec", "ffprobe");
        let seed = std::env::var("SFU_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
        });
        // Shown when the test fails; with it the same moments come again.
        println!("SFU_TEST_SEED={seed}");
        let mut numbers = Numbers::new(seed);
        let moments: Vec<_> = (0..10).map(|_| Duration::from_secs_f64(1.0 + 3.0 * numbers.fraction())).collect();
        for some in moments.chunks(AT_A_TIME) {
            let mut running = tokio::task::JoinSet::new();
            for after in some {
                running.spawn(kill_once(workers, *after));
            }
            running.join_all().await;
        }
    }
}
