//! The smallest calls there are, one per way in and out; the place to look first when nothing works.
use std::time::Duration;

use sfu_tests::browser::{Browser, Kind};
use sfu_tests::front::Front;
use sfu_tests::peer::Viewer;
use sfu_tests::stack::Stack;
use sfu_tests::stream::{self, Publish};
use sfu_tests::worker::Start;
use sfu_tests::{http, needs, system_test};

system_test! {
    async fn a_worker_starts_and_answers_http(workers) {
        let worker = Start::with_workers(workers).start();
        let page = http::get(worker.url()).await;
        assert_eq!(page.status, 200);
        assert!(page.header("content-type").starts_with("text/html"), "{:?}", page.headers);
        let streams = http::get(&worker.api("streams")).await;
        assert_eq!(streams.json()["streams"], serde_json::json!([]));
        assert_eq!(http::get(&worker.api("workers")).await.json()["workers"].as_array().unwrap().len(), workers as usize);
    }
}

system_test! {
    async fn everything_is_served_once_the_url_is_printed(workers) {
        for _ in 0..10 {
            let worker = Start::with_workers(workers).start();
            let (api, whip, page) = (worker.api("streams"), worker.whip("x"), format!("{}/", worker.url()));
            let (api, whip, page) = tokio::join!(http::get(&api), http::get(&whip), http::get(&page));
            assert_eq!((api.status.as_u16(), whip.status.as_u16(), page.status.as_u16()), (200, 204, 200));
        }
    }
}

system_test! {
    async fn gstreamer_publishes_and_webrtc_rs_watches(workers) {
        needs!("/usr/bin/python3");
        let worker = Start::with_workers(workers).start();
        let mut publisher = Stack::GStreamer.publish(&worker.whip("call"), 30);
        publisher.connected().await;
        let viewer = Viewer::watch(&worker.whep("call")).await;
        viewer.receives("video/VP8", 50, Duration::from_secs(10)).await;
        viewer.receives("audio/opus", 50, Duration::from_secs(10)).await;
    }
}

system_test! {
    async fn chromium_publishes_and_webrtc_rs_watches(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let publisher = browser.open(front.url()).await;
        stream::publish(&publisher, &front.whip("call"), &Publish { codec: Some("VP8"), size: None, ..Publish::default() }).await;
        let viewer = Viewer::watch(&worker.whep("call")).await;
        let video = viewer.receives("video/VP8", 50, Duration::from_secs(10)).await;
        viewer.receives("audio/opus", 50, Duration::from_secs(10)).await;
        assert_eq!(video.missing(), 0, "nothing is lost on loopback");
    }
}

system_test! {
    async fn chromium_publishes_and_watches(workers) {
        needs!("chromium", "node");
        let worker = Start::with_workers(workers).start();
        let front = Front::start(worker.url()).await;
        let browser = Browser::launch(Kind::Chromium).await;
        let publisher = browser.open(front.url()).await;
        stream::publish(&publisher, &front.whip("call"), &Publish::default()).await;
        let viewer = browser.open(front.url()).await;
        stream::watch(&viewer, &front.whep("call")).await;
        stream::flows(&viewer, "down").await;
    }
}
