//! Chromium and Firefox publish and watch, in all four pairings, by WHIP and WHEP alone.
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::front::Front;
use sfu_tests::stream::{self, Publish};
use sfu_tests::worker::Start;
use sfu_tests::{needs, system_test};

async fn call(workers: u8, publisher: Kind, viewer: Kind) {
    let worker = Start::with_workers(workers).start();
    let front = Front::start(worker.url()).await;
    let publishing = Browser::launch(publisher).await;
    // One browser can do both, which leaves more of the machine to the worker.
    let watching = if viewer == publisher { None } else { Some(Browser::launch(viewer).await) };
    let up = publishing.open(front.url()).await;
    stream::publish(&up, &front.whip("call"), &Publish::default()).await;
    let down = watching.as_ref().unwrap_or(&publishing).open(front.url()).await;
    stream::watch(&down, &front.whep("call")).await;
    let received = stream::flows(&down, "down").await;
    let sent = stream::figures(&up, "up").await;
    let size = |figures: &serde_json::Value, stream| {
        (stream::number(figures, stream, "frameWidth"), stream::number(figures, stream, "frameHeight"))
    };
    assert_eq!(size(&received, "inbound-video"), size(&sent, "outbound-video"));
    assert!(size(&received, "inbound-video").0 >= 160.0, "{received:#}");
    assert_eq!(stream::number(&received, "inbound-video", "packetsLost"), 0.0, "{received:#}");
}

system_test! {
    async fn chromium_to_chromium(workers) {
        needs!("chromium", "node");
        call(workers, Kind::Chromium, Kind::Chromium).await;
    }
}

system_test! {
    async fn chromium_to_firefox(workers) {
        needs!("chromium", "firefox-esr", "node");
        call(workers, Kind::Chromium, Kind::Firefox).await;
    }
}

system_test! {
    async fn firefox_to_chromium(workers) {
        needs!("chromium", "firefox-esr", "node");
        call(workers, Kind::Firefox, Kind::Chromium).await;
    }
}

system_test! {
    async fn firefox_to_firefox(workers) {
        needs!("firefox-esr", "node");
        call(workers, Kind::Firefox, Kind::Firefox).await;
    }
}
