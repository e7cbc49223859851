//! A mediasoup call in each video codec that Chromium encodes.
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::Conference;
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs};

async fn call(codec: &str) {
    let conference = Conference::start().await;
    let router = conference.router(&conference.worker().await, codec).await;
    let browser = Browser::launch(Kind::Chromium).await;
    let alice = Participant::join(&conference, &browser, &router).await;
    let bob = Participant::join(&conference, &browser, &router).await;
    bob.watch(&alice.publish().await).await;
    let seen = bob.sees().await;
    assert_eq!(seen["inbound-video"]["codec"], format!("video/{codec}"), "{seen:#}");
}

call_test! {
    async fn vp9() {
        needs!("chromium", "node");
        call("VP9").await;
    }
}

call_test! {
    async fn h264() {
        needs!("chromium", "node");
        call("H264").await;
    }
}

call_test! {
    async fn av1() {
        needs!("chromium", "node");
        call("AV1").await;
    }
}
