//! Firefox watches what Chromium sends, and the other way round, in a mediasoup call.
use serde_json::Value;
use sfu_tests::browser::{Browser, Kind};
use sfu_tests::conference::Conference;
use sfu_tests::participant::Participant;
use sfu_tests::{call_test, needs, skip};

call_test! {
    async fn firefox_and_chromium_see_each_other() {
        needs!("chromium", "firefox-esr", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "VP8").await;
        let (chromium, firefox) = tokio::join!(Browser::launch(Kind::Chromium), Browser::launch(Kind::Firefox));
        let alice = Participant::join(&conference, &chromium, &router).await;
        let bob = Participant::join(&conference, &firefox, &router).await;
        let (from_alice, from_bob) = tokio::join!(alice.publish(), bob.publish());
        tokio::join!(alice.watch(&from_bob), bob.watch(&from_alice));
        tokio::join!(alice.sees(), bob.sees());
    }
}

call_test! {
    async fn firefox_sends_h264_where_it_has_an_encoder() {
        needs!("chromium", "firefox-esr", "node");
        let conference = Conference::start().await;
        let router = conference.router(&conference.worker().await, "H264").await;
        let (chromium, firefox) = tokio::join!(Browser::launch(Kind::Chromium), Browser::launch(Kind::Firefox));
        let alice = Participant::join(&conference, &chromium, &router).await;
        let bob = Participant::join(&conference, &firefox, &router).await;
        if bob.page.evaluate("return participant.device.canProduce('video')", Value::Null).await != true {
            skip!("this Firefox has no H264: it fetches OpenH264 from the internet");
        }
        alice.watch(&bob.publish().await).await;
        let seen = alice.sees().await;
        assert_eq!(seen["inbound-video"]["codec"], "video/H264", "{seen:#}");
    }
}
