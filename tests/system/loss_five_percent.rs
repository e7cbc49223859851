//! 5 % of all datagrams are lost on both legs and both ways, and the viewer hardly notices.
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::front::Front;
use sfu_tests::relay::Impairment;
use sfu_tests::stream::{self, Publish, Size, number};
use sfu_tests::worker::{Start, Worker};
use sfu_tests::{needs, system_test};

const SIZE: Size = Size { width: 320, height: 240 };

/// What a viewer saw over half a minute.
struct Seen {
    /// Seconds of freezes.
    frozen: f64,
    /// Frames decoded.
    decoded: f64,
    figures: Value,
    /// The worker's own figures.
    stats: Value,
}

async fn watch(worker: &Worker, stream: &str, loss: f64) -> Seen {
    let front = Front::lossy(worker.url(), Impairment::default(), 11).await;
    let browser = Browser::launch(Kind::Chromium).await;
    let up = browser.open(front.url()).await;
    stream::publish(
        &up,
        &front.whip(stream),
        &Publish { codec: Some("VP8"), size: Some(SIZE), ..Publish::default() },
    )
    .await;
    let down = browser.open(front.url()).await;
    stream::watch(&down, &front.whep(stream)).await;
    stream::flows(&down, "down").await;
    // Both calls settle without loss first, so that only the repair differs.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = stream::figures(&down, "down").await;
    for relay in front.relays() {
        relay.set(Impairment::loss(loss));
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    let figures = stream::figures(&down, "down").await;
    let stats = worker.stats().await;
    let counted = |counts: fn(&sfu_tests::relay::Relay) -> u64| {
        front.relays().iter().map(|relay| counts(relay)).sum::<u64>()
    };
    let dropped =
        counted(|r| r.up().dropped.load(Ordering::Relaxed) + r.down().dropped.load(Ordering::Relaxed));
    let passed = counted(|r| r.up().passed.load(Ordering::Relaxed) + r.down().passed.load(Ordering::Relaxed));
    assert!(passed > 2000, "only {passed} datagrams passed the relays: the call did not go through them");
    assert!((dropped as f64) >= loss * 0.7 * passed as f64, "{dropped} of {passed} dropped");
    let grown = |name| number(&figures, "inbound-video", name) - number(&before, "inbound-video", name);
    Seen { frozen: grown("totalFreezesDuration"), decoded: grown("framesDecoded"), figures, stats }
}

/// Sum of a figure over the streams of all producers or consumers.
fn sum(stats: &Value, entities: &str, figure: &str) -> i64 {
    let streams = stats[entities].as_array().into_iter().flatten().flat_map(|entity| {
        let many = entity["streams"].as_array().cloned().unwrap_or_default();
        many.into_iter().chain(entity.get("stream").cloned())
    });
    streams.filter_map(|stream| stream[figure].as_i64()).sum()
}

system_test! {
    async fn five_percent_loss_costs_at_most_a_second_of_freezes(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        // At the same time: what the machine does to one it does to the other.
        let (good, bad) = tokio::join!(watch(&worker, "good", 0.0), watch(&worker, "bad", 0.05));
        println!("freezes of {} s with loss and {} s without", bad.frozen, good.frozen);
        let added = bad.frozen - good.frozen;
        assert!(added <= 1.0, "{added} s more of freezes with loss ({} and {})", bad.frozen, good.frozen);
        let video = |name| number(&bad.figures, "inbound-video", name);
        assert!(video("nackCount") > 0.0, "the viewer never asked again: {:#}", bad.figures);
        assert!(video("retransmittedPacketsReceived") > 0.0, "nothing came again: {:#}", bad.figures);
        assert!(sum(&bad.stats, "consumers", "packetsRetransmitted") > 0, "{:#}", bad.stats);
        assert!(sum(&bad.stats, "producers", "packetsRepaired") > 0, "{:#}", bad.stats);
        assert!(sum(&bad.stats, "producers", "nackPackets") > 0, "{:#}", bad.stats);
        // Chromium's packetsLost counts what was missing once, also what came again later (under another SSRC).
        let lost = (video("packetsLost") - video("retransmittedPacketsReceived")).max(0.0);
        let received = video("packetsReceived");
        assert!(lost <= received * 0.005, "{lost} of {received} packets never came: {:#}", bad.figures);
        assert_eq!(video("framesDropped"), 0.0, "{:#}", bad.figures);
        let decoded = bad.decoded / good.decoded;
        assert!(decoded >= 0.95, "{decoded} of the frames of the good run: {:#}", bad.figures);
    }
}
