//! SIGTERM ends a worker as `systemctl stop` expects: viewers are told, recordings are closed, within two seconds.
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::front::Front;
use sfu_tests::stream::{self, Publish};
use sfu_tests::worker::Start;
use sfu_tests::{config, media, needs, rtp, system_test};

/// How the transport of a viewer is, as the browser sees it.
const TRANSPORT: &str = "return raw.sessions.down.pc.getReceivers()[0].transport.state";

/// Packets that a recording has at the least.
const RECORDED: u32 = 20;

/// Ends a worker in the middle of a call; its recordings are copied, and the Unix time of SIGTERM is told, in seconds.
async fn stops(worker: Start) -> (tempfile::TempDir, Vec<std::path::PathBuf>, f64) {
    let mut worker = worker.start();
    let front = Front::start(worker.url()).await;
    let browser = Browser::launch(Kind::Chromium).await;
    let up = browser.open(front.url()).await;
    stream::publish(&up, &front.whip("s"), &Publish { codec: Some("VP8"), size: None, ..Publish::default() })
        .await;
    let down = browser.open(front.url()).await;
    stream::watch(&down, &front.whep("s")).await;
    // As much as recordings are asked for afterwards: each picture is a packet or more.
    let seen = ("inbound-video", "framesDecoded", f64::from(RECORDED));
    stream::grows(&down, "down", &[seen, ("inbound-audio", "totalAudioEnergy", 0.0)]).await;
    // The page is told a little later than media flows.
    let mut state = json!(null);
    for _ in 0..100 {
        state = down.evaluate(TRANSPORT, json!(null)).await;
        if state == "connected" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(state, "connected");

    let terminated = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    worker.terminate();
    let start = Instant::now();
    let status = worker.wait(Duration::from_secs(10)).await;
    let took = start.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    // Without being told, a browser notices after seconds at the earliest.
    let mut state = json!(null);
    while start.elapsed() < took + Duration::from_secs(1) {
        state = down.evaluate(TRANSPORT, json!(null)).await;
        if state == "closed" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(state, "closed", "the viewer was told");
    // The worker's folder goes with the worker.
    let kept = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for recording in media::recordings(&worker.recordings()) {
        let copy = kept.path().join(recording.file_name().unwrap());
        std::fs::copy(&recording, &copy).unwrap();
        files.push(copy);
    }
    (kept, files, terminated)
}

system_test! {
    async fn viewers_are_told_and_it_ends_within_two_seconds(workers) {
        needs!("chromium", "node");
        stops(Start::with_workers(workers)).await;
    }
}

system_test! {
    async fn recordings_are_closed(workers) {
        needs!("chromium", "node", "janus-pp-rec", "ffprobe");
        let (_folder, files, terminated) = stops(Start::with_workers(workers).config(config::RECORDER)).await;
        assert_eq!(files.len(), 2, "{files:?}");
        for file in files {
            let recorded = media::inspect(&file).unwrap();
            assert!(recorded.packets > u64::from(RECORDED), "{recorded:?}");
            let bytes = std::fs::read(&file).unwrap();
            assert_eq!(recorded.packets, rtp::mjr_records(&bytes).unwrap().len() as u64, "{recorded:?}");
            let age = terminated - rtp::last_packet(&bytes).unwrap();
            assert!(age < 0.2, "the last packet of {} is {age} s older than SIGTERM", file.display());
        }
    }
}
