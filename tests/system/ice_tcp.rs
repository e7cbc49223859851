//! Chromium has nothing but TCP: it publishes and watches over the worker's TCP candidates.
use serde_json::Value;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::front::Front;
use sfu_tests::stream::{self, Publish, Size};
use sfu_tests::worker::Start;
use sfu_tests::{needs, system_test};

fn goes_over_tcp(figures: &Value) {
    let pairs = figures["pairs"].as_array().unwrap();
    assert!(!pairs.is_empty() && pairs.iter().all(|pair| pair["protocol"] == "tcp"), "{figures:#}");
}

system_test! {
    async fn media_flows_both_ways_over_tcp_alone(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let up = browser.open(front.url()).await;
        let size = Size { width: 320, height: 240 };
        stream::publish(&up, &front.whip("call"), &Publish { codec: Some("VP8"), size: Some(size), tcp: true }).await;
        let down = browser.open(front.url()).await;
        stream::watch_over_tcp(&down, &front.whep("call")).await;
        let received = stream::flows(&down, "down").await;
        stream::assert_size(&received, size);
        assert_eq!(stream::number(&received, "inbound-video", "packetsLost"), 0.0, "{received:#}");
        goes_over_tcp(&received);
        goes_over_tcp(&stream::figures(&up, "up").await);
    }
}
