//! Chromium publishes with each codec, and watches what it published.
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::front::Front;
use sfu_tests::stream::{self, Publish, Size};
use sfu_tests::worker::Start;
use sfu_tests::{needs, system_test};

async fn call(workers: u8, codec: &'static str, size: Size) {
    let worker = Start::with_workers(workers).start();
    let front = Front::start(worker.url()).await;
    let browser = Browser::launch(Kind::Chromium).await;
    let up = browser.open(front.url()).await;
    stream::publish(&up, &front.whip("call"), &Publish { codec: Some(codec), size: Some(size) }).await;
    let down = browser.open(front.url()).await;
    stream::watch(&down, &front.whep("call")).await;
    let received = stream::flows(&down, "down").await;
    assert_eq!(received["inbound-video"]["codec"], format!("video/{codec}"));
    let sent = stream::figures(&up, "up").await;
    assert_eq!(sent["outbound-video"]["codec"], format!("video/{codec}"));
    stream::assert_size(&received, size);
}

/// Small pictures leave the codecs enough of a small machine to keep their size.
const SMALL: Size = Size { width: 320, height: 240 };

system_test! {
    async fn vp8(workers) {
        needs!("chromium", "node");
        call(workers, "VP8", SMALL).await;
    }
}

system_test! {
    async fn h264(workers) {
        needs!("chromium", "node");
        call(workers, "H264", SMALL).await;
    }
}

system_test! {
    async fn vp9(workers) {
        needs!("chromium", "node");
        call(workers, "VP9", SMALL).await;
    }
}

system_test! {
    async fn av1(workers) {
        needs!("chromium", "node");
        call(workers, "AV1", SMALL).await;
    }
}
